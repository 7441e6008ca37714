//! What the engine is told. Every input is a record of the log, so that a replay and the live run agree.

use crate::engine::exact_option as bits;
use crate::{Class, Priority, RuleSet};
use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// One input. The log clock is the highest `received` or `at` so far; an earlier one does not turn it back.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// A micro-batch with the columns of `wardline_normalize::columns::schema`; others are ignored.
    Readings(&'a RecordBatch),
    /// Time passed.
    Tick { at: Micros },
    /// An assignment began, was changed, or ended.
    Assignment(Assignment),
    /// What is known of a patient; replaces what was known.
    Patient(PatientAttributes),
    /// These rules are in force from now on. A rule with unchanged content keeps its state.
    RuleSet { at: Micros, rules: Arc<RuleSet> },
    /// What a person did with an alert.
    Action(Action),
    /// Readings were found to belong to somebody else.
    Reattributed(Reattributed),
    /// What bedside monitors alarm about by themselves, in the order of the log.
    Alarms {
        at: Micros,
        alarms: Vec<MonitorAlarm>,
    },
    /// A gateway told its state, or the broker told that it is gone.
    Gateway(GatewayReport),
    /// What gateways are watched for from now on.
    GatewayLimits { at: Micros, limits: GatewayLimits },
    /// A silence was set, changed or ended.
    Silence(Silence),
    /// A limit of a ward or a patient was set, changed, reviewed or ended.
    Limit(LimitChange),
}

impl Input<'_> {
    /// The input's own log time; readings carry one per row.
    #[must_use]
    pub fn at(&self) -> Option<Micros> {
        match self {
            Self::Readings(_) => None,
            Self::Tick { at } | Self::RuleSet { at, .. } => Some(*at),
            Self::Assignment(assignment) => Some(assignment.at),
            Self::Patient(attributes) => Some(attributes.at),
            Self::Action(action) => Some(action.at),
            Self::Reattributed(moved) => Some(moved.at),
            Self::Alarms { at, .. } | Self::GatewayLimits { at, .. } => Some(*at),
            Self::Gateway(report) => Some(report.at),
            Self::Silence(silence) => Some(silence.at),
            Self::Limit(change) => Some(change.at),
        }
    }
}

/// A device is with a patient from `from` until `until`. The same device, user, patient and `from` is the same
/// assignment: a later input replaces its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub device: String,
    /// Which user of a shared device.
    pub device_user: Option<String>,
    pub patient: String,
    pub from: Micros,
    /// `None`: still going on.
    pub until: Option<Micros>,
    /// Log time.
    pub at: Micros,
}

/// What rules may ask about a patient. What is `None` is not known, and excludes nobody from a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientAttributes {
    pub id: String,
    /// FHIR date: `1950-03-01`, `1950-03` or `1950`.
    pub birth_date: Option<String>,
    /// `Some(vec![])`: known to have none.
    pub tags: Option<Vec<String>>,
    /// The ward the patient is in; its limits are the patient's where the patient has none.
    #[serde(default)]
    pub ward: Option<String>,
    /// Who cares for the patient.
    #[serde(default)]
    pub care_team: Option<String>,
    /// Log time.
    pub at: Micros,
}

/// Whom a limit is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Everybody in the ward, [`PatientAttributes::ward`].
    Ward(String),
    /// Opaque id.
    Patient(String),
}

/// A limit in the place of a rule's own, for a ward or a patient. The same `id` is the same limit: a later input
/// replaces it, be it an end, a review or another number.
///
/// A reading is judged by the limits of its effective time: the patient's, else the ward's, else the rule's. Of several
/// that cover it in one scope, the one with the latest `from` counts (of those, the one set last). Nothing that is
/// settled (older than the lateness) is judged again. A change never pages by itself; the next reading that goes on
/// with it does. The same again, but for `at`, changes nothing. Why it was set stays with the registry's record.
///
/// [`crate::RuleSet::check_limit`] says whether it fits the rules; one that does not, because the rules have changed, is
/// not used, and a patient's own raises the reminder `limit:review`.
///
/// Serialized for checkpoints only: numbers by their bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitChange {
    pub id: String,
    pub scope: Scope,
    /// Id of the rule. One that the rules in force do not have is kept and not used.
    pub rule: String,
    /// The rule counts no reading while this is in force.
    pub off: bool,
    /// The condition holds above this; for a score, from this on.
    #[serde(with = "bits")]
    pub above: Option<f64>,
    /// The condition holds below this; with `above`, outside of both.
    #[serde(with = "bits")]
    pub below: Option<f64>,
    /// Goes with `below`: its alert is over above this (`clear = { above = … }` of a rule). None: as far from the limit
    /// as in the rule.
    #[serde(with = "bits")]
    pub clear_above: Option<f64>,
    /// Goes with `above`: its alert is over below this (`clear = { below = … }` of a rule). None: as far from the limit
    /// as in the rule.
    #[serde(with = "bits")]
    pub clear_below: Option<f64>,
    /// UCUM unit of the numbers; the rule's unit when none.
    pub unit: Option<String>,
    /// Effective time of the first reading that it judges.
    pub from: Micros,
    /// Effective time of the first reading that it no longer judges; none: until further notice.
    pub until: Option<Micros>,
    pub author: String,
    /// Log time at which somebody last confirmed that it still fits.
    pub reviewed: Option<Micros>,
    /// Taken back: it judges no reading from effective time `at` on.
    pub ended: bool,
    /// Log time.
    pub at: Micros,
}

