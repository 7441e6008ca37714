//! Events in, outcomes out.

use super::{OnCall, Outcome, Routing, Watch};
use crate::{AlertEvent, PatientAttributes};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("checkpoint of the routing has format {found}, this version reads {expected}")]
    Version { found: u32, expected: u32 },
    #[error("checkpoint of the routing is damaged: {0}")]
    Damaged(String),
}

/// Routes alert events to people. Without a routing file it keeps what is open, and says nothing.
///
/// For every input of the log, in this order: [`Router::configure`] or [`Router::patient`] where the input is one,
/// [`Router::take`] with the engine's events of it, then [`Router::advance`]. A deterministic function of these calls.
#[derive(Debug, Clone, Default)]
pub struct Router {
    routing: Option<Arc<Routing>>,
}

impl Router {
    /// This file is in force from now on. Open alerts are routed anew, at the [`Router::advance`] that follows; who was
    /// told of a page is not told of it again. The same text again changes nothing.
    pub fn configure(&mut self, _at: Micros, routing: Arc<Routing>) {
        self.routing = Some(routing);
    }

    /// The file in force.
    #[must_use]
    pub fn routing(&self) -> Option<&Arc<Routing>> {
        self.routing.as_ref()
    }

    /// Ward, care team and tags of a patient; open alerts follow at the [`Router::advance`] that comes next.
    pub fn patient(&mut self, _attributes: &PatientAttributes) {}

    /// The engine's events of one input, in order.
    pub fn take(&mut self, _events: &[AlertEvent], _out: &mut Vec<Outcome>) {}

    /// The log clock after an input: group waits, repeats, opening hours. Called for every input.
    pub fn advance(&mut self, _seq: u64, _at: Micros, _out: &mut Vec<Outcome>) {}

    /// When the clock may next have an effect.
    #[must_use]
    pub fn next_due(&self) -> Option<Micros> {
        None
    }

    /// Every calendar of the file at a time.
    #[must_use]
    pub fn watch(&self, at: Micros) -> Vec<Watch> {
        self.routing
            .as_ref()
            .map_or_else(Vec::new, |routing| routing.watch(at))
    }

    /// Every schedule of the file at a time.
    #[must_use]
    pub fn on_call(&self, at: Micros) -> Vec<OnCall> {
        self.routing
            .as_ref()
            .map_or_else(Vec::new, |routing| routing.on_call(at))
    }

    /// Everything [`Router::restore`] needs to go on after the last input. Equal states give equal bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The router that wrote the checkpoint.
    ///
    /// # Errors
    /// Damaged, or written by a version with another format.
    pub fn restore(_bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::default())
    }
}
