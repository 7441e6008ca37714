//! `run` from outside: status, commands, reload, the service manager, metrics, certificates.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::broker::{Broker, PATIENCE, Subscriber, free_port, text};
use crate::delivery::certificates;
use crate::program::{end, gateway, said, send};

/// A directory with a configuration.
struct Site {
    directory: TempDir,
    url: String,
}

impl Site {
    fn new(url: &str) -> Self {
        let site = Self {
            directory: tempfile::tempdir().expect("a directory"),
            url: url.to_owned(),
        };
        site.write("");
        site
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("gateway.toml")
    }

    /// The configuration with more at its end, put there at once as editors do.
    fn write(&self, more: &str) {
        let data = self.directory.path().join("data");
        let text = format!(
            "site = \"s\"\ngateway = \"g\"\ndata-dir = {data:?}\n[time]\nsynchronized = \"assume\"\n\
             [server]\nurl = {:?}\n{more}",
            self.url
        );
        let beside = self.directory.path().join("new");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(&beside, self.file()).expect("its name");
    }

    fn start(&self) -> Child {
        let mut run = gateway();
        run.arg("run").arg("--config").arg(self.file());
        run.spawn().expect("it runs")
    }
}

/// What it said on stderr until its end.
async fn stopped(child: Child, code: i32) -> String {
    send(&child, "TERM");
    let output = end(child).await;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn command(id: &str, expires: &str, name: &str) -> String {
    json!({"id": id, "expires": expires, "command": name, "args": {}}).to_string()
}

async fn reply(subscriber: &mut Subscriber) -> Value {
    let publish = subscriber.on("/command/reply").await;
    serde_json::from_slice(&publish.payload).expect("JSON")
}

#[tokio::test]
async fn commands_run_once_and_each_is_answered() {
    const TOPIC: &str = "wardline/v1/s/g/command";
    const LATER: &str = "2096-01-01T00:00:00Z";
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let mut subscriber = Subscriber::new(&broker).await;
    let gateway = site.start();
    let birth = subscriber
        .status(|status| status["state"] == "online")
        .await;
    assert!(
        birth["boot"].is_string() && birth["config"].is_string(),
        "{birth}"
    );
    assert_eq!(birth["version"], env!("CARGO_PKG_VERSION"));
    let soon = humantime::format_rfc3339_seconds(
        std::time::SystemTime::now() + Duration::from_secs(3_600),
    );
    let soon = soon.to_string();
    subscriber
        .publish(TOPIC, &command("c1", &soon, "reload"))
        .await;
    let done = reply(&mut subscriber).await;
    assert_eq!(done["id"], "c1");
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["result"]["config"], birth["config"]);
    subscriber
        .publish(TOPIC, &command("c1", &soon, "dance"))
        .await;
    assert_eq!(reply(&mut subscriber).await, done, "the id has been run");
    subscriber
        .publish(TOPIC, &command("c2", &soon, "dance"))
        .await;
    assert_eq!(reply(&mut subscriber).await["state"], "unknown");
    subscriber
        .publish(TOPIC, &command("c3", "2020-01-01T00:00:00Z", "reload"))
        .await;
    assert_eq!(reply(&mut subscriber).await["state"], "expired");
    subscriber
        .publish(TOPIC, &command("c4", LATER, "reload"))
        .await;
    assert_eq!(reply(&mut subscriber).await["state"], "invalid");
    stopped(gateway, 0).await;
    // Another start remembers.
    let gateway = site.start();
    subscriber
        .status(|status| status["state"] == "online")
        .await;
    subscriber
        .publish(TOPIC, &command("c1", &soon, "reload"))
        .await;
    assert_eq!(reply(&mut subscriber).await, done);
    stopped(gateway, 0).await;
}

#[tokio::test]
async fn a_faulty_configuration_changes_nothing_and_a_good_one_takes_effect() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let mut subscriber = Subscriber::new(&broker).await;
    let gateway = site.start();
    let birth = subscriber
        .status(|status| status["state"] == "online")
        .await;
    site.write("[publish]\nlinger = \"forever\"\n");
    send(&gateway, "HUP");
    site.write("[publish]\nlinger = \"50ms\"\n");
    // Noticed by itself.
    let changed = subscriber
        .status(|status| status["config"] != birth["config"])
        .await;
    assert_eq!(changed["state"], "online");
    site.write("[metrics]\nbind = \"127.0.0.1:1\"\n");
    send(&gateway, "HUP");
    site.write("[publish]\nlinger = \"60ms\"\n");
    send(&gateway, "HUP");
    let again = subscriber
        .status(|status| status["config"] != changed["config"])
        .await;
    assert_ne!(again["config"], birth["config"]);
    stopped(gateway, 0).await;
}

