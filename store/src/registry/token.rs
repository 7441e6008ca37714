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

use std::sync::Arc;

use super::{Micros, Registry, Result};

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
    /// SAN URIs of client certificates that stand for this token.
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
    /// SAN URIs of client certificates that stand for it.
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
    /// The text to hand over, `wl_…`.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(wl_...)")
    }
}

impl Registry {
    /// Makes a token and its secret.
    pub fn create_token(&self, new: &NewToken, clock: Micros) -> Result<(Token, Secret)> {
        unimplemented!("{new:?} {clock}")
    }

    /// Gives a token a new secret; the old one is refused from now on.
    pub fn rotate_token(&self, name: &str) -> Result<Secret> {
        unimplemented!("{name}")
    }

    /// Revokes a token for good, at once. Revoking again changes nothing.
    pub fn revoke_token(&self, name: &str, clock: Micros) -> Result<Token> {
        unimplemented!("{name} {clock}")
    }

    /// All tokens by name, revoked and expired ones too.
    pub fn tokens(&self) -> Vec<Token> {
        unimplemented!()
    }

    /// The valid token with this secret (bearer authentication), any role.
    pub fn verify(&self, secret: &str, clock: Micros) -> Option<Arc<Token>> {
        unimplemented!("{} {clock}", secret.len())
    }

    /// The valid token with this name and secret (MQTT user and password), any role.
    pub fn verify_mqtt(&self, name: &str, secret: &[u8], clock: Micros) -> Option<Arc<Token>> {
        unimplemented!("{name} {} {clock}", secret.len())
    }

    /// The valid token that a client certificate with this SAN URI stands for.
    pub fn verify_certificate(&self, san_uri: &str, clock: Micros) -> Option<Arc<Token>> {
        unimplemented!("{san_uri} {clock}")
    }

    /// Writes `last_used` of the tokens used since; call it every minute or so and at the end.
    /// Writes nothing for a token whose stored time is less than ten minutes old.
    pub fn flush_last_used(&self) -> Result<()> {
        unimplemented!()
    }
}
