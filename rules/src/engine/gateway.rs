//! Technical alerts on gateways: silent, clock off, spool deep, a device of theirs that somebody has to see to.
//!
//! Silence goes by the log clock, from the last report on; a log that was silent as a whole (the server was down) makes no
//! gateway overdue.

use super::Engine;
use super::context::Context;
use super::standing::{About, Standing, Standings};
use crate::{Class, GatewayLimits, GatewayPresence, GatewayReport, Priority, Reason, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wardline_normalize::time::Micros;

/// Gateways watched: as many as the listener keeps the state of.
const GATEWAYS: usize = 10_000;
/// Devices with an open alert of one gateway; a gateway has some dozens of devices.
const DEVICES: usize = 256;

const SILENT: &str = "gateway:silent";
const CLOCK: &str = "gateway:clock";
const SPOOL: &str = "gateway:spool";
const DEVICE: &str = "gateway:device";

/// What is known of one gateway.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Gateway {
    /// Log clock of the last report, or when the server was back if that is later.
    heard: Micros,
    /// Since when it is offline, likewise.
    offline: Option<Micros>,
    reason: Option<String>,
    /// Start and count of dropped readings of the last report.
    dropped: Option<(Option<String>, u64)>,
    /// Open alerts: rule and part, id.
    alerts: Vec<(String, String, String)>,
}

/// All of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Gateways {
    limits: GatewayLimits,
    gateways: BTreeMap<String, Gateway>,
    /// Reminders to look at a gateway: its state decides.
    due: BTreeSet<(Micros, String)>,
}

impl Engine {
    /// What gateways are watched for; a replay has it from the log.
    #[must_use]
    pub fn gateway_limits_in_force(&self) -> &GatewayLimits {
        &self.gateways.limits
    }

    pub(super) fn gateway(&mut self, report: &GatewayReport) {
        self.advance(report.at);
        self.gateways
            .take(&mut self.ctx, &mut self.standing, report);
    }

    pub(super) fn gateway_limits(&mut self, at: Micros, limits: &GatewayLimits) {
        self.advance(at);
        let gateways = &mut self.gateways;
        gateways.limits = limits.clone();
        gateways.due.clear();
        let now = self.ctx.clock;
        for (id, gateway) in &mut gateways.gateways {
            if !limits.watch {
                for (.., alert) in gateway.alerts.drain(..) {
                    self.standing
                        .resolve(&mut self.ctx, &alert, now, Reason::RuleRemoved);
                }
            }
            gateways.due.insert((now, id.clone()));
        }
        gateways.overdue(&mut self.ctx, &mut self.standing);
    }
}

impl Gateway {
    /// When it counts as lost.
    fn lost_at(&self, limits: &GatewayLimits) -> Micros {
        let silent = self.heard.saturating_add(limits.silent_after);
        self.offline.map_or(silent, |since| {
            since.saturating_add(limits.offline_after).min(silent)
        })
    }

    fn position(&self, rule: &str, part: &str) -> Option<usize> {
        let mut alerts = self.alerts.iter();
        alerts.position(|(known, of, _)| known == rule && of == part)
    }
}

/// One of its alerts, as it should be now.
struct Wanted<'a> {
    rule: &'a str,
    device: Option<&'a str>,
    priority: Priority,
    /// What is the matter, if anything is.
    matter: Option<String>,
    onset: Micros,
}

impl Gateways {
    pub(super) fn due(&self) -> Option<Micros> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Nobody was listening until now: what was missed does not count.
    pub(super) fn unwatched(&mut self, now: Micros) {
        for gateway in self.gateways.values_mut() {
            gateway.heard = now;
            gateway.offline = gateway.offline.map(|_| now);
        }
    }

    fn take(&mut self, ctx: &mut Context, standing: &mut Standings, report: &GatewayReport) {
        let id = &report.gateway;
        if report.presence == GatewayPresence::Retired {
            if let Some(gone) = self.gateways.remove(id) {
                for (.., alert) in gone.alerts {
                    let now = ctx.clock;
                    standing.resolve(ctx, &alert, now, Reason::NotApplicable);
                }
            }
            return;
        }
        if self.gateways.len() >= GATEWAYS && !self.gateways.contains_key(id) {
            ctx.stats.unwatched_gateways += 1;
            return;
        }
        let limits = self.limits.clone();
        let gateway = self.gateways.entry(id.clone()).or_insert_with(|| Gateway {
            heard: ctx.clock,
            ..Gateway::default()
        });
        if report.presence == GatewayPresence::Offline {
            gateway.offline.get_or_insert(ctx.clock);
            gateway.reason.clone_from(&report.reason);
        } else {
            gateway.heard = ctx.clock;
            gateway.offline = None;
            gateway.reason = None;
            if limits.watch {
                judge(ctx, standing, gateway, report, &limits);
            }
        }
        if let Some(dropped) = report.dropped {
            gateway.dropped = Some((report.boot.clone(), dropped));
        }
        let at = gateway.lost_at(&limits);
        self.due.insert((at, id.clone()));
        self.overdue(ctx, standing);
    }

    /// Looks at the gateways that are due.
    pub(super) fn overdue(&mut self, ctx: &mut Context, standing: &mut Standings) {
        while let Some((at, _)) = self.due.first()
            && *at <= ctx.clock
            && let Some((_, id)) = self.due.pop_first()
        {
            let Some(gateway) = self.gateways.get_mut(&id) else {
                continue;
            };
            let lost_at = gateway.lost_at(&self.limits);
            if lost_at > ctx.clock {
                // One reminder is enough: earlier ones were of earlier reports.
                self.due.insert((lost_at, id));
                continue;
            }
            if !self.limits.watch {
                continue;
            }
            let matter = match (gateway.offline, &gateway.reason) {
                (None, _) => format!("nothing heard for {}", duration(self.limits.silent_after)),
                (Some(_), Some(reason)) => reason.clone(),
                (Some(_), None) => "offline".to_owned(),
            };
            let wanted = Wanted {
                rule: SILENT,
                device: None,
                priority: Priority::Medium,
                matter: Some(format!("is silent: {matter}")),
                onset: lost_at,
            };
            bring(ctx, standing, gateway, &id, wanted);
        }
    }
}

