//! What one record of the log says.
//!
//! Bytes: kind, version of the kind's body, body. Batches have a compact columnar body
//! (`columns`), since they are nearly all of the log; the rest is JSON.

mod bytes;
mod columns;
mod people;
mod waveform;

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

use crate::Error;

pub use people::{LimitEntry, ScopeEntry, SilenceEntry};
pub use waveform::{SAMPLE_ABOVE, SAMPLE_BELOW, SAMPLE_ERROR, Waveform};

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
    /// Pieces of waveforms, also those that moved to another patient.
    Waveforms {
        /// When the server took them.
        received: Micros,
        /// Attributed.
        rows: Vec<Waveform>,
    },
    /// What devices alarm about by themselves.
    Alarms(AlarmsEntry),
    /// A gateway told its state, or its last will did.
    Gateway(GatewayEntry),
    /// What gateways are watched for from now on.
    GatewayLimits(GatewayLimitsEntry),
    /// A limit of a ward or patient was set, reviewed or ended.
    Limit(LimitEntry),
    /// A silence was added or ended.
    Silence(SilenceEntry),
    /// A routing file was put in force.
    Routing {
        /// When.
        at: Micros,
        /// The file; empty when nobody is told by routes any more.
        text: String,
    },
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
            Self::RuleSet { at, text } | Self::Routing { at, text } => {
                out.extend_from_slice(&at.to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Assignment(body) => json(&mut out, body)?,
            Self::Patient(body) => json(&mut out, body)?,
            Self::Action(body) => json(&mut out, body)?,
            Self::Reattributed(body) => json(&mut out, body)?,
            Self::Waveforms { received, rows } => {
                out.extend_from_slice(&received.to_le_bytes());
                waveform::encode(rows, &mut out);
            }
            Self::Alarms(body) => json(&mut out, body)?,
            Self::Gateway(body) => json(&mut out, body)?,
            Self::GatewayLimits(body) => json(&mut out, body)?,
            Self::Limit(body) => json(&mut out, body)?,
            Self::Silence(body) => json(&mut out, body)?,
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
            5 => timed_text(body).map(|(at, text)| Self::RuleSet { at, text }),
            6 => from_json(body).map(Self::Action),
            7 => from_json(body).map(Self::Reattributed),
            8 => {
                let mut body = bytes::Input::new(body);
                let received = body.i64()?;
                let rows = waveform::decode(&mut body)?;
                body.end()?;
                Ok(Self::Waveforms { received, rows })
            }
            9 => from_json(body).map(Self::Alarms),
            10 => from_json(body).map(Self::Gateway),
            11 => from_json(body).map(Self::GatewayLimits),
            12 => from_json(body).map(Self::Limit),
            13 => from_json(body).map(Self::Silence),
            14 => timed_text(body).map(|(at, text)| Self::Routing { at, text }),
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
            Self::Waveforms { .. } => 8,
            Self::Alarms(_) => 9,
            Self::Gateway(_) => 10,
            Self::GatewayLimits(_) => 11,
            Self::Limit(_) => 12,
            Self::Silence(_) => 13,
            Self::Routing { .. } => 14,
        }
    }
}

/// A time and a file.
fn timed_text(body: &[u8]) -> Result<(Micros, String), Error> {
    let mut body = bytes::Input::new(body);
    let at = body.i64()?;
    let text = std::str::from_utf8(body.rest()).map_err(|_| damaged("a file that is not UTF-8"))?;
    Ok((at, text.to_owned()))
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
    /// Opaque id of the ward.
    #[serde(default)]
    pub ward: Option<String>,
    /// Opaque id of the care team.
    #[serde(default)]
    pub care_team: Option<String>,
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

/// Body of [`Entry::Alarms`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmsEntry {
    /// When the server took them.
    pub at: Micros,
    /// In the order of messages and records.
    pub alarms: Vec<AlarmEntry>,
}

/// One message about an alarm of a device's own, attributed. Words are those of the SenML label `al`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlarmEntry {
    /// Opaque device id.
    pub device: String,
    /// Opaque patient id.
    pub patient: Option<String>,
    /// Reference id or code of the event.
    pub event: String,
    /// The alarm instance.
    pub instance: Option<String>,
    /// Metric that it is about.
    pub source: Option<String>,
    /// When the device said it.
    pub time: Micros,
    /// Where it stands in its life.
    pub phase: Option<String>,
    /// Whether the condition holds.
    pub state: Option<String>,
    /// Inactivation.
    pub audio: Option<String>,
    /// The device's priority.
    pub priority: Option<String>,
    /// Physiological, technical or advisory.
    pub kind: Option<String>,
    /// The device's words.
    pub text: Option<String>,
    /// Decimal text, so that a replay has the same number.
    pub value: Option<String>,
    /// UCUM.
    pub unit: Option<String>,
    /// The limits set at the device.
    pub limits: Option<String>,
    /// As of a reading: `demo`, `test`, …
    pub quality: Option<String>,
}

/// Body of [`Entry::Gateway`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// Gateway id.
    pub gateway: String,
    /// When the server took it.
    pub at: Micros,
    /// JSON as published; none when people took the gateway out of service.
    pub status: Option<String>,
}

/// Body of [`Entry::GatewayLimits`]; times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayLimitsEntry {
    /// When they came into force.
    pub at: Micros,
    /// Whether gateways are watched at all.
    pub watch: bool,
    /// Longest silence.
    pub silent_after: Micros,
    /// Longest time offline.
    pub offline_after: Micros,
    /// Greatest clock offset.
    pub clock_offset: Micros,
    /// Fullest spool.
    pub spool_percent: u8,
    /// Oldest message in a spool.
    pub spool_age: Micros,
    /// States of a device that somebody has to see to.
    pub device_states: Vec<String>,
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
