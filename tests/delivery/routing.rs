//! Who is told by the routing file: the care team's nurse, the desk for whoever has none, nobody while the clinic is
//! closed, and everybody once through a crash.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{RULES, SECRET};
use crate::harness::clock::Clock;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::server::rfc3339;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

/// Nobody is called by hand: a nurse by the pager, the rest at the desk.
const ROUTING: &str = r#"
time-zone = "UTC"
fallback = ["channel:desk"]

[[person]]
id = "n.ito"
contacts = [{ channel = "pager" }]

[[team]]
id = "heart"
roles = { nurse = ["n.ito"] }

[[route]]
id = "heart"
match = { team = ["heart"] }
to = ["role:nurse"]
"#;

/// A server whose alerts go to a pager and to a desk by `routing`.
fn setup(files: &TempDir, routing: &str, pager: &Webhook, desk: &Webhook) -> Setup {
    let file = files.path().join("routing.toml");
    std::fs::write(&file, routing).unwrap();
    let receiver = |name: &str, webhook: &Webhook| {
        let address = webhook.address;
        format!("[[webhook]]\nname = {name:?}\nurl = \"http://{address}/\"\nsecret = {SECRET:?}\n")
    };
    let (pager, desk) = (receiver("pager", pager), receiver("desk", desk));
    Setup {
        config: format!("[routing]\nfile = {file:?}\n{pager}{desk}"),
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    }
}

async fn admit(server: &Server, patient: &str, device: &str, team: Option<&str>) {
    let known = json!({"id": patient, "careTeam": team});
    server.post("/api/v1/patients", &known).await;
    server.post("/api/v1/devices", &json!({"id": device})).await;
    let from = rfc3339(now() - 48 * 3_600_000_000);
    let assignment = json!({"device": device, "patient": patient, "from": from});
    server.post("/api/v1/assignments", &assignment).await;
}

async fn connect(server: &Server, secret: &str) -> Publisher {
    Publisher::connect(server.mqtt, "g1", secret).await.unwrap()
}

/// Readings that end what [`super::race`] began.
async fn calm(gateway: &mut Publisher, device: &str, at: i64) {
    for second in 5..9 {
        let calm = heart_rate(device, "80", at + second * 1_000_000);
        let topic = topic("g1", device);
        gateway.deliver(&topic, calm.as_bytes()).await.unwrap();
    }
}

/// Kind, recipient and subject of every notification.
fn told(webhook: &Webhook) -> Vec<(String, Value, String)> {
    let told = webhook.bodies().into_iter().map(|body| {
        assert_eq!(body["type"], "notification", "{body}");
        let alert = &body["alerts"][0];
        (
            body["kind"].as_str().unwrap().to_owned(),
            body["recipient"].clone(),
            alert["subject"].as_str().unwrap().to_owned(),
        )
    });
    told.collect()
}

