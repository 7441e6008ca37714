//! What a failed attempt means: never again, or again and when.

use std::time::Duration;

use rand::RngExt as _;
use wardline_normalize::time::Micros;
use wardline_store::registry::OutboxEntry;

/// Why an attempt failed, without personal data and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The same would be refused again: a dead letter at once.
    Permanent(String),
    /// It may go well later, not before the receiver's own time, if it named one.
    Transient {
        why: String,
        after: Option<Duration>,
    },
}

impl Failure {
    pub(crate) fn transient(why: impl Into<String>) -> Self {
        Self::Transient {
            why: why.into(),
            after: None,
        }
    }

    pub(crate) fn permanent(why: impl Into<String>) -> Self {
        Self::Permanent(why.into())
    }

    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Permanent(why) | Self::Transient { why, .. } => why,
        }
    }
}

/// How long deliveries are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    /// From the making of an entry to its last attempt.
    total: Duration,
    /// And not before so many: the clock may have been set, or the entry may have waited behind others.
    attempts: u32,
    /// Longest pause between attempts.
    pause: Duration,
    /// Longest wait beside it that a receiver is granted.
    granted: Duration,
}

/// A receiver may be down over a weekend's night; what is urgent is tried each minute.
const HIGH: Patience = Patience {
    total: Duration::from_secs(48 * 3_600),
    attempts: 100,
    pause: Duration::from_secs(60),
    granted: Duration::from_secs(60),
};
const OTHERS: Patience = Patience {
    total: Duration::from_secs(24 * 3_600),
    attempts: 20,
    pause: Duration::from_secs(300),
    granted: Duration::from_secs(3_600),
};

fn patience(payload: &[u8]) -> Patience {
    #[derive(serde::Deserialize)]
    struct Urgency<'a> {
        #[serde(borrow)]
        priority: std::borrow::Cow<'a, str>,
    }
    match serde_json::from_slice::<Urgency<'_>>(payload) {
        Ok(urgency) if urgency.priority == "high" => HIGH,
        _ => OTHERS,
    }
}

/// When the next attempt is; none: it is given up. What something urgent waits for is tried as often as that.
pub(super) fn next(
    entry: &OutboxEntry,
    failure: &Failure,
    urgent: bool,
    now: Micros,
) -> Option<Micros> {
    let Failure::Transient { after, .. } = failure else {
        return None;
    };
    let patience = patience(&entry.payload);
    let pace = if urgent { HIGH } else { patience };
    let asked = after.unwrap_or_default().min(pace.granted);
    let old = now - entry.created_at >= micros(patience.total);
    let given_up = old && entry.attempts + 1 >= patience.attempts;
    (!given_up).then(|| now + backoff(entry.attempts, pace.pause) + micros(asked))
}

