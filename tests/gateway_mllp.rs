//! Bedside monitors end to end: HL7 v2 by MLLP, the gateway's spool, MQTT, the server's log, API and FHIR.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::fhir::{has_loinc, search};
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, eventually, gateway, now};

/// EUI-64 of the monitor, as its messages name it and as the gateway publishes it.
const MONITOR: &str = "00A0370000000002";

/// A free port; nobody else asks for it in the moment until the gateway does.
fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// `wardline-gateway run` with one MLLP port; killed when it goes.
struct Gateway {
    child: Child,
    mllp: SocketAddr,
}

impl Gateway {
    fn start(dir: &Path, server: &Server, secret: &str) -> Self {
        let mllp = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let password = dir.join("password");
        std::fs::write(&password, secret).unwrap();
        let config = dir.join("gateway.toml");
        let text = format!(
            "site = \"s1\"\ngateway = \"g1\"\ndata-dir = {:?}\n\
             [server]\nurl = \"mqtt://{}\"\nusername = \"g1\"\npassword-file = {password:?}\n\
             [time]\nsynchronized = \"assume\"\n\
             [[mllp.listen]]\nbind = \"{mllp}\"\nname = \"icu\"\n",
            dir.join("gateway"),
            server.mqtt
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(dir.join("gateway.log"))
            .unwrap();
        let child = Command::new(gateway())
            .args(["run", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, mllp }
    }

    /// Sends a message as a monitor would and gives the code of its acknowledgement.
    async fn say(&self, message: &str) -> String {
        let mut stream = eventually("the MLLP port", async || {
            TcpStream::connect(self.mllp).await.ok()
        })
        .await;
        let frame = [b"\x0b", message.as_bytes(), b"\x1c\r"].concat();
        stream.write_all(&frame).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\x1c\r") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "an answer");
        }
        let answer = String::from_utf8(answer).unwrap();
        let msa = answer
            .split('\r')
            .find_map(|line| line.strip_prefix("MSA|"));
        msa.unwrap().split('|').next().unwrap().to_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Microseconds as HL7 has times, UTC.
fn hl7(at: i64) -> String {
    let digits = rfc3339(at);
    let digits: String = digits
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    format!("{digits}+0000")
}

fn head(kind: &str, id: &str, at: i64) -> String {
    format!(
        "MSH|^~\\&|EGATE^{MONITOR}^EUI-64||||{}||{kind}|{id}|P|2.6|||AL|NE\rPID|||\rPV1||I|\r",
        hl7(at)
    )
}

fn alarm(id: &str, at: i64, phase: &str, state: &str) -> String {
    let at = hl7(at);
    format!(
        "{}OBR|1|{id}^EGATE|{id}^EGATE|196616^MDC_EVT_ALARM^MDC|||{at}||||||||||||||||||||||7^EGATE\r\
         OBX|1|ST|196670^MDC_EVT_LO^MDC|1.3.1.150456.1|SpO2 low||90-100|L~PM~SP|||F|||{at}||||{MONITOR}^EUI-64\r\
         OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|84|262688^MDC_DIM_PERCENT^MDC|90-100||||F|||{at}\r\
         OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|{phase}||||||F\r\
         OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.3.1.150456.4|{state}||||||F\r",
        head("ORU^R40^ORU_R40", id, now())
    )
}

fn results(id: &str, at: i64) -> String {
    let at = hl7(at);
    format!(
        "{}OBR|1|{id}^EGATE|{id}^EGATE|182777000^monitoring of patient^SCT|||{at}\r\
         OBX|1||70686^MDC_DEV_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||R|||||||{MONITOR}^EUI-64\r\
         OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.147842|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R|||{at}\r\
         OBX|3|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.150456|97|262688^MDC_DIM_PERCENT^MDC|||||R|||{at}\r",
        head("ORU^R01^ORU_R01", id, now())
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_is_heard_as_fhir_and_as_an_alert_and_a_dead_gateway_is_told() {
    let setup = Setup {
        config: "[gateways]\noffline-after = \"0s\"\n".to_owned(),
        ..Setup::default()
    };
    let server = Server::start(&setup);
    let secret = server.gateway_token("g1").await;
    server.admit("p1", MONITOR).await;
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &server, &secret);
    let at = now() / 1_000_000 * 1_000_000 - 5_000_000;

    assert_eq!(gateway.say(&results("100", at)).await, "CA");
    let observations = eventually("two Observations", async || {
        let found = search(&server, "patient=p1").await;
        (found.len() == 2).then_some(found)
    })
    .await;
    for (loinc, value, unit) in [("8867-4", json!(72), "/min"), ("2708-6", json!(97), "%")] {
        let mut all = observations.iter();
        let found = all.find(|one| has_loinc(&one["code"], loinc)).unwrap();
        assert_eq!(found["valueQuantity"]["value"], value);
        assert_eq!(found["valueQuantity"]["code"], unit);
        let when = found["effectiveDateTime"].as_str().unwrap();
        let expected = rfc3339(at);
        let expected = expected.split('.').next().unwrap();
        assert!(when.starts_with(expected), "{when}");
    }

    assert_eq!(
        gateway.say(&alarm("101", at, "start", "active")).await,
        "CA"
    );
    let alerts = async |state: &str, rule: &str| {
        let path = format!("/api/v1/alerts?rule={rule}&state={state}");
        eventually(&format!("an alert of {rule} that is {state}"), async || {
            let found = server.get(&path).await;
            found["items"].as_array().unwrap().first().cloned()
        })
        .await
    };
    let raised: Value = alerts("active", "monitor:MDC_EVT_LO").await;
    assert_eq!(raised["subject"], "Patient/p1");
    assert_eq!(
        (&raised["priority"], &raised["class"]),
        (&json!("medium"), &json!("physiological"))
    );
    assert_eq!(
        (&raised["value"], &raised["unit"]),
        (&json!(84.0), &json!("%"))
    );
    assert_eq!(
        gateway
            .say(&alarm("102", at + 2_000_000, "end", "inactive"))
            .await,
        "CA"
    );
    let resolved = alerts("resolved", "monitor:MDC_EVT_LO").await;
    assert_eq!(resolved["alertId"], raised["alertId"]);

    let listed = server.get("/api/v1/gateways").await;
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["state"]),
        (&json!("g1"), &json!("online"))
    );
    drop(gateway);
    let silent = alerts("active", "gateway:silent").await;
    assert_eq!(silent["subject"], "Gateway/g1");
    let again = Gateway::start(dir.path(), &server, &secret);
    alerts("resolved", "gateway:silent").await;
    drop(again);
    assert_eq!(server.metric("wardline_intake_rejected_total").await, 0.0);
}
