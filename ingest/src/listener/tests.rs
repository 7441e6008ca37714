//! A connection over memory with the clock stopped: what depends on time alone.

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;
use crate::{Answer, BatchConfig, Closed, Incoming, Principal, Role, Sink, batcher};

struct Everybody;

impl Authenticate for Everybody {
    fn password(&self, user: &str, _: &[u8]) -> Option<Principal> {
        let (name, site) = (user.to_owned(), Some("s".to_owned()));
        Some(Principal {
            name,
            site,
            gateway: Some(user.to_owned()),
            device: None,
            role: Role::Publish,
        })
    }

    fn certificate(&self, _: &crate::ClientCertificate) -> Option<Principal> {
        None
    }
}

struct Gate(watch::Receiver<bool>);

impl Sink for Gate {
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>> {
        let mut open = self.0.clone();
        async move {
            open.wait_for(|open| *open).await.map_err(|_| Closed)?;
            Ok(vec![Answer::Stored; batch.len()])
        }
        .boxed()
    }
}

struct Edge {
    shared: Arc<Shared>,
    open: watch::Sender<bool>,
}

fn edge() -> Edge {
    let stats = Arc::new(Stats::default());
    let (intake, batcher) = batcher(BatchConfig::default(), stats.clone());
    let open = watch::Sender::new(true);
    tokio::spawn(batcher.run(Arc::new(Gate(open.subscribe()))));
    let shared = Arc::new(Shared {
        config: ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0))),
        routes: Arc::new(Routes::new(Vec::new()).unwrap()),
        authenticate: Arc::new(Everybody),
        intake,
        hub: Hub::new(stats.clone()),
        stats,
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    Edge { shared, open }
}

impl Edge {
    fn stats(&self) -> crate::Snapshot {
        self.shared.stats.snapshot()
    }

    /// A connected MQTT 5 client `g` with a keep-alive in seconds.
    async fn connect(&self, keep_alive: u16) -> DuplexStream {
        let (mut client, server) = duplex(64 << 10);
        self.shared
            .tasks
            .spawn(Connection::new(self.shared.clone(), server, super::Peer::default()).run());
        let [high, low] = keep_alive.to_be_bytes();
        let connect = [
            &[
                0x10,
                20,
                0,
                4,
                b'M',
                b'Q',
                b'T',
                b'T',
                5,
                0b1100_0010,
                high,
                low,
                0,
            ][..],
            &[0, 1, b'g', 0, 1, b'g', 0, 1, b'p'],
        ];
        client.write_all(&connect.concat()).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 0x20);
        let length = client.read_u8().await.unwrap();
        client
            .read_exact(&mut vec![0; usize::from(length)])
            .await
            .unwrap();
        client
    }
}

fn publish(id: u8) -> Vec<u8> {
    let topic = b"wardline/v1/s/g/d/readings";
    [&[0x32, 31, 0, 26][..], topic, &[0, id, 0]].concat()
}

async fn closed_with(client: &mut DuplexStream, reason: u8) {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [0xe0, 2, reason, 0]);
}

#[tokio::test(start_paused = true)]
async fn keep_alive_ends_a_silent_client_after_one_and_a_half() {
    let edge = edge();
    let mut client = edge.connect(10).await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(14)).await;
    client.write_all(&[0xc0, 0]).await.unwrap();
    assert_eq!(client.read_u16().await.unwrap(), 0xd000);
    closed_with(&mut client, 0x8d).await;
    assert_eq!(start.elapsed().as_secs(), 29);
    assert_eq!(edge.stats().keep_alive_timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_not_enforced_while_the_sink_stalls_and_pings_are_answered() {
    let edge = edge();
    let mut client = edge.connect(1).await;
    edge.open.send_replace(false);
    client.write_all(&publish(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    client.write_all(&[0xc0, 0]).await.unwrap();
    assert_eq!(
        client.read_u16().await.unwrap(),
        0xd000,
        "answered after 600 keep-alives of stall"
    );
    edge.open.send_replace(true);
    let mut ack = [0; 4];
    client.read_exact(&mut ack).await.unwrap();
    assert_eq!(ack, [0x40, 2, 0, 1]);
    let start = Instant::now();
    closed_with(&mut client, 0x8d).await;
    assert_eq!(
        start.elapsed().as_millis() / 100,
        15,
        "enforced again from the answer on"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let edge = edge();
    let mut client = edge.connect(0).await;
    // More answers than its buffer and ours hold; it reads none.
    let pings = [0xc0, 0].repeat(200 << 10);
    let start = Instant::now();
    assert!(client.write_all(&pings).await.is_err());
    assert!(start.elapsed() >= edge.shared.config.write_timeout);
    edge.shared.tasks.close();
    edge.shared.tasks.wait().await;
}
