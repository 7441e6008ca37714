//! The seam to the registry's alert events: they are committed there first and copied to the
//! `alert` table in the background.

use wardline_normalize::time::Micros;

/// One alert event, in the words of design 5.6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertEventRow {
    /// Position in the registry; rising, never reused.
    pub rowid: i64,
    /// Log position that caused it.
    pub seq: u64,
    /// Which of the events of that position.
    pub ordinal: u32,
    /// The alert (an episode of a rule on a subject).
    pub alert_id: String,
    /// Rule.
    pub rule_id: String,
    /// Hash of the rule set.
    pub rule_version: String,
    /// `Patient/…`, `Device/…` or `Gateway/…`.
    pub subject: String,
    /// Patient id when the subject is one.
    pub patient_id: Option<String>,
    /// Device concerned.
    pub device_id: Option<String>,
    /// `physiological` or `technical`.
    pub class: String,
    /// `high`, `medium`, `low`, `info`.
    pub priority: String,
    /// `raised`, `worsened`, …
    pub event: String,
    /// `active`, `recovering`, `resolved`.
    pub state: String,
    /// Who acknowledged.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Micros>,
    /// Quiet until.
    pub silenced_until: Option<Micros>,
    /// 0 when not escalated.
    pub escalation_level: i64,
    /// Begin of the episode.
    pub onset: Micros,
    /// End of it.
    pub ended: Option<Micros>,
    /// Effective time of the reading behind it, or log time.
    pub event_time: Micros,
    /// Log time at which it was computed.
    pub processed_time: Micros,
    /// Reading behind it.
    pub value: Option<f64>,
    /// Its UCUM unit.
    pub unit: Option<String>,
    /// For people.
    pub message: String,
    /// Ids of observations.
    pub evidence: Vec<String>,
}

/// Where committed alert events come from.
pub trait AlertFeed: Send + Sync + 'static {
    /// Events with a greater rowid, in rowid order, at most `limit`.
    ///
    /// # Errors
    /// The registry could not be read.
    fn after(
        &self,
        rowid: i64,
        limit: usize,
    ) -> Result<Vec<AlertEventRow>, Box<dyn std::error::Error + Send + Sync>>;
}
