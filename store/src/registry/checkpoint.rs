//! The rule engine's checkpoint: where it stands in the log, and its state there.

use super::{Micros, Registry, Result};

/// State of the rules after the log record `position`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Last log position applied.
    pub position: u64,
    /// Version of the rule set in force.
    pub ruleset_version: String,
    /// The engine's bytes.
    pub state: Vec<u8>,
}

impl Registry {
    /// Replaces the checkpoint in one transaction; an older position than the stored one is
    /// refused, since the log before that may be gone.
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint, clock: Micros) -> Result<()> {
        unimplemented!("{checkpoint:?} {clock}")
    }

    /// The checkpoint, if there is one and its checksum fits.
    pub fn load_checkpoint(&self) -> Result<Option<Checkpoint>> {
        unimplemented!()
    }
}
