use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::*;
use crate::{Role, Routes};

type Submitted = (Vec<Incoming>, oneshot::Sender<Result<Vec<Answer>, Closed>>);

/// Hands every batch to the test, which answers it.
struct Desk(mpsc::Sender<Submitted>);

impl Sink for Desk {
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((batch, answer)).unwrap();
        async { answered.await.unwrap_or(Err(Closed)) }.boxed()
    }
}

struct Bench {
    intake: Intake,
    batches: mpsc::Receiver<Submitted>,
    acks: Arc<Acks>,
    wake: Arc<Notify>,
    running: tokio::task::JoinHandle<Result<(), Closed>>,
}

fn bench(config: BatchConfig) -> Bench {
    let (intake, batcher) = batcher(config, Arc::new(Stats::default()));
    let (tx, batches) = mpsc::channel(16);
    let running = tokio::spawn(batcher.run(Arc::new(Desk(tx))));
    let wake = Arc::new(Notify::new());
    Bench {
        intake,
        batches,
        acks: Acks::new(wake.clone()),
        wake,
        running,
    }
}

impl Bench {
    async fn push(&self, texts: &[&str]) {
        let routes = Routes::new(Vec::new()).unwrap();
        let mut items = Vec::new();
        for text in texts {
            let ticket = self.intake.admit(text.len()).await.unwrap();
            let incoming = Incoming {
                route: routes.iter().next().unwrap().clone(),
                topic: "t".to_owned(),
                site: None,
                gateway: None,
                device: None,
                payload: Bytes::copy_from_slice(text.as_bytes()),
                content_type: None,
                user_properties: Vec::new(),
                principal: Some(Arc::new(crate::Principal {
                    name: "p".to_owned(),
                    site: None,
                    gateway: None,
                    device: None,
                    role: Role::Publish,
                })),
                received: 0,
            };
            items.push(Item {
                incoming,
                acks: Some(self.acks.clone()),
                ticket,
            });
        }
        self.intake.push(items).unwrap();
    }

    async fn answers(&self, n: usize) -> Vec<Answer> {
        let mut all = self.acks.take();
        while all.len() < n {
            self.wake.notified().await;
            all.extend(self.acks.take());
        }
        all
    }
}

fn texts(batch: &[Incoming]) -> Vec<&str> {
    batch
        .iter()
        .map(|m| std::str::from_utf8(&m.payload).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_first_message_waits_for_company_and_no_longer() {
    let mut bench = bench(BatchConfig::default());
    let before = Instant::now();
    bench.push(&["a"]).await;
    bench.push(&["b", "c"]).await;
    let (batch, answer) = bench.batches.recv().await.unwrap();
    assert_eq!(texts(&batch), ["a", "b", "c"]);
    assert!(
        before.elapsed() >= Duration::from_millis(2)
            && before.elapsed() <= Duration::from_millis(4)
    );
    answer.send(Ok(vec![Answer::Stored; 3])).unwrap();
    assert_eq!(bench.answers(3).await, [Answer::Stored; 3]);
    assert_eq!(bench.intake.stats().snapshot().bytes_buffered, 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_linger_and_bytes_cut_it() {
    let linger = Duration::from_secs(3600);
    let mut bench = bench(BatchConfig {
        max_messages: 2,
        linger,
        ..BatchConfig::default()
    });
    let before = Instant::now();
    bench.push(&["a", "b", "c", "d"]).await;
    assert_eq!(texts(&bench.batches.recv().await.unwrap().0), ["a", "b"]);
    assert_eq!(texts(&bench.batches.recv().await.unwrap().0), ["c", "d"]);
    assert_eq!(before.elapsed(), Duration::ZERO);
    let mut bytes = self::bench(BatchConfig {
        max_bytes: 2 * MESSAGE_OVERHEAD,
        linger,
        ..BatchConfig::default()
    });
    let long = "x".repeat(3 * MESSAGE_OVERHEAD);
    bytes.push(&["a", &long, "b", "c", "d"]).await;
    assert_eq!(texts(&bytes.batches.recv().await.unwrap().0), ["a", &long]);
    assert_eq!(texts(&bytes.batches.recv().await.unwrap().0), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn batches_are_pipelined_and_answered_in_order() {
    let mut bench = bench(BatchConfig {
        max_messages: 1,
        pipelined: 2,
        ..BatchConfig::default()
    });
    bench.push(&["a", "b", "c"]).await;
    let (_, first) = bench.batches.recv().await.unwrap();
    let (_, second) = bench.batches.recv().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.batches.try_recv().is_err(), "two at a time");
    second.send(Ok(vec![Answer::QuotaExceeded])).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        bench.acks.take().is_empty(),
        "the second waits for the first"
    );
    first.send(Ok(vec![Answer::Stored])).unwrap();
    assert_eq!(
        bench.answers(2).await,
        [Answer::Stored, Answer::QuotaExceeded]
    );
    let (batch, third) = bench.batches.recv().await.unwrap();
    assert_eq!(texts(&batch), ["c"]);
    third.send(Ok(vec![Answer::Stored])).unwrap();
    bench.answers(1).await;
}

#[tokio::test(start_paused = true)]
async fn the_budget_holds_back_and_an_oversized_message_still_passes() {
    let mut bench = bench(BatchConfig {
        buffered_bytes: 4 * MESSAGE_OVERHEAD,
        ..BatchConfig::default()
    });
    bench.push(&["", "", "", ""]).await;
    assert!(bench.intake.try_admit(0).is_none());
    let waiting = bench.intake.clone();
    let admitted = Arc::new(AtomicUsize::new(0));
    let counter = admitted.clone();
    let waiter = tokio::spawn(async move {
        let ticket = waiting.admit(1 << 30).await.unwrap();
        counter.fetch_add(1, SeqCst);
        ticket
    });
    let (batch, answer) = bench.batches.recv().await.unwrap();
    assert_eq!((batch.len(), admitted.load(SeqCst)), (4, 0));
    answer.send(Ok(vec![Answer::Stored; 4])).unwrap();
    let ticket = waiter.await.unwrap();
    assert_eq!(ticket.bytes(), 4 * MESSAGE_OVERHEAD, "all there is");
    drop(ticket);
    let stats = bench.intake.stats().snapshot();
    assert_eq!(
        (stats.bytes_buffered, stats.bytes_buffered_max),
        (0, 4 * MESSAGE_OVERHEAD as u64)
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_sink_and_a_wrong_count_close_the_intake() {
    for answer in [Err(Closed), Ok(vec![Answer::Stored; 2])] {
        let mut bench = bench(BatchConfig::default());
        bench.push(&["a"]).await;
        let (_, respond) = bench.batches.recv().await.unwrap();
        respond.send(answer).unwrap();
        bench.intake.closed().cancelled().await;
        assert_eq!(bench.running.await.unwrap(), Err(Closed));
        assert!(bench.acks.take().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn it_drains_when_every_source_is_gone() {
    let mut bench = bench(BatchConfig {
        linger: Duration::from_secs(3600),
        ..BatchConfig::default()
    });
    bench.push(&["a"]).await;
    let (acks, wake) = (bench.acks.clone(), bench.wake.clone());
    drop(bench.intake);
    let (batch, answer) = bench.batches.recv().await.unwrap();
    assert_eq!(texts(&batch), ["a"]);
    answer.send(Ok(vec![Answer::Stored])).unwrap();
    wake.notified().await;
    assert_eq!(acks.take(), [Answer::Stored]);
    assert_eq!(bench.running.await.unwrap(), Ok(()));
}
