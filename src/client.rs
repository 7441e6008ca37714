//! The routes of `/api/v1` for the command line: of a running server, or in this process on a data
//! directory that nobody serves.

use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tower::ServiceExt as _;
use wardline_dashboard::backend::{Principal, Role};

use crate::authority::Keeper;
use crate::backend::Adapter;
use crate::cli::Target;
use crate::config::Config;
use crate::core::{Core, Options};
use crate::exit::UsageError;
use crate::gateways::{self, Gateways};
use crate::metrics::Sources;
use crate::pipeline::Limits;

/// Longest pause of a server within an answer.
const PAUSE: Duration = Duration::from_secs(120);
/// The same where the server copies everything before it answers.
const COPY_PAUSE: Duration = Duration::from_secs(4 * 3_600);

/// Someone who answers requests.
pub(crate) struct Client(Kind);

enum Kind {
    Remote {
        http: reqwest::Client,
        base: String,
        token: String,
    },
    Local {
        core: Box<Core>,
        drain: Duration,
        router: axum::Router,
        secret: String,
    },
}

/// An answer as it streams in.
pub(crate) struct Answer {
    status: StatusCode,
    body: BoxStream<'static, anyhow::Result<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> anyhow::Result<Self> {
        Self::waiting(target, PAUSE).await
    }

    /// One that waits as long as a copy of everything may take.
    pub(crate) async fn patient(target: &Target) -> anyhow::Result<Self> {
        Self::waiting(target, COPY_PAUSE).await
    }

    async fn waiting(target: &Target, pause: Duration) -> anyhow::Result<Self> {
        let target = &target.resolved();
        match &target.url {
            Some(_) => {
                let Ok(token) = std::env::var("WARDLINE_TOKEN") else {
                    return Err(
                        UsageError("--url needs a token in WARDLINE_TOKEN".to_owned()).into(),
                    );
                };
                Self::remote(target, &token, pause)
            }
            None => Self::local(target).await,
        }
    }

    /// A running server at the target's address.
    pub(crate) fn with_token(target: &Target, token: &str) -> anyhow::Result<Self> {
        Self::remote(target, token, PAUSE)
    }

    fn remote(target: &Target, token: &str, pause: Duration) -> anyhow::Result<Self> {
        let url = target.url.as_deref().context("no address of a server")?;
        let roots: Vec<_> = target.ca.as_deref().into_iter().collect();
        let http = crate::tls::http_client(&roots, pause)?;
        Ok(Self(Kind::Remote {
            http,
            base: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }))
    }

    async fn local(target: &Target) -> anyhow::Result<Self> {
        let defaults: Config = match crate::config::read("", &|_| None) {
            Ok(loaded) => loaded.config,
            Err(_) => bail!("the default configuration is faulty"),
        };
        let Some(data_dir) = target.data_dir.clone() else {
            let message = "give --data-dir DIR or --url URL (or WARDLINE_DATA_DIR, WARDLINE_URL)";
            return Err(UsageError(message.to_owned()).into());
        };
        if !target.create && !data_dir.join("FORMAT").try_exists()? {
            bail!(
                "{} is no data directory: it has no FORMAT file",
                data_dir.display()
            );
        }
        let core = Core::open(Options {
            data_dir,
            site: None,
            flush_every: defaults.store.flush_every,
            query_timeout: defaults.store.query_timeout,
            ahead: defaults.intake.ahead,
            limits: Limits {
                messages: defaults.intake.quarantine_messages,
                bytes: defaults.intake.quarantine_bytes,
            },
            waveforms: None,
            gateways: None,
            routes: Vec::new(),
            rules: None,
            routing: None,
            destinations: None,
        })
        .await?;
        let secret = format!("local-{:032x}", rand::random::<u128>());
        let principal = Principal {
            name: local_name(),
            role: Role::Admin,
        };
        let live = core.live.picture();
        let adapter = Adapter {
            store: core.store.clone(),
            registry: core.registry.clone(),
            pipeline: core.pipeline.clone(),
            applied: core.applied.clone(),
            asker: core.asker.clone(),
            outbox: core.outbox.clone(),
            copies: core.copies.clone(),
            mappings: core.mappings.clone(),
            told: core.told.clone(),
            gateways: gateways(&core, &defaults).into(),
            routes: wardline_ingest::Routes::new(Vec::new())?.into(),
            sources: Sources {
                metrics: core.metrics.clone(),
                store: core.store.clone(),
                registry: core.registry.clone(),
                mappings: core.mappings.clone(),
                ingest: None,
                live: live.clone(),
            },
            changes: std::sync::Arc::default(),
            links: std::sync::Arc::default(),
            export_timeout: defaults.store.export_timeout,
            local: Some((secret.clone(), principal)),
        };
        let settings = wardline_dashboard::Config::new(crate::clock::now);
        let router = wardline_dashboard::router(settings, std::sync::Arc::new(adapter), live);
        Ok(Self(Kind::Local {
            core: Box::new(core),
            drain: defaults.intake.drain,
            router,
            secret,
        }))
    }

    /// Sends a request; an answer that is no success becomes an error with the server's words.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        accept: &str,
    ) -> anyhow::Result<Answer> {
        let answer = match &self.0 {
            Kind::Remote { http, base, token } => {
                let method = reqwest::Method::from_bytes(method.as_bytes())?;
                let mut request = http
                    .request(method, format!("{base}{path}"))
                    .bearer_auth(token)
                    .header("accept", accept);
                if let Some(body) = body {
                    request = request
                        .header("content-type", "application/json")
                        .body(body);
                }
                let response = request
                    .send()
                    .await
                    .with_context(|| format!("cannot reach {base}"))?;
                let status = response.status();
                Answer {
                    status,
                    body: response.bytes_stream().map_err(anyhow::Error::from).boxed(),
                }
            }
            Kind::Local { router, secret, .. } => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("host", "localhost")
                    .header("authorization", format!("Bearer {secret}"))
                    .header("accept", accept)
                    .header("content-type", "application/json")
                    .body(body.map_or_else(Body::empty, Body::from))?;
                let response = router.clone().oneshot(request).await?;
                let status = response.status();
                let body = response.into_body().into_data_stream();
                Answer {
                    status,
                    body: body.map_err(anyhow::Error::from).boxed(),
                }
            }
        };
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(answer.refusal().await)
        }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, None, "application/json")
            .await?
            .json()
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: String) -> anyhow::Result<Value> {
        self.send("POST", path, Some(body), "application/json")
            .await?
            .json()
            .await
    }

    /// The entries of a list, page after page.
    pub(crate) async fn list(&self, path: &str, most: usize) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mark = after
                .map(|after| format!("&after={}", encode(&after)))
                .unwrap_or_default();
            let page = self
                .get(&format!("{path}{separator}limit={}{mark}", most.min(500)))
                .await?;
            items.extend(
                page.get("items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            );
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self.0 {
            Kind::Remote { .. } => Ok(()),
            Kind::Local {
                core,
                drain,
                router,
                ..
            } => {
                drop(router);
                core.close(drain).await
            }
        }
    }
}