/// What a report of a gateway that is there says.
fn judge(
    ctx: &mut Context,
    standing: &mut Standings,
    gateway: &mut Gateway,
    report: &GatewayReport,
    limits: &GatewayLimits,
) {
    let id = &report.gateway;
    let onset = ctx.clock;
    let mut set = |ctx: &mut Context, rule, device, priority, matter| {
        let wanted = Wanted {
            rule,
            device,
            priority,
            matter,
            onset,
        };
        bring(ctx, standing, gateway, id, wanted);
    };
    set(ctx, SILENT, None, Priority::Medium, None);
    if report.synchronized.is_some() || report.clock_offset.is_some() {
        let offset = report.clock_offset.unwrap_or(0);
        let matter = if offset.abs() > limits.clock_offset {
            let way = if offset > 0 { "ahead" } else { "behind" };
            Some(format!("has its clock {} {way}", duration(offset.abs())))
        } else {
            (report.synchronized == Some(false))
                .then(|| "has a clock that is not synchronised".to_owned())
        };
        set(ctx, CLOCK, None, Priority::Low, matter);
    }
    if report.spool_percent.is_some() || report.spool_age.is_some() || report.spool_full.is_some() {
        let (matter, priority) = spool(report, gateway.dropped.as_ref(), limits);
        let wanted = Wanted {
            rule: SPOOL,
            device: None,
            priority,
            matter,
            onset,
        };
        bring(ctx, standing, gateway, id, wanted);
    }
    if let Some(devices) = &report.devices {
        let known: Vec<String> = gateway
            .alerts
            .iter()
            .filter(|(rule, part, _)| {
                rule == DEVICE && !devices.iter().any(|(device, _)| device == part)
            })
            .map(|(_, part, _)| part.clone())
            .collect();
        let gone = known.iter().map(|device| (device, None));
        let told = devices.iter().take(DEVICES).map(|(device, state)| {
            let bad = limits.device_states.contains(state);
            (device, bad.then(|| state.replace('-', " ")))
        });
        for (device, state) in told.chain(gone) {
            let wanted = Wanted {
                rule: DEVICE,
                device: Some(device),
                priority: Priority::Low,
                matter: state.map(|state| format!("says of device {device}: {state}")),
                onset,
            };
            bring(ctx, standing, gateway, id, wanted);
        }
    }
}

/// What is the matter with the spool, the worst first.
fn spool(
    report: &GatewayReport,
    before: Option<&(Option<String>, u64)>,
    limits: &GatewayLimits,
) -> (Option<String>, Priority) {
    let dropped = report.dropped.map_or(0, |now| match before {
        Some((boot, earlier)) if *boot == report.boot => now.saturating_sub(*earlier),
        // What it dropped while nobody listened counts too.
        _ => now,
    });
    if report.spool_full == Some(true) {
        let matter = "has a full spool: it confirms nothing more to its devices";
        return (Some(matter.to_owned()), Priority::Medium);
    }
    if dropped > 0 {
        let matter = format!("has dropped {dropped} readings");
        return (Some(matter), Priority::Medium);
    }
    if let Some(percent) = report.spool_percent.filter(|at| *at > limits.spool_percent) {
        return (Some(format!("has a spool {percent} % full")), Priority::Low);
    }
    let old = report.spool_age.filter(|age| *age > limits.spool_age);
    let matter = old.map(|age| format!("has readings undelivered for {}", duration(age)));
    (matter, Priority::Low)
}

/// Raises, worsens or resolves.
fn bring(
    ctx: &mut Context,
    standing: &mut Standings,
    gateway: &mut Gateway,
    id: &str,
    wanted: Wanted<'_>,
) {
    let part = wanted.device.unwrap_or_default();
    let place = gateway.position(wanted.rule, part);
    let now = ctx.clock;
    let Some(matter) = wanted.matter else {
        if let Some(place) = place {
            let (.., alert) = gateway.alerts.remove(place);
            standing.resolve(ctx, &alert, now, Reason::Cleared);
        }
        return;
    };
    let message = format!("Gateway {id} {matter}");
    if let Some(place) = place {
        let Some(open) = standing.get_mut(&gateway.alerts[place].2) else {
            return;
        };
        let before = std::mem::replace(&mut open.priority, wanted.priority);
        open.message = message;
        if open.priority < before {
            open.worsen(ctx, now, true, "it is worse than before");
        } else {
            open.remind(ctx);
        }
        return;
    }
    let about = About {
        rule: wanted.rule.to_owned(),
        subject: Subject::Gateway(id.to_owned()),
        device: wanted.device.map(str::to_owned),
        part: String::new(),
    };
    let alert = Standing::new(
        about,
        Class::Technical,
        wanted.priority,
        wanted.onset,
        message,
    );
    let page = alert.may_page(ctx, wanted.onset);
    let alert = standing.raise(ctx, alert, wanted.onset, page);
    gateway
        .alerts
        .push((wanted.rule.to_owned(), part.to_owned(), alert));
}

fn duration(micros: Micros) -> String {
    let seconds = Duration::from_millis(micros.unsigned_abs() / 1_000);
    humantime::format_duration(seconds).to_string()
}
