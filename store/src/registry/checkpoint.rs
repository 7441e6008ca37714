//! The rule engine's checkpoint: where it stands in the log, and its state there.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Error, Micros, Registry, Result, Touch, db};

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

fn digest(checkpoint: &Checkpoint) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(checkpoint.position.to_le_bytes());
    hash.update((checkpoint.ruleset_version.len() as u64).to_le_bytes());
    hash.update(&checkpoint.ruleset_version);
    hash.update(&checkpoint.state);
    hash.finalize().into()
}

impl Registry {
    /// Replaces the checkpoint in one transaction. Once it is stored the log below its position
    /// may be released, so an older position than the stored one is refused.
    ///
    /// # Errors
    /// The stored checkpoint is newer.
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint, clock: Micros) -> Result<()> {
        let position = db::position("checkpoint", "position", checkpoint.position)?;
        self.write(Touch::NOTHING, |conn| {
            let changed = conn
                .prepare_cached(
                    "INSERT INTO checkpoint (one, position, ruleset_version, state, sha256, saved_at)
                     VALUES (1, ?, ?, ?, ?, ?)
                     ON CONFLICT (one) DO UPDATE SET position = excluded.position,
                       ruleset_version = excluded.ruleset_version, state = excluded.state,
                       sha256 = excluded.sha256, saved_at = excluded.saved_at
                     WHERE excluded.position >= checkpoint.position",
                )?
                .execute(params![
                    position,
                    checkpoint.ruleset_version,
                    checkpoint.state,
                    digest(checkpoint),
                    clock
                ])?;
            if changed == 1 {
                Ok(())
            } else {
                Err(Error::invalid("checkpoint", "position", "is older than the stored one"))
            }
        })
    }

    /// The checkpoint, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not fit its checksum.
    pub fn load_checkpoint(&self) -> Result<Option<Checkpoint>> {
        self.read(|conn| {
            let sql = "SELECT position, ruleset_version, state, sha256 FROM checkpoint";
            let found = conn
                .prepare_cached(sql)?
                .query_row([], |row| {
                    let checkpoint = Checkpoint {
                        position: db::unsigned(row, 0)?,
                        ruleset_version: row.get(1)?,
                        state: row.get(2)?,
                    };
                    Ok((checkpoint, row.get::<_, Vec<u8>>(3)?))
                })
                .optional()?;
            let Some((checkpoint, sum)) = found else {
                return Ok(None);
            };
            if sum != digest(&checkpoint) {
                return Err(Error::Damaged {
                    what: "the rule checkpoint does not fit its checksum".to_owned(),
                });
            }
            Ok(Some(checkpoint))
        })
    }
}
