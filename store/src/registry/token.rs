//! Tokens: who may do what.
//!
//! A token's secret is 256 random bits, printed once as `wl_` and 43 characters of base64url.
//! Stored is its SHA-256 alone. A slow password hash would add nothing: it makes guessing costly
//! where people choose the secret, and 2^256 possibilities cannot be guessed at any speed; it
//! would cost a tenth of a second on every request and every connection of a gateway.
//!
//! Tokens are few (one a person, program or gateway) and are all held in memory, so a
//! verification touches no disk. The memory is replaced within the call that changes a token, so
//! a revoked token is refused from the moment `revoke_token` returns. One process at a time owns
//! a data directory (its lock), so no other can change tokens behind this memory.

mod table;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::db;
use super::{Error, Micros, Registry, Result, Touch, id, shared};

pub(super) use table::TokenTable;

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// See patients, readings and alerts.
    Read,
    /// And acknowledge alerts, assign devices, enter observations.
    Operate,
    /// And manage tokens, rules and the rest.
    Admin,
    /// Publish readings over MQTT for one site and gateway or device; nothing else.
    Publish,
}

impl Role {
    /// The word used in the registry, on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
            Self::Publish => "publish",
        }
    }

    /// From that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Operate, Self::Admin, Self::Publish]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Unique for ever, so that the audit stays clear; an opaque id. The MQTT user name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// `publish` only: the site it may publish for.
    pub site: Option<String>,
    /// `publish` only: the gateway it may publish as.
    pub gateway: Option<String>,
    /// `publish` only: the one device it may publish for; `None` is any behind the gateway.
    pub device: Option<String>,
    /// SAN URIs of client certificates that stand for this token; each for one token only.
    pub san_uris: Vec<String>,
    /// When it stops being valid.
    pub expires_at: Option<Micros>,
}

/// A token as stored; never its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Unique name, MQTT user name, actor in the audit.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Site it may publish for.
    pub site: Option<String>,
    /// Gateway it may publish as.
    pub gateway: Option<String>,
    /// The one device it may publish for.
    pub device: Option<String>,
    /// SAN URIs of client certificates that stand for it, sorted; none once it is revoked, so
    /// that a certificate can be given to its successor.
    pub san_uris: Vec<String>,
    /// When it was made.
    pub created_at: Micros,
    /// When it stops being valid.
    pub expires_at: Option<Micros>,
    /// When it was last used. Exact in this process; on disk up to ten minutes older.
    pub last_used: Option<Micros>,
    /// When it was revoked.
    pub revoked_at: Option<Micros>,
}

/// A secret that was just made. Print it once; it cannot be had again.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text to hand over, `wl_…` of a token, `wa_…` of a link that acknowledges.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Secret({}...)",
            self.0.get(..PREFIX.len()).unwrap_or_default()
        )
    }
}

/// Recognised by people and by scanners for leaked secrets.
const PREFIX: &str = "wl_";
/// The same for links that acknowledge alerts, which open nothing else.
const ACK_PREFIX: &str = "wa_";
/// Bytes of randomness in a secret.
const SECRET_BYTES: usize = 32;
/// Length of a printed secret: the prefix and base64url without padding.
const SECRET_LENGTH: usize = 3 + 43;
/// `last_used` on disk is at most this much older than the truth.
const LAST_USED_EVERY: Micros = 10 * 60 * 1_000_000;

type Hash = [u8; 32];

impl Secret {
    fn generate() -> Self {
        Self::random(PREFIX)
    }

    pub(super) fn for_acknowledging() -> Self {
        Self::random(ACK_PREFIX)
    }

    fn random(prefix: &str) -> Self {
        let bytes: [u8; SECRET_BYTES] = rand::random();
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn hash(&self) -> Hash {
        Sha256::digest(&self.0).into()
    }
}

fn check(new: &NewToken) -> Result<()> {
    id::check("token", "name", &new.name)?;
    id::check_option("token", "site", new.site.as_deref())?;
    id::check_option("token", "gateway", new.gateway.as_deref())?;
    id::check_option("token", "device", new.device.as_deref())?;
    new.san_uris
        .iter()
        .try_for_each(|uri| id::check_text("token", "san_uris", uri))?;
    let named = new.gateway.is_some() || new.device.is_some();
    match new.role {
        Role::Publish if new.site.is_none() => {
            Err(Error::invalid("token", "site", "is needed to publish"))
        }
        Role::Publish if !named => Err(Error::invalid(
            "token",
            "gateway",
            "or device is needed to publish",
        )),
        Role::Publish => Ok(()),
        _ if named || new.site.is_some() => Err(Error::invalid(
            "token",
            "role",
            "must be publish for a site, gateway or device",
        )),
        _ => Ok(()),
    }
}

fn insert(conn: &Connection, new: &NewToken, hash: &Hash, clock: Micros) -> Result<()> {
    if db::exists(conn, "SELECT 1 FROM token WHERE name = ?", [&new.name])? {
        return Err(Error::Taken {
            entity: "token",
            field: "name".to_owned(),
            other: new.name.clone(),
        });
    }
    conn.prepare_cached(
        "INSERT INTO token (name, role, hash, site, gateway, device, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.name,
        new.role.as_str(),
        hash,
        new.site,
        new.gateway,
        new.device,
        clock,
        new.expires_at
    ])?;
    for uri in &new.san_uris {
        let other: Option<String> = conn
            .prepare_cached("SELECT token FROM token_san WHERE uri = ?")?
            .query_row([uri], |row| row.get(0))
            .optional()?;
        match other {
            Some(other) if other != new.name => {
                return Err(Error::Taken {
                    entity: "token",
                    field: "san_uris".to_owned(),
                    other,
                });
            }
            Some(_) => {}
            None => {
                conn.prepare_cached("INSERT INTO token_san (uri, token) VALUES (?, ?)")?
                    .execute([uri, &new.name])?;
            }
        }
    }
    Ok(())
}

