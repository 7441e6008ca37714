//! Links that acknowledge: who holds one may acknowledge the alerts it names, once, for an hour.
//!
//! The secret is 256 random bits, as that of an API token but with a prefix of its own; its SHA-256
//! alone is stored. An unknown, a used and an expired link are told apart by nobody: each answers
//! as if it never was. Rows are pruned a thousand at a time, a day after they expired, when another
//! is made; who acknowledged what stays in the alert's events.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::token::Secret;
use super::{Error, Micros, Registry, Result, Touch, db, id};

/// Longest life of a link.
pub const ACK_LIFE: Micros = 3_600_000_000;
/// How long a row is kept after it expired.
const KEEP: Micros = 86_400_000_000;
/// Rows pruned at a time.
const PRUNE: i64 = 1_000;
/// Most alerts of one link: a group's.
const MAX_ALERTS: usize = 1_000;

/// What a link stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckToken {
    /// Ids of the alerts it acknowledges.
    pub alerts: Vec<String>,
    /// Id of the person it was sent to.
    pub recipient: Option<String>,
    /// Name of the receiver that carried it.
    pub channel: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it stops being good.
    pub expires_at: Micros,
    /// When it was used: set by the use itself.
    pub used_at: Option<Micros>,
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<AckToken> {
    Ok(AckToken {
        alerts: db::texts(row, 0)?,
        recipient: row.get(1)?,
        channel: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        used_at: row.get(5)?,
    })
}

const COLUMNS: &str = "alerts, recipient, channel, created_at, expires_at, used_at";

/// The hash alone decides what is looked up: whatever was sent costs the same.
fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn insert(conn: &Connection, secret: &Secret, token: &AckToken, now: Micros) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM ack_token WHERE hash IN
           (SELECT hash FROM ack_token WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
    )?
    .execute(params![now.saturating_sub(KEEP), PRUNE])?;
    conn.prepare_cached(
        "INSERT INTO ack_token (hash, alerts, recipient, channel, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        hash(secret.expose()),
        db::json(&token.alerts),
        token.recipient,
        token.channel,
        token.created_at,
        token.expires_at
    ])?;
    Ok(())
}

impl Registry {
    /// Makes a link for these alerts and this recipient, good for `ttl` and at most [`ACK_LIFE`].
    ///
    /// # Errors
    /// No alert is named, or too many; the database failed.
    pub fn mint_ack(
        &self,
        alerts: &[String],
        recipient: Option<&str>,
        channel: &str,
        now: Micros,
        ttl: Micros,
    ) -> Result<Secret> {
        id::check_text("acknowledgement link", "channel", channel)?;
        id::check_text_option("acknowledgement link", "recipient", recipient)?;
        if !(1..=MAX_ALERTS).contains(&alerts.len()) {
            return Err(Error::invalid(
                "acknowledgement link",
                "alerts",
                format!("must be 1 to {MAX_ALERTS}"),
            ));
        }
        let secret = Secret::for_acknowledging();
        let token = AckToken {
            alerts: alerts.to_vec(),
            recipient: recipient.map(str::to_owned),
            channel: channel.to_owned(),
            created_at: now,
            expires_at: now.saturating_add(ttl.clamp(0, ACK_LIFE)),
            used_at: None,
        };
        self.write(Touch::NOTHING, |conn| insert(conn, &secret, &token, now))?;
        Ok(secret)
    }

    /// What a good link stands for; none when it is unknown, used or expired. Changes nothing.
    ///
    /// # Errors
    /// The database failed.
    pub fn ack_token(&self, secret: &str, now: Micros) -> Result<Option<AckToken>> {
        self.read(|conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM ack_token
                 WHERE hash = ? AND used_at IS NULL AND expires_at > ?"
            );
            Ok(conn
                .prepare_cached(&sql)?
                .query_row(params![hash(secret), now], read_row)
                .optional()?)
        })
    }

    /// Uses a link up. Of two at once, one succeeds.
    ///
    /// # Errors
    /// [`Error::Spent`] when it is unknown, used or expired.
    pub fn use_ack(&self, secret: &str, now: Micros) -> Result<AckToken> {
        self.write(Touch::NOTHING, |conn| {
            let sql = format!(
                "UPDATE ack_token SET used_at = ?2
                 WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2 RETURNING {COLUMNS}"
            );
            conn.prepare_cached(&sql)?
                .query_row(params![hash(secret), now], read_row)
                .optional()?
                .ok_or(Error::Spent)
        })
    }
}
