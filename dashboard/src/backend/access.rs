//! Tokens, roles and audit records.

use std::net::IpAddr;

use super::Micros;

/// What a token may do over HTTP. Each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads patients' data, alerts and the registry.
    Read,
    /// Also acts: acknowledges, assigns, records, replays.
    Operate,
    /// Also manages tokens.
    Admin,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Role; 3] = [Role::Read, Role::Operate, Role::Admin];

    /// The name used in JSON, on the command line and in the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Operate => "operate",
            Role::Admin => "admin",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The token's name, unique among live tokens; it is what audit and alerts record.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenGrant {
    /// Requests over HTTP.
    Http(Role),
    /// Publishing over MQTT as a site's gateway or device.
    Publish {
        /// First topic level after the version; `None` to issue: the installation's own.
        site: Option<String>,
        /// Only this gateway; `None` with a device means any gateway of the site.
        gateway: Option<String>,
        /// Only this device.
        device: Option<String>,
    },
}

/// A token to issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenNew {
    /// Unique name.
    pub name: String,
    /// What it is good for.
    pub grant: TokenGrant,
    /// SAN URIs of client certificates that stand for it over MQTT.
    pub san_uris: Vec<String>,
    /// When it stops working.
    pub expires: Option<Micros>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Unique name, an opaque id.
    pub name: String,
    /// What it is good for.
    pub grant: TokenGrant,
    /// When it was issued.
    pub created: Micros,
    /// When it stops working.
    pub expires: Option<Micros>,
    /// When it was last used, as far as known.
    pub last_used: Option<Micros>,
    /// When it was revoked.
    pub revoked: Option<Micros>,
    /// SAN URIs of client certificates that stand for it.
    pub san_uris: Vec<String>,
}

/// A token just issued. Has no `Debug` text for the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenIssued {
    /// The token without its secret.
    pub info: TokenInfo,
    /// The secret, to be shown once.
    pub secret: String,
}

impl std::fmt::Debug for TokenIssued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssued")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// What kind of thing was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditKind {
    /// One thing read.
    Read,
    /// A list or search.
    Search,
    /// Something added.
    Create,
    /// Something changed.
    Update,
    /// Something removed or revoked.
    Delete,
    /// A query in SQL.
    Sql,
    /// A live stream or export.
    Stream,
    /// An action: acknowledge, silence, replay.
    Command,
}

impl AuditKind {
    /// The name used in the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditKind::Read => "read",
            AuditKind::Search => "search",
            AuditKind::Create => "create",
            AuditKind::Update => "update",
            AuditKind::Delete => "delete",
            AuditKind::Sql => "sql",
            AuditKind::Stream => "stream",
            AuditKind::Command => "command",
        }
    }
}

/// How an audited request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Answered.
    Success,
    /// No valid token, or a role that does not suffice.
    Denied,
    /// The request was at fault: bad parameters, unknown id, conflict.
    Refused,
    /// Our fault.
    Failed,
}

impl AuditOutcome {
    /// The name used in the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditOutcome::Success => "success",
            AuditOutcome::Denied => "denied",
            AuditOutcome::Refused => "refused",
            AuditOutcome::Failed => "failed",
        }
    }
}

/// One request or stream, as audit keeps it. Written for denied ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When the answer was decided.
    pub at: Micros,
    /// Also in the answer's `X-Request-Id`, so that a complaint leads to its record.
    pub request_id: String,
    /// The token's name; `None` when there was no valid token.
    pub principal: Option<String>,
    /// The token's role.
    pub role: Option<Role>,
    /// What kind of thing was asked for.
    pub kind: AuditKind,
    /// What was asked, from the route table: `observation.search`, `alert.acknowledge`, …; `unknown` for
    /// a path or method that no route serves.
    pub action: &'static str,
    /// Method and path template, `GET /fhir/R4/Observation/{id}`; the bare method for an unknown path.
    pub route: String,
    /// Path as sent. Ids in paths are opaque.
    pub path: String,
    /// Query string, search form or SQL text as sent, at most 8 KiB of it; the audit store may hold it,
    /// logs may not.
    pub query: Option<String>,
    /// Patients whose data the answer holds, sorted, without repeats.
    pub patients: Vec<String>,
    /// The answer may rest on any patient's data (a query over all rows), so the list is not the limit.
    pub any_patient: bool,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// HTTP status of the answer.
    pub status: u16,
    /// Where it came from.
    pub peer: Option<IpAddr>,
    /// Further refused attempts of this peer that this record stands for (rate limit); else 0.
    pub repeats: u64,
    /// This record names further patients of a stream or export whose first record has the same
    /// `request_id`; that first one has `false`.
    pub continues: bool,
}
