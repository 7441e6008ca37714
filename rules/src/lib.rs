//! Clinical rules and the life cycle of alerts: pure, time is an argument.
//!
//! ```text
//! rules file ──RuleSet::parse──> plan: lanes (threshold rules that share metrics), absence rules
//!                                  │
//! log record ──Engine::apply──> row by row ──lane──> fold (event time) ──> episodes ──> alerts ──> AlertEvent
//!                                  ├──clock──> timers (log time): absence, escalation, silence, idle subjects
//!                                  └──alarms of monitors, states of gateways──> standing alerts, decided by no rule
//! ```
//!
//! * [`RuleSet`]: a rules file, checked; every fault at once with line and column.
//! * [`Input`]: what the engine is told; each one is a record of the log.
//! * [`Engine`]: 128 key groups of state, one deterministic function of its inputs.
//! * [`AlertEvent`]: one transition of an alert; [`episodes`] and [`Summary`] read them.
//! * [`Replay`]: the same engine over a recording.
//! * [`routing`]: who is told of an alert, and when.
//!
//! Invariants, each kept by a property or scenario test:
//! 1. No clock, no I/O, no thread, no randomness. A batch cannot fail; what cannot be used is counted ([`Stats`]).
//! 2. For one log, events are identical however it is cut into batches, and after a restart from a checkpoint at
//!    any point; `seq` and `ordinal` too where the records are the same.
//! 3. For readings shuffled within 60 s of event time, the final [`episodes`] are identical, apart from rules with
//!    `inhibited-by`: inhibition looks at what is active when a reading arrives.
//! 4. Conditions on values change on a reading and by its effective time; absence, escalation and the end of a
//!    silence go by the log clock. A log that is silent as a whole (the server was down) makes no device overdue.
//! 5. One open alert per rule and subject. An alert's id derives from rule, subject and the onset as first raised.
//! 6. Nothing pages twice, late, under a silence, or because of a correction; again only where the rule says so
//!    (`worsens`, `latch`) and at the end of a silence. An alert found in late data pages when current readings show
//!    that it goes on.
//! 7. Readings that are implausible, from a demo or test, without value, or in a unit that does not convert never
//!    count for rules on values. Readings without a patient count for technical rules only. Off the scale of its device
//!    (`<`, `>`, infinite), a reading is beyond a limit on that side; otherwise it neither holds nor clears, and no mean,
//!    slope or score is made of it.
//! 8. State per subject is bounded; idle subjects are let go by the log clock.
//!
//! Semantics that a rules file relies on:
//! * A LOINC code means its metrics in order of preference: a less preferred one counts while no preferred one was
//!   heard for two minutes. All devices and channels of one metric are one series.
//! * `for` counts from the first reading beyond the limit to the deciding one; a hole longer than `max-gap` starts it
//!   anew. `max-gap` is twice `expect-every`, which is a minute unless the rule says otherwise.
//! * `inhibited-by` holds back a raise, for the subject or for the device whose reading decides; an alert that is
//!   already open stays.
//! * A reading is judged by the patient's own limit that is in force at its effective time, else by that of the ward the
//!   patient was in, else by the rule's ([`LimitChange`]); [`LimitReview`] reminds people of them.
//! * `absence` with a metric watches assigned devices that have sent it; without one, every assigned device.
//!
//! Signals, each a fold over the readings in event time (`engine/signal`):
//! * `rate-of-change`: the median of slopes over a window, so that one outlier does not decide.
//! * `score`: an early warning score of the latest readings ([`Score`]); an incomplete one is judged by its lower
//!   bound, which can raise an alert and never ends one, and says what is missing.
//! * `baseline`: the distance from what is usual for this patient: entered, running median, EWMA, CUSUM.
//! * `all`, `any`: how many of several conditions held within a window.
//! * `is` instead of a limit: words, such as codes and a device's status bits.
//!
//! Not here: delivery, storage, attribution of readings to patients.

mod engine;
mod event;
mod input;
mod labels;
mod replay;
pub mod routing;
mod ruleset;
mod score;
mod summary;

pub use engine::{Engine, Error, KEY_GROUPS, Pending, Stats, key_group};
pub use event::{AlertEvent, Class, EventKind, LimitSource, Priority, Reason, State, Subject};
pub use input::{
    Action, ActionKind, Assignment, GatewayLimits, GatewayPresence, GatewayReport, Input,
    LimitChange, MonitorAlarm, PatientAttributes, Presence, Reattributed, Scope, Silence,
};
pub use labels::{Label, Labelled};
pub use replay::{Observed, Replay};
pub use ruleset::{
    AppliesTo, Baseline, Clear, ClearLimit, Condition, Each, Escalation, Fault, Feed, Judge, Limit,
    LimitReview, Measure, Method, Rule, RuleSet, Signal, Take, Words,
};
pub use score::{Assumed, Given, Outcome, Part, Score, ScoreFault};
pub use summary::{Episode, RuleSummary, Summary, episodes};

/// Longest silence a person can ask for at once, in µs: an hour. Longer needs a fresh look at the patient.
/// It is also how long any silence holds for a physiological alert, unless its rule says otherwise.
pub const MAX_SILENCE: wardline_normalize::time::Micros = 3_600_000_000;

/// The same for technical alerts, µs: a day.
pub const MAX_TECHNICAL_SILENCE: wardline_normalize::time::Micros = 24 * 3_600_000_000;
