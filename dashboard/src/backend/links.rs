//! Links by which people acknowledge alerts from a message.

use super::{Alert, Micros};

/// What a link stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct AckLink {
    /// In whose name it acknowledges: the person it was sent to, else the receiver that carried it.
    pub by: String,
    /// Until when it is good.
    pub expires: Micros,
    /// Its alerts as they stand.
    pub alerts: Vec<LinkedAlert>,
}

impl AckLink {
    /// Whether each of its alerts is acknowledged or over.
    #[must_use]
    pub fn settled(&self) -> bool {
        let mut alerts = self.alerts.iter().map(|linked| &linked.alert);
        alerts.all(|alert| alert.acknowledged_by.is_some() || alert.state == "resolved")
    }
}

/// One of its alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkedAlert {
    /// The alert.
    pub alert: Alert,
    /// The bed of its patient.
    pub bed: Option<String>,
    /// It has become worse since the message was sent: whoever acknowledges has to know.
    pub worse: bool,
}
