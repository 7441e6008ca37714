//! Fifty monitors, and the gateway killed in the middle: what was acknowledged arrives.
//!
//! `wardline-bench mllp` does the same with a thousand, at one message a second each.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, watch};

use super::monitor::{Monitor, reading};
use super::{LISTEN, Site, pack};
use crate::broker::{Broker, PATIENCE, Subscriber};

const MONITORS: u32 = 50;
const MESSAGES: u32 = 20;

/// One monitor: each message is sent until it is acknowledged, on whatever port the gateway has.
async fn live(number: u32, mut port: watch::Receiver<u16>, acknowledged: mpsc::Sender<()>) {
    let mut second = 0;
    while second < MESSAGES {
        let at = *port.borrow_and_update();
        let connected = tokio::net::TcpStream::connect(("127.0.0.1", at)).await;
        if let Ok(stream) = connected {
            let mut monitor = Monitor::over(stream);
            while second < MESSAGES {
                let frame = format!("\u{b}{}\u{1c}\r", reading(number, second, ""));
                let sent =
                    tokio::io::AsyncWriteExt::write_all(&mut monitor.stream, frame.as_bytes())
                        .await;
                let answer = match sent {
                    Ok(()) => monitor.answer().await,
                    Err(_) => None,
                };
                match answer {
                    Some(answer) => assert_eq!(answer, format!("AA {second}")),
                    // Killed: sent again to the next.
                    None => break,
                }
                second += 1;
                acknowledged.send(()).await.expect("somebody counts");
            }
        }
        if second < MESSAGES {
            port.changed().await.expect("another gateway");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_arrives() {
    let broker = Broker::with(
        "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000",
        None,
    );
    let mut subscriber = Subscriber::new(&broker).await;
    let site = Site::new(&broker.url(), LISTEN);
    let (gateway, first) = site.start().port().await;
    let (ports, port) = watch::channel(first);
    let (acknowledged, mut count) = mpsc::channel(1);
    let monitors: Vec<_> = (0..MONITORS)
        .map(|number| tokio::spawn(live(number, port.clone(), acknowledged.clone())))
        .collect();
    drop(acknowledged);
    // In the middle, whatever is under way.
    for _ in 0..MONITORS * MESSAGES / 2 {
        tokio::time::timeout(PATIENCE, count.recv())
            .await
            .expect("in time")
            .expect("more");
    }
    let counting = tokio::spawn(async move { while count.recv().await.is_some() {} });
    gateway.kill().await;
    let (_gateway, second) = site.start().port().await;
    ports.send_replace(second);
    for monitor in monitors {
        monitor.await.expect("every message acknowledged");
    }
    counting.await.expect("all counted");

    let mut missing: BTreeSet<(String, i64)> = (0..MONITORS)
        .flat_map(|number| (0..MESSAGES).map(move |second| (number, second)))
        .map(|(number, second)| {
            let midnight = 1_795_305_600;
            (
                format!("00A03700{number:08X}"),
                midnight + i64::from(second),
            )
        })
        .collect();
    while !missing.is_empty() {
        let (device, records) = pack(&mut subscriber, "/readings").await;
        let base = records[0]["bt"].as_i64().expect("a base time");
        for record in &records {
            let time = base + record.get("t").map_or(0, |t| t.as_i64().expect("a time"));
            missing.remove(&(device.clone(), time));
        }
    }
}
