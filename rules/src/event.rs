//! What the engine says: alert events, and the small vocabularies in them.

use serde::{Deserialize, Serialize};
use std::fmt;
use wardline_normalize::time::Micros;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in rules files, events and tables.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The value named by `word`.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// IEC 60601-1-8 priorities, most urgent first; `info` asks for nobody's attention.
    Priority { High = "high", Medium = "medium", Low = "low", Info = "info" }
}

words! {
    /// Whether an alert is about the patient or about the equipment.
    Class { Physiological = "physiological", Technical = "technical" }
}

impl Class {
    /// How long a silence holds for an alert at most, µs, unless its rule says otherwise.
    #[must_use]
    pub const fn longest_silence(self) -> Micros {
        match self {
            Self::Physiological => crate::MAX_SILENCE,
            Self::Technical => crate::MAX_TECHNICAL_SILENCE,
        }
    }
}

words! {
    /// What happened to an alert.
    EventKind {
        /// The condition held for as long as the rule asks. With state `resolved`, it was already over when late data
        /// showed it; `resolved` follows at once.
        Raised = "raised",
        /// The alert asks for attention again: the condition returned while it was recovering or latched, an alert
        /// found in late data goes on in current data, or it is further beyond than when people were told.
        Worsened = "worsened",
        Acknowledged = "acknowledged",
        /// Silenced until a time, or, without a time, no longer silenced, or never to be.
        Silenced = "silenced",
        /// Nobody acknowledged it in time.
        Escalated = "escalated",
        /// Late or corrected readings changed its onset or end; or the monitor tells its alarm otherwise.
        Corrected = "corrected",
        /// The clear condition holds, not yet for as long as the rule asks; or, latched, it is over and not
        /// acknowledged.
        Recovering = "recovering",
        Resolved = "resolved",
    }
}

words! {
    /// State of an alert. Acknowledged, silenced and escalated are facts beside it.
    State { Active = "active", Recovering = "recovering", Resolved = "resolved" }
}

words! {
    /// Why an alert was resolved.
    Reason {
        /// The readings meet the clear condition, or the device is heard again.
        Cleared = "cleared",
        /// Late or corrected readings show that the condition did not hold: `ended` equals `onset`, and the alert is
        /// no episode.
        Withdrawn = "withdrawn",
        /// The readings belong to another patient.
        Reattributed = "reattributed",
        /// The device is no longer assigned.
        Unassigned = "unassigned",
        /// The rule is not in the activated rule set.
        RuleRemoved = "rule-removed",
        /// The activated rule set has another rule under this id.
        RuleChanged = "rule-changed",
        /// The rule no longer applies to the patient.
        NotApplicable = "not-applicable",
        /// No reading for so long that nothing is known any more.
        Stale = "stale",
    }
}

words! {
    /// Whose limit the deciding reading was held against.
    LimitSource {
        /// The rule's own.
        Rule = "rule",
        /// Set for the ward the patient is in.
        Ward = "ward",
        /// Set for the patient.
        Patient = "patient",
    }
}

/// What an alert is about. Displays as a FHIR reference, `Patient/p1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    Patient(String),
    Device(String),
    Gateway(String),
}

impl Subject {
    /// The opaque id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Patient(id) | Self::Device(id) | Self::Gateway(id) => id,
        }
    }

    /// The id, if this is a patient.
    #[must_use]
    pub fn patient(&self) -> Option<&str> {
        if let Self::Patient(id) = self {
            Some(id)
        } else {
            None
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Patient(_) => "Patient",
            Self::Device(_) => "Device",
            Self::Gateway(_) => "Gateway",
        };
        write!(f, "{kind}/{}", self.id())
    }
}

/// One transition of an alert (design 5.6). Immutable; the last event of an `alert_id` tells its present state.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEvent {
    /// Log position of the input that caused it.
    pub seq: u64,
    /// Number of this event within `seq`. `(seq, ordinal)` is unique, and the same on replay of the same log.
    pub ordinal: u32,
    /// 26 characters (Crockford base32) from rule, subject and the onset as first raised.
    pub alert_id: String,
    pub rule_id: String,
    /// [`crate::RuleSet::version`] of the rule set in force.
    pub rule_version: String,
    pub subject: Subject,
    /// The device whose reading decided.
    pub device_id: Option<String>,
    pub class: Class,
    pub priority: Priority,
    pub event: EventKind,
    pub state: State,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<Micros>,
    pub silenced_until: Option<Micros>,
    /// How many steps of the rule's ladder were taken; 0 for none.
    pub escalation_level: u32,
    /// Effective time of the first reading of the condition; for absence, when the device was overdue.
    pub onset: Micros,
    /// Effective time of the first reading of the clear condition; for absence, when the device was heard.
    pub ended: Option<Micros>,
    /// Effective time of the reading that decided; log clock where no reading did.
    pub event_time: Micros,
    /// Log clock when this event was made.
    pub processed_time: Micros,
    /// The deciding reading, in `unit`; none where it is off the scale of its device, as the message says.
    pub value: Option<f64>,
    /// UCUM unit of the rule.
    pub unit: Option<String>,
    /// One sentence for people: what, value, limit. Names no person.
    pub message: String,
    /// Ids of at most 10 readings: the first, the extremes, the last.
    pub evidence: Vec<String>,
    /// Whether somebody should be told now. False for what is too late to act on, for corrections, and for
    /// transitions that ask for nothing.
    pub page: bool,
    /// Why, on `resolved`.
    pub reason: Option<Reason>,
    /// Who is to be told, on `escalated`: the step's `to`.
    pub escalate_to: Option<String>,
    /// How often the condition came back within this alert.
    pub repeats: u32,
    /// The condition is over; the alert stays open until somebody acknowledges it, because its rule says so.
    pub latched: bool,
    /// Who silenced it, while it is silenced.
    pub silenced_by: Option<String>,
    /// Limits that the deciding reading was held against, in `unit`: below the first or above the second the condition
    /// holds (at it too, for scores and counts). Both are none where no limit decides.
    pub limit_low: Option<f64>,
    pub limit_high: Option<f64>,
    /// Whose limits these are; none where no limit decides.
    pub limit_source: Option<LimitSource>,
}
