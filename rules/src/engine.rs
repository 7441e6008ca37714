//! The engine: inputs of the log in, alert events out.

use crate::{AlertEvent, Input, Subject};
use wardline_normalize::time::Micros;

/// Key groups: the unit of parallelism in one process, of distribution among several (design section 4.7).
pub const KEY_GROUPS: u8 = 128;

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("checkpoint has format {found}, this version reads {expected}")]
    Version { found: u32, expected: u32 },
    #[error("checkpoint is damaged: {0}")]
    Damaged(String),
}

/// The key group of a subject: stable over versions and machines.
#[must_use]
pub fn key_group(subject: &Subject) -> u8 {
    let seed = match subject {
        Subject::Patient(_) => 1,
        Subject::Device(_) => 2,
        Subject::Gateway(_) => 3,
    };
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(subject.id().as_bytes(), seed);
    (hash % u64::from(KEY_GROUPS)) as u8
}

/// Rules and their state. A deterministic function of its inputs; see the crate's front page.
#[derive(Debug, Default)]
pub struct Engine {
    clock: Micros,
}

impl Engine {
    /// An engine without rules: the first input is usually [`Input::RuleSet`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the record at log position `seq` and appends what follows from it to `out`.
    pub fn apply(&mut self, _seq: u64, _input: &Input<'_>, _out: &mut Vec<AlertEvent>) {}

    /// Everything [`Engine::restore`] needs to go on after the last input.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        self.clock.to_le_bytes().to_vec()
    }

    /// The engine that wrote the checkpoint.
    ///
    /// # Errors
    /// Damaged, or written by a version with another format.
    pub fn restore(_bytes: &[u8]) -> Result<Self, Error> {
        Err(Error::Version {
            found: 0,
            expected: 1,
        })
    }
}