fn page(recipient: Value, patient: &str) -> (String, Value, String) {
    ("page".to_owned(), recipient, format!("Patient/{patient}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nurse_of_the_care_team_is_told_once_through_a_crash_and_hears_the_end() {
    let (pager, desk) = (Webhook::start(0).await, Webhook::start(0).await);
    let files = tempfile::tempdir().unwrap();
    let setup = setup(&files, ROUTING, &pager, &desk);
    let server = Server::start(&setup);
    admit(&server, "p1", "d1", Some("heart")).await;
    admit(&server, "p2", "d2", None).await;
    let secret = server.gateway_token("g1").await;
    let mut sender = connect(&server, &secret).await;
    let onset = now() - 12_000_000;
    super::race(&mut sender, "d1", onset).await;
    super::race(&mut sender, "d2", onset).await;
    eventually("both pages", async || {
        (!pager.bodies().is_empty() && !desk.bodies().is_empty()).then_some(())
    })
    .await;
    eventually("both written down", async || {
        let waits = server.get("/api/v1/outbox?state=pending").await;
        waits["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;

    // What was told is known after a crash; what follows is told to those who were.
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &setup);
    let mut sender = connect(&server, &secret).await;
    calm(&mut sender, "d1", onset).await;
    eventually("the end", async || (told(&pager).len() >= 2).then_some(())).await;
    let nurse = json!("n.ito");
    let resolved = (
        "resolved".to_owned(),
        nurse.clone(),
        "Patient/p1".to_owned(),
    );
    assert_eq!(told(&pager), [page(nurse, "p1"), resolved]);
    assert_eq!(told(&desk), [page(Value::Null, "p2")], "the fallback");

    let listed = server.get("/api/v1/alerts?patient=p2").await;
    let alert = &listed["items"][0];
    assert_eq!(alert["delivery"]["unrouted"], true, "and the inbox says so");
    assert_eq!(alert["delivery"]["told"], 1);
    assert_eq!(server.metric("wardline_pages_unrouted_total").await, 1.0);
    let listed = server.get("/api/v1/alerts?patient=p1").await;
    let id = listed["items"][0]["alertId"].as_str().unwrap();
    let path = format!("/api/v1/alerts/{id}/notifications");
    let facts = eventually("both deliveries written down", async || {
        let facts = server.get(&path).await["items"].as_array().unwrap().clone();
        facts
            .iter()
            .all(|one| one["state"] == "delivered")
            .then_some(facts)
    })
    .await;
    assert_eq!(facts.len(), 2, "{facts:?}");
    assert!(facts.iter().all(|one| one["recipient"] == "n.ito"));
    let told = "SELECT kind, recipient, state FROM notification WHERE delivered_at >= at \
                AND array_has(alerts, (SELECT min(alert_id) FROM alert WHERE subject = 'Patient/p1')) ORDER BY at";
    assert_eq!(
        server.sql(told).await,
        [
            ["page", "n.ito", "delivered"],
            ["resolved", "n.ito", "delivered"]
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_while_the_clinic_is_closed_and_it_is_said_that_nobody_watches() {
    let (pager, desk, clock) = (
        Webhook::start(0).await,
        Webhook::start(0).await,
        Clock::new(),
    );
    let files = tempfile::tempdir().unwrap();
    let days: Vec<String> = (-1..=1)
        .map(|day| rfc3339(now() + day * 86_400_000_000))
        .map(|time| format!("{:?}", time.split('T').next().unwrap()))
        .collect();
    let routing = format!(
        "{ROUTING}hours = \"clinic\"\n[[calendar]]\nid = \"clinic\"\nopen = [{{ from = \"00:00\", until = \"24:00\" }}]\n\
         closed = [{}]\n",
        days.join(", ")
    );
    let mut setup = setup(&files, &routing, &pager, &desk);
    setup.env = clock.env();
    let server = Server::start(&setup);
    admit(&server, "p1", "d1", Some("heart")).await;
    let secret = server.gateway_token("g1").await;
    let mut sender = connect(&server, &secret).await;
    super::race(&mut sender, "d1", now() - 12_000_000).await;
    let held = eventually("the alert", async || {
        let listed = server.get("/api/v1/alerts?patient=p1").await;
        let held = listed["items"][0]["delivery"]["notWatchedUntil"].clone();
        held.is_object().then_some(held)
    })
    .await;
    assert_eq!(held["calendar"], "clinic");
    assert!(held["until"].as_str().unwrap() > rfc3339(now()).as_str());
    let watch = server.get("/api/v1/watch").await;
    assert_eq!(watch["calendars"][0]["open"], false, "{watch}");
    assert!(pager.bodies().is_empty(), "nobody is called");
    assert_eq!(server.metric("wardline_pages_not_watched_total").await, 1.0);

    // The clinic opens.
    clock.ahead(3 * 86_400);
    eventually("who watches now", async || {
        (!pager.bodies().is_empty()).then_some(())
    })
    .await;
    let opening = (
        "opening".to_owned(),
        json!("n.ito"),
        "Patient/p1".to_owned(),
    );
    assert_eq!(told(&pager)[0], opening);
    let listed = server.get("/api/v1/alerts?patient=p1").await;
    assert!(listed["items"][0]["delivery"]["notWatchedUntil"].is_null());
    let watch = server.get("/api/v1/watch").await;
    assert_eq!(watch["calendars"][0]["open"], true, "{watch}");
    assert!(desk.bodies().is_empty());
}
