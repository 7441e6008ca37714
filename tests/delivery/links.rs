//! Messages to people, and acknowledging by their links: Teams and e-mail, each against a server of its kind.

use serde_json::Value;

use super::{RULES, race};
use crate::harness::certificate::Certificate;
use crate::harness::mqtt::Publisher;
use crate::harness::smtp::Smtp;
use crate::harness::teams::Teams;
use crate::harness::{Server, Setup, eventually, now};

pub(crate) const URL: &str = "https://wardline.example";

/// A server whose people reach it by `URL`, and these receivers.
fn server(receivers: &str) -> Server {
    Server::start(&Setup {
        config: receivers.to_owned(),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_HTTP_URL".to_owned(), URL.to_owned())],
    })
}

pub(crate) fn teams(teams: &Teams) -> String {
    format!(
        "[[teams]]\nname = \"ward-3\"\nurl = {:?}\nca = {:?}\n",
        teams.url(),
        teams.certificate.cert()
    )
}

pub(super) fn email(smtp: &Smtp, tls: &str, to: &str) -> String {
    format!(
        "[[email]]\nname = \"mail\"\nhost = \"localhost\"\nport = {}\ntls = {tls:?}\nca = {:?}\nto = {to:?}\n\
         from = \"Wardline <wardline@hospital.example>\"\nusername = \"wardline\"\npassword = \"mail password\"\n",
        smtp.port,
        smtp.certificate.cert()
    )
}

async fn raise(server: &Server, patient: &str, device: &str) -> Publisher {
    server.admit(patient, device).await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, device, now() - 10_000_000).await;
    gateway
}

