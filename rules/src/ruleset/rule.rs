//! A checked rule.

use crate::{Class, Priority, Score};
use std::sync::Arc;
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary;

/// One rule: what to look for, on whom, and what an alert of it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: String,
    /// For people; the id if the file has none.
    pub title: String,
    pub class: Class,
    pub priority: Priority,
    /// Keys of the metrics (MDC id, else own code), the preferred first. Empty only for absence of any reading.
    pub metrics: Vec<String>,
    /// The metric's name for people.
    pub metric_name: String,
    pub condition: Condition,
    /// A reading older than this, by the log clock, pages nobody.
    pub page_within: Micros,
    /// Ids of rules; while one is active for the subject, or for the device that sent the reading, this one does
    /// not raise.
    pub inhibited_by: Vec<String>,
    /// How much younger than the last reading that confirms it a reading may be that this rule holds back: a state that
    /// nobody has confirmed for longer says nothing of now. Not of absence, which holds until the device is heard.
    pub holds_for: Micros,
    /// In order of `after`; the file's ladder for the priority, if the rule has none of its own.
    pub escalate: Vec<Escalation>,
    /// When the condition is over and nobody has acknowledged it, the alert stays open until somebody does.
    pub latch: bool,
    /// How long after its begin a silence holds for alerts of this rule; 0: they cannot be silenced.
    pub max_silence: Micros,
    pub applies_to: AppliesTo,
    /// `may-be-off = true`: a limit may switch the rule off for a ward or a patient although its priority is high. Rules of
    /// other priorities may be off anyway.
    pub may_be_off: bool,
}

impl Rule {
    /// Whether the other looks for the same and makes the same of it: its state goes on under it. What it is called, on
    /// whom it is, who is told and what holds it back may differ.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let bare = |rule: &Self| {
            let mut bare = Self {
                title: String::new(),
                escalate: Vec::new(),
                page_within: 0,
                inhibited_by: Vec::new(),
                holds_for: 0,
                max_silence: 0,
                may_be_off: false,
                applies_to: AppliesTo::default(),
                ..rule.clone()
            };
            if let Condition::Judged(judge) = &mut bare.condition {
                judge.signal.untitle();
            }
            bare
        };
        self.id == other.id && bare(self) == bare(other)
    }
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A signal beyond a limit, event time.
    Judged(Judge),
    /// No reading from an assigned device, log clock.
    Absence { expect_every: Micros, grace: Micros },
}

/// A signal made of readings, and the limit it is held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// The readings it is made of.
    pub feeds: Vec<Feed>,
    /// Readings of a day become one value first.
    pub each: Option<Each>,
    pub signal: Signal,
    pub limit: Limit,
    /// UCUM unit of the signal.
    pub unit: String,
    /// How long the condition must hold, from the first value to the deciding one.
    pub hold: Micros,
    /// A longer hole between values breaks `hold`, of the condition and of the clear condition.
    pub max_gap: Micros,
    pub clear: Clear,
    /// Going this much further beyond the limit than when people were last told, it is told again. In `unit`.
    pub worsens: Option<f64>,
    /// [`Rule::latch`].
    pub(crate) latch: bool,
}

/// Readings of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Keys of the metrics, the preferred first.
    pub metrics: Vec<String>,
    /// The quantity's name for people.
    pub name: String,
    /// UCUM; readings are converted to it.
    pub unit: String,
    pub words: Words,
}

impl Feed {
    /// g/mol of what it measures, where mass and substance concentration both are in use: those of one LOINC are one
    /// substance.
    pub(crate) fn molar_mass(&self) -> Option<f64> {
        let known = vocabulary::resolve(self.metrics.first()?);
        known.first().and_then(|metric| metric.molar_mass)
    }
}

/// Word of [`Words::Marked`] for a reading without a value, whatever the reason.
pub(crate) const ABSENT: &str = "absent";

/// How a reading is a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// Not at all: the readings are numbers.
    None,
    /// 1 when one of its words, parted by blanks, is one of these, else 0.
    AnyOf(Vec<String>),
    /// Its place in the list; a word that is not there does not count.
    Place(Vec<String>),
    /// 1 when the reading is marked with one of these, or has no value for one of these reasons, else 0; the value
    /// itself does not matter. [`ABSENT`] is any reason.
    Marked(Vec<String>),
}

