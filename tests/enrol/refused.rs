//! What is no longer good, and what never was.

use super::*;
use crate::harness::cli::cli;
use crate::harness::eventually;

#[tokio::test]
async fn a_code_is_good_once_for_its_time_and_not_for_guessing() {
    let server = server(&format!("{MQTT}[enrolment]\ncode-life = \"10s\"\n"));
    let (_, csr) = request();
    let good = code(&server, "g1").await;
    let body = json!({"code": good, "csr": csr});
    assert_eq!(post(&server, "enroll", &body).await.0, 201);
    let (status, used) = post(&server, "enroll", &body).await;
    assert_eq!(status, 403);

    let path = "/api/v1/gateways/g2/enrollment-code";
    let late = server.post(path, &json!({})).await;
    let expires = late["expires"].as_str().unwrap().to_owned();
    eventually("the code's end", async || {
        (crate::harness::server::rfc3339(now()) > expires).then_some(())
    })
    .await;
    let (status, expired) = post(
        &server,
        "enroll",
        &json!({"code": late["code"], "csr": csr}),
    )
    .await;
    assert_eq!(
        (status, expired),
        (403, used),
        "the same word for every reason"
    );

    let mut statuses = Vec::new();
    for guess in 0..12 {
        let body = json!({"code": format!("GUESS-{guess}"), "csr": csr});
        statuses.push(post(&server, "enroll", &body).await.0);
    }
    assert_eq!(statuses[..8], [403; 8]);
    assert_eq!(
        statuses[8..],
        [429; 4],
        "ten refusals a minute from one address"
    );
    let good = code(&server, "g3").await;
    let body = json!({"code": good, "csr": csr});
    assert_eq!(
        post(&server, "enroll", &body).await.0,
        429,
        "nor a good one"
    );
}

#[tokio::test]
async fn a_certificate_is_renewed_by_its_key_alone() {
    let server = server(MQTT);
    let first = Identity::enrol(&server, "g1").await;
    let other = Identity::enrol(&server, "g2").await;
    let (_, forged) = first.renewal(&other.key);
    assert_eq!(post(&server, "enroll/renew", &forged).await.0, 403);
    let (_, mut moved) = first.renewal(&first.key);
    moved["csr"] = json!(request().1);
    assert_eq!(
        post(&server, "enroll/renew", &moved).await.0,
        403,
        "a proof is of one request"
    );

    let (key, body) = first.renewal(&first.key);
    let (status, answer) = post(&server, "enroll/renew", &body).await;
    assert_eq!(status, 200, "{answer}");
    let second = Identity::of(&key, &answer);
    for identity in [&first, &second] {
        let mut connected = Connected::connect(&server, "g1", identity).await.unwrap();
        assert_eq!(connected.reads("g1").await, PubAckReason::Success);
    }
    // The next one supersedes the first, whose session ends.
    let mut before = Connected::connect(&server, "g1", &first).await.unwrap();
    let (_, body) = second.renewal(&second.key);
    assert_eq!(post(&server, "enroll/renew", &body).await.0, 200);
    before.cut_off().await;
    let (_, body) = first.renewal(&first.key);
    assert_eq!(post(&server, "enroll/renew", &body).await.0, 403);
}

#[tokio::test]
async fn an_expired_certificate_opens_nothing() {
    let server = server(&format!("{MQTT}[enrolment]\ncertificate-life = \"2s\"\n"));
    let identity = Identity::enrol(&server, "g1").await;
    eventually("the certificate's end", async || {
        Connected::connect(&server, "g1", &identity)
            .await
            .is_none()
            .then_some(())
    })
    .await;
    let (_, body) = identity.renewal(&identity.key);
    assert_eq!(post(&server, "enroll/renew", &body).await.0, 403);
}

#[tokio::test]
async fn a_revoked_gateway_is_cut_off_at_once_and_stays_out() {
    let server = server(MQTT);
    let identity = Identity::enrol(&server, "g1").await;
    let other = Identity::enrol(&server, "g2").await;
    let mut gone = Connected::connect(&server, "g1", &identity).await.unwrap();
    let mut stays = Connected::connect(&server, "g2", &other).await.unwrap();
    assert_eq!(gone.reads("g1").await, PubAckReason::Success);
    let said = cli(&["gateway", "revoke", "g1"]).at(&server).run();
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.talk);
    gone.cut_off().await;
    assert!(Connected::connect(&server, "g1", &identity).await.is_none());
    let (_, body) = identity.renewal(&identity.key);
    assert_eq!(post(&server, "enroll/renew", &body).await.0, 403);
    assert_eq!(stays.reads("g2").await, PubAckReason::Success);

    // The list names it, and is the authority's.
    let url = format!("http://{}/api/v1/ca.crl", server.http);
    let list = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let (_, list) = x509_parser::parse_x509_crl(&list).unwrap();
    let certificate =
        |identity: &Identity| CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap();
    let (first, second) = (certificate(&identity), certificate(&other));
    let serial = |der: &CertificateDer<'_>| {
        x509_parser::parse_x509_certificate(der)
            .unwrap()
            .1
            .raw_serial()
            .to_vec()
    };
    let named: Vec<_> = list
        .iter_revoked_certificates()
        .map(|one| one.raw_serial().to_vec())
        .collect();
    assert!(named.contains(&serial(&first)) && !named.contains(&serial(&second)));
    let authority = server.text("/api/v1/ca.pem").await;
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    let (_, authority) = x509_parser::parse_x509_certificate(&authority).unwrap();
    assert_eq!(list.issuer(), authority.subject());

    // After a restart too; and a new code enrols it anew.
    let (_, dir, admin) = server.stop();
    let setup = Setup {
        config: MQTT.to_owned(),
        ..Setup::default()
    };
    let server = Server::start_in(dir, admin, &setup);
    assert!(Connected::connect(&server, "g1", &identity).await.is_none());
    let again = Identity::enrol(&server, "g1").await;
    assert!(Connected::connect(&server, "g1", &again).await.is_some());
    let log = server.log();
    assert!(!log.contains("BEGIN") && !log.contains("PRIVATE"), "{log}");
}

#[tokio::test]
async fn who_did_what_is_on_record() {
    let server = server(MQTT);
    let identity = Identity::enrol(&server, "g1").await;
    let (_, body) = identity.renewal(&identity.key);
    assert_eq!(post(&server, "enroll/renew", &body).await.0, 200);
    let (_, csr) = request();
    assert_eq!(
        post(&server, "enroll", &json!({"code": "X", "csr": csr}))
            .await
            .0,
        403
    );
    server.post("/api/v1/gateways/g1/revoke", &json!({})).await;
    let (_, dir, _) = server.stop();
    let registry = dir.path().join("data/registry.sqlite");
    let bytes = std::fs::read(registry).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for action in [
        "gateway.enrollment-code",
        "gateway.enroll",
        "gateway.renew",
        "gateway.revoke",
    ] {
        assert!(text.contains(action), "{action}");
    }
}
