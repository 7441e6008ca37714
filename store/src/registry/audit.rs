//! The audit: who saw or changed what.
//!
//! Append-only, and each row holds the SHA-256 of the row before and itself, so that an edited,
//! removed or inserted row is found by [`Registry::verify_audit`]. The chain proves nothing
//! against somebody who rewrites all of it: keep the head it reports elsewhere too.

use super::{Listed, Micros, Page, Registry, Result};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named by what they are")]
pub enum Action {
    Read,
    Search,
    Create,
    Update,
    Delete,
    Sql,
    Stream,
    Command,
    LoginFailed,
    Denied,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused: not authenticated or no right.
    Denied,
    /// Attempted and failed.
    Failed,
}

/// One request or stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Micros,
    /// Token name; `None` when nobody was recognised.
    pub actor: Option<String>,
    /// Its role at that time.
    pub role: Option<super::Role>,
    /// What.
    pub action: Action,
    /// Method and route template without ids, `GET /fhir/R4/Observation/{id}`.
    pub route: String,
    /// Opaque ids of the patients touched.
    pub patients: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Id of the request, as in logs.
    pub request_id: String,
    /// Address of the client, when it has one.
    pub client: Option<String>,
    /// What the route does not say: the SQL text, the id of the changed row.
    pub detail: Option<String>,
}

/// An audit row as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Row number, 1 and up without a gap.
    pub id: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// Hex SHA-256 of the chain up to and with this row.
    pub hash: String,
}

/// Which audit rows to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// By this token.
    pub actor: Option<String>,
    /// That touched this patient.
    pub patient: Option<String>,
    /// Of this kind.
    pub action: Option<Action>,
    /// At or after.
    pub from: Option<Micros>,
    /// Before.
    pub until: Option<Micros>,
}

/// What [`Registry::verify_audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Rows read.
    pub rows: u64,
    /// Hex hash of the last sound row.
    pub head: String,
    /// The first row that does not fit, and why.
    pub fault: Option<(i64, String)>,
}

impl Registry {
    /// Adds rows in one transaction: durable when it returns. One per request or stream; give
    /// several at once where a burst allows it.
    pub fn audit(&self, entries: &[AuditEntry]) -> Result<()> {
        unimplemented!("{entries:?}")
    }

    /// Rows, newest first.
    pub fn audit_records(&self, filter: &AuditFilter, page: &Page) -> Result<Listed<AuditRecord>> {
        unimplemented!("{filter:?} {page:?}")
    }

    /// Reads the whole chain and finds the first row that was edited, removed or inserted.
    pub fn verify_audit(&self) -> Result<AuditReport> {
        unimplemented!()
    }
}
