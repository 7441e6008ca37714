//! What handlers return: an answer with the patients it touches, or a failure.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use crate::audit::Trail;
use crate::backend::BackendError;

/// Whose data an answer holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) patients: BTreeSet<String>,
    /// The answer may rest on any patient's data.
    pub(crate) any: bool,
}

impl Touched {
    pub(crate) fn one(patient: impl Into<String>) -> Self {
        Self {
            patients: BTreeSet::from([patient.into()]),
            any: false,
        }
    }
}

impl<S: Into<String>> FromIterator<S> for Touched {
    fn from_iter<I: IntoIterator<Item = S>>(patients: I) -> Self {
        Self {
            patients: patients.into_iter().map(Into::into).collect(),
            any: false,
        }
    }
}

type StartStream = Box<dyn FnOnce(Trail) -> Body + Send>;

pub(crate) enum ReplyBody {
    Full(Bytes),
    /// Begins once the audit record is written; later patients go through the trail.
    Stream(StartStream),
}

/// An answer, held back until it is audited.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
    pub(crate) touched: Touched,
    /// What was asked, when it did not come in the query string.
    pub(crate) asked: Option<String>,
    /// Who asked, where no token says it.
    pub(crate) actor: Option<String>,
}

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self {
            status,
            headers,
            body: ReplyBody::Full(body.into()),
            touched: Touched::default(),
            asked: None,
            actor: None,
        }
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::new(StatusCode::OK, "application/json", value.to_string())
    }

    pub(crate) fn created(value: &Value) -> Self {
        Self::new(StatusCode::CREATED, "application/json", value.to_string())
    }

    pub(crate) fn empty() -> Self {
        let mut reply = Self::new(StatusCode::NO_CONTENT, "application/json", Bytes::new());
        reply.headers.clear();
        reply
    }

    pub(crate) fn stream(content_type: &'static str, start: StartStream) -> Self {
        let mut reply = Self::new(StatusCode::OK, content_type, Bytes::new());
        reply.body = ReplyBody::Stream(start);
        reply
    }

    pub(crate) fn touching(mut self, touched: Touched) -> Self {
        self.touched = touched;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// Why there is no answer. `code` is a FHIR issue type and, in the API, the last part of a problem's type.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("{what} not found"),
        )
    }

    pub(crate) fn internal(detail: &str) -> Self {
        tracing::error!(detail, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "exception",
            "internal error; see the server's log",
        )
    }

    pub(crate) fn busy(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "throttled", detail)
            .with(header::RETRY_AFTER, HeaderValue::from_static("2"))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body: an OperationOutcome under `/fhir/`, else a problem document (RFC 9457).
    pub(crate) fn into_reply(self, fhir: bool) -> Reply {
        let mut reply = if fhir {
            let body = crate::fhir::outcome("error", self.code, &self.detail);
            Reply::new(self.status, crate::fhir::CONTENT_TYPE, body.to_string())
        } else {
            let body = serde_json::json!({
                "type": format!("urn:wardline:problem:{}", self.code),
                "title": self.status.canonical_reason().unwrap_or("error"),
                "status": self.status.as_u16(),
                "detail": self.detail,
            });
            Reply::new(self.status, "application/problem+json", body.to_string())
        };
        reply.headers.extend(
            self.headers
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        reply
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let detail = error.to_string();
        match error {
            BackendError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not-found", detail),
            BackendError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            BackendError::Invalid(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "processing", detail)
            }
            BackendError::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "transient", detail)
                    .with(header::RETRY_AFTER, HeaderValue::from_static("2"))
            }
            BackendError::Internal(_) => Self::internal(&detail),
        }
    }
}
