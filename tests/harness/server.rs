//! A `wardline serve` process with its data directory and an admin token.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::WARDLINE;

/// How to start one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Appended to the configuration file.
    pub(crate) config: String,
    /// Text of the rules file.
    pub(crate) rules: Option<String>,
    pub(crate) env: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) http: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) admin: String,
    child: Child,
    client: reqwest::Client,
}

/// Runs the program to its end.
pub(crate) fn wardline(args: &[&str]) -> Output {
    Command::new(WARDLINE)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a successful run printed.
pub(crate) fn stdout(output: &Output) -> String {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {talk}", output.status);
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim_end()
        .to_owned()
}

/// Makes TLS of this process's clients work; more than once is harmless.
fn provider() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Server {
    /// A server on a new data directory.
    pub(crate) fn start(setup: &Setup) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let data = dir.path().join("data");
        let data = data.to_str().unwrap();
        let admin = stdout(&wardline(&[
            "token",
            "add",
            "test-admin",
            "--role",
            "admin",
            "--data-dir",
            data,
        ]));
        Self::start_in(dir, admin, setup)
    }

    /// A server on a data directory that an earlier one left.
    pub(crate) fn start_in(dir: Arc<TempDir>, admin: String, setup: &Setup) -> Self {
        provider();
        let data = dir.path().join("data");
        let config = dir.path().join("wardline.toml");
        let rules = dir.path().join("rules.toml");
        let mut text = format!("site = \"s1\"\ndata-dir = {data:?}\n");
        text.push_str("[http]\nbind = \"127.0.0.1:0\"\n[mqtt]\nbind = \"127.0.0.1:0\"\n");
        if let Some(content) = &setup.rules {
            std::fs::write(&rules, content).unwrap();
            text.push_str(&format!("[rules]\nfile = {rules:?}\n"));
        }
        text.push_str(&setup.config);
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(dir.path().join("server.log"))
            .unwrap();
        let mut child = Command::new(WARDLINE)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .envs(setup.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no ready line; the log says:\n{}", log_of(dir.path())));
        assert_eq!(ready["ready"], true);
        let address = |name: &str| ready[name].as_str().unwrap().parse().unwrap();
        let (http, mqtt) = (address("http"), address("mqtt"));
        Self {
            dir,
            http,
            mqtt,
            admin,
            child,
            client: reqwest::Client::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, then the same directory for the next one.
    pub(crate) fn kill(mut self) -> (Arc<TempDir>, String) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (Arc::clone(&self.dir), self.admin.clone())
    }

    /// SIGHUP: read the files again.
    pub(crate) fn reload(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> (ExitStatus, Arc<TempDir>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status, Arc::clone(&self.dir), self.admin.clone())
    }

    /// How it ended by itself; none while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        log_of(self.dir.path())
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.http))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, &self.admin, None).await;
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send("POST", path, &self.admin, Some(body)).await;
        assert!(
            (200..300).contains(&status),
            "POST {path}: {status} {answer}"
        );
        answer
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.http);
        self.client
            .get(url)
            .bearer_auth(&self.admin)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// A metric's value; 0 when it is not there yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.text("/metrics").await;
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next())
            .map_or(0.0, |value| value.parse().unwrap())
    }

    /// Rows of a query, each its values in the order of the columns.
    pub(crate) async fn sql(&self, query: &str) -> Vec<Vec<Value>> {
        let answer = self
            .post("/api/v1/sql", &json!({"query": query, "limit": 100_000}))
            .await;
        assert_eq!(answer["truncated"], false, "{query}");
        let names: Vec<&str> = answer["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        let rows = answer["rows"].as_array().unwrap().iter();
        rows.map(|row| names.iter().map(|name| row[name].clone()).collect())
            .collect()
    }

    /// Every row by id, with all that a repeat must not change.
    pub(crate) async fn rows(&self) -> Vec<Vec<Value>> {
        let columns = "id, version, status, patient_id, mdc, value, decimals, unit, received";
        self.sql(&format!("SELECT {columns} FROM observation ORDER BY id"))
            .await
    }

    /// How many rows a device has.
    pub(crate) async fn rows_of(&self, device: &str) -> i64 {
        let query = format!("SELECT count(*) AS n FROM observation WHERE device_id = '{device}'");
        self.count(&query).await
    }

    /// The only quarantined message of a device, with its payload.
    pub(crate) async fn quarantined(&self, device: &str) -> Value {
        let listed = self
            .get(&format!("/api/v1/quarantine?device={device}"))
            .await;
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{listed}");
        self.get(&format!(
            "/api/v1/quarantine/{}",
            items[0]["id"].as_str().unwrap()
        ))
        .await
    }

    /// The single number that a query gives.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.sql(query).await[0][0].as_i64().unwrap()
    }

    /// A publish token for a gateway; its name is the gateway's.
    pub(crate) async fn gateway_token(&self, gateway: &str) -> String {
        let body = json!({"name": gateway, "role": "publish", "site": "s1", "gateway": gateway, "sanUris": []});
        self.post("/api/v1/tokens", &body).await["secret"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A patient with a device, assigned for the last two days.
    pub(crate) async fn admit(&self, patient: &str, device: &str) {
        self.post("/api/v1/patients", &json!({"id": patient})).await;
        self.post("/api/v1/devices", &json!({"id": device})).await;
        let from = rfc3339(super::now() - 48 * 3_600_000_000);
        self.post(
            "/api/v1/assignments",
            &json!({"device": device, "patient": patient, "from": from}),
        )
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed half-way must leave no process; one that ended is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("server.log")).unwrap_or_default()
}

/// Seconds and microseconds as RFC 3339, without help from the code under test.
pub(crate) fn rfc3339(at: i64) -> String {
    let (days, micros) = (at.div_euclid(86_400_000_000), at.rem_euclid(86_400_000_000));
    // Howard Hinnant's days-to-civil.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z")
}
