//! A router's state as bytes: JSON, private to this crate, with a format number. Numbers are kept by their bits.

use super::Router;
use super::state::State;
use crate::engine::alert::exact_option;
use crate::routing::Routing;
use crate::{
    AlertEvent, Class, EventKind, LimitSource, Priority, Reason, State as AlertState, Subject,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Grows when the state's form changes.
const FORMAT: u32 = 1;

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("checkpoint of the routing has format {found}, this version reads {expected}")]
    Version { found: u32, expected: u32 },
    #[error("checkpoint of the routing is damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, Deserialize)]
struct Head {
    format: u32,
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    format: u32,
    routing: Option<&'a str>,
    state: &'a State,
}

#[derive(Debug, Deserialize)]
struct Snapshot {
    routing: Option<String>,
    state: State,
}

/// An [`AlertEvent`], field by field.
#[derive(Debug, Serialize, Deserialize)]
#[serde(remote = "AlertEvent")]
pub(super) struct Mirror {
    seq: u64,
    ordinal: u32,
    alert_id: String,
    rule_id: String,
    rule_version: String,
    subject: Subject,
    device_id: Option<String>,
    class: Class,
    priority: Priority,
    event: EventKind,
    state: AlertState,
    acknowledged_by: Option<String>,
    acknowledged_at: Option<Micros>,
    silenced_until: Option<Micros>,
    escalation_level: u32,
    onset: Micros,
    ended: Option<Micros>,
    event_time: Micros,
    processed_time: Micros,
    #[serde(with = "exact_option")]
    value: Option<f64>,
    unit: Option<String>,
    message: String,
    evidence: Vec<String>,
    page: bool,
    reason: Option<Reason>,
    escalate_to: Option<String>,
    repeats: u32,
    latched: bool,
    silenced_by: Option<String>,
    #[serde(with = "exact_option")]
    limit_low: Option<f64>,
    #[serde(with = "exact_option")]
    limit_high: Option<f64>,
    limit_source: Option<LimitSource>,
}

impl Router {
    /// Everything [`Router::restore`] needs to go on after the last input. Equal states give equal bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let written = Written {
            format: FORMAT,
            routing: self.routing.as_ref().map(|routing| routing.text()),
            state: &self.state,
        };
        serde_json::to_vec(&written).expect("the snapshot has text keys only and no fallible value")
    }

    /// The router that wrote the checkpoint. A file that this version refuses is no longer in force
    /// ([`Router::refused`]); what is open is kept.
    ///
    /// # Errors
    /// Damaged, or written by a version with another format.
    pub fn restore(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |error: serde_json::Error| Error::Damaged(error.to_string());
        let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(Error::Version {
                found: format,
                expected: FORMAT,
            });
        }
        let snapshot: Snapshot = serde_json::from_slice(bytes).map_err(damaged)?;
        let mut state = snapshot.state;
        state.timers = state
            .groups
            .iter()
            .filter_map(|(id, group)| Some((group.next()?, id.clone())))
            .collect();
        let mut router = Self {
            state,
            ..Self::default()
        };
        match snapshot.routing.map(|text| Routing::parse(&text)) {
            None => {}
            Some(Ok(routing)) => router.routing = Some(Arc::new(routing)),
            Some(Err(faults)) => {
                router.release();
                let first = faults.first().map(ToString::to_string);
                router.refused = Some(first.unwrap_or_default());
            }
        }
        Ok(router)
    }
}
