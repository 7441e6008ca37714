//! What one record of the log says.

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// One record of the log: everything that the tables and the rule engine are derived from.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A micro-batch: attributed measurements (also corrections) and what was rejected.
    Batch {
        /// When the server took it.
        received: Micros,
        /// Rows of `wardline_normalize::columns::schema`.
        rows: RecordBatch,
        /// Payloads or records that go to quarantine.
        rejects: Vec<Rejected>,
    },
    /// The clock that absence, escalation and silence follow.
    Tick {
        /// Microseconds since 1970 UTC.
        at: Micros,
    },
    /// A device was given to a patient, or an assignment was ended (`until`).
    Assignment(AssignmentEntry),
    /// What rules may ask about a patient.
    Patient(PatientEntry),
    /// A rule set was put in force.
    RuleSet {
        /// When.
        at: Micros,
        /// The rules file.
        text: String,
    },
    /// A person acted on an alert.
    Action(ActionEntry),
    /// Stored readings of a device moved to another patient, or to none.
    Reattributed(ReattributedEntry),
}

/// Body of [`Entry::Assignment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentEntry {
    /// Opaque device id.
    pub device: String,
    /// Which user of a shared device.
    pub device_user: Option<String>,
    /// Opaque patient id.
    pub patient: String,
    /// First instant.
    pub from: Micros,
    /// First instant after it; open when absent.
    pub until: Option<Micros>,
    /// When it was decided.
    pub at: Micros,
}

/// Body of [`Entry::Patient`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientEntry {
    /// Opaque patient id.
    pub id: String,
    /// `YYYY-MM-DD`, when known.
    pub birth_date: Option<String>,
    /// Words that rules select by.
    pub tags: Vec<String>,
    /// When it was changed.
    pub at: Micros,
}

/// What a person did about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// Seen and taken.
    Acknowledge,
    /// Quiet until the given instant.
    Silence {
        /// First instant at which it may sound again.
        until: Micros,
    },
}

/// Body of [`Entry::Action`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEntry {
    /// Which alert.
    pub alert_id: String,
    /// What was done.
    pub kind: ActionKind,
    /// Name of the token or user.
    pub by: String,
    /// When.
    pub at: Micros,
    /// Free text.
    pub note: Option<String>,
}

/// Body of [`Entry::Reattributed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReattributedEntry {
    /// Opaque device id.
    pub device: String,
    /// Which user of a shared device.
    pub device_user: Option<String>,
    /// The patient the readings stood under.
    pub former: Option<String>,
    /// The patient they stand under now.
    pub patient: Option<String>,
    /// First effective time concerned.
    pub from: Micros,
    /// First effective time not concerned.
    pub until: Option<Micros>,
    /// When it was decided.
    pub at: Micros,
}

/// One payload or record that could not be used, with its raw bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Key in the `quarantine` table; the same payload gives the same id.
    pub id: String,
    /// When the server took it.
    pub received: Micros,
    /// Name of the route.
    pub source: String,
    /// MQTT topic, empty when it came another way.
    pub topic: String,
    /// Device, when the topic or principal names it.
    pub device_id: Option<String>,
    /// Stable kebab-case code.
    pub reason: String,
    /// For people.
    pub detail: String,
    /// Index of the record within the payload; absent when all of it is meant.
    pub record: Option<u32>,
    /// MQTT 5 content type.
    pub content_type: Option<String>,
    /// The bytes as they came.
    pub payload: Vec<u8>,
}
