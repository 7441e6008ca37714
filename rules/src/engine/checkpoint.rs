//! The engine's state as bytes: JSON, private to this crate, with a format number.
//!
//! Indices are not in it; they follow from the state. Numbers are kept by their bits.

use super::Engine;
use super::context::{Context, Key, Stats, Timer};
use super::gateway::Gateways;
use super::limits::{self, Limits};
use super::monitor::Monitors;
use super::plan::{Kind, Plan};
use super::silence::Silences;
use super::standing::Standings;
use super::state::{Groups, Subject};
use crate::{PatientAttributes, RuleSet};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Grows when the state's form changes.
const FORMAT: u32 = 1;

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("checkpoint has format {found}, this version reads {expected}")]
    Version { found: u32, expected: u32 },
    #[error("checkpoint is damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    format: u32,
    clock: Micros,
    unwatched: Micros,
    seq: u64,
    ordinal: u32,
    rules: String,
    stats: Stats,
    attributes: Vec<PatientAttributes>,
    timers: Vec<Timer>,
    subjects: Vec<(Kind, Subject)>,
    #[serde(default)]
    monitors: Monitors,
    #[serde(default)]
    gateways: Gateways,
    #[serde(default)]
    standing: Standings,
    #[serde(default)]
    silences: Silences,
    #[serde(default)]
    limits: limits::Kept,
}

impl Engine {
    /// Everything [`Engine::restore`] needs to go on after the last input. Equal states give equal bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let ctx = &self.ctx;
        let mut attributes: Vec<PatientAttributes> = ctx.attributes.values().cloned().collect();
        attributes.sort_by(|a, b| a.id.cmp(&b.id));
        let subjects = self
            .groups
            .keys()
            .iter()
            .filter_map(|Key { kind, id }| {
                self.groups
                    .peek(*kind, id)
                    .map(|subject| (*kind, subject.clone()))
            })
            .collect();
        let snapshot = Snapshot {
            format: FORMAT,
            clock: ctx.clock,
            unwatched: ctx.unwatched,
            seq: ctx.seq,
            ordinal: ctx.ordinal,
            rules: ctx.plan.set.text().to_owned(),
            stats: ctx.stats,
            attributes,
            timers: ctx.timers.iter().cloned().collect(),
            subjects,
            monitors: self.monitors.clone(),
            gateways: self.gateways.clone(),
            standing: self.standing.clone(),
            silences: ctx.silences.clone(),
            limits: ctx.limits.keep(),
        };
        serde_json::to_vec(&snapshot)
            .expect("the snapshot has text keys only and no fallible value")
    }

    /// The engine that wrote the checkpoint.
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
        let rules = RuleSet::parse(&snapshot.rules).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            Error::Damaged(format!("its rules: {first}"))
        })?;
        let plan = Arc::new(Plan::new(Arc::new(rules)));
        let mut groups = Groups::default();
        for (kind, subject) in snapshot.subjects {
            if !subject.fits(&plan) {
                return Err(Error::Damaged(
                    "its state does not fit its rules".to_owned(),
                ));
            }
            groups.insert(kind, subject);
        }
        let attributes: HashMap<String, PatientAttributes> = snapshot
            .attributes
            .into_iter()
            .map(|known| (known.id.clone(), known))
            .collect();
        let mut ctx = Context {
            clock: snapshot.clock,
            unwatched: snapshot.unwatched,
            seq: snapshot.seq,
            ordinal: snapshot.ordinal,
            plan,
            timers: snapshot.timers.into_iter().collect(),
            attributes,
            silences: snapshot.silences,
            limits: Limits::restored(snapshot.limits),
            stats: snapshot.stats,
            ..Context::default()
        };
        let keys = groups.keys();
        for key in keys {
            let Some(subject) = groups.get(key.kind, &key.id) else {
                continue;
            };
            subject.note_told(&ctx.plan);
            ctx.adopt(&key, subject);
            ctx.index(&key, subject);
            if key.kind == Kind::Device {
                ctx.wearer(subject);
            }
        }
        let mut engine = Self {
            groups,
            ctx,
            monitors: snapshot.monitors,
            gateways: snapshot.gateways,
            standing: snapshot.standing,
        };
        engine.standing.adopt(&mut engine.ctx);
        engine.restore_limits();
        Ok(engine)
    }
}
