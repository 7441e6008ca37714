//! Whatever happens: cut it as you like, restart where you like, and nobody who should know is left out.

use super::desk::{Alerts, routing, time};
use crate::routing::{NotificationKind, Outcome, Router, Routing};
use crate::{AlertEvent, EventKind, PatientAttributes, Priority, State};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use wardline_normalize::time::Micros;

const SECOND: Micros = 1_000_000;
/// How often the log clock moves: less often than the router takes for an outage.
const TICK: Micros = 110 * SECOND;

const FILE: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }, { channel = "mail", address = "cho@example.org" }]
[[team]]
id = "hf"
roles = { nurse = ["cho"] }
[[schedule]]
id = "nurses"
shifts = [{ people = ["ito"], from = "07:00", until = "15:00" }, { days = ["mon", "wed"], people = ["cho"] }]
[[calendar]]
id = "clinic"
open = [{ from = "08:00", until = "17:00" }]
[[route]]
id = "team"
match = { team = ["hf"] }
to = ["role:nurse"]
hours = "clinic"
always = ["high"]
group-wait = "30s"
repeat-interval = "30m"
continue = true
[[route]]
id = "ward"
match = { priority = ["high", "medium"] }
to = ["schedule:nurses"]
group-by = []
group-interval = "5m"
repeat-interval = "1h"
[[target]]
name = "doctor"
to = ["schedule:nurses"]
"#;

/// Something that happens: seconds since what was before, whether in the same input, what, to which alert.
#[derive(Debug, Clone)]
struct Draw {
    gap: i64,
    same: bool,
    what: u8,
    which: usize,
}

#[derive(Debug, Clone)]
enum What {
    Events(Vec<AlertEvent>),
    Patient(PatientAttributes),
    Configure(usize),
}

#[derive(Debug, Clone)]
struct Step {
    seq: u64,
    at: Micros,
    what: What,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let gap = prop_oneof![4 => 0..90i64, 2 => 90..2_000i64, 1 => 2_000..30_000i64];
    let draw = (gap, prop::bool::weighted(0.2), 0..14u8, 0..4usize);
    let draw = draw.prop_map(|(gap, same, what, which)| Draw {
        gap,
        same,
        what,
        which,
    });
    prop::collection::vec(draw, 1..40)
}

/// The inputs of a log: what was drawn, with the ticks between, and everything resolved in the end.
fn steps(draws: &[Draw]) -> Vec<Step> {
    let mut alerts = Alerts::default();
    let mut generation = [0; 4];
    let mut at = time("11-23 06:00");
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

fn files() -> [Arc<Routing>; 2] {
    let second = FILE.replace("\"role:nurse\"]", "\"role:nurse\", \"channel:hook\"]");
    let second = format!(
        "fallback = [\"channel:last\"]\n{}",
        second.replace("until = \"17:00\"", "until = \"16:00\"")
    );
    [routing(FILE), routing(&second)]
}

/// Outcomes by the number of the step in which they came.
fn told(steps: &[Step], restart: bool) -> (Router, Vec<(usize, Outcome)>) {
    let files = files();
    let mut router = Router::default();
    let mut told = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let mut out = Vec::new();
        let mut events: &[AlertEvent] = &[];
        match &step.what {
            What::Events(own) => events = own,
            What::Patient(attributes) => router.patient(attributes),
            What::Configure(file) => router.configure(step.at, Arc::clone(&files[*file])),
        }
        let restart = restart && (number % 16 == 0 || !events.is_empty());
        if restart {
            router = Router::restore(&router.checkpoint()).expect("its own checkpoint");
        }
        router.take(events, &mut out);
        if restart {
            router = Router::restore(&router.checkpoint()).expect("its own checkpoint");
        }
        router.advance(step.seq, step.at, &mut out);
        told.extend(out.into_iter().map(|outcome| (number, outcome)));
    }
    (router, told)
}

