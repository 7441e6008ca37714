//! The hash chain: `hash(n) = SHA-256(hash(n-1) ‖ columns of row n)`.
//!
//! Columns are hashed as stored, each with its type and length before it, so that no two rows
//! have the same bytes. The hash before row 1 is that of the installation id.

use std::fmt::Write as _;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::{COLUMNS, Registry, Result};
use crate::registry::setting;

/// What [`Registry::verify_audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Sound rows from the first on.
    pub rows: u64,
    /// SHA-256, in hex, of the chain up to the last sound row. Keep it elsewhere: a later report
    /// whose row of this number has another hash is of a rewritten chain.
    pub head: String,
    /// Number of the first row that does not fit, and why.
    pub fault: Option<(i64, String)>,
}

/// Rows read at once by the check, so that it holds a reader for milliseconds only.
const CHUNK: i64 = 1_000;

/// The hash of one row after `before`.
pub(super) fn link<'a>(before: &[u8; 32], columns: impl Iterator<Item = ValueRef<'a>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    for column in columns {
        let (kind, number);
        let bytes: &[u8] = match column {
            ValueRef::Null => {
                kind = 0;
                &[]
            }
            ValueRef::Integer(value) => {
                kind = 1;
                number = value.to_le_bytes();
                &number
            }
            ValueRef::Real(value) => {
                kind = 2;
                number = value.to_le_bytes();
                &number
            }
            ValueRef::Text(text) => {
                kind = 3;
                text
            }
            ValueRef::Blob(blob) => {
                kind = 4;
                blob
            }
        };
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

fn genesis(conn: &Connection) -> Result<[u8; 32]> {
    Ok(Sha256::digest(setting::installation(conn)?).into())
}

/// Number and hash of a row.
pub(super) type Link = (i64, [u8; 32]);

/// The last row.
pub(super) fn last(conn: &Connection) -> Result<Link> {
    let found = conn
        .prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map_or_else(|| Ok((0, genesis(conn)?)), Ok)
}

/// What a part of the chain showed.
struct Checked {
    /// The last row that fits.
    sound: Link,
    /// Whether rows may follow.
    more: bool,
    fault: Option<(i64, String)>,
}

/// Checks at most [`CHUNK`] rows after `sound`.
fn check_chunk(conn: &Connection, mut sound: Link) -> Result<Checked> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE id > ? ORDER BY id LIMIT {CHUNK}");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([sound.0])?;
    let mut read = 0;
    while let Some(row) = rows.next()? {
        read += 1;
        let id: i64 = row.get(0)?;
        if id != sound.0 + 1 {
            let fault = (sound.0 + 1, format!("is missing; the next is {id}"));
            return Ok(Checked {
                sound,
                more: false,
                fault: Some(fault),
            });
        }
        let columns = (0..15)
            .map(|i| row.get_ref(i))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let hash = link(&sound.1, columns.into_iter());
        if row.get_ref(15)?.as_blob().ok() != Some(&hash[..]) {
            let fault = Some((id, "does not fit its hash".to_owned()));
            return Ok(Checked {
                sound,
                more: false,
                fault,
            });
        }
        sound = (id, hash);
    }
    if read == CHUNK {
        return Ok(Checked {
            sound,
            more: true,
            fault: None,
        });
    }
    // The counter of row numbers outlives rows cut off at the end.
    let given: Option<i64> = conn
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'audit'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let fault = given.filter(|given| *given > sound.0).map(|given| {
        (
            sound.0 + 1,
            format!("is missing; rows up to {given} were written"),
        )
    });
    Ok(Checked {
        sound,
        more: false,
        fault,
    })
}

impl Registry {
    /// Reads the whole chain and finds the first row that was edited, removed or inserted.
    ///
    /// # Errors
    /// The database failed; a row that does not fit is no error but a finding.
    pub fn verify_audit(&self) -> Result<AuditReport> {
        let mut sound = self.read(|conn| Ok((0, genesis(conn)?)))?;
        loop {
            let Checked {
                sound: next,
                more,
                fault,
            } = self.read(|conn| check_chunk(conn, sound))?;
            sound = next;
            if !more {
                let rows = u64::try_from(sound.0).unwrap_or(0);
                return Ok(AuditReport {
                    rows,
                    head: hex(&sound.1),
                    fault,
                });
            }
        }
    }
}
