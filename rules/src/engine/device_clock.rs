//! Technical alert `device:clock`: a device's clock was set back, or is ahead.
//!
//! Behind: its readings go back in time by more than what rules still place (a minute), and come that late. So do those
//! of a gateway that delivers what it kept while it was cut off. What tells them apart is how late they are: readings by
//! a clock that is wrong are late by the same; what was kept comes faster than it was measured, so that it catches up,
//! and comes beside current readings. Readings count in a row without a current one, as long as they are late by the
//! same, give or take a minute, and for two minutes: what was kept and comes half as fast again as it was measured has
//! caught up by that minute then.
//!
//! Ahead: by more than a minute, beside which another device's readings of the same metric come too late. More than
//! five minutes ahead is in quarantine and not seen here.
//!
//! A clock that was always behind cannot be told from a way that takes long, and raises nothing. Times that are not the
//! device's do not count: the gateway's ([`super::gateway`] watches that), the server's, and people's.

use super::Engine;
use super::context::Context;
use super::lane::{LATENESS, NEVER};
use super::standing::{About, Standing, Standings};
use super::state::Subject;
use crate::{Class, Priority, Reason, Subject as Of};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::time::Micros;

const RULE: &str = "device:clock";

/// Readings of different times in a row, wrong or right: one or two may be a device's own hiccup at a measurement.
const READINGS: u32 = 3;

/// How long it goes on at least, by the log clock.
const LASTS: Micros = 120_000_000;

/// The times of a device's readings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Newest effective time of one that was current.
    newest: Micros,
    /// How late that one came.
    usual: Micros,
    odd: Option<Box<Odd>>,
}

/// Readings that are not current, in a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Odd {
    /// Log clock of the first.
    since: Micros,
    /// How late the first came; below nothing, how early.
    late: Micros,
    /// Effective time of the last that counts.
    last: Micros,
    /// How many; with an alert, of those that are current again.
    count: u32,
    alert: Option<String>,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            newest: NEVER,
            usual: 0,
            odd: None,
        }
    }
}

impl Times {
    pub(crate) fn is_empty(&self) -> bool {
        self.newest == NEVER && self.odd.is_none()
    }

    /// Whether there is nothing to look at.
    #[inline]
    pub(crate) fn take(&mut self, effective: Micros, received: Micros) -> bool {
        let fine = self.odd.is_none() && !self.is_odd(effective, received);
        if fine && effective > self.newest {
            (self.newest, self.usual) = (effective, received.saturating_sub(effective));
        }
        fine
    }

    #[inline]
    fn is_odd(&self, effective: Micros, received: Micros) -> bool {
        let late = received.saturating_sub(effective);
        let back = effective < self.newest.saturating_sub(LATENESS);
        late < -LATENESS || back && late > LATENESS
    }

    /// Id of its open alert; it is forgotten.
    pub(crate) fn let_go(&mut self) -> Option<String> {
        self.odd.take()?.alert
    }
}

/// Looks at a reading that [`Times::take`] has not found fine.
pub(super) fn look(
    ctx: &mut Context,
    standing: &mut Standings,
    device: &mut Subject,
    (columns, row): (&Columns<'_>, usize),
) {
    let source = text(columns.source, row);
    let theirs = ["gateway", "server"].contains(&columns.time_source.value(row))
        || source.is_some_and(|source| source.starts_with("manual:"));
    if theirs {
        return;
    }
    let effective = columns.effective.value(row);
    let received = columns.received.value(row);
    let late = received.saturating_sub(effective);
    let times = &mut device.times;
    let open = times.odd.as_deref_mut().filter(|odd| odd.alert.is_some());
    if let Some(odd) = open {
        let current = (-LATENESS..=times.usual.saturating_add(LATENESS)).contains(&late);
        odd.count = match odd.count {
            _ if !current => 0,
            0 => 1,
            count => count + u32::from(effective > odd.last),
        };
        odd.last = effective;
        if odd.count < READINGS {
            return;
        }
        if let Some(alert) = times.let_go() {
            let now = ctx.clock;
            standing.resolve(ctx, &alert, now, Reason::Cleared);
        }
        (times.newest, times.usual) = (effective, late);
        return;
    }
    if !times.is_odd(effective, received) {
        times.odd = None;
        times.take(effective, received);
        return;
    }
    let since = ctx.clock;
    let same = times.odd.as_deref_mut();
    match same.filter(|odd| (late - odd.late).abs() <= LATENESS) {
        Some(odd) if effective > odd.last => {
            odd.count += 1;
            odd.last = effective;
        }
        Some(_) => {}
        None => {
            times.odd = Some(Box::new(Odd {
                since,
                late,
                last: effective,
                count: 1,
                alert: None,
            }));
        }
    }
    let usual = times.usual;
    if let Some(odd) = times.odd.as_deref_mut()
        && odd.count >= READINGS
        && ctx.clock - odd.since >= LASTS
    {
        let alert = alert(&device.id, odd, usual);
        let now = ctx.clock;
        let page = alert.may_page(ctx, now);
        odd.alert = Some(standing.raise(ctx, alert, now, page));
        odd.count = 0;
    }
}

fn alert(device: &str, odd: &Odd, usual: Micros) -> Standing {
    let off = |micros: Micros| {
        humantime::format_duration(Duration::from_secs(micros.unsigned_abs() / 1_000_000))
    };
    let (priority, what) = if odd.late > 0 {
        let behind = off(odd.late.saturating_sub(usual));
        // Nobody is paged for what is measured with it.
        (
            Priority::Medium,
            format!("{behind} behind: its readings count as late"),
        )
    } else {
        let ahead = off(odd.late);
        (
            Priority::Low,
            format!("{ahead} ahead: beside it, readings of other devices count as late"),
        )
    };
    let about = About {
        rule: RULE.to_owned(),
        subject: Of::Device(device.to_owned()),
        device: Some(device.to_owned()),
        part: String::new(),
    };
    let message = format!("Device {device} has its clock {what}");
    Standing::new(about, Class::Technical, priority, odd.since, message)
}

impl Engine {
    /// The device is let go.
    pub(super) fn clock_let_go(&mut self, alert: Option<String>) {
        if let Some(alert) = alert {
            let now = self.ctx.clock;
            self.standing
                .resolve(&mut self.ctx, &alert, now, Reason::Stale);
        }
    }
}
