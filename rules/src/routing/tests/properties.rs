//! Whatever happens: cut it as you like, restart where you like, and nobody who should know is left out.

mod log;

use super::desk::routing;
use super::endings::left;
use crate::routing::{NotificationKind, Outcome, Router, Routing};
use crate::{AlertEvent, EventKind};
use log::{Step, TICK, What, draws, steps};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

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
        let restart = restart && (number % 64 == 0 || !events.is_empty());
        router.take(events, &mut out);
        if restart {
            router = Router::restore(&router.checkpoint()).expect("its own checkpoint");
        }
        router.advance(step.seq, step.at, &mut out);
        assert_eq!(router.unaware(), []);
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
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn outcomes_do_not_depend_on_restarts(draws in draws()) {
        let steps = steps(&draws);
        let (whole, expected) = told(&steps, false);
        let (restarted, found) = told(&steps, true);
        prop_assert_eq!(expected, found);
        prop_assert_eq!(whole.checkpoint(), restarted.checkpoint());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn outcomes_do_not_depend_on_batches(draws in draws(), cuts in prop::collection::vec(1..6usize, 1..20)) {
        let steps = steps(&draws);
        let (_, expected) = told(&steps, false);
        let files = files();
        let (mut router, mut found) = (Router::default(), Vec::new());
        let (mut rest, mut cuts) = (steps.as_slice(), cuts.iter().cycle());
        let mut clock = draws.0;
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
        prop_assert_eq!((left(&router), router.next_due()), ((0, 0), None));
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
                let id = &event.alert_id;
                let silenced = steps[number..].iter().any(|step| match &step.what {
                    What::Events(events) => events.iter().any(|later| {
                        (later.seq, later.ordinal) > (event.seq, event.ordinal)
                            && later.alert_id == *id
                            && later.event == EventKind::Silenced
                    }),
                    _ => false,
                });
                // Whoever silences it may see its end before people are told.
                let seen = silenced || told.iter().any(|(then, outcome)| match outcome {
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
