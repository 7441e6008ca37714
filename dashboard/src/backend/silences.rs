//! Silences by matcher: for a time, alerts that fit page nobody. They stay visible.

use super::Micros;

/// A silence to begin now. Every matcher that is set must fit; at least one is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SilenceNew {
    /// Alerts of this patient.
    pub patient: Option<String>,
    /// Alerts of this rule.
    pub rule: Option<String>,
    /// Alerts of this device.
    pub device: Option<String>,
    /// Alerts of this ward's patients.
    pub ward: Option<String>,
    /// `physiological` or `technical`.
    pub class: Option<String>,
    /// When it ends by itself.
    pub until: Micros,
    /// Why, in a person's words.
    pub reason: String,
}

/// A silence as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Opaque id.
    pub id: String,
    /// What was asked for; `until` is earlier once somebody has ended it.
    pub data: SilenceNew,
    /// Who began it.
    pub by: String,
    /// When it began.
    pub from: Micros,
    /// Who ended it before its time.
    pub ended_by: Option<String>,
    /// Whether it holds now.
    pub in_force: bool,
    /// Where it holds for less long than it lasts, because nobody would have looked at the patient for too long.
    pub shorter: Vec<Shorter>,
}

/// For how long a silence holds for alerts of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shorter {
    /// The rule; `monitor:*` for monitors' own alarms, those about a device that are not of high priority excepted.
    pub rule: String,
    /// Until then; `None`: the rule cannot be silenced.
    pub until: Option<Micros>,
}

/// Which silences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SilenceSearch {
    /// With this patient as matcher.
    pub patient: Option<String>,
    /// With this rule as matcher.
    pub rule: Option<String>,
    /// Whether in force now.
    pub in_force: Option<bool>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}
