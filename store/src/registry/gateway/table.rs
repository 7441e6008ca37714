//! All good certificates of gateways in memory.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::{COLUMNS, Fingerprint, GatewayCertificate, read_row};
use crate::registry::Result;

/// Certificates that are not revoked, by fingerprint; whether one has expired is asked when used.
#[derive(Debug, Default)]
pub(in crate::registry) struct GatewayTable(HashMap<Fingerprint, Arc<GatewayCertificate>>);

impl GatewayTable {
    pub(in crate::registry) fn load(conn: &Connection) -> Result<Self> {
        let mut statement = conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM gateway_certificate WHERE revoked_at IS NULL"
        ))?;
        let rows = statement.query_map([], read_row)?;
        let held = rows.map(|row| row.map(|row| (row.fingerprint, Arc::new(row))));
        Ok(Self(held.collect::<rusqlite::Result<_>>()?))
    }

    pub(super) fn good(&self, fingerprint: &Fingerprint) -> Option<Arc<GatewayCertificate>> {
        self.0.get(fingerprint).cloned()
    }
}
