//! Messages to people and receivers about alerts, as FHIR serves them.

use super::Micros;

/// One message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same on every attempt and replay.
    pub id: String,
    /// When it was decided, by the log's clock.
    pub at: Micros,
    /// `page`, `worsened`, `escalation`, `repeat`, `resolved` or `opening`.
    pub kind: String,
    /// Name of the receiver.
    pub channel: String,
    /// Whether that is e-mail.
    pub mail: bool,
    /// Id of the person, where it is for one.
    pub recipient: Option<String>,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// Its alerts, each with its subject (`Patient/…`).
    pub alerts: Vec<(String, String)>,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When the receiver took it.
    pub delivered_at: Option<Micros>,
    /// What its alerts said at that time.
    pub text: String,
}

/// Which messages; empty lists and `None` set no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageSearch {
    /// One of these.
    pub ids: Vec<String>,
    /// With an alert about one of these patients.
    pub patients: Vec<String>,
    /// `pending`, `delivered`, `dead`.
    pub states: Vec<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

impl Message {
    /// The patients its alerts are about, each once.
    pub fn patients(&self) -> Vec<&str> {
        let mut patients: Vec<&str> = self
            .alerts
            .iter()
            .filter_map(|(_, subject)| subject.strip_prefix("Patient/"))
            .collect();
        patients.sort_unstable();
        patients.dedup();
        patients
    }
}
