//! The link down for hours, the gateway killed meanwhile: everything arrives once, what is new first.
//!
//! `make gateway-outage` runs the first test at full size: an hour of 500 readings a second.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::process::Stdio;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use crate::broker::{Broker, PATIENCE, Subscriber, free_port, text};
use crate::link::Link;
use crate::program::{end, said, send, simulate};

/// Of every patient, one pack a second.
const PATIENTS: u64 = 100;
/// Records of a pack of a simulated monitor, about.
const RECORDS: u64 = 5;

/// The run's identity of a reading: device, metric, time.
fn identity(device: &str, metric: &str, micros: i64) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((device, metric, micros))
}

/// Identities and times (µs) of a pack's readings.
pub(crate) fn identities(payload: &[u8]) -> Vec<(u64, i64)> {
    let pack: Vec<Value> = serde_json::from_slice(payload).expect("a pack");
    let seconds = |value: &Value| (value.as_f64().expect("a time") * 1e6).round() as i64;
    let device = pack[0]["bn"].as_str().expect("a base name");
    let base = seconds(&pack[0]["bt"]);
    let reading = |record: &Value| {
        let time = base + record.get("t").map_or(0, seconds);
        let metric = record["n"].as_str().expect("a name");
        (identity(device, metric, time), time)
    };
    pack.iter().map(reading).collect()
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_micros()).expect("before 292,000")
}

/// A gateway with simulated devices that says how many packs are confirmed.
pub(crate) struct Spooling {
    pub(crate) child: Child,
    confirmed: watch::Receiver<u64>,
}

impl Spooling {
    pub(crate) fn start(arguments: &str, skip: u64) -> Self {
        let mut child = simulate(&format!("{arguments} --skip {skip}"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (tell, confirmed) = watch::channel(skip);
        // Read on, or it would stop when the pipe is full.
        tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.expect("a pipe") {
                let number = line.strip_prefix("confirmed ").expect("what it says");
                tell.send_replace(number.parse().expect("a number"));
            }
        });
        Self { child, confirmed }
    }

    /// Until so many packs are confirmed.
    pub(crate) async fn until(&mut self, wanted: u64) {
        let mut seen = *self.confirmed.borrow();
        while seen < wanted {
            let changed = tokio::time::timeout(PATIENCE, self.confirmed.changed()).await;
            changed.expect("it gets on").expect("it runs");
            seen = *self.confirmed.borrow_and_update();
        }
    }

    /// SIGKILL; what it had confirmed by then.
    pub(crate) async fn kill(mut self) -> u64 {
        self.child.start_kill().expect("it runs");
        self.child.wait().await.expect("its end");
        // Until the last line is read.
        while self.confirmed.changed().await.is_ok() {}
        *self.confirmed.borrow()
    }
}

/// What the simulated devices say in their first packs.
async fn expected(arguments: &str, packs: u64) -> HashSet<u64> {
    let mut printing = simulate(&format!("{arguments} --stdout --count {packs}"))
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(printing.stdout.take().expect("a pipe")).lines();
    let mut all = HashSet::new();
    while let Some(line) = lines.next_line().await.expect("a pipe") {
        all.extend(identities(line.as_bytes()).into_iter().map(|(id, _)| id));
    }
    let output = end(printing).await;
    assert!(output.status.success(), "{}", said(&output));
    all
}

/// Not 30,000 readings over a thin line, but an hour's worth as fast as the line takes them.
fn size() -> (u64, Option<usize>) {
    match std::env::var("WARDLINE_OUTAGE_READINGS") {
        Ok(readings) => (readings.parse().expect("a number"), None),
        Err(_) => (30_000, Some(400_000)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_with_two_kills_loses_nothing_and_what_is_new_comes_first() {
    let (readings, rate) = size();
    let broker = Broker::with(
        "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000",
        None,
    );
    let port = free_port();
    let directory = tempfile::tempdir().expect("a directory");
    let seconds = readings / PATIENTS / RECORDS;
    let history = seconds * PATIENTS;
    let start = now() / 1_000_000 * 1_000_000;
    let start = humantime_of(start);
    let ward = format!(
        "--patients {PATIENTS} --interval 1s --seed 5 --scenario none --backfill {seconds}s --start {start} --format json"
    );
    let arguments = format!(
        "{ward} --url mqtt://127.0.0.1:{port} --spool {} --site s --gateway g",
        directory.path().join("data").display()
    );

    // The link is down; the gateway is killed after a third and after two thirds of the history.
    let began = Instant::now();
    let mut confirmed = 0;
    for part in 1..=2 {
        let mut gateway = Spooling::start(&arguments, confirmed);
        gateway.until(history * part / 3).await;
        confirmed = gateway.kill().await;
        assert!(confirmed < history, "killed while the history came in");
    }
    let mut gateway = Spooling::start(&arguments, confirmed);
    gateway.until(history).await;
    println!(
        "{history} packs of history on disk in {:.1} s, two kills included",
        began.elapsed().as_secs_f64()
    );

    let mut wanted = expected(&ward, history).await;
    let total = wanted.len();

    // The link is back. What comes is taken at once and looked at elsewhere, or the time measured would be ours.
    let mut subscriber = Subscriber::new(&broker).await;
    let (take, mut taken) = mpsc::channel(1 << 20);
    let receiving = tokio::spawn(async move {
        loop {
            let publish = subscriber.next().await;
            let stopped = text(&publish.topic).ends_with("/status")
                && text(&publish.payload).contains("stopped");
            take.send((now(), publish)).await.expect("somebody looks");
            if stopped {
                return;
            }
        }
    });
    let link = Link::up(port, broker.port, rate).await;
    let back = now();
    let mut seen = HashSet::new();
    let (mut repeated, mut live_before_end) = (0_u64, 0_u64);
    let mut latencies = Vec::new();
    let mut first_live = None;
    let mut last = back;
    while !wanted.is_empty() {
        let (arrived, publish) = taken.recv().await.expect("it goes on");
        if !text(&publish.topic).ends_with("/readings") {
            continue;
        }
        last = arrived;
        for (id, time) in identities(&publish.payload) {
            if !seen.insert(id) {
                repeated += 1;
            }
            wanted.remove(&id);
            if time >= back {
                first_live.get_or_insert(arrived - back);
                live_before_end += 1;
                latencies.push(arrived - time);
            }
        }
    }
    let drained = (last - back) as f64 / 1e6;
    latencies.sort_unstable();
    let at = |part: usize| {
        latencies
            .get(latencies.len() * part / 100)
            .map_or(0.0, |us| *us as f64 / 1e3)
    };
    println!(
        "{total} readings of history arrived in {drained:.1} s, {repeated} of them again; first new reading {:.0} ms \
         after the link was back; live lane meanwhile: {live_before_end} readings, latency p50 {:.0} ms, p99 {:.0} ms, \
         most {:.0} ms",
        first_live.unwrap_or(0) as f64 / 1e3,
        at(50),
        at(99),
        latencies.last().map_or(0.0, |us| *us as f64 / 1e3),
    );
    assert!(live_before_end > 0, "new readings do not wait for old ones");

    // An orderly end leaves nothing behind.
    send(&gateway.child, "TERM");
    while taken.recv().await.is_some() {}
    receiving.await.expect("all of it");
    let ended = gateway.child.wait().await.expect("its end");
    assert_eq!(ended.code(), Some(0));
    drop(link);
}

fn humantime_of(micros: i64) -> String {
    let since = std::time::Duration::from_micros(u64::try_from(micros).expect("after 1970"));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}