fn without_position(told: impl IntoIterator<Item = Outcome>) -> Vec<Outcome> {
    let forget = |mut outcome| {
        if let Outcome::Notify(told) = &mut outcome {
            told.seq = 0;
        }
        outcome
    };
    told.into_iter().map(forget).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn outcomes_do_not_depend_on_restarts(draws in draws()) {
        let steps = steps(&draws);
        let (whole, expected) = told(&steps, false);
        let (restarted, found) = told(&steps, true);
        prop_assert_eq!(expected, found);
        prop_assert_eq!(whole.checkpoint(), restarted.checkpoint());
    }

    #[test]
    fn outcomes_do_not_depend_on_batches(draws in draws(), cuts in prop::collection::vec(1..6usize, 1..20)) {
        let steps = steps(&draws);
        let (_, expected) = told(&steps, false);
        let files = files();
        let (mut router, mut found) = (Router::default(), Vec::new());
        let (mut rest, mut cuts) = (steps.as_slice(), cuts.iter().cycle());
        let mut clock = time("11-23 06:00");
        while let Some(first) = rest.first() {
            // A batch is of one kind and leaves no silence of the log out.
            let most = *cuts.next().expect("endless");
            let fits = |step: &&Step| {
                matches!((&first.what, &step.what), (What::Events(_), What::Events(_)))
                    && step.at - clock <= TICK
            };
            let size = rest.iter().take(most).take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(size);
            (rest, clock) = (after, batch.last().map_or(clock, |last| last.at));
            match &first.what {
                What::Events(_) => {}
                What::Patient(attributes) => router.patient(attributes),
                What::Configure(file) => router.configure(first.at, Arc::clone(&files[*file])),
            }
            let events: Vec<AlertEvent> = batch
                .iter()
                .filter_map(|step| match &step.what {
                    What::Events(events) => Some(events.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            router.take(&events, &mut found);
            for step in batch {
                router.advance(step.seq, step.at, &mut found);
            }
        }
        let expected = expected.into_iter().map(|(_, outcome)| outcome);
        prop_assert_eq!(without_position(expected), without_position(found));
    }

    #[test]
    fn nobody_is_left_out_or_told_twice(draws in draws()) {
        let steps = steps(&draws);
        let (router, told) = told(&steps, false);
        prop_assert_eq!((router.open_alerts(), router.next_due()), (0, None));
        let mut ids = BTreeSet::new();
        for (_, outcome) in &told {
            let Outcome::Notify(told) = outcome else { continue };
            prop_assert!(ids.insert(told.id.clone()), "told twice: {:?}", told);
            prop_assert!(!told.alerts.is_empty());
            let known: BTreeSet<&str> = told.alerts.iter().map(|event| event.alert_id.as_str()).collect();
            prop_assert_eq!(known.len(), told.alerts.len());
            if matches!(told.kind, NotificationKind::Repeat | NotificationKind::Opening) {
                prop_assert!(told.alerts.iter().all(|event| event.acknowledged_by.is_none()), "{:?}", told);
            }
        }
        for (number, step) in steps.iter().enumerate() {
            let What::Events(events) = &step.what else { continue };
            for event in events.iter().filter(|event| event.page) {
                let seen = told.iter().any(|(then, outcome)| match outcome {
                    Outcome::Notify(told) => {
                        // A silence that ended tells nobody who knows of what was acknowledged meanwhile.
                        (*then >= number || event.event == EventKind::Silenced)
                            && told.kind != NotificationKind::Resolved
                            && told.alerts.iter().any(|told| told.alert_id == event.alert_id)
                    }
                    Outcome::Unrouted { alert_id } => *then >= number && *alert_id == event.alert_id,
                    Outcome::NotWatched { alert_id, until, .. } => {
                        *alert_id == event.alert_id && until.is_none_or(|until| until > step.at)
                    }
                });
                prop_assert!(seen, "nobody was told: {:?}", event);
            }
        }
        // One alert is in one group per receiver.
        let mut groups = std::collections::BTreeMap::new();
        for (_, outcome) in &told {
            let Outcome::Notify(told) = outcome else { continue };
            for event in &told.alerts {
                let key = (&event.alert_id, &told.channel, &told.recipient, &told.address);
                let group = groups.entry(key).or_insert(&told.group);
                prop_assert_eq!(*group, &told.group);
            }
        }
    }
}