/// A duration as the clock counts.
pub(super) fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// Doubling from a second, capped, each with a random half so that receivers are not hit in step.
pub(super) fn backoff(attempts: u32, most: Duration) -> Micros {
    let full = Duration::from_secs(1 << attempts.min(16)).min(most);
    let half = micros(full) / 2;
    half + rand::rng().random_range(0..=half)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use wardline_store::registry::{LONGEST_URGENT_WAIT, LONGEST_WAIT, OutboxEntry, OutboxState};

    use super::{Failure, HIGH, OTHERS, backoff, micros, next, patience};

    /// An entry of the first attempt, made at 0.
    pub(in crate::deliver) fn entry(key: &str) -> OutboxEntry {
        OutboxEntry {
            id: 1,
            event_rowid: None,
            alert_id: None,
            destination: "mail".to_owned(),
            idempotency_key: key.to_owned(),
            attempts: 0,
            next_attempt: 0,
            state: OutboxState::Pending,
            last_error: None,
            created_at: 0,
            delivered_at: None,
            payload: Vec::new(),
            notification: Some(key.to_owned()),
            recipient: Some("ann".to_owned()),
            address: None,
            stream: "g1".to_owned(),
            urgent: false,
        }
    }

    #[test]
    fn what_is_refused_is_given_up_and_the_rest_in_time() {
        let mut entry = entry("n1");
        entry.payload = br#"{"priority":"high"}"#.to_vec();
        let refused = Failure::permanent("answered 400");
        assert_eq!(next(&entry, &refused, true, 1), None);
        let down = Failure::transient("no connection");
        entry.attempts = HIGH.attempts;
        let last = micros(HIGH.total) - 1;
        assert!(next(&entry, &down, true, last).is_some_and(|at| at > last));
        assert_eq!(next(&entry, &down, true, micros(HIGH.total)), None);
        entry.payload = br#"{"priority":"low"}"#.to_vec();
        assert_eq!(next(&entry, &down, false, micros(OTHERS.total)), None);
    }

    #[test]
    fn a_clock_that_is_set_forward_gives_nothing_up() {
        let mut entry = entry("n1");
        let down = Failure::transient("no connection");
        for (payload, patience) in [
            (&br#"{"priority":"high"}"#[..], HIGH),
            (br#"{"priority":"low"}"#, OTHERS),
        ] {
            entry.payload = payload.to_vec();
            let years = 100 * micros(patience.total);
            for attempts in 0..patience.attempts - 1 {
                entry.attempts = attempts;
                assert!(next(&entry, &down, false, years).is_some(), "{attempts}");
            }
            entry.attempts = patience.attempts - 1;
            assert_eq!(next(&entry, &down, false, years), None);
        }
        entry.attempts = u32::MAX - 1;
        assert!(next(&entry, &down, false, -1).is_some(), "nor one set back");
    }

    #[test]
    fn who_is_tried_all_the_time_is_given_up_at_his_age() {
        // An attempt takes a minute at most.
        for patience in [HIGH, OTHERS] {
            let slowest = patience.pause + patience.granted + Duration::from_secs(60);
            assert!(
                patience.total >= slowest * patience.attempts,
                "{patience:?}"
            );
        }
    }

    #[test]
    fn a_receiver_is_granted_its_time_within_bounds() {
        let asks = |seconds| Failure::Transient {
            why: "answered 429".to_owned(),
            after: Some(Duration::from_secs(seconds)),
        };
        let at = |seconds, urgent| next(&entry("n1"), &asks(seconds), urgent, 0).unwrap();
        assert!(at(120, false) >= 120_000_000 && at(120, false) <= 121_000_000);
        for (urgent, most) in [(false, 3_600), (true, 60)] {
            assert!(at(1_000_000, urgent) <= (most + 1) * 1_000_000, "{most} s");
        }
        let mut high = entry("n1");
        high.payload = br#"{"priority":"high"}"#.to_vec();
        assert!(next(&high, &asks(900), false, 0).unwrap() <= 61_000_000);
    }

    #[test]
    fn nothing_waits_longer_than_the_outbox_takes_for_possible() {
        let longest = |patience: super::Patience| micros(patience.pause + patience.granted);
        assert!(longest(HIGH) < LONGEST_URGENT_WAIT);
        assert!(longest(OTHERS) < LONGEST_WAIT);
    }

    #[test]
    fn what_stands_before_something_urgent_is_tried_as_often() {
        let mut entry = entry("n1");
        entry.payload = br#"{"priority":"low"}"#.to_vec();
        entry.attempts = 30;
        let down = Failure::transient("no connection");
        let wait = |urgent| next(&entry, &down, urgent, 0).unwrap();
        assert!(wait(true) <= micros(HIGH.pause));
        assert!(wait(false) >= micros(OTHERS.pause) / 2);
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for patience in [HIGH, OTHERS] {
            for attempts in 0..40 {
                let pause = backoff(attempts, patience.pause);
                assert!(
                    pause >= 500_000 && pause <= micros(patience.pause),
                    "{attempts}: {pause}"
                );
            }
        }
        assert!(backoff(5, HIGH.pause) > backoff(1, HIGH.pause));
    }

    #[test]
    fn what_is_urgent_is_tried_longer_and_more_often() {
        assert_eq!(patience(br#"{"alerts":[],"priority":"high"}"#), HIGH);
        assert_eq!(patience(br#"{"priority":"low"}"#), OTHERS);
        assert_eq!(patience(b"no json"), OTHERS);
        assert!(HIGH.total >= Duration::from_secs(24 * 3_600));
    }

    #[test]
    fn a_failure_says_why() {
        assert_eq!(Failure::permanent("answered 400").why(), "answered 400");
        assert_eq!(Failure::transient("timed out").why(), "timed out");
    }
}
