//! Every route, its method, role and audit action, in one table.
//!
//! The router, the OpenAPI document, the answers 404 and 405 and the access tests all come from here.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::{MethodFilter, MethodRouter};
use futures::future::BoxFuture;

use crate::app::{App, Call};
use crate::backend::{AuditKind, Role};
use crate::dispatch::dispatch;
use crate::reply::{Failure, Reply};

pub(crate) use table::TABLE;

pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Reply, Failure>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Delete => MethodFilter::DELETE,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing about patients: health, the files of the screen, the authority's public papers.
    Open,
    /// No token: the request carries a code or a proof of its own. Bounded in attempts, and audited.
    Enrol,
    /// No token: the link's own proves it. Audited with `link:` and whom it was sent to as the actor.
    Link,
    /// As [`Role::Read`] unless the configuration opens it.
    Metrics,
    /// This role or a stronger one.
    Role(Role),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Usual,
    Sql,
    /// Copies everything: as long as the disk needs.
    Copy,
    /// The answer goes on; only its start is bounded in time.
    Stream,
}

#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) kind: AuditKind,
    /// Also the OpenAPI operation id.
    pub(crate) action: &'static str,
    pub(crate) summary: &'static str,
    /// Query parameters with their meaning.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// Unknown parameters are refused before the handler runs.
    pub(crate) strict_query: bool,
    /// Schema of the JSON body.
    pub(crate) body: Option<&'static str>,
    /// Schema of the JSON answer, or a content type.
    pub(crate) answer: &'static str,
    pub(crate) pace: Pace,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) fn is_unknown(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether it must run to its end once begun.
    pub(crate) fn changes(&self) -> bool {
        matches!(
            self.kind,
            AuditKind::Create | AuditKind::Update | AuditKind::Delete | AuditKind::Command
        )
    }

    fn serves(&self, path: &str) -> bool {
        let mut template = self.path.split('/');
        let mut path = path.split('/');
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(name), Some(part))
                    if name == part || name.starts_with('{') && !part.is_empty() => {}
                _ => return false,
            }
        }
    }
}

/// Methods served at a path.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    TABLE
        .iter()
        .filter(|route| route.serves(path))
        .map(|route| route.method.as_str())
        .collect()
}

/// What no route serves: an answer only for those with a token.
static UNKNOWN: Route = Route {
    method: Method::Get,
    path: "",
    access: Access::Role(Role::Read),
    kind: AuditKind::Read,
    action: "unknown",
    summary: "",
    query: &[],
    strict_query: false,
    body: None,
    answer: "",
    pace: Pace::Usual,
    handler: crate::dispatch::unknown,
};

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&str, MethodRouter<Arc<App>>> = BTreeMap::new();
    for route in TABLE {
        let handler = move |State(app): State<Arc<App>>, request: Request<Body>| {
            dispatch(app, route, request)
        };
        let methods = paths
            .remove(route.path)
            .unwrap_or_default()
            .on(route.method.filter(), handler);
        paths.insert(route.path, methods);
    }
    let unknown =
        |State(app): State<Arc<App>>, request: Request<Body>| dispatch(app, &UNKNOWN, request);
    let mut router = Router::new();
    for (path, methods) in paths {
        router = router.route(path, methods);
    }
    router
        .method_not_allowed_fallback(unknown)
        .fallback(unknown)
        .with_state(app)
}
