//! Logs drawn by lot.

use crate::routing::tests::desk::{Alerts, time};
use crate::{AlertEvent, EventKind, PatientAttributes, Priority, State};
use proptest::prelude::*;
use wardline_normalize::time::Micros;

const SECOND: Micros = 1_000_000;
/// How often the log clock moves: less often than the router takes for an outage.
pub(super) const TICK: Micros = 110 * SECOND;

/// Something that happens: seconds since what was before, whether in the same input, what, to which alert.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    gap: i64,
    same: bool,
    what: u8,
    which: usize,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Events(Vec<AlertEvent>),
    Patient(PatientAttributes),
    Configure(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) seq: u64,
    pub(super) at: Micros,
    pub(super) what: What,
}

/// What happens from when on.
pub(super) type Drawn = (Micros, Vec<Draw>);

pub(super) fn draws() -> impl Strategy<Value = Drawn> {
    let gap = prop_oneof![4 => 0..90i64, 2 => 90..2_000i64, 1 => 2_000..30_000i64];
    let draw = (gap, prop::bool::weighted(0.2), 0..17u8, 0..4usize);
    let draw = draw.prop_map(|(gap, same, what, which)| Draw {
        gap,
        same,
        what,
        which,
    });
    // The second is just before everybody goes home, or on duty.
    let start = prop_oneof![
        Just(time("11-23 06:00")),
        Just(time("11-23 14:58")),
        Just(time("11-23 16:58"))
    ];
    (start, prop::collection::vec(draw, 1..40))
}

/// The inputs of a log: what was drawn, with the ticks between, and everything resolved in the end.
pub(super) fn steps((start, draws): &Drawn) -> Vec<Step> {
    let mut alerts = Alerts::default();
    let mut generation = [0; 4];
    let mut at = *start;
    let mut steps: Vec<Step> = Vec::new();
    let tick = |alerts: &mut Alerts, at| Step {
        seq: alerts.next_input(),
        at,
        what: What::Events(Vec::new()),
    };
    steps.push(Step {
        seq: alerts.next_input(),
        at,
        what: What::Configure(0),
    });
    for draw in draws {
        let until = at + draw.gap * SECOND;
        let same = draw.same
            && matches!(
                steps.last(),
                Some(Step {
                    what: What::Events(_),
                    ..
                })
            );
        if !same {
            while at + TICK < until {
                at += TICK;
                steps.push(tick(&mut alerts, at));
            }
            at = until;
            steps.push(tick(&mut alerts, at));
        }
        let id = format!("{}-{}", draw.which, generation[draw.which]);
        let known = alerts.get(&id).cloned();
        let over = known
            .as_ref()
            .is_some_and(|event| event.state == State::Resolved);
        let asks = known
            .as_ref()
            .is_some_and(|event| event.acknowledged_by.is_none());
        let patient = format!("p{}", draw.which / 2);
        let event = match (draw.what, known) {
            (12, _) => {
                let attributes = PatientAttributes {
                    id: patient,
                    at,
                    care_team: (draw.gap % 2 == 0).then(|| "hf".to_owned()),
                    ..PatientAttributes::default()
                };
                steps.extend(steps.last().map(|last| Step {
                    what: What::Patient(attributes),
                    ..last.clone()
                }));
                continue;
            }
            (13, _) => {
                let file = usize::from(draw.gap % 3 == 0);
                steps.extend(steps.last().map(|last| Step {
                    what: What::Configure(file),
                    ..last.clone()
                }));
                continue;
            }
            (_, None) => {
                let priority = Priority::ALL[draw.what as usize % 3];
                alerts.raise(at, &id, &patient, priority)
            }
            (_, Some(_)) if over => {
                generation[draw.which] += 1;
                continue;
            }
            (0..3, _) => alerts.next(at, &id, EventKind::Worsened, true, |_| {}),
            (3..5, _) if asks => alerts.next(at, &id, EventKind::Acknowledged, false, |event| {
                event.acknowledged_by = Some("somebody".to_owned());
            }),
            (5..7, _) if asks => alerts.next(at, &id, EventKind::Escalated, true, |event| {
                let target = if draw.what == 5 { "doctor" } else { "matron" };
                event.escalate_to = Some(target.to_owned());
            }),
            (7, _) => alerts.next(at, &id, EventKind::Silenced, false, |event| {
                event.silenced_until = Some(at + 600 * SECOND);
            }),
            (8, _) if asks => alerts.next(at, &id, EventKind::Silenced, true, |event| {
                event.silenced_until = None;
            }),
            (14, _) => alerts.next(at, &id, EventKind::Silenced, false, |event| {
                event.silenced_until = None;
            }),
            (15, _) => alerts.next(at, &id, EventKind::Worsened, true, |event| {
                event.priority = Priority::High;
                event.acknowledged_by = None;
            }),
            _ => alerts.next(at, &id, EventKind::Resolved, false, |_| {}),
        };
        if let Some(Step {
            what: What::Events(events),
            ..
        }) = steps.last_mut()
        {
            events.push(event);
        } else {
            steps.push(Step {
                seq: event.seq,
                at,
                what: What::Events(vec![event]),
            });
        }
    }
    at += TICK;
    let mut last = tick(&mut alerts, at);
    let open: Vec<String> = (0..4)
        .map(|which| format!("{which}-{}", generation[which]))
        .collect();
    let open = open.iter().filter(|id| {
        alerts
            .get(id)
            .is_some_and(|event| event.state != State::Resolved)
    });
    let ends: Vec<&String> = open.collect();
    let ends = ends
        .into_iter()
        .map(|id| alerts.next(at, id, EventKind::Resolved, false, |_| {}));
    last.what = What::Events(ends.collect());
    steps.push(last);
    for _ in 0..10 {
        at += TICK;
        steps.push(tick(&mut alerts, at));
    }
    steps
}
