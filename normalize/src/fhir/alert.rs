//! Alerts as FHIR R4 (4.0.1) resources, from plain facts.
//!
//! R4 has no resource for an alert of a device. One alert is told by several (clinical.md 2.4):
//!
//! | resource | id | what it tells |
//! |---|---|---|
//! | [`detected_issue`] | the alert's | the condition: since when, until when, how grave, on which readings it rests |
//! | [`flag`] | the alert's | the same for who reads flags only; of patients alone |
//! | [`task`] | the alert's | the work: to review it, and who took it |
//! | [`communication`] | the notification's | one message to somebody, and whether it arrived |
//!
//! Choices:
//! * R4's value sets are narrower than IEC 60601-1-8's four priorities. The exact one, as R6's DeviceAlert names it
//!   (`http://hl7.org/fhir/devicealert-priority`), stands in an extension of every resource.
//! * A condition that was never there (`withdrawn`), or was another patient's (`reattributed`), is `entered-in-error`
//!   and its work `cancelled`: neither may stay in a chart as if it had happened.
//! * Readings stand under `implicated` and under `evidence.detail`: the one is searchable, the other says what they are.
//! * Who acts or is told is a logical reference by an opaque name, never an address.

mod codes;
mod communication;
mod condition;
mod reference;
mod task;
mod transaction;
mod types;

pub use communication::{communication, communication_status, notification_updated};
pub use condition::{detected_issue, detected_issue_status, flag, flag_status};
pub use task::{task, task_status};
pub use transaction::transaction;

use crate::time::Micros;

/// An alert as it stands after its latest event. Words are those of the alert contract (design 5.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFacts {
    /// Names the episode; a FHIR id.
    pub id: String,
    /// The rule, or `monitor:{MDC event}`.
    pub rule: String,
    /// The rule's own words, when known.
    pub title: Option<String>,
    /// Whom it is about, when that is a patient.
    pub patient: Option<Party>,
    /// The device behind it, or that it is about.
    pub device: Option<String>,
    /// The gateway it is about.
    pub gateway: Option<String>,
    /// `physiological` or `technical`.
    pub class: String,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// `active`, `recovering` or `resolved`.
    pub state: String,
    /// Why it was resolved, when known.
    pub reason: Option<String>,
    /// Who acknowledged it: the name of a token or a person's id.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Micros>,
    /// Until when it is silenced.
    pub silenced_until: Option<Micros>,
    /// Steps of escalation taken.
    pub escalation_level: u32,
    /// Nobody watches now: the calendar that is closed, and when it opens.
    pub not_watched: Option<(String, Option<Micros>)>,
    /// When the condition began.
    pub onset: Micros,
    /// When it ended.
    pub ended: Option<Micros>,
    /// When its latest event was made.
    pub updated: Micros,
    /// One sentence for people; names nobody.
    pub message: String,
    /// Ids of the Observations it rests on.
    pub evidence: Vec<String>,
}

/// A patient, by the id here and, where a receiver knows another, by that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// Opaque id.
    pub id: String,
    /// System and value of an identifier that the receiver knows.
    pub identifier: Option<(String, String)>,
}

/// One message to one receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationFacts {
    /// Names it; a FHIR id.
    pub id: String,
    /// Why it was sent: `page`, `worsened`, `escalation`, `repeat`, `resolved` or `opening`.
    pub kind: String,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// What became of it.
    pub state: Delivery,
    /// Why it did not arrive.
    pub error: Option<String>,
    /// When it was decided.
    pub made: Micros,
    /// When the receiver took it.
    pub delivered: Option<Micros>,
    /// The configured receiver.
    pub channel: String,
    /// Whether that is e-mail.
    pub mail: bool,
    /// The person, by an opaque id.
    pub recipient: Option<String>,
    /// The patient, when all its alerts are of one.
    pub patient: Option<Party>,
    /// Ids of its alerts.
    pub alerts: Vec<String>,
    /// What it says; names nobody.
    pub text: String,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// To be sent, or sent again.
    #[default]
    Pending,
    /// The receiver has it.
    Delivered,
    /// Given up.
    Dead,
}

/// Which resource tells the condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    /// The usual one.
    #[default]
    DetectedIssue,
    /// Of patients only: an alert about a device or a gateway is a DetectedIssue still.
    Flag,
}

/// How what is not written with a resource is referred to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum References {
    /// `Patient/p1`: the receiver has it under the id that it has here.
    #[default]
    Literal,
    /// By identifier, which points to nothing that has to be there.
    Identifier,
}

/// How resources are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Style {
    /// Before `Patient/…`: empty for relative references, else a server's base with a slash.
    pub base: String,
    /// Patients and devices.
    pub parties: References,
    /// Observations.
    pub observations: References,
    /// Which resource the condition is.
    pub condition: Condition,
    /// Whether `meta.lastUpdated` is ours to state; a receiver states its own.
    pub meta: bool,
}

/// A resource, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its type.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// JSON.
    pub json: String,
}

impl Resource {
    fn new(kind: &'static str, id: &str, resource: &impl serde::Serialize) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            json: serde_json::to_string(resource).expect("strings and lists are JSON"),
        }
    }
}

impl AlertFacts {
    /// Whether it is over.
    fn is_over(&self) -> bool {
        self.state == "resolved"
    }

    /// Whether it never held, or not of this patient.
    fn is_void(&self) -> bool {
        self.is_over() && matches!(self.reason.as_deref(), Some("withdrawn" | "reattributed"))
    }

    fn is_acknowledged(&self) -> bool {
        self.acknowledged_at.is_some() || self.acknowledged_by.is_some()
    }

    /// The resource that tells the condition in this style.
    #[must_use]
    pub fn condition(&self, style: &Style) -> &'static str {
        match style.condition {
            Condition::Flag if self.patient.is_some() => "Flag",
            _ => "DetectedIssue",
        }
    }
}

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod tests;
