//! Limits of a ward or a patient in place of a rule's own.

use super::Micros;

/// Limits to set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LimitNew {
    /// For this patient; then no `ward`.
    pub patient: Option<String>,
    /// For every patient of this ward without limits of their own.
    pub ward: Option<String>,
    /// The rule whose limits they are.
    pub rule: String,
    /// The rule does not alarm here while they are in force.
    pub off: bool,
    /// Alarms above this.
    pub above: Option<f64>,
    /// Alarms below this.
    pub below: Option<f64>,
    /// Over once below this.
    pub clear_above: Option<f64>,
    /// Over once above this.
    pub clear_below: Option<f64>,
    /// UCUM unit of the numbers; the rule's when absent.
    pub unit: Option<String>,
    /// Effective time of the first reading they judge.
    pub from: Micros,
    /// Effective time from which they judge no longer; open when absent.
    pub until: Option<Micros>,
    /// Why, in a person's words.
    pub reason: String,
}

/// Limits as they stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Opaque id.
    pub id: String,
    /// What was set.
    pub data: LimitNew,
    /// Who set them.
    pub by: String,
    /// When they were set.
    pub created: Micros,
    /// When they were last looked at and kept.
    pub reviewed: Option<Micros>,
    /// By whom.
    pub reviewed_by: Option<String>,
    /// Who ended them before their time.
    pub ended_by: Option<String>,
    /// Whether they judge the readings of this moment.
    pub in_force: bool,
    /// Alerts of their rule raised within the last 24 hours, for their patient; for a ward's limits, none.
    pub alerts_last_day: Option<u64>,
    /// Whether somebody should look at them again: set or reviewed long ago, or alarming often.
    pub review_due: bool,
    /// They are of a ward, and no patient is there.
    pub ward_empty: bool,
}

/// Which limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitSearch {
    /// Of this patient.
    pub patient: Option<String>,
    /// Of this ward.
    pub ward: Option<String>,
    /// For this rule.
    pub rule: Option<String>,
    /// Whether in force now.
    pub in_force: Option<bool>,
    /// Whether a review is due.
    pub review_due: Option<bool>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}