/// A person's act on an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub alert_id: String,
    pub kind: ActionKind,
    /// Who.
    pub by: String,
    /// Log time.
    pub at: Micros,
    /// In the person's own words. The message of the event that follows carries its first 200 characters.
    pub note: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    Acknowledge,
    /// Until then, or [`crate::MAX_SILENCE`] from now if that is earlier. A time that has passed ends a silence.
    Silence {
        until: Micros,
    },
}

/// Nobody is to be paged for alerts that it fits, for a while. Every matcher that is set must fit; one with none fits
/// nothing. It counts from `from` to `until` by the log clock, and for each alert at most until its rule's `max-silence`
/// after `from`, whenever the alert was raised. The same id replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: String,
    pub patient: Option<String>,
    /// Id of a rule of the file, or `monitor:…`, `gateway:…`.
    pub rule: Option<String>,
    /// The device whose reading decides, or that the alert is about.
    pub device: Option<String>,
    /// The patient's ward, [`PatientAttributes::ward`].
    pub ward: Option<String>,
    pub class: Option<Class>,
    pub from: Micros,
    pub until: Micros,
    /// Who.
    pub author: String,
    /// Ended by hand: from `at` on it holds nothing back.
    pub ended: bool,
    /// Log time.
    pub at: Micros,
}

/// Readings of `device` with `from <= effective < until` do not belong to `former`. Open alerts of `former` that
/// rest on them resolve with reason `reattributed`.
///
/// Corrections in [`Input::Readings`] (version above 1, another patient) do the same for the alerts whose evidence
/// they take away; this input is for the whole interval, when an assignment is corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reattributed {
    pub device: String,
    pub former: String,
    pub from: Micros,
    pub until: Option<Micros>,
    /// Log time.
    pub at: Micros,
}

/// One message about an alarm of a bedside monitor (IHE PCD ACM, HL7 v2 ORU^R40). Messages of one alarm share device,
/// event, source and instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorAlarm {
    pub device: String,
    /// Whose it is, as attributed when it came.
    pub patient: Option<String>,
    /// Reference id or code of the event (IEEE 11073-10101), `MDC_EVT_LO`.
    pub event: String,
    /// Instance as the monitor numbers it (OBR-3, or OBR-29 of an update).
    pub instance: Option<String>,
    /// Metric that the alarm is about.
    pub source: Option<String>,
    /// When the monitor said it.
    pub time: Micros,
    pub presence: Presence,
    /// `info` for what the monitor gives no priority.
    pub priority: Priority,
    pub class: Class,
    /// Inactivation as the monitor words it, `audio-paused`; none while its signals are on.
    pub inactivation: Option<String>,
    /// The monitor's own words.
    pub text: Option<String>,
    pub value: Option<f64>,
    /// UCUM.
    pub unit: Option<String>,
    /// Limits as set on the monitor, `90-100`.
    pub limits: Option<String>,
    /// Demonstration or test: alarms nobody.
    pub staged: bool,
}

/// Whether the condition of an alarm is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Presence {
    /// It is there.
    Present,
    /// It has gone, the monitor's signals go on until somebody acknowledges them there.
    Latched,
    /// It has gone.
    Over,
    /// It was there for an instant (phase `tpoint`).
    Moment,
}

/// What a gateway, or the broker in its place, tells of it. What is `None` was not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayReport {
    pub gateway: String,
    /// Log time.
    pub at: Micros,
    pub presence: GatewayPresence,
    /// Why it is not online, in its own words.
    pub reason: Option<String>,
    /// Whether its clock is synchronised with a time server.
    pub synchronized: Option<bool>,
    /// By how much its clock is ahead of the server's, µs.
    pub clock_offset: Option<Micros>,
    /// How full its spool is, in percent of its bound.
    pub spool_percent: Option<u8>,
    /// Age of the oldest message in it that is not delivered, µs.
    pub spool_age: Option<Micros>,
    /// It takes no more: sources are not confirmed.
    pub spool_full: Option<bool>,
    /// Readings dropped since it started.
    pub dropped: Option<u64>,
    /// Tells one start from the next.
    pub boot: Option<String>,
    /// Devices by id, with the state as the gateway words it.
    pub devices: Option<Vec<(String, String)>>,
}

/// Whether a gateway is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayPresence {
    #[default]
    Online,
    /// It said that it stops, or its connection was lost (last will).
    Offline,
    /// People took it out of service: nothing is expected of it.
    Retired,
}

/// What gateways are watched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayLimits {
    /// Without it, no gateway is watched.
    pub watch: bool,
    /// Silent this long by the log clock, a gateway counts as lost.
    pub silent_after: Micros,
    /// Offline this long, it counts as lost: a restart or a new connection takes less.
    pub offline_after: Micros,
    /// Clock further off than this.
    pub clock_offset: Micros,
    /// Spool fuller than this.
    pub spool_percent: u8,
    /// Oldest undelivered message older than this.
    pub spool_age: Micros,
    /// States of a device that somebody has to see to.
    pub device_states: Vec<String>,
}

impl Default for GatewayLimits {
    /// Health comes every minute: three missing are a loss. A clock five seconds off misplaces a beat-to-beat event.
    fn default() -> Self {
        Self {
            watch: true,
            silent_after: 180_000_000,
            offline_after: 15_000_000,
            clock_offset: 5_000_000,
            spool_percent: 80,
            spool_age: 15 * 60_000_000,
            device_states: ["bond-lost", "refused", "unpaired"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}
