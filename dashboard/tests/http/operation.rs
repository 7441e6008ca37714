//! The server itself: TLS, limits, headers, health, the screen.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::Method;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use wardline_dashboard::{Config, Live, ServeError, serve};

use crate::backend::Memory;
use crate::harness::{Server, clock, provider};

#[tokio::test]
async fn no_bind_off_loopback_without_tls() {
    provider();
    let start = |config: Config, listener| {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        serve(
            config,
            Arc::new(Memory::new()),
            Arc::new(Live::new()),
            listener,
            None,
            shutdown,
        )
    };
    let everywhere = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
    let refused = start(Config::new(clock), everywhere().await.unwrap()).await;
    assert!(matches!(refused, Err(ServeError::Insecure(_))));
    let mut config = Config::new(clock);
    config.insecure = true;
    start(config, everywhere().await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn tls_with_http2_and_http1() {
    provider();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let mut tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve(
        Config::new(clock),
        Arc::new(Memory::new()),
        Arc::new(Live::new()),
        listener,
        Some(Arc::new(tls)),
        shutdown.clone(),
    ));
    let root = reqwest::Certificate::from_der(cert.der()).unwrap();
    for (http1, version) in [
        (false, reqwest::Version::HTTP_2),
        (true, reqwest::Version::HTTP_11),
    ] {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.clone()])
            .resolve("localhost", address);
        if http1 {
            builder = builder.http1_only();
        }
        let client = builder.build().unwrap();
        let url = format!("https://localhost:{}/fhir/R4/metadata", address.port());
        let response = client.get(url).bearer_auth("read").send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, version)
        );
        assert!(response.headers().contains_key("strict-transport-security"));
        let statement: Value = response.json().await.unwrap();
        let url = statement["implementation"]["url"].as_str().unwrap();
        assert!(url.starts_with("https://localhost:"), "{url}");
    }
    // A client that speaks plain HTTP to the TLS port gets no answer of ours.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"));
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn bodies_headers_and_time_are_bounded() {
    let server = Server::with(|config| {
        config.limits.body = 1_000;
        config.limits.header_timeout = Duration::from_millis(100);
        config.limits.request_timeout = Duration::from_millis(100);
    })
    .await;
    let (status, _) = server
        .post("/api/v1/sql", "read", json!({ "query": "x".repeat(2_000) }))
        .await;
    assert_eq!(status, 413);
    server.memory.hang.store(true, Ordering::SeqCst);
    server.memory.take_audits();
    assert_eq!(server.get("/fhir/R4/Observation").await.status(), 503);
    assert_eq!(
        server.memory.take_audits()[0].status,
        503,
        "a timeout is on record"
    );
    let address = server.url.strip_prefix("http://").unwrap();
    for sent in ["", "GET /healthz HTTP/1.1\r\nhost:"] {
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        drop(slow.read_to_string(&mut answer).await);
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_one_requests_failure() {
    let server = Server::start().await;
    server.memory.panic.store(true, Ordering::SeqCst);
    assert_eq!(server.get("/fhir/R4/Observation").await.status(), 500);
    server.memory.panic.store(false, Ordering::SeqCst);
    assert_eq!(server.get("/fhir/R4/Observation").await.status(), 200);
    let statuses: Vec<u16> = server
        .memory
        .take_audits()
        .iter()
        .map(|audit| audit.status)
        .collect();
    assert_eq!(statuses, [500, 200]);
    server.stop().await;
}

#[tokio::test]
async fn too_many_requests_wait_and_then_are_told() {
    let server = Server::with(|config| {
        config.limits.requests = 1;
        config.limits.request_timeout = Duration::from_secs(20);
    })
    .await;
    server.memory.hang.store(true, Ordering::SeqCst);
    let hanging = tokio::spawn(
        server
            .request(Method::GET, "/fhir/R4/Observation", "read")
            .send(),
    );
    server.memory.hanging.notified().await;
    assert_eq!(server.get("/api/v1/me").await.status(), 503);
    assert_eq!(
        server.get("/healthz").await.status(),
        200,
        "health answers under load"
    );
    hanging.abort();
    server.stop().await;
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let server = Server::start().await;
    for path in [
        "/",
        "/healthz",
        "/api/v1/me",
        "/nothing",
        "/fhir/R4/Observation",
    ] {
        let response = server.get(path).await;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
                .unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(
            header("cache-control"),
            if path == "/" { "no-cache" } else { "no-store" },
            "{path}"
        );
        assert_eq!(header("strict-transport-security"), "", "not without TLS");
    }
    server.stop().await;
}

#[tokio::test]
async fn health_readiness_and_metrics() {
    let server = Server::start().await;
    let anyone = |path: &'static str| server.request(Method::GET, path, "").send();
    assert_eq!(
        anyone("/healthz").await.unwrap().text().await.unwrap(),
        "ok\n"
    );
    assert_eq!(anyone("/readyz").await.unwrap().status(), 200);
    server.memory.audit_fails.store(true, Ordering::SeqCst);
    let not_ready = anyone("/readyz").await.unwrap();
    assert_eq!(not_ready.status(), 503);
    assert_eq!(
        not_ready.json::<Value>().await.unwrap()["checks"][0]["ok"],
        false
    );
    server.memory.audit_fails.store(false, Ordering::SeqCst);
    assert_eq!(anyone("/metrics").await.unwrap().status(), 401);
    let text = server.get("/metrics").await.text().await.unwrap();
    assert!(text.contains("wardline_readings_total 5\n"));
    assert!(
        text.contains("wardline_http_requests_total{action=\"health\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    server.stop().await;

    let public = Server::with(|config| config.metrics_public = true).await;
    assert_eq!(
        public
            .request(Method::GET, "/metrics", "")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    public.stop().await;
}

#[tokio::test]
async fn the_screen_is_whole_and_has_no_inline_code() {
    let server = Server::start().await;
    let page = server.request(Method::GET, "/", "").send().await.unwrap();
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let tag = page.headers()["etag"].clone();
    let html = page.text().await.unwrap();
    assert!(
        html.contains("not a primary alarm system") || html.contains("Not a primary alarm system")
    );
    for forbidden in [
        "<style",
        "style=\"",
        "onclick",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let mut files = 0;
    for name in html
        .split("\"/assets/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        let file = server
            .request(Method::GET, &format!("/assets/{name}"), "")
            .send()
            .await
            .unwrap();
        assert_eq!(file.status(), 200, "{name}");
        let text = file.text().await.unwrap();
        assert!(!text.is_empty(), "{name}");
        files += 1;
        for module in text.split(" from \"./").skip(1) {
            let module = module.split('"').next().unwrap();
            let path = format!("/assets/{module}");
            let module = server.request(Method::GET, &path, "").send().await.unwrap();
            assert_eq!(module.status(), 200, "{path}");
            files += 1;
        }
    }
    assert_eq!(files, 5);
    let again = server
        .request(Method::GET, "/", "")
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(server.get("/assets/other.js").await.status(), 404);
    assert!(
        server.memory.take_audits().is_empty(),
        "nothing about patients, nothing to audit"
    );
    server.stop().await;
}

#[tokio::test]
async fn requests_under_way_finish_at_shutdown_within_the_grace() {
    let server = Server::with(|config| config.limits.grace = Duration::from_millis(200)).await;
    server.memory.hang.store(true, Ordering::SeqCst);
    let hanging = tokio::spawn(
        server
            .request(Method::GET, "/fhir/R4/Observation", "read")
            .send(),
    );
    server.memory.hanging.notified().await;
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
    assert!(hanging.await.unwrap().is_err(), "cut off after the grace");
}

#[tokio::test]
async fn a_backup_is_for_administrators_and_goes_where_nothing_is() {
    let server = Server::start().await;
    let path = "/api/v1/backup";
    let to = |to: &str| json!({ "to": to });
    assert_eq!(server.post(path, "operate", to("/srv/b")).await.0, 403);
    assert_eq!(server.post(path, "admin", to("here/b")).await.0, 400);
    assert_eq!(server.post(path, "admin", to("/srv/taken")).await.0, 409);
    let (status, made) = server.post(path, "admin", to("/srv/b")).await;
    assert_eq!((status, &made["to"]), (201, &json!("/srv/b")));
    let records = server.memory.take_audits();
    let last = records.last().unwrap();
    assert_eq!((last.action, last.any_patient), ("backup", true));
    assert_eq!(last.query.as_deref(), Some("/srv/b"));
}
