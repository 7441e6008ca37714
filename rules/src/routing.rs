//! Who is told: routes, care teams, on-call schedules, hours in which somebody watches, grouping and repeats.
//!
//! ```text
//! routing file ──Routing::parse──> people, teams, schedules, calendars, routes, targets
//!                                     │
//! AlertEvents of one input ──Router::take──> groups ──Router::advance (log clock)──> Outcomes
//! ```
//!
//! * [`Routing`]: a routing file, checked; every fault at once with line and column.
//! * [`Router`]: a deterministic function of events and log clock; state is bounded by the alerts that are open.
//! * [`Outcome`]: a notification to a receiver; or that nobody watches now; or that no route took a page.
//!
//! Inhibition, silences and escalation ladders are decided by the engine: what they hold back comes without `page`,
//! what a ladder asks for comes as `escalated` with the name of a target.
//!
//! Invariants, each kept by a property test:
//! 1. No clock, no I/O, no randomness. The same events give the same outcomes, however they are cut, and after a
//!    restart from a checkpoint at any point.
//! 2. Every page ends in a notification, or in `NotWatched`, or in `Unrouted`, unless it is silenced before that and over
//!    before the silence is.
//! 3. Nobody is told twice of one page, unless as a repeat; repeats end with the acknowledgement.
//! 4. Whoever is responsible for an open alert knows of it, or waits for a group, for hours or for the end of a silence.
//! 5. An alert leaves when it is resolved and those who knew of it were told.

mod audience;
mod file;
mod holes;
mod hours;
mod matching;
mod outcome;
mod parse;
mod router;

pub use file::{Mention, Routing};
pub use outcome::{
    Facts, Notification, NotificationKind, OnCall, Outcome, SubjectKind, Told, Watch,
};
pub use router::{Error, Router};

#[cfg(test)]
mod tests;
