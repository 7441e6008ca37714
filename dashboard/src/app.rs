//! What every request shares, and what one request is.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::backend::{Backend, Micros, Principal};
use crate::config::Config;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::params::Params;
use crate::reply::Failure;
use crate::routes::Route;
use crate::throttle::Throttle;

/// Lines of the log a minute that tell of refused logins, all addresses together.
const LOGIN_LINES: u32 = 20;

/// What every request shares.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Metrics,
    pub(crate) throttle: Throttle,
    /// Refused enrolments per address.
    pub(crate) enrolments: Throttle,
    /// Links that were not good, per address.
    pub(crate) links: Throttle,
    /// Bounds the lines of the log that tell of refused logins.
    pub(crate) told: Throttle,
    pub(crate) requests: Semaphore,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
}

impl App {
    pub(crate) fn new(
        config: Config,
        backend: Arc<dyn Backend>,
        live: Arc<Live>,
        shutdown: CancellationToken,
    ) -> Self {
        let limits = &config.limits;
        let window = Micros::try_from(limits.failure_window.as_micros()).unwrap_or(Micros::MAX);
        Self {
            throttle: Throttle::new(limits.failures, window),
            enrolments: Throttle::new(limits.enrolments, window),
            links: Throttle::new(limits.failures, window),
            told: Throttle::new(LOGIN_LINES, window),
            requests: Semaphore::new(limits.requests),
            streams: Arc::new(Semaphore::new(limits.streams)),
            metrics: Metrics::new(),
            config,
            backend,
            live,
            shutdown,
        }
    }

    pub(crate) fn now(&self) -> Micros {
        (self.config.clock)()
    }
}

/// How a connection reached us; set by the server on every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    pub(crate) tls: bool,
}

/// A token as sent. Never printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

/// One authenticated request.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) route: &'static Route,
    /// `None` on open routes only.
    pub(crate) principal: Option<Principal>,
    pub(crate) secret: Option<Secret>,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) tls: bool,
    /// Where it came from; none within this process.
    pub(crate) peer: Option<IpAddr>,
    /// In a mutex only so that a shared call can cross threads; nobody locks it.
    pub(crate) body: Mutex<Body>,
}

impl Call {
    /// Who asks; handlers of guarded routes only.
    pub(crate) fn principal(&self) -> Result<&Principal, Failure> {
        self.principal
            .as_ref()
            .ok_or_else(|| Failure::internal("a guarded route ran without a principal"))
    }

    pub(crate) fn query(&self) -> Result<Params, Failure> {
        Params::parse(self.uri.query().unwrap_or_default())
    }

    /// The path's segment at the template's first `{…}`.
    pub(crate) fn id(&self) -> Result<String, Failure> {
        self.segment(|name| name.starts_with('{'))
    }

    /// The path's segment at this name of the template, braces included.
    pub(crate) fn part(&self, wanted: &str) -> Result<String, Failure> {
        self.segment(|name| name == wanted)
    }

    fn segment(&self, wanted: impl Fn(&str) -> bool) -> Result<String, Failure> {
        let template = self.route.path.split('/');
        let found = template
            .zip(self.uri.path().split('/'))
            .find(|(name, _)| wanted(name));
        match found {
            Some((_, id)) if crate::params::is_id(id) => Ok(id.to_owned()),
            _ => Err(Failure::not_found("id")),
        }
    }

    pub(crate) async fn bytes(&mut self) -> Result<Bytes, Failure> {
        let limit = self.app.config.limits.body;
        let body = std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner));
        axum::body::to_bytes(body, limit).await.map_err(|_| {
            Failure::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-costly",
                format!("the body could not be read whole; at most {limit} bytes are taken"),
            )
        })
    }

    /// A JSON body. The content type must say so: browsers cannot send it across sites unasked.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        if !self.has_content_type("application/json") {
            return Err(no_json());
        }
        parsed(&self.bytes().await?)
    }

    /// A JSON body where all may be left out. No body at all says nothing; whoever sends it cannot be a page elsewhere
    /// that rides on a person's login, for a token is never sent unasked.
    pub(crate) async fn json_or_nothing<T: DeserializeOwned + Default>(
        &mut self,
    ) -> Result<T, Failure> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            Ok(T::default())
        } else if self.has_content_type("application/json") {
            parsed(&bytes)
        } else {
            Err(no_json())
        }
    }

    pub(crate) fn has_content_type(&self, wanted: &str) -> bool {
        self.header("content-type").is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn accepts(&self, kind: &str) -> bool {
        self.header("accept").is_some_and(|accept| {
            accept.split(',').any(|part| {
                part.split(';')
                    .next()
                    .is_some_and(|found| found.trim().eq_ignore_ascii_case(kind))
            })
        })
    }
}

fn no_json() -> Failure {
    Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-supported",
        "the body must be application/json",
    )
}

/// `serde_json`'s messages quote unknown field names but never values of known ones.
fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure::invalid(format!("body: {error}")))
}
