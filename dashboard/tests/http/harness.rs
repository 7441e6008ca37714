//! Starts a server and speaks to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::{Method, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardline_dashboard::{Config, Live, ServeError, serve};

use crate::backend::Memory;

/// 2026-11-22T13:00:00Z.
pub(crate) const NOW: i64 = 1_795_352_400_000_000;

static CLOCK: AtomicI64 = AtomicI64::new(NOW);

pub(crate) fn clock() -> i64 {
    CLOCK.load(Ordering::Relaxed)
}

pub(crate) struct Server {
    pub(crate) memory: Arc<Memory>,
    pub(crate) live: Arc<Live>,
    pub(crate) url: String,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    pub(crate) client: reqwest::Client,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        provider();
        let mut config = Config::new(clock);
        change(&mut config);
        let memory = Arc::new(Memory::new());
        let live = Arc::new(Live::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(
            config,
            memory.clone(),
            live.clone(),
            listener,
            None,
            shutdown.clone(),
        ));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            memory,
            live,
            url,
            shutdown,
            task,
            client,
        }
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        token: &str,
    ) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, "read")
            .send()
            .await
            .unwrap()
    }

    /// GET with the read token; the status must be 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        let response = self
            .request(Method::POST, path, token)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// One TLS provider for the test process; a second install by another test is no matter.
pub(crate) fn provider() {
    drop(rustls::crypto::ring::default_provider().install_default());
}
