//! `wardline demo`: one command on a bare machine, and a ward is there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{WARDLINE, eventually, gateway, within};

/// The demo, ended with the test whatever happens, and its gateway with it.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let left = children(self.0.id());
        drop(self.0.kill());
        drop(self.0.wait());
        for (pid, _) in left {
            let pid = Pid::from_raw(pid.cast_signed()).unwrap();
            // It ends by itself when the demo does; then there is nobody to kill.
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// What follows a word on the line of the welcome that begins with it.
fn after(lines: &mut std::io::Lines<BufReader<ChildStdout>>, word: &str) -> String {
    loop {
        let line = lines.next().expect("the demo ended early").unwrap();
        if let Some(rest) = line.trim().strip_prefix(word) {
            return rest.trim().to_owned();
        }
    }
}

/// Processes whose parent is this one, by name.
fn children(parent: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let entry = entry.unwrap();
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // A process may end while we look.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let (name, rest) = stat.rsplit_once(')').unwrap();
        let owner: u32 = rest.split_whitespace().nth(1).unwrap().parse().unwrap();
        if owner == parent {
            found.push((pid, name.split_once('(').unwrap().1.to_owned()));
        }
    }
    found
}

#[tokio::test]
async fn the_demo_shows_a_ward_and_leaves_nothing_running() {
    gateway();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let talk = std::fs::File::create(dir.path().join("demo.log")).unwrap();
    let child = Command::new(WARDLINE)
        .args([
            "demo",
            "--patients",
            "3",
            "--speed",
            "4",
            "--http",
            "127.0.0.1:0",
            "--mqtt",
            "127.0.0.1:0",
        ])
        .arg("--data-dir")
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(talk)
        .spawn()
        .unwrap();
    let mut demo = Demo(child);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let url = after(&mut lines, "Open");
    let token = after(&mut lines, "Log in");
    assert!(
        url.starts_with("http://127.0.0.1:") && !url.contains(":0/"),
        "{url}"
    );
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();

    let page = http.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.text().await.unwrap().contains("Wardline"));

    let ask = async |request: reqwest::RequestBuilder| -> Value {
        let log = || std::fs::read_to_string(dir.path().join("demo.log")).unwrap();
        match request.bearer_auth(&token).send().await {
            Ok(answer) => answer.json().await.unwrap(),
            Err(error) => panic!("{error}; the demo says:\n{}", log()),
        }
    };
    let sql = async |query: &str| -> Vec<Value> {
        let request = http.post(format!("{url}api/v1/sql"));
        let answer = ask(request.json(&json!({"query": query}))).await;
        let rows = answer["rows"].as_array();
        rows.unwrap_or_else(|| panic!("{answer}")).clone()
    };
    // Three simulated patients, and the bed that replays the recording.
    eventually("latest values of the ward", async || {
        let rows = sql(
            "SELECT patient_id, count(DISTINCT mdc) AS metrics FROM latest GROUP BY patient_id",
        )
        .await;
        let full = rows
            .iter()
            .filter(|row| row["metrics"].as_i64().unwrap() >= 4)
            .count();
        (full == 4).then_some(())
    })
    .await;
    // History was filled in first, and stamps are true.
    let reach =
        "SELECT count(*) AS n FROM observation WHERE effective < now() - INTERVAL '30 minutes'";
    eventually("history", async || {
        (sql(reach).await[0]["n"].as_i64().unwrap() > 0).then_some(())
    })
    .await;
    let ahead =
        "SELECT count(*) AS n FROM observation WHERE effective > received + INTERVAL '1 second'";
    assert_eq!(sql(ahead).await[0]["n"], 0);
    // The welcome promises it, for the rules ask that a value lasts a minute.
    let alert = within(Duration::from_secs(120), "an alert", async || {
        let listed = ask(http.get(format!("{url}api/v1/alerts"))).await;
        listed["items"].as_array().unwrap().first().cloned()
    })
    .await;
    assert!(
        alert["subject"]
            .as_str()
            .unwrap()
            .starts_with("Patient/patient-"),
        "{alert}"
    );

    let gateways = children(demo.0.id());
    assert_eq!(gateways.len(), 1, "{gateways:?}");
    assert!(gateways[0].1.starts_with("wardline-gatew"), "{gateways:?}");
    kill_process(Pid::from_child(&demo.0), Signal::TERM).unwrap();
    let status = demo.0.wait().unwrap();
    assert!(status.success(), "{status}");
    let gateway = gateways[0].0;
    let alive = std::fs::read_to_string(format!("/proc/{gateway}/comm"));
    assert!(
        !alive.is_ok_and(|name| name.starts_with("wardline-gatew")),
        "the gateway still runs"
    );
    assert!(
        data.join("FORMAT").try_exists().unwrap(),
        "the data was asked to stay"
    );
}

#[tokio::test]
async fn a_demo_that_is_killed_takes_its_gateway_with_it() {
    gateway();
    let dir = tempfile::tempdir().unwrap();
    let talk = std::fs::File::create(dir.path().join("demo.log")).unwrap();
    let child = Command::new(WARDLINE)
        .args(["demo", "--patients", "1", "--http", "127.0.0.1:0"])
        .args(["--mqtt", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(talk)
        .spawn()
        .unwrap();
    let mut demo = Demo(child);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    after(&mut lines, "Open");
    let parent = demo.0.id();
    let gateway = eventually("the gateway", async || {
        let found = children(parent);
        found
            .into_iter()
            .find(|(_, name)| name.starts_with("wardline-gatew"))
    })
    .await
    .0;
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    eventually("its end", async || {
        let name = std::fs::read_to_string(format!("/proc/{gateway}/comm"));
        (!name.is_ok_and(|name| name.starts_with("wardline-gatew"))).then_some(())
    })
    .await;
}
