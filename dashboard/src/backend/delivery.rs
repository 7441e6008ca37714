//! What became of alerts after they were raised: who was told, who could not be, who watches.

use super::Micros;

/// Delivery of one alert over all its receivers. Raised and delivered are different facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Messages that wait or are tried again.
    pub pending: u32,
    /// Messages a receiver has taken.
    pub delivered: u32,
    /// Messages given up.
    pub dead: u32,
    /// Of those taken, messages that called people by the routing.
    pub told: u32,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// Nobody watches: told when this calendar opens.
    pub not_watched: Option<NotWatched>,
    /// No route takes its pages: nobody is told but by looking.
    pub unrouted: bool,
}

/// A closed calendar that an alert waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotWatched {
    /// The calendar's name.
    pub calendar: String,
    /// When it opens; `None` when it never does again.
    pub until: Option<Micros>,
}

/// A message to a receiver about one or more alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The same on every attempt and replay.
    pub id: String,
    /// When it was decided, by the log's clock.
    pub at: Micros,
    /// `page`, `worsened`, `escalation`, `repeat`, `resolved`, `opening`.
    pub kind: String,
    /// Name of the receiver.
    pub channel: String,
    /// Id of the person, where it is for one.
    pub recipient: Option<String>,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// The route that asked for it.
    pub route: String,
    /// Its alerts.
    pub alerts: Vec<String>,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When the receiver took it.
    pub delivered_at: Option<Micros>,
    /// Subjects of its alerts, `Patient/…`: for the audit.
    pub subjects: Vec<String>,
}

/// Something to deliver, as the outbox holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Its number.
    pub id: String,
    /// Name of the receiver.
    pub destination: String,
    /// The notification it carries; none for a single alert event.
    pub notification: Option<String>,
    /// Id of the person, where it is for one.
    pub recipient: Option<String>,
    /// Its alerts.
    pub alerts: Vec<String>,
    /// Subjects of its alerts.
    pub subjects: Vec<String>,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_attempt: Option<Micros>,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When it was put there.
    pub created: Micros,
}

/// Which entries of the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxSearch {
    /// `pending`, `delivered` or `dead`; `None` for all.
    pub state: Option<String>,
    /// For this receiver.
    pub destination: Option<String>,
    /// About this alert.
    pub alert: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// Who watches now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Every calendar of the routing in force.
    pub calendars: Vec<CalendarState>,
    /// Every on-call schedule of it.
    pub on_call: Vec<OnCall>,
}

/// A calendar now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarState {
    /// Its name.
    pub calendar: String,
    /// Whether somebody watches.
    pub open: bool,
    /// Since when.
    pub since: Option<Micros>,
    /// Until when.
    pub until: Option<Micros>,
}

/// A schedule now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// Its name.
    pub schedule: String,
    /// Ids of the people on call, first one first.
    pub people: Vec<String>,
}

/// A condition that holds and is not yet an alert, because its rule asks that it hold for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The rule.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// `Patient/…` or `Device/…`.
    pub subject: String,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// Since when the condition holds, in event time.
    pub since: Micros,
    /// The latest reading, in `unit`.
    pub value: f64,
    /// UCUM unit of the rule.
    pub unit: String,
    /// When it becomes an alert if it goes on.
    pub due: Micros,
}
