//! All tokens in memory, by what they are looked up with.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;

use super::{Hash, Role, Token};
use crate::registry::{Error, Micros, Result, db};

/// Marks a token that was never used.
const NEVER: Micros = Micros::MIN;

/// All tokens, by what they are looked up with.
#[derive(Debug, Default)]
pub(in crate::registry) struct TokenTable {
    by_name: BTreeMap<String, Arc<Held>>,
    by_hash: HashMap<Hash, Arc<Held>>,
    by_san: HashMap<String, Arc<Held>>,
}

/// A token and what belongs to it.
#[derive(Debug)]
pub(super) struct Held {
    token: Arc<Token>,
    hash: Hash,
    used: Arc<Used>,
}

/// When a token was used, here and as stored.
#[derive(Debug)]
pub(super) struct Used {
    last: AtomicI64,
    stored: AtomicI64,
}

impl Used {
    /// This time, or a later one, is on disk.
    pub(super) fn mark_stored(&self, last: Micros) {
        self.stored.fetch_max(last, Ordering::Relaxed);
    }
}

impl Held {
    pub(super) fn name(&self) -> &str {
        &self.token.name
    }

    /// The token if it is good at this time, which then counts as its use.
    pub(super) fn usable(&self, clock: Micros) -> Option<Arc<Token>> {
        let expired = self.token.expires_at.is_some_and(|at| at <= clock);
        if expired || self.token.revoked_at.is_some() {
            return None;
        }
        self.used.last.fetch_max(clock, Ordering::Relaxed);
        Some(Arc::clone(&self.token))
    }

    fn with_last_used(&self) -> Token {
        let last = self.used.last.load(Ordering::Relaxed);
        Token {
            last_used: (last != NEVER).then_some(last),
            ..(*self.token).clone()
        }
    }
}

impl TokenTable {
    /// All tokens of the file; when each was last used is carried over from `before`.
    pub(in crate::registry) fn load(conn: &Connection, before: Option<&Self>) -> Result<Self> {
        let mut sans: HashMap<String, Vec<String>> = HashMap::new();
        let mut statement = conn.prepare_cached("SELECT token, uri FROM token_san ORDER BY uri")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            sans.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        let mut table = Self::default();
        let mut statement = conn.prepare_cached(
            "SELECT name, role, hash, site, gateway, device, created_at, expires_at, last_used, revoked_at FROM token",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let last_used: Option<Micros> = row.get(8)?;
            let stored = last_used.unwrap_or(NEVER);
            let known = before.and_then(|table| table.by_name.get(&name));
            let used = known.map_or_else(
                || {
                    Arc::new(Used {
                        last: AtomicI64::new(stored),
                        stored: AtomicI64::new(stored),
                    })
                },
                |held| Arc::clone(&held.used),
            );
            let token = Token {
                role: db::word(row, 1, Role::parse)?,
                site: row.get(3)?,
                gateway: row.get(4)?,
                device: row.get(5)?,
                san_uris: sans.remove(&name).unwrap_or_default(),
                created_at: row.get(6)?,
                expires_at: row.get(7)?,
                last_used,
                revoked_at: row.get(9)?,
                name: name.clone(),
            };
            let held = Arc::new(Held {
                hash: row.get(2)?,
                token: Arc::new(token),
                used,
            });
            for uri in &held.token.san_uris {
                table.by_san.insert(uri.clone(), Arc::clone(&held));
            }
            table.by_hash.insert(held.hash, Arc::clone(&held));
            table.by_name.insert(name, held);
        }
        Ok(table)
    }

    pub(super) fn by_hash(&self, hash: &Hash) -> Option<&Held> {
        self.by_hash.get(hash).map(|held| &**held)
    }

    pub(super) fn by_san(&self, uri: &str) -> Option<&Held> {
        self.by_san.get(uri).map(|held| &**held)
    }

    /// Every token, by name.
    pub(super) fn all(&self) -> Vec<Token> {
        self.by_name
            .values()
            .map(|held| held.with_last_used())
            .collect()
    }

    /// The stored token of this name.
    pub(super) fn token(&self, name: &str) -> Result<Token> {
        self.by_name
            .get(name)
            .map(|held| held.with_last_used())
            .ok_or_else(|| Error::not_found("token", name))
    }

    /// Tokens whose stored `last_used` is too old.
    pub(super) fn stale(&self, slack: Micros) -> Vec<(&str, Micros, &Used)> {
        let used = self
            .by_name
            .iter()
            .map(|(name, held)| (name.as_str(), &*held.used));
        used.filter_map(|(name, used)| {
            let (last, stored) = (
                used.last.load(Ordering::Relaxed),
                used.stored.load(Ordering::Relaxed),
            );
            let late =
                last != NEVER && last > stored && (stored == NEVER || last - stored >= slack);
            late.then_some((name, last, used))
        })
        .collect()
    }
}