/// What is made of the readings before the limit is held against it.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// The readings themselves.
    Value,
    /// How much it changes in `per`: the median of the slopes between the means of 32nds of `window`
    /// (Theil and Sen), so that one outlier does not decide. Known once values span half the window.
    Rate { per: Micros, window: Micros },
    /// An early warning score of the latest readings.
    Score {
        table: Arc<Score>,
        measure: Measure,
        /// By place of the feed: older values are missing.
        max_age: Vec<Micros>,
    },
    /// How far from what is usual for the patient.
    Baseline(Baseline),
    /// How many of these were true within the last `within`.
    Count { parts: Vec<Judge>, within: Micros },
}

impl Signal {
    /// Without what is for people alone.
    fn untitle(&mut self) {
        match self {
            Self::Score { table, .. } => {
                let table = Arc::make_mut(table);
                table.title.clear();
                table.source.clear();
            }
            Self::Count { parts, .. } => parts.iter_mut().for_each(|part| part.signal.untitle()),
            Self::Value | Self::Rate { .. } | Self::Baseline(_) => {}
        }
    }
}

/// What of a score is held against the limit. Of an incomplete one it is the lower bound, which can raise an alert
/// and never ends one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Total,
    /// The most that a single input gives.
    Part,
}

/// What is usual, and how the distance from it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    pub method: Method,
    /// Nothing is judged before values span this long.
    pub learn: Micros,
    /// Nor before there were so many.
    pub least: u32,
    /// In standard deviations instead of the unit of the readings.
    pub standardized: bool,
    /// Least standard deviation: a patient who is very steady is not alarmed by the device's last digit.
    pub least_spread: f64,
}

/// Where the baseline comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Entered by a person.
    Entered(f64),
    /// Running median of the values of so long; spread by the median absolute deviation (times 1.4826).
    Median(Micros),
    /// Exponentially weighted mean and variance with this half-life; values count for it up to three standard
    /// deviations away, so that an episode does not become usual at once.
    Ewma(Micros),
    /// Cumulated sum of the standardized distance from an EWMA beyond `slack` (Page 1954), downwards negative.
    Cusum { half_life: Micros, slack: f64 },
}

/// One value a day, by local time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Each {
    pub take: Take,
    /// Minutes after local midnight, from the first to before the second; over midnight if they fall. The values of a
    /// night are those of the day it began.
    pub between: Option<(u32, u32)>,
    pub zone: chrono_tz::Tz,
    /// The mean of the values of so many days, the one that is over or has begun among them; 1: the day's own.
    pub days: u32,
    /// Nothing is judged before so many of these days have a value.
    pub least: u32,
}

/// Which value stands for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    First,
    Mean,
    Min,
    Max,
    /// The lowest mean of five minutes: a resting value.
    Low,
}

/// Where the condition holds. Limits themselves are not beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    Above(f64),
    Below(f64),
    Outside(f64, f64),
    /// The limit itself holds: counts and scores.
    AtLeast(f64),
    /// Nowhere: the rule is off. No rules file says so, a limit of a ward or a patient does.
    Never,
}

/// When the condition is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clear {
    pub within: ClearLimit,
    /// How long that must hold.
    pub hold: Micros,
}

/// Where the clear condition holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClearLimit {
    /// Wherever the condition does not.
    Limit,
    Below(f64),
    Above(f64),
    /// Both ends included.
    Inside(f64, f64),
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Since the alert was first paged, log clock.
    pub after: Micros,
    pub to: String,
}

/// What is done by priority where a rule does not say, and for alerts of monitors and gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ladders {
    pub(crate) high: Vec<Escalation>,
    pub(crate) medium: Vec<Escalation>,
    pub(crate) low: Vec<Escalation>,
}

impl Ladders {
    pub(crate) fn of(&self, priority: Priority) -> &[Escalation] {
        match priority {
            Priority::High => &self.high,
            Priority::Medium => &self.medium,
            Priority::Low => &self.low,
            Priority::Info => &[],
        }
    }
}

/// On whom. What is not known of a patient excludes nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliesTo {
    /// Years are 365.25 days.
    pub min_age: Option<Micros>,
    pub max_age: Option<Micros>,
    /// At least one of them; empty: everybody.
    pub tags: Vec<String>,
    /// None of them.
    pub not_tags: Vec<String>,
}