/// As a browser opens a link, by this method.
pub(crate) async fn open(server: &Server, method: &str, link: &str) -> (u16, String) {
    let path = link.strip_prefix(URL).unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("http://{}{path}", server.http);
    let answer = reqwest::Client::new()
        .request(method, url)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn alert(server: &Server, patient: &str) -> Value {
    let listed = server
        .get(&format!("/api/v1/alerts?patient={patient}"))
        .await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    items[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_says_little_and_its_link_acknowledges_its_alert_once() {
    let workflow = Teams::answering(vec!["429 Too Many Requests\r\nretry-after: 1"]);
    let server = server(&teams(&workflow));
    let mut gateway = raise(&server, "p1", "d1").await;
    let cards = eventually("the card that was taken", async || {
        Some(workflow.cards()).filter(|cards| cards.len() >= 2)
    })
    .await;
    let first = alert(&server, "p1").await;
    let id = first["alertId"].as_str().unwrap();
    let text = cards[1].to_string();
    assert!(text.contains(id) && text.contains("high alert"), "{text}");
    let link = |card: &Value| card["actions"][0]["url"].as_str().unwrap().to_owned();
    // Ids and tokens may have any letters.
    let shown = text.replace(id, "").replace(&link(&cards[1]), "");
    for personal in ["p1", "d1", "tachycardia", "/min", "13"] {
        assert!(!shown.contains(personal), "{personal} in {text}");
    }
    assert_ne!(link(&cards[0]), link(&cards[1]), "each attempt has its own");
    assert!(
        !server.log().contains("hush"),
        "the workflow's URL is a secret"
    );

    // Another patient's alert, whose link must not matter to the first.
    server.admit("p2", "d2").await;
    race(&mut gateway, "d2", now() - 10_000_000).await;
    let cards = eventually("the other's card", async || {
        Some(workflow.cards()).filter(|cards| cards.len() >= 3)
    })
    .await;

    // What looks at links unasked changes nothing.
    for method in ["GET", "HEAD", "GET"] {
        assert_eq!(open(&server, method, &link(&cards[1])).await.0, 200);
        assert!(alert(&server, "p1").await["acknowledgedBy"].is_null());
    }
    let (_, page) = open(&server, "GET", &link(&cards[1])).await;
    let secret = link(&cards[1]).rsplit_once('/').unwrap().1.to_owned();
    let shown = page.replace(id, "").replace(&secret, "");
    assert!(page.contains(id) && !shown.contains("p1"), "{page}");

    let (status, page) = open(&server, "POST", &link(&cards[2])).await;
    assert_eq!(status, 200, "{page}");
    assert!(
        alert(&server, "p1").await["acknowledgedBy"].is_null(),
        "the other's alone"
    );
    assert_eq!(alert(&server, "p2").await["acknowledgedBy"], "ward-3");

    assert_eq!(open(&server, "POST", &link(&cards[1])).await.0, 200);
    let acknowledged = alert(&server, "p1").await;
    assert_eq!(acknowledged["acknowledgedBy"], "ward-3");
    for method in ["POST", "GET"] {
        let (status, page) = open(&server, method, &link(&cards[1])).await;
        assert_eq!(status, 410);
        assert!(page.contains("not any more"));
    }
    assert_eq!(
        alert(&server, "p1").await["acknowledgedAt"],
        acknowledged["acknowledgedAt"]
    );
    let secret = link(&cards[1]).rsplit_once('/').unwrap().1.to_owned();
    assert!(!server.log().contains(&secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_arrives_after_a_busy_server_and_its_link_acknowledges() {
    let smtp = Smtp::start("starttls");
    let server = server(&email(
        &smtp,
        "starttls",
        "Ward 3 <busy-ward3@hospital.example>",
    ));
    let _gateway = raise(&server, "p1", "d1").await;
    let mail = eventually("the letter", async || smtp.mail().first().cloned()).await;
    assert_eq!(
        (&mail["tls"], &mail["login"]),
        (&true.into(), &true.into()),
        "{mail}"
    );
    assert_eq!(mail["from"], "wardline@hospital.example");
    assert_eq!(mail["to"][0], "busy-ward3@hospital.example");
    assert_eq!(
        server.metric("wardline_delivery_failures_total").await,
        1.0,
        "451"
    );
    let data = mail["data"].as_str().unwrap();
    let (head, body) = data.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let lines = head
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.collect::<Vec<_>>().join("")
    };
    assert_eq!(header("Subject"), "[Wardline] high alert");
    assert!(header("Message-ID").ends_with("@hospital.example>"));
    assert_eq!(header("In-Reply-To"), header("References"));
    let link = body
        .lines()
        .find(|line| line.starts_with("https://"))
        .unwrap();
    let shown = data.replace(link, "");
    assert!(
        !shown.contains("p1") && !shown.contains("tachycardia"),
        "{data}"
    );
    assert_eq!(open(&server, "POST", link).await.0, 200);
    assert_eq!(alert(&server, "p1").await["acknowledgedBy"], "mail");
    assert_eq!(smtp.mail().len(), 1, "taken once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_another_gets_nothing() {
    let (smtp, other) = (Smtp::start("starttls"), Certificate::new());
    let trusted = smtp.certificate.cert().to_str().unwrap().to_owned();
    let config = email(&smtp, "starttls", "ward3@hospital.example");
    let config = config.replace(&trusted, other.cert().to_str().unwrap());
    let server = server(&config);
    let _gateway = raise(&server, "p1", "d1").await;
    eventually("two attempts", async || {
        (server.metric("wardline_delivery_failures_total").await >= 2.0).then_some(())
    })
    .await;
    assert_eq!(
        server.metric("wardline_outbox_dead").await,
        0.0,
        "somebody may mend it"
    );
    assert!(smtp.mail().is_empty());
    assert!(!server.log().contains("mail password"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_refused_is_a_dead_letter_and_names_nobody() {
    let smtp = Smtp::start("implicit");
    let config = format!(
        "{}{}",
        email(&smtp, "implicit", "unknown@hospital.example"),
        email(&smtp, "implicit", "ward3@hospital.example").replace("\"mail\"", "\"good\"")
    );
    let server = server(&config);
    let _gateway = raise(&server, "p1", "d1").await;
    let mail = eventually("the good letter", async || smtp.mail().first().cloned()).await;
    assert_eq!(mail["to"][0], "ward3@hospital.example");
    assert_eq!(mail["tls"], true);
    eventually("the dead letter", async || {
        (server.metric("wardline_outbox_dead").await == 1.0).then_some(())
    })
    .await;
    assert_eq!(
        server.metric("wardline_delivery_failures_total").await,
        1.0,
        "tried once"
    );
    let log = server.log();
    assert!(
        log.contains("the mail server answered 550") && !log.contains("unknown@"),
        "{log}"
    );
}
