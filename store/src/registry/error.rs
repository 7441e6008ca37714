//! What can go wrong, in words that name the entity and the field.
//!
//! Messages carry opaque ids only: they end up in logs, where no name, birth date or foreign
//! identifier may appear.

use super::Micros;

/// Result of every registry method.
pub type Result<T> = std::result::Result<T, Error>;

/// One fault of an import, with the line it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Line of the file, counted from 1; the header of a CSV file is line 1.
    pub line: u64,
    /// Column or key, when the fault has one.
    pub field: Option<String>,
    /// What is wrong, lowercase.
    pub message: String,
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}: {field}: {}", self.line, self.message),
            None => write!(f, "line {}: {}", self.line, self.message),
        }
    }
}

/// Which existing interval stands in the way of a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// `assignment` or `stay`.
    pub entity: &'static str,
    /// Id of the existing assignment or stay.
    pub other: i64,
    /// What is taken, e.g. `device oxi-7 user 1` or `bed icu-5`.
    pub subject: String,
    /// Opaque id of the patient who holds it.
    pub patient: String,
    /// Start of the existing interval, inclusive.
    pub from: Micros,
    /// End of the existing interval, exclusive; `None` while it is open.
    pub until: Option<Micros>,
}

/// Errors of the registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such row.
    #[error("{entity} {id} does not exist")]
    NotFound {
        /// Kind of row, e.g. `patient`.
        entity: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// A field breaks a rule of its own.
    #[error("{entity} {field}: {problem}")]
    Invalid {
        /// Kind of row.
        entity: &'static str,
        /// Field of it.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A unique field is held by another row.
    #[error("{entity} {field} is already held by {entity} {other}")]
    Taken {
        /// Kind of row.
        entity: &'static str,
        /// Field, e.g. `id` or `identifier of system urn:mrn`.
        field: String,
        /// Id of the row that holds it.
        other: String,
    },
    /// The interval of an assignment or stay meets an existing one.
    #[error(
        "{} is already held by patient {} from {} until {} ({} {})",
        .0.subject, .0.patient, super::time::show(.0.from),
        .0.until.map_or_else(|| "further notice".to_owned(), super::time::show),
        .0.entity, .0.other
    )]
    Overlap(Box<Overlap>),
    /// The row is in a state that does not allow the change.
    #[error("{entity} {id} {problem}")]
    State {
        /// Kind of row.
        entity: &'static str,
        /// Its id.
        id: String,
        /// Why not, e.g. `has ended already`.
        problem: String,
    },
    /// A link that acknowledges is unknown, used or expired; which of them, nobody is told.
    #[error("the link is not good, or not any more")]
    Spent,
    /// An import was refused as a whole; every fault is listed.
    #[error("import refused, nothing was changed: {} of its lines have faults, first {}", .0.len(), first(.0))]
    Import(Vec<RowFault>),
    /// The file was written by a newer version.
    #[error(
        "registry {path} has schema {found}, this program knows up to {supported}; use a newer wardline"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its schema number.
        found: i64,
        /// The highest this program knows.
        supported: i64,
    },
    /// The file is a database of something else.
    #[error("{path} is not a wardline registry")]
    Foreign {
        /// The file.
        path: String,
    },
    /// Stored data contradicts itself.
    #[error("registry is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// The file system refused.
    #[error("registry file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("registry database: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn first(faults: &[RowFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

impl Error {
    pub(super) fn not_found(entity: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            entity,
            id: id.to_string(),
        }
    }

    pub(super) fn invalid(
        entity: &'static str,
        field: &'static str,
        problem: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            entity,
            field,
            problem: problem.into(),
        }
    }

    pub(super) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            source,
        }
    }
}