#[tokio::test]
async fn the_service_manager_hears_of_progress() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let socket = site.directory.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut run = gateway();
    let gateway = run
        .arg("run")
        .arg("--config")
        .arg(site.file())
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "600000")
        .spawn()
        .expect("it runs");
    let (tell, mut told) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        let mut bytes = [0; 1_024];
        while let Ok(length) = manager.recv(&mut bytes) {
            let heard = text(&bytes[..length]).to_owned();
            if tell.blocking_send(heard).is_err() {
                return;
            }
        }
    });
    let mut heard = async |wanted: &str| {
        loop {
            let states = tokio::time::timeout(PATIENCE, told.recv()).await;
            let states = states.expect("it says something").expect("it runs");
            if states.contains(wanted) {
                return states;
            }
        }
    };
    heard("READY=1").await;
    heard("WATCHDOG=1").await;
    heard("WATCHDOG=1").await;
    send(&gateway, "HUP");
    let reloading = heard("RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard("READY=1").await;
    send(&gateway, "TERM");
    heard("STOPPING=1").await;
    let output = end(gateway).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

async fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("an answer").expect("a connection");
    answer
}

#[tokio::test]
async fn metrics_and_health_are_served() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let port = free_port();
    site.write(&format!("[metrics]\nbind = \"127.0.0.1:{port}\"\n"));
    let mut subscriber = Subscriber::new(&broker).await;
    let gateway = site.start();
    subscriber
        .status(|status| status["state"] == "online")
        .await;
    let page = get(port, "/metrics").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for line in [
        "wardline_gateway_spool_entries{class=\"confirmed\"} 0",
        "wardline_gateway_connected 1",
        "wardline_gateway_clock_synchronized 1",
        "wardline_gateway_live_latency_seconds_count 0",
        "# TYPE wardline_gateway_connections counter",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    assert!(page.ends_with("# EOF\n"));
    assert!(get(port, "/healthz").await.ends_with("ok\n"));
    assert!(get(port, "/elsewhere").await.starts_with("HTTP/1.1 404"));
    stopped(gateway, 0).await;
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    certificates(directory.path());
    let broker = Broker::with("allow_anonymous true", Some(directory.path()));
    let site = Site::new(&format!("mqtts://localhost:{}", broker.tls_port));
    let own = |name: &str| site.directory.path().join(name);
    let copy = |from: &Path| {
        for name in ["ca.pem", "client.pem", "client.key"] {
            std::fs::copy(from.join(name), own(name)).expect("a copy");
        }
    };
    copy(directory.path());
    // Of an authority that the broker does not know: refused, until the right one is there.
    let other = tempfile::tempdir().expect("a directory");
    certificates(other.path());
    for name in ["client.pem", "client.key"] {
        std::fs::copy(other.path().join(name), own(name)).expect("a copy");
    }
    site.write(&format!(
        "ca = {:?}\ncert = {:?}\nkey = {:?}\n",
        own("ca.pem"),
        own("client.pem"),
        own("client.key")
    ));
    let mut subscriber = Subscriber::new(&broker).await;
    let mut run = gateway();
    let gateway = run
        .arg("run")
        .arg("--config")
        .arg(site.file())
        .stderr(Stdio::piped());
    let mut gateway = gateway.spawn().expect("it runs");
    let mut log = tokio::io::BufReader::new(gateway.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("connect") {
        line.clear();
        let read = tokio::io::AsyncBufReadExt::read_line(&mut log, &mut line);
        let read = tokio::time::timeout(PATIENCE, read)
            .await
            .expect("it tries");
        assert!(read.expect("a pipe") > 0, "it ended");
    }
    copy(directory.path());
    subscriber
        .status(|status| status["state"] == "online")
        .await;
    send(&gateway, "TERM");
    let ended = gateway.wait().await.expect("its end");
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn configurations_are_checked_whole() {
    let sample = gateway()
        .args(["config", "print", "--default"])
        .output()
        .await
        .expect("it runs");
    let site = Site::new("mqtt://localhost");
    let check = async |text: &[u8]| {
        std::fs::write(site.file(), text).expect("a file");
        let checked = gateway()
            .args(["config", "check"])
            .arg(site.file())
            .output()
            .await;
        let checked = checked.expect("it runs");
        (checked.status.code(), said(&checked))
    };
    assert_eq!(check(&sample.stdout).await.0, Some(0));
    let (code, faults) =
        check(b"site = \"a/b\"\ngateway = \"g\"\n[spool]\nmax-size = \"1kB\"\n").await;
    assert_eq!(code, Some(1));
    assert!(
        faults.contains("site:") && faults.contains("spool.max-size:"),
        "{faults}"
    );
    let mut run = gateway();
    let refused = run
        .arg("run")
        .arg("--config")
        .arg(site.file())
        .output()
        .await
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(64));
    let usage = gateway()
        .args(["config", "print"])
        .output()
        .await
        .expect("it runs");
    assert_eq!(usage.status.code(), Some(64));
}
