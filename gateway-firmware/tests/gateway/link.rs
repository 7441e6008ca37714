//! A link to the broker that can be down, cut, and thin.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Bytes towards the broker are passed on in steps of this.
const STEP: Duration = Duration::from_millis(20);

/// Passes bytes on while it is there; dropped, every connection over it is gone and no new one can be made.
pub(crate) struct Link {
    task: JoinHandle<()>,
}

impl Link {
    /// From `port` to `to`; so many bytes a second towards it, or as they come.
    pub(crate) async fn up(port: u16, to: u16, rate: Option<usize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .expect("the port");
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.expect("a connection");
                let far = TcpStream::connect(("127.0.0.1", to))
                    .await
                    .expect("the broker");
                connections.spawn(pass(near, far, rate));
            }
        });
        Self { task }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(near: TcpStream, far: TcpStream, rate: Option<usize>) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let forth = async {
        let step = rate.map_or(64 << 10, |rate| (rate / 50).max(1));
        let mut bytes = vec![0; step];
        loop {
            let read = near_in.read(&mut bytes).await.unwrap_or(0);
            if read == 0 || far_out.write_all(&bytes[..read]).await.is_err() {
                return;
            }
            if rate.is_some() {
                // The line is thin: this is how long these bytes take.
                tokio::time::sleep(STEP).await;
            }
        }
    };
    let back = async {
        // The end of either direction is the end of both.
        drop(tokio::io::copy(&mut far_in, &mut near_out).await);
    };
    tokio::select! {
        () = forth => {}
        () = back => {}
    }
}
