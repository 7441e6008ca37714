//! A real Mosquitto on a free port, and its command line client.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) port: u16,
    child: Child,
    _dir: TempDir,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = dir.path().join("mosquitto.conf");
        let mut file = std::fs::File::create(&config).unwrap();
        writeln!(
            file,
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0"
        )
        .unwrap();
        let child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed by `make test`");
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "mosquitto did not start");
            std::thread::yield_now();
        }
        Self {
            port,
            child,
            _dir: dir,
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What `mosquitto_pub` is told beside topic and payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) to: SocketAddr,
    /// `mqttv5` or `mqttv311`.
    pub(crate) version: &'a str,
    /// Client id and user name.
    pub(crate) gateway: &'a str,
    pub(crate) secret: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
}

/// Publishes with QoS 1 by `mosquitto_pub`, which ends well only when it was acknowledged.
pub(crate) fn mosquitto_pub(how: &Publication<'_>, topic: &str, payload: &[u8]) {
    let mut command = Command::new("mosquitto_pub");
    command.args([
        "-h",
        &how.to.ip().to_string(),
        "-p",
        &how.to.port().to_string(),
        "-q",
        "1",
    ]);
    command.args(["-V", how.version, "-i", how.gateway, "-t", topic, "-s"]);
    if let Some(secret) = how.secret {
        command.args(["-u", how.gateway, "-P", secret]);
    }
    if let Some(content_type) = how.content_type {
        command.args(["-D", "PUBLISH", "content-type", content_type]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub is installed by `make test`");
    child.stdin.take().unwrap().write_all(payload).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && talk.is_empty(),
        "mosquitto_pub: {} {talk}",
        output.status
    );
}
