//! "All is well", said as often as a receiver wants it, so that it notices when nobody says it any more.
//!
//! It does not go through the outbox: said late it would be a lie. It is said only while the rules follow the log, into
//! which the time goes each second, and the outbox's worker looks for what is due: whoever hears it knows that a reading
//! would have been judged, and that somebody would have been told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::{Micros, format_rfc3339};

use super::Webhook;
use crate::metrics::Metrics;

/// How long the rules may stand still beyond the time between two ticks: a disk that is slow for a moment is no fault.
const STILL: Duration = Duration::from_secs(5);
/// How long the outbox's worker may go without a look at the outbox: it looks every few seconds.
const STUCK: Duration = Duration::from_secs(30);

/// What became of them, by receiver.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, Count>>);

/// Of one receiver.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    /// Not sent because rules or deliveries stood still.
    pub(crate) withheld: u64,
    /// When the last was taken.
    pub(crate) last: Option<Micros>,
}

impl Counts {
    fn change(&self, receiver: &str, change: impl FnOnce(&mut Count)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(counts.entry(receiver.to_owned()).or_default());
    }

    /// As Prometheus text.
    pub(crate) fn write(&self, out: &mut String) -> std::fmt::Result {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named: Vec<(String, &Count)> = counts
            .iter()
            .map(|(name, count)| (name.replace('\\', "\\\\").replace('"', "\\\""), count))
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        type Field = fn(&Count) -> u64;
        let counters: [(&str, &str, Field); 3] = [
            ("sent", "Watchdog messages that were taken.", |count| {
                count.sent
            }),
            (
                "failed",
                "Watchdog messages that were not taken.",
                |count| count.failed,
            ),
            (
                "withheld",
                "Watchdog messages not sent because rules or deliveries stood still.",
                |count| count.withheld,
            ),
        ];
        for (what, help, field) in counters {
            let metric = format!("wardline_watchdog_{what}_total");
            writeln!(out, "# HELP {metric} {help}\n# TYPE {metric} counter")?;
            for (name, count) in &named {
                writeln!(out, "{metric}{{receiver=\"{name}\"}} {}", field(count))?;
            }
        }
        let metric = "wardline_watchdog_last_seconds";
        let help = "When the last watchdog message was taken, seconds since 1970.";
        writeln!(out, "# HELP {metric} {help}\n# TYPE {metric} gauge")?;
        for (name, count) in &named {
            if let Some(at) = count.last {
                writeln!(out, "{metric}{{receiver=\"{name}\"}} {}", at / 1_000_000)?;
            }
        }
        Ok(())
    }
}

/// One receiver's.
pub(crate) struct Watchdog {
    pub(crate) name: String,
    pub(crate) webhook: Webhook,
    pub(crate) every: Duration,
    pub(crate) site: String,
    /// Last position of the log that the rules have taken.
    pub(crate) applied: watch::Receiver<u64>,
    /// From one tick of the log's clock to the next.
    pub(crate) tick: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl Watchdog {
    /// Says it until told to stop. One that failed is not said again: the next comes at its time.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut due = tokio::time::interval(self.every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut applied = self.applied.clone();
        let mut moved: Option<Instant> = None;
        self.metrics.delivery.watchdogs.change(&self.name, |_| ());
        // The rules are watched while a receiver takes its time: one or two messages are under way at most, for it has no
        // longer than lies between two.
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = applied.changed() => match changed {
                    Ok(()) => {
                        // The first is said as soon as the rules are seen to live.
                        if moved.replace(Instant::now()).is_none() {
                            due.reset_immediately();
                        }
                    }
                    Err(_) => return,
                },
                Some(()) = under_way.next() => {}
                _ = due.tick() => {
                    // Both may have come while nothing was looked at: what has moved does not stand still.
                    if moved.is_some() && applied.has_changed().unwrap_or(false) {
                        applied.mark_unchanged();
                        moved = Some(Instant::now());
                    }
                    let Some(at) = moved else { continue };
                    match self.fault(at.elapsed()) {
                        Some(fault) => self.withhold(fault),
                        None => under_way.push(self.say()),
                    }
                }
            }
        }
    }

    /// Why it cannot be said, when the rules moved so long ago.
    fn fault(&self, moved: Duration) -> Option<&'static str> {
        if moved > self.tick + STILL {
            Some("the rules stand still")
        } else if self.metrics.delivery.turned.elapsed() > STUCK {
            Some("deliveries stand still")
        } else {
            None
        }
    }

    fn withhold(&self, fault: &str) {
        tracing::error!(
            receiver = self.name,
            position = *self.applied.borrow(),
            fault,
            "the watchdog message is withheld"
        );
        let counts = &self.metrics.delivery.watchdogs;
        counts.change(&self.name, |count| count.withheld += 1);
    }

    async fn say(&self) {
        let now = crate::clock::now();
        let position = *self.applied.borrow();
        let body = json!({
            "type": "watchdog",
            "site": self.site,
            "at": format_rfc3339(now),
            "position": position,
            "clock": format_rfc3339(self.metrics.log_clock.load(Relaxed)),
        });
        let key = format!("watchdog-{now}");
        let outcome = self.webhook.post(body.to_string().into_bytes(), &key).await;
        let counts = &self.metrics.delivery.watchdogs;
        match outcome {
            Ok(()) => counts.change(&self.name, |count| {
                count.sent += 1;
                count.last = Some(now);
            }),
            Err(failure) => {
                let (receiver, error) = (&self.name, failure.why());
                tracing::warn!(receiver, error, "a watchdog message was not taken");
                counts.change(&self.name, |count| count.failed += 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Events, Secret};

    fn watchdog() -> Watchdog {
        drop(rustls::crypto::ring::default_provider().install_default());
        let webhook = crate::config::Webhook {
            name: "pager".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
            secret: Secret("s".to_owned()),
            ca: None,
            events: Events::None,
            watchdog: None,
        };
        Watchdog {
            name: webhook.name.clone(),
            webhook: Webhook::new(&webhook).unwrap(),
            every: Duration::from_secs(60),
            site: "s1".to_owned(),
            applied: watch::channel(0).1,
            tick: Duration::from_secs(1),
            metrics: Arc::default(),
        }
    }

    #[test]
    fn it_is_withheld_when_rules_or_deliveries_stand_still() {
        let watchdog = watchdog();
        let turned = &watchdog.metrics.delivery.turned;
        let just = Duration::from_secs(1);
        assert_eq!(watchdog.fault(just), None);
        let late = watchdog.fault(Duration::from_secs(7));
        assert_eq!(late, Some("the rules stand still"));
        turned.before(Duration::from_secs(29));
        assert_eq!(watchdog.fault(just), None);
        turned.before(Duration::from_secs(31));
        assert_eq!(watchdog.fault(just), Some("deliveries stand still"));
        turned.now();
        assert_eq!(watchdog.fault(just), None);
    }
}
