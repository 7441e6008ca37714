//! Alerts and messages as the FHIR projection takes them.

use wardline_normalize::fhir::alert::{AlertFacts, Delivery, NotificationFacts, Party};

use super::{Alert, Message};

impl Alert {
    /// What FHIR tells of it.
    pub fn facts(&self) -> AlertFacts {
        let about = |kind: &str| {
            let id = self.subject.strip_prefix(kind)?;
            Some(id.to_owned())
        };
        AlertFacts {
            id: self.alert_id.clone(),
            rule: self.rule_id.clone(),
            title: None,
            patient: about("Patient/").map(|id| Party {
                id,
                identifier: None,
            }),
            device: about("Device/").or_else(|| self.device_id.clone()),
            gateway: about("Gateway/"),
            class: self.class.clone(),
            priority: self.priority.clone(),
            state: self.state.clone(),
            reason: self.reason.clone(),
            acknowledged_by: self.acknowledged_by.clone(),
            acknowledged_at: self.acknowledged_at,
            silenced_until: self.silenced_until,
            escalation_level: self.escalation_level,
            not_watched: self.delivery.as_ref().and_then(|delivery| {
                let closed = delivery.not_watched.as_ref()?;
                Some((closed.calendar.clone(), closed.until))
            }),
            onset: self.onset,
            ended: self.ended,
            updated: self.processed_time,
            message: self.message.clone(),
            evidence: self.evidence.clone(),
        }
    }
}

impl Message {
    /// What FHIR tells of it. It has a subject when all its alerts are of one patient.
    pub fn facts(&self) -> NotificationFacts {
        let of_patients = self
            .alerts
            .iter()
            .all(|(_, subject)| subject.starts_with("Patient/"));
        let patient = match self.patients().as_slice() {
            [one] if of_patients => Some(Party {
                id: (*one).to_owned(),
                identifier: None,
            }),
            _ => None,
        };
        NotificationFacts {
            id: self.id.clone(),
            kind: self.kind.clone(),
            priority: self.priority.clone(),
            state: match self.state.as_str() {
                "delivered" => Delivery::Delivered,
                "dead" => Delivery::Dead,
                _ => Delivery::Pending,
            },
            error: self.last_error.clone(),
            made: self.at,
            delivered: self.delivered_at,
            channel: self.channel.clone(),
            mail: self.mail,
            recipient: self.recipient.clone(),
            patient,
            alerts: self.alerts.iter().map(|(id, _)| id.clone()).collect(),
            text: self.text.clone(),
        }
    }
}
