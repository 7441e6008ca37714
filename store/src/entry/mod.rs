//! What one record of the log says.
//!
//! Bytes: kind, version of the kind's body, body. Batches have a compact columnar body
//! (`columns`), since they are nearly all of the log; the rest is JSON.

mod bytes;
mod columns;

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

use crate::Error;

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

/// Version of every kind's body as this program writes it.
const VERSION: u8 = 1;

impl Entry {
    /// The bytes of the log record.
    ///
    /// # Errors
    /// The rows lack a column of `columns::schema`, or are too many for one record.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = vec![self.kind(), VERSION];
        match self {
            Self::Batch {
                received,
                rows,
                rejects,
            } => {
                out.extend_from_slice(&received.to_le_bytes());
                columns::encode(rows, &mut out)?;
                bytes::put_varint(&mut out, rejects.len() as u64);
                for reject in rejects {
                    bytes::put_reject(&mut out, reject);
                }
            }
            Self::Tick { at } => out.extend_from_slice(&at.to_le_bytes()),
            Self::RuleSet { at, text } => {
                out.extend_from_slice(&at.to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Assignment(body) => json(&mut out, body)?,
            Self::Patient(body) => json(&mut out, body)?,
            Self::Action(body) => json(&mut out, body)?,
            Self::Reattributed(body) => json(&mut out, body)?,
        }
        Ok(out)
    }

    /// Reads a log record; any bytes give an entry or an error.
    ///
    /// # Errors
    /// Unknown kind or version, or a body that does not hold together.
    pub fn decode(record: &[u8]) -> Result<Self, Error> {
        let [kind, version, body @ ..] = record else {
            return Err(damaged("shorter than its head"));
        };
        if *version != VERSION {
            return Err(damaged(&format!("body version {version} is not known")));
        }
        match kind {
            1 => {
                let mut body = bytes::Input::new(body);
                let received = body.i64()?;
                let rows = columns::decode(&mut body)?;
                let count = body.varint()?;
                let mut rejects = Vec::new();
                for _ in 0..count {
                    rejects.push(body.reject()?);
                }
                body.end()?;
                Ok(Self::Batch {
                    received,
                    rows,
                    rejects,
                })
            }
            2 => {
                let mut body = bytes::Input::new(body);
                let at = body.i64()?;
                body.end()?;
                Ok(Self::Tick { at })
            }
            3 => from_json(body).map(Self::Assignment),
            4 => from_json(body).map(Self::Patient),
            5 => {
                let mut body = bytes::Input::new(body);
                let at = body.i64()?;
                let text = std::str::from_utf8(body.rest())
                    .map_err(|_| damaged("a rule set that is not UTF-8"))?;
                Ok(Self::RuleSet {
                    at,
                    text: text.to_owned(),
                })
            }
            6 => from_json(body).map(Self::Action),
            7 => from_json(body).map(Self::Reattributed),
            other => Err(damaged(&format!("kind {other} is not known"))),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Batch { .. } => 1,
            Self::Tick { .. } => 2,
            Self::Assignment(_) => 3,
            Self::Patient(_) => 4,
            Self::RuleSet { .. } => 5,
            Self::Action(_) => 6,
            Self::Reattributed(_) => 7,
        }
    }
}

fn json(out: &mut Vec<u8>, body: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(out, body).map_err(|e| damaged(&e.to_string()))
}

fn from_json<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|e| damaged(&e.to_string()))
}

fn damaged(detail: &str) -> Error {
    Error::Record {
        seq: 0,
        detail: detail.to_owned(),
    }
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
    /// MQTT 5 user properties, a JSON array of `[name, value]` in order; absent when there were none.
    pub properties: Option<String>,
    /// The bytes as they came.
    pub payload: Vec<u8>,
}

#[cfg(test)]
mod tests;