impl Answer {
    pub(crate) async fn bytes(self) -> anyhow::Result<Vec<u8>> {
        self.body
            .try_fold(Vec::new(), async |mut all, part| {
                all.extend_from_slice(&part);
                Ok(all)
            })
            .await
    }

    pub(crate) fn stream(self) -> BoxStream<'static, anyhow::Result<Bytes>> {
        self.body
    }

    pub(crate) async fn json(self) -> anyhow::Result<Value> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&bytes).context("the answer is no JSON")
        }
    }

    async fn refusal(self) -> anyhow::Error {
        let status = self.status;
        let words = match self.json().await {
            Ok(body) => body
                .pointer("/error/message")
                .or_else(|| body.get("detail"))
                .or_else(|| body.get("message"))
                .and_then(Value::as_str)
                .map_or_else(|| body.to_string(), str::to_owned),
            Err(_) => String::new(),
        };
        anyhow::anyhow!("{words} ({})", status.as_u16())
    }
}

/// Codes and certificates on a directory that nobody serves; a command has nobody to go to.
fn gateways(core: &Core, defaults: &Config) -> Gateways {
    let registry = &core.registry;
    let settings = gateways::Settings {
        life: defaults.enrolment.certificate_life,
        code_life: defaults.enrolment.code_life,
        fingerprint: None,
        trust: None,
    };
    let keeper = Keeper::new(registry.clone()).into();
    Gateways::new(registry.clone(), keeper, settings, None)
}

/// Who acts, as audit records it.
fn local_name() -> String {
    format!(
        "local:{}",
        std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned())
    )
}

/// A value as part of a URL's query.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
