//! Alerts and the messages about them: DetectedIssue, Flag, Task and Communication, read and searched.
//!
//! The resources are written by `wardline_normalize::fhir::alert`; docs/fhir-alerts.md says what they tell. Only what is
//! about patients is served here: alerts of devices and gateways are on `/api/v1/alerts` alone.

mod item;
mod query;
mod read;
mod search;

pub(crate) use query::parameters;

use axum::http::StatusCode;

use crate::app::Call;
use crate::reply::{Failure, Reply};

/// The types served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    DetectedIssue,
    Flag,
    Communication,
    Task,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [
        Self::DetectedIssue,
        Self::Flag,
        Self::Communication,
        Self::Task,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DetectedIssue => "DetectedIssue",
            Self::Flag => "Flag",
            Self::Communication => "Communication",
            Self::Task => "Task",
        }
    }
}

/// The type that the route's path names.
fn kind(call: &Call) -> Result<Kind, Failure> {
    let mut parts = call.route.path.split('/').skip(3);
    let name = parts.next().unwrap_or_default();
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "not-found", "no such resource type"))
}

/// `GET …/{type}/{id}`.
pub(crate) async fn read(call: Call) -> Result<Reply, Failure> {
    let kind = kind(&call)?;
    read::read(call, kind).await
}

/// `GET …/{type}` and `POST …/{type}/_search`.
pub(crate) async fn search(call: Call) -> Result<Reply, Failure> {
    let kind = kind(&call)?;
    search::search(call, kind).await
}
