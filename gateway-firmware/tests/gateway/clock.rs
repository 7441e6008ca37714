//! The gateway's clock set by a day: Debian's faketime stands between the real binary and the wall clock.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::broker::{Broker, Subscriber};
use crate::outage::now;
use crate::program::{gateway, send};

const HOUR: i64 = 3_600 * 1_000_000;

fn library() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib")
        .expect("/usr/lib")
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file());
    found.expect("the package faketime is installed")
}

/// The status' own time, in µs since 1970.
fn time(status: &serde_json::Value) -> i64 {
    let text = status["time"].as_str().expect("a time");
    let time = humantime::parse_rfc3339_weak(text).expect("a time");
    let since = time
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_micros()).expect("before 292,000")
}

fn touch(marker: &Path, second: u64) {
    std::fs::write(marker, "").expect("a marker");
    let file = std::fs::File::options()
        .write(true)
        .open(marker)
        .expect("it");
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_000_000 + second);
    file.set_modified(at).expect("its time");
}

#[tokio::test]
async fn a_clock_set_back_a_day_is_not_followed_until_it_is_synchronised() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let (fake, marker) = (at("fake"), at("synchronized"));
    std::fs::write(&fake, "+0").expect("a file");
    touch(&marker, 1);
    let config = format!(
        "site = \"s\"\ngateway = \"g\"\ndata-dir = {:?}\n[server]\nurl = {:?}\n\
         [time]\nsynchronized = \"file\"\nmarker = {:?}\nevery = \"1s\"\n",
        at("data"),
        broker.url(),
        marker
    );
    std::fs::write(at("gateway.toml"), config).expect("a file");
    let mut child = gateway()
        .arg("run")
        .arg("--config")
        .arg(at("gateway.toml"))
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", &fake)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1")
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it runs");
    let status = subscriber
        .status(|status| status["clock"]["synchronized"] == true)
        .await;
    assert!((time(&status) - now()).abs() < HOUR);
    assert_eq!(status["clock"]["steps"], 0);

    for (step, fake_time) in ["-1d", "+1d"].into_iter().enumerate() {
        let before = &status["boot"];
        std::fs::write(&fake, fake_time).expect("a file");
        let jumped = subscriber
            .status(|status| status["clock"]["synchronized"] == false)
            .await;
        assert_eq!(jumped["clock"]["steps"], 2 * step + 1, "seen once");
        assert!(
            (time(&jumped) - now()).abs() < HOUR,
            "not followed: {jumped}"
        );
        assert_eq!(&jumped["boot"], before);
        // Whoever keeps the clock says that it is right: then it is.
        touch(&marker, 10 + step as u64);
        let followed = subscriber
            .status(|status| status["clock"]["synchronized"] == true)
            .await;
        let day = 24 * HOUR * if step == 0 { -1 } else { 1 };
        assert!(
            (time(&followed) - now() - day).abs() < HOUR,
            "followed: {followed}"
        );
        std::fs::write(&fake, "+0").expect("a file");
        let back = subscriber
            .status(|status| status["clock"]["synchronized"] == false)
            .await;
        assert!(
            (time(&back) - now() - day).abs() < HOUR,
            "not followed: {back}"
        );
        touch(&marker, 20 + step as u64);
        subscriber
            .status(|status| status["clock"]["synchronized"] == true)
            .await;
    }
    send(&child, "TERM");
    let ended = child.wait().await.expect("its end");
    assert_eq!(ended.code(), Some(0));
}
