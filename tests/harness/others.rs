//! Another gateway, whose flow goes on whatever the tested one does.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::mqtt::{Publisher, topic};
use super::{Server, heart_rate, now};

/// Another gateway that publishes all the while, one reading after the other.
#[derive(Debug)]
pub(crate) struct Others {
    delivered: watch::Receiver<i64>,
    task: JoinHandle<i64>,
}

impl Others {
    pub(crate) async fn start(server: &Server) -> Self {
        let secret = server.gateway_token("others").await;
        server.admit("p-others", "d-others").await;
        let mut publisher = Publisher::connect(server.mqtt, "others", &secret)
            .await
            .unwrap();
        let (tell, delivered) = watch::channel(0);
        let task = tokio::spawn(async move {
            let topic = topic("others", "d-others");
            let mut count = 0;
            while !tell.is_closed() {
                let payload = heart_rate("d-others", "70", now());
                publisher
                    .deliver(&topic, payload.as_bytes())
                    .await
                    .expect("the others go on");
                count += 1;
                tell.send_replace(count);
            }
            count
        });
        Self { delivered, task }
    }

    /// Waits for a reading that was sent after now.
    pub(crate) async fn go_on(&mut self) {
        let seen = *self.delivered.borrow();
        self.delivered
            .wait_for(|count| *count > seen + 1)
            .await
            .expect("the others go on");
    }

    /// Ends it; all that was acknowledged is there once.
    pub(crate) async fn end(self, server: &Server) {
        let Self { delivered, task } = self;
        drop(delivered);
        let count = task.await.unwrap();
        let query = "SELECT count(*) AS n FROM observation WHERE device_id = 'd-others'";
        assert_eq!(server.count(query).await, count);
    }
}
