//! A body of the outbox as people are told of it: an event's or a notification's.

use serde::Deserialize;
use wardline_normalize::time::{Micros, format_rfc3339, parse_rfc3339};

use crate::config::{Part, Show};

/// What one message to people is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// The notification's kind, or the event's name.
    pub(super) kind: String,
    pub(super) priority: String,
    /// When it was decided, by the log's clock: a message may come late, and must not look new.
    pub(super) at: Micros,
    /// Id of the person it is for.
    pub(super) recipient: Option<String>,
    pub(super) alerts: Vec<Alert>,
}

/// One alert of it, as it stood then.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) alert_id: String,
    pub(super) rule_id: String,
    pub(super) subject: String,
    pub(super) priority: String,
    pub(super) event: String,
    pub(super) state: String,
    pub(super) acknowledged_by: Option<String>,
    pub(super) onset: String,
    pub(super) value: Option<f64>,
    pub(super) unit: Option<String>,
    pub(super) message: String,
    #[serde(default)]
    pub(super) bed: Option<String>,
}

#[derive(Deserialize)]
struct Notification {
    kind: String,
    priority: String,
    at: String,
    recipient: Option<String>,
    alerts: Vec<Alert>,
}

/// What only an event that is told on its own needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Processed {
    processed_time: String,
}

impl Message {
    /// Reads a body that this program made.
    pub(super) fn read(payload: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(default)]
            r#type: String,
        }
        if serde_json::from_slice::<Kind>(payload)?.r#type == "notification" {
            let read: Notification = serde_json::from_slice(payload)?;
            return Ok(Self {
                kind: read.kind,
                priority: read.priority,
                at: instant(&read.at)?,
                recipient: read.recipient,
                alerts: read.alerts,
            });
        }
        let alert: Alert = serde_json::from_slice(payload)?;
        let event: Processed = serde_json::from_slice(payload)?;
        Ok(Self {
            at: instant(&event.processed_time)?,
            kind: alert.event.clone(),
            priority: alert.priority.clone(),
            recipient: None,
            alerts: vec![alert],
        })
    }

    /// Those that somebody could acknowledge.
    pub(super) fn open(&self) -> Vec<String> {
        let open = self
            .alerts
            .iter()
            .filter(|alert| alert.state != "resolved" && alert.acknowledged_by.is_none());
        open.map(|alert| alert.alert_id.clone()).collect()
    }

    /// One line: what it is, and where. Nothing of it is personal.
    pub(super) fn heading(&self, show: &Show) -> String {
        let priority = if show.has(Part::Priority) {
            format!("{} alert", self.priority)
        } else {
            "alert".to_owned()
        };
        let what = match self.kind.as_str() {
            "page" | "raised" => priority,
            "worsened" => format!("worsened: {priority}"),
            "escalation" | "escalated" => format!("not acknowledged: {priority}"),
            "repeat" => format!("still open: {priority}"),
            "resolved" => format!("resolved: {priority}"),
            "opening" => format!("open as your watch begins: {priority}"),
            other => format!("{other}: {priority}"),
        };
        let count = self.alerts.len();
        let what = if count > 1 {
            format!("{what}s ({count})")
        } else {
            what
        };
        match self.bed() {
            Some(bed) if show.has(Part::Bed) => line(&format!("{what}, bed {bed}")),
            _ => what,
        }
    }

    /// One line: how it stood when.
    pub(super) fn as_of(&self) -> String {
        format!("As of {}", shown(self.at))
    }

    /// The bed that all of it is about.
    fn bed(&self) -> Option<&str> {
        let mut beds = self.alerts.iter().map(|alert| alert.bed.as_deref());
        let first = beds.next()??;
        beds.all(|bed| bed == Some(first)).then_some(first)
    }
}

