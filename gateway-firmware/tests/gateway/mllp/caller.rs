//! A gateway of monitors that is a server itself: it is called, and called again.

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::monitor::{Monitor, reading};
use super::{Site, pack};
use crate::broker::{Broker, PATIENCE, Subscriber};

async fn accept(listener: &TcpListener) -> Monitor {
    let accepted = timeout(PATIENCE, listener.accept()).await;
    let (stream, _) = accepted.expect("a call in time").expect("a connection");
    Monitor::over(stream)
}

#[tokio::test]
async fn a_server_that_breaks_off_is_called_again_and_nothing_is_lost() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let site = Site::new(
        &broker.url(),
        &format!("[[mllp.connect]]\nname = \"ge\"\naddress = \"{address}\"\n"),
    );
    let _gateway = site.start().reading();
    let mut server = accept(&listener).await;
    assert_eq!(server.ask(&reading(1, 1, "NE|AL")).await, "AA 1");
    pack(&mut subscriber, "/readings").await;
    // Gone before the answer; the same again on the next connection.
    server.say(&reading(1, 2, "NE|AL")).await;
    drop(server);
    let mut server = accept(&listener).await;
    assert_eq!(server.ask(&reading(1, 2, "NE|AL")).await, "AA 2");
    let (_, records) = pack(&mut subscriber, "/readings").await;
    assert_eq!(records[0]["v"], 72);
}
