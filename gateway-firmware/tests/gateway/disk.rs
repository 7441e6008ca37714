//! Disks that fill up and files that a crash left torn.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::broker::{Broker, PATIENCE, Subscriber, free_port, text};
use crate::link::Link;
use crate::outage::{Spooling, identities};
use crate::program::{end, said, simulate};

const WARD: &str = "--patients 20 --seed 3 --scenario none --start 2026-11-22T12:00:00Z --as-fast-as-possible --format json";

/// Everything that the simulated devices say.
async fn expected(arguments: &str) -> HashSet<u64> {
    let printed = simulate(&format!("{arguments} --stdout"))
        .output()
        .await
        .expect("it runs");
    assert!(printed.status.success(), "{}", said(&printed));
    let lines = text(&printed.stdout).lines();
    lines
        .flat_map(|line| identities(line.as_bytes()))
        .map(|(id, _)| id)
        .collect()
}

/// Takes away what arrives until nothing is missing.
async fn all_arrive(subscriber: &mut Subscriber, mut wanted: HashSet<u64>) {
    while !wanted.is_empty() {
        let publish = subscriber.on("/readings").await;
        for (id, _) in identities(&publish.payload) {
            wanted.remove(&id);
        }
    }
}

/// A file system of a few megabytes; for root only.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir(at).expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(at)
            .status();
        assert!(mounted.expect("mount").success());
        Self(at.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.expect("umount").success());
    }
}

/// Until the gateway says that it confirms nothing more, then with the link: all of it arrives, what came before and what
/// comes when there is room again.
async fn full(directory: &Path, size: &str) {
    let broker = Broker::with("allow_anonymous true\nmax_queued_messages 0", None);
    let port = free_port();
    // More than fits: 20 patients, 40 minutes, every 5 seconds.
    let ward = format!("{WARD} --duration 40m --interval 1s");
    let mut gateway = simulate(&format!(
        "{ward} --url mqtt://127.0.0.1:{port} --spool {} --spool-size {size}",
        directory.display()
    ))
    .stdout(Stdio::null())
    .spawn()
    .expect("it runs");
    let mut log = BufReader::new(gateway.stderr.take().expect("a pipe")).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, log.next_line()).await;
        let line = line
            .expect("it fills up")
            .expect("a pipe")
            .expect("it runs");
        if line.contains("the spool is full") {
            break;
        }
    }
    // Read on, or it would stop when the pipe is full.
    let rest = tokio::spawn(async move {
        let mut all = String::new();
        while let Ok(Some(line)) = log.next_line().await {
            all += &line;
        }
        all
    });
    let mut subscriber = Subscriber::new(&broker).await;
    let _link = Link::up(port, broker.port, None).await;
    all_arrive(&mut subscriber, expected(&ward).await).await;
    let output = end(gateway).await;
    let rest = rest.await.expect("its log");
    assert_eq!(output.status.code(), Some(0), "{rest}");
    assert!(rest.contains("the spool has room again"), "{rest}");
}

#[tokio::test]
async fn a_spool_at_its_bound_confirms_nothing_more_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().expect("a directory");
    full(directory.path(), "2MiB").await;
}

#[tokio::test]
async fn so_does_one_on_a_full_disk() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can mount a small file system");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let small = Small::mount(&directory.path().join("small"));
    full(&small.0.join("data"), "1GiB").await;
}

/// The newest segment of the spool.
fn last_segment(data: &Path) -> PathBuf {
    let class = data.join("spool/confirmed");
    let mut segments: Vec<PathBuf> = std::fs::read_dir(&class)
        .expect("the spool")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    segments.sort();
    segments.pop().expect("a segment")
}

#[tokio::test]
async fn a_torn_last_record_costs_nothing_that_was_confirmed() {
    let broker = Broker::with("allow_anonymous true\nmax_queued_messages 0", None);
    let port = free_port();
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let arguments = format!(
        "{WARD} --duration 5m --url mqtt://127.0.0.1:{port} --spool {}",
        data.display()
    );
    let mut gateway = Spooling::start(&arguments, 0);
    gateway.until(400).await;
    let confirmed = gateway.kill().await;
    // As a crash leaves it: a record that was being written, cut short.
    let mut segment = std::fs::OpenOptions::new()
        .append(true)
        .open(last_segment(&data))
        .expect("a segment");
    segment.write_all(&[0x2a; 300]).expect("room");
    drop(segment);
    let gateway = Spooling::start(&arguments, confirmed);
    let mut subscriber = Subscriber::new(&broker).await;
    let _link = Link::up(port, broker.port, None).await;
    all_arrive(
        &mut subscriber,
        expected(&format!("{WARD} --duration 5m")).await,
    )
    .await;
    subscriber.until_status("stopped").await;
    let output = end(gateway.child).await;
    assert_eq!(output.status.code(), Some(0));
}