impl Alert {
    /// What may be shown of it, named.
    pub(super) fn facts(&self, show: &Show) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        let mut tell = |part: Part, name: &'static str, value: Option<String>| {
            if let Some(value) = value.filter(|_| show.has(part)) {
                facts.push((name, line(&value)));
            }
        };
        let value = self.value.map(|value| match &self.unit {
            Some(unit) => format!("{value} {unit}"),
            None => value.to_string(),
        });
        tell(Part::Priority, "Priority", Some(self.priority.clone()));
        tell(Part::Bed, "Bed", self.bed.clone());
        tell(Part::Message, "Message", Some(self.message.clone()));
        tell(Part::Value, "Value", value);
        tell(Part::Rule, "Rule", Some(self.rule_id.clone()));
        tell(Part::Id, "Alert", Some(self.alert_id.clone()));
        let since = parse_rfc3339(&self.onset).map_or_else(|| self.onset.clone(), shown);
        facts.push(("Since", line(&since)));
        facts
    }

    /// Opaque id of the patient it is about.
    pub(super) fn patient(&self) -> Option<&str> {
        self.subject.strip_prefix("Patient/")
    }
}

fn instant(text: &str) -> serde_json::Result<Micros> {
    use serde::de::Error as _;
    parse_rfc3339(text).ok_or_else(|| serde_json::Error::custom(format!("{text:?} is no time")))
}

/// To the second, and in UTC whoever reads it.
fn shown(at: Micros) -> String {
    let text = format_rfc3339(at);
    let seconds = text.get(..19).unwrap_or(&text);
    format!("{} UTC", seconds.replace('T', " "))
}

/// What comes from elsewhere makes no lines of its own.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::Message;
    use crate::config::{Part, Show};

    /// An alert of a notification.
    pub(in crate::deliver) fn alert(id: &str, bed: Option<&str>) -> Value {
        json!({
            "alertId": id, "ruleId": "tachycardia", "subject": "Patient/p1", "priority": "high",
            "event": "raised", "state": "active", "acknowledgedBy": null, "value": 131.0,
            "onset": "2026-11-22T10:00:00Z", "processedTime": "2026-11-22T10:05:00.5Z",
            "unit": "/min", "message": "heart rate 131 /min [x](http://evil)", "page": true, "bed": bed,
        })
    }

    /// A notification of these alerts.
    pub(in crate::deliver) fn notification(kind: &str, alerts: &[Value]) -> Message {
        let body = json!({
            "type": "notification", "notificationId": "n1", "kind": kind, "recipient": "ann",
            "at": "2026-11-22T10:05:00.5Z",
            "priority": "high", "route": "all", "alerts": alerts,
        });
        Message::read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn an_event_and_a_notification_are_told_alike() {
        let event = Message::read(alert("a1", Some("12")).to_string().as_bytes()).unwrap();
        let notified = notification("page", &[alert("a1", Some("12"))]);
        for message in [event, notified] {
            assert_eq!(message.heading(&Show::default()), "high alert, bed 12");
            assert_eq!(message.open(), ["a1"]);
            assert_eq!(message.as_of(), "As of 2026-11-22 10:05:00 UTC");
        }
    }

    #[test]
    fn only_what_is_to_be_shown_is_told() {
        let message = notification("page", &[alert("a1", Some("12"))]);
        let facts = message.alerts[0].facts(&Show::default());
        let names: Vec<_> = facts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["Priority", "Bed", "Alert", "Since"]);
        let all = [
            Part::Id,
            Part::Bed,
            Part::Priority,
            Part::Rule,
            Part::Value,
            Part::Message,
        ];
        let facts = message.alerts[0].facts(&Show(all.into()));
        assert!(facts.contains(&("Value", "131 /min".to_owned())));
        assert!(facts.contains(&("Since", "2026-11-22 10:00:00 UTC".to_owned())));
        assert_eq!(facts.len(), 7);
        let nothing = message.heading(&Show([Part::Id].into()));
        assert_eq!(nothing, "alert");
    }

    #[test]
    fn several_alerts_name_a_bed_only_when_it_is_one() {
        let (here, there) = (alert("a1", Some("12")), alert("a2", Some("13")));
        let both = notification("escalation", &[here.clone(), there]);
        assert_eq!(
            both.heading(&Show::default()),
            "not acknowledged: high alerts (2)"
        );
        let mut done = alert("a2", Some("12"));
        done["state"] = "resolved".into();
        let one = notification("repeat", &[here, done]);
        assert_eq!(
            one.heading(&Show::default()),
            "still open: high alerts (2), bed 12"
        );
        assert_eq!(one.open(), ["a1"], "what is over needs nobody");
    }
}