impl Registry {
    /// Makes a token and its secret.
    ///
    /// # Errors
    /// Name or SAN URI is held by another token; a publish token names no site, or neither
    /// gateway nor device; another token names one.
    pub fn create_token(&self, new: &NewToken, clock: Micros) -> Result<(Token, Secret)> {
        check(new)?;
        let secret = Secret::generate();
        self.write(Touch::TOKENS, |conn| {
            insert(conn, new, &secret.hash(), clock)
        })?;
        Ok((shared(&self.tokens).token(&new.name)?, secret))
    }

    /// Gives a token a new secret; the old one is refused from now on.
    ///
    /// # Errors
    /// No such token, or it is revoked.
    pub fn rotate_token(&self, name: &str) -> Result<Secret> {
        let secret = Secret::generate();
        self.write(Touch::TOKENS, |conn| {
            let changed = conn
                .prepare_cached("UPDATE token SET hash = ? WHERE name = ? AND revoked_at IS NULL")?
                .execute(params![secret.hash(), name])?;
            if changed == 1 {
                return Ok(());
            }
            if db::exists(conn, "SELECT 1 FROM token WHERE name = ?", [name])? {
                let problem = "is revoked".to_owned();
                return Err(Error::State {
                    entity: "token",
                    id: name.to_owned(),
                    problem,
                });
            }
            Err(Error::not_found("token", name))
        })?;
        Ok(secret)
    }

    /// Revokes a token for good, at once. Revoking again changes nothing.
    ///
    /// # Errors
    /// No such token.
    pub fn revoke_token(&self, name: &str, clock: Micros) -> Result<Token> {
        self.write(Touch::TOKENS, |conn| {
            conn.prepare_cached(
                "UPDATE token SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
            )?
            .execute(params![clock, name])?;
            conn.prepare_cached("DELETE FROM token_san WHERE token = ?")?
                .execute([name])?;
            Ok(())
        })?;
        shared(&self.tokens).token(name)
    }

    /// All tokens by name, revoked and expired ones too.
    pub fn tokens(&self) -> Vec<Token> {
        shared(&self.tokens).all()
    }

    /// The valid token with this secret (bearer authentication), any role: the caller asks
    /// whether the role suffices. Counts as a use. No I/O.
    pub fn verify(&self, secret: &str, clock: Micros) -> Option<Arc<Token>> {
        if secret.len() != SECRET_LENGTH || !secret.starts_with(PREFIX) {
            return None;
        }
        // How long a lookup by hash takes tells nothing of use: nobody can aim a SHA-256.
        let hash: Hash = Sha256::digest(secret).into();
        shared(&self.tokens).by_hash(&hash)?.usable(clock)
    }

    /// The valid token with this name and secret (MQTT user and password), any role. Counts as
    /// a use. No I/O.
    pub fn verify_mqtt(&self, name: &str, secret: &[u8], clock: Micros) -> Option<Arc<Token>> {
        let secret = std::str::from_utf8(secret).ok()?;
        if secret.len() != SECRET_LENGTH || !secret.starts_with(PREFIX) {
            return None;
        }
        let hash: Hash = Sha256::digest(secret).into();
        let tokens = shared(&self.tokens);
        tokens
            .by_hash(&hash)
            .filter(|held| held.name() == name)?
            .usable(clock)
    }

    /// The valid token that a client certificate with this SAN URI stands for. The caller has
    /// checked the certificate. Counts as a use. No I/O.
    pub fn verify_certificate(&self, san_uri: &str, clock: Micros) -> Option<Arc<Token>> {
        shared(&self.tokens).by_san(san_uri)?.usable(clock)
    }

    /// Writes `last_used` of the tokens whose stored time is ten minutes old or more; call it
    /// every minute or so. [`Registry::close`] writes the rest.
    ///
    /// # Errors
    /// The database failed.
    pub fn flush_last_used(&self) -> Result<()> {
        self.store_last_used(LAST_USED_EVERY)
    }

    pub(super) fn store_last_used(&self, slack: Micros) -> Result<()> {
        let table = shared(&self.tokens);
        let stale = table.stale(slack);
        if stale.is_empty() {
            return Ok(());
        }
        self.write(Touch::NOTHING, |conn| {
            let mut update =
                conn.prepare_cached("UPDATE token SET last_used = ? WHERE name = ?")?;
            for (name, last, _) in &stale {
                update.execute(params![last, name])?;
            }
            Ok(())
        })?;
        for (_, last, used) in stale {
            used.mark_stored(last);
        }
        Ok(())
    }
}
