//! What comes out of a router.

use crate::event::words;
use crate::{AlertEvent, Class, Priority};
use serde::{Deserialize, Serialize};
use std::fmt;
use wardline_normalize::time::Micros;

words! {
    /// Why somebody is told.
    NotificationKind {
        /// An alert asks for attention; the receiver has not heard of it yet.
        Page = "page",
        /// An alert that the receiver knows of asks for attention again.
        Worsened = "worsened",
        /// Nobody acknowledged in time: the next step of the rule's ladder.
        Escalation = "escalation",
        /// Still open and not acknowledged.
        Repeat = "repeat",
        /// Over, for those who were told.
        Resolved = "resolved",
        /// Watching has begun, for all or for who comes on call: what is still open and not acknowledged.
        Opening = "opening",
    }
}

/// What becomes of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Somebody is told.
    Notify(Notification),
    /// Nobody watches now; told when it opens. Once per alert and time of being closed.
    NotWatched {
        alert_id: String,
        calendar: String,
        /// When it opens; `None`: not within a year.
        until: Option<Micros>,
    },
    /// No route took the page, or nobody is on call. It went to `fallback` if the file has one.
    Unrouted { alert_id: String },
}

/// One message to one receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// 26 characters (Crockford base32): the same inputs give the same id.
    pub id: String,
    /// Log position of the input that caused it.
    pub seq: u64,
    /// Log clock.
    pub at: Micros,
    pub kind: NotificationKind,
    /// Name of a configured receiver.
    pub channel: String,
    /// Id of a person; `None` when the route names the channel itself.
    pub recipient: Option<String>,
    /// The person's address on the channel, where the channel needs one (e-mail).
    pub address: Option<String>,
    /// 26 characters. An alert is in one group per receiver: order within a group is order per alert.
    pub group: String,
    /// The most urgent of its alerts.
    pub priority: Priority,
    /// The latest event of each, by alert id.
    pub alerts: Vec<AlertEvent>,
    /// Id of the route, of the target for an escalation (`target:…`), or `fallback`.
    pub route: String,
}

/// Whether somebody watches by a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub calendar: String,
    pub open: bool,
    /// Since when it is open, or closed; `None`: for more than a year.
    pub since: Option<Micros>,
    /// When it closes, or opens; `None`: not within a year.
    pub until: Option<Micros>,
}

/// Who is on call by a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    pub schedule: String,
    /// Ids; empty when nobody is.
    pub people: Vec<String>,
}

words! {
    /// Kinds of subject, as a route matches them.
    SubjectKind { Patient = "patient", Device = "device", Gateway = "gateway" }
}

/// What routes look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub class: Class,
    pub priority: Priority,
    /// The patient's care team, where known.
    pub team: Option<String>,
    /// The patient's ward, where known.
    pub ward: Option<String>,
    pub tags: Vec<String>,
    /// Id of the rule.
    pub rule: String,
    pub subject: SubjectKind,
}

/// Who would be told of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Id of the route, or `fallback`.
    pub route: String,
    /// Id of the person; `None` when the route names the channel itself.
    pub person: Option<String>,
    pub channel: String,
    pub address: Option<String>,
    /// Nobody watches at that time: told at `held_until`, by who is on call then.
    pub held: bool,
    /// `None` with `held`: not within a year.
    pub held_until: Option<Micros>,
}
