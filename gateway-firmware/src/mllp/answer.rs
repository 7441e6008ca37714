//! Which acknowledgements a message gets (HL7 v2.6, 2.9.2 original and 2.9.3 enhanced mode, table 0155).
//!
//! An accept acknowledgement says that the message is safe, an application acknowledgement that it was understood.
//! Both are written only when the spool has synced, so that either is a promise.

use wardline_normalize::hl7v2::Condition;
use wardline_normalize::hl7v2::ack::AckCode;

use super::config::AckMode;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// Synced, or nothing in it had to be.
    Taken,
    /// Not now: the same message may be taken later.
    Later,
    /// Never: the same message will be refused again.
    Never,
}

/// A field's word; `None` for an empty one. What is no word of table 0155 counts as AL, since an answer too many does
/// less harm than a sender that waits.
fn read(field: &str) -> Option<Condition> {
    match field.trim() {
        "" => None,
        "NE" => Some(Condition::Never),
        "ER" => Some(Condition::Error),
        "SU" => Some(Condition::Success),
        _ => Some(Condition::Always),
    }
}

/// The acknowledgements of one message, in the order in which they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) accept: Option<AckCode>,
    pub(crate) application: Option<AckCode>,
}

/// When each acknowledgement is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    accept: Condition,
    application: Condition,
}

impl Asked {
    /// By the mode of the source and the fields MSH-15 and MSH-16.
    pub(crate) fn new(mode: AckMode, accept: &str, application: &str) -> Self {
        use Condition::{Always, Never};
        let fields = (read(accept), read(application));
        let (accept, application) = match (mode, fields) {
            (AckMode::None, _) => (Never, Never),
            (AckMode::Original, _) | (AckMode::Auto, (None, None)) => (Never, Always),
            (AckMode::Accept, _) => (Always, Never),
            (AckMode::Auto, (accept, application)) => {
                (accept.unwrap_or(Never), application.unwrap_or(Never))
            }
            (AckMode::Enhanced, (accept, application)) => {
                (accept.unwrap_or(Always), application.unwrap_or(Never))
            }
        };
        Self {
            accept,
            application,
        }
    }

    /// Whether a message that was taken is acknowledged, so that its sender may forget it.
    pub(crate) fn confirms(self) -> bool {
        self.accept.wants(true) || self.application.wants(true)
    }

    /// Whether the application level is asked for at all.
    pub(crate) fn application(self) -> bool {
        self.application != Condition::Never
    }

    /// A message that was not accepted never reaches the application, so a negative accept acknowledgement is the
    /// only one.
    pub(crate) fn answers(self, verdict: Verdict) -> Answers {
        let accept = self
            .accept
            .wants(verdict == Verdict::Taken)
            .then_some(match verdict {
                Verdict::Taken => AckCode::CA,
                Verdict::Later => AckCode::CE,
                Verdict::Never => AckCode::CR,
            });
        let refused = accept.is_some() && verdict != Verdict::Taken;
        let application = (!refused && self.application.wants(verdict == Verdict::Taken))
            .then_some(match verdict {
                Verdict::Taken => AckCode::AA,
                Verdict::Later => AckCode::AE,
                Verdict::Never => AckCode::AR,
            });
        Answers {
            accept,
            application,
        }
    }
}

#[cfg(test)]
mod tests;
