//! Overlaps and attribution against a model that knows nothing of intervals: it asks, for every
//! reading there could be, which assignments claim it.

use proptest::prelude::*;

use super::Fixture;
use crate::registry::{Error, Registry};

const DEVICES: [&str; 2] = ["d1", "d2"];
const PATIENTS: [&str; 3] = ["p1", "p2", "p3"];
const USERS: [Option<&str>; 3] = [None, Some("1"), Some("2")];
const TIMES: std::ops::Range<i64> = 0..16;

#[derive(Debug, Clone)]
enum Step {
    Assign {
        device: usize,
        user: usize,
        patient: usize,
        from: i64,
        until: Option<i64>,
    },
    Unassign {
        device: usize,
        user: usize,
        at: i64,
    },
    Cancel {
        which: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..DEVICES.len(), 0..USERS.len());
    prop_oneof![
        4 => (place.clone(), 0..PATIENTS.len(), TIMES, prop::option::weighted(0.8, 1..8i64)).prop_map(
            |((device, user), patient, from, length)| Step::Assign {
                device, user, patient, from, until: length.map(|length| from + length),
            }
        ),
        2 => (place, TIMES).prop_map(|((device, user), at)| Step::Unassign { device, user, at }),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::Cancel { which: which.index(64) }),
    ]
}

#[derive(Debug, Clone)]
struct Known {
    id: i64,
    device: usize,
    user: usize,
    patient: usize,
    from: i64,
    until: Option<i64>,
}

/// A reading: device, user and time.
type Reading = (usize, usize, i64);

impl Known {
    fn claims(&self, (device, user, at): Reading) -> bool {
        self.device == device
            && (USERS[self.user].is_none() || self.user == user)
            && self.from <= at
            && self.until.is_none_or(|until| at < until)
    }
}

fn readings() -> impl Iterator<Item = Reading> {
    // Users that are assigned, one that never is, and none.
    let times = TIMES.start..TIMES.end + 9;
    times.flat_map(|at| (0..DEVICES.len()).flat_map(move |d| (0..4).map(move |u| (d, u, at))))
}

fn user_of(index: usize) -> Option<&'static str> {
    if index < USERS.len() {
        USERS[index]
    } else {
        Some("never assigned")
    }
}

fn check_all(registry: &Registry, model: &[Known]) -> Result<(), TestCaseError> {
    let now = registry.assignments();
    for reading in readings() {
        let (device, user, at) = reading;
        let claims: Vec<_> = model.iter().filter(|known| known.claims(reading)).collect();
        prop_assert!(claims.len() <= 1, "{reading:?} is claimed by {claims:?}");
        let expected = claims.first().map(|known| PATIENTS[known.patient]);
        prop_assert_eq!(
            now.resolve(DEVICES[device], user_of(user), at),
            expected,
            "{:?}",
            reading
        );
    }
    Ok(())
}

proptest! {
    // Every step syncs the disk, so cases are few and long.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_agrees_with_the_model(steps in prop::collection::vec(step(), 1..30)) {
        let ward = Fixture::ward();
        let mut model: Vec<Known> = Vec::new();
        for step in steps {
            match step {
                Step::Assign { device, user, patient, from, until } => {
                    let new = Known { id: 0, device, user, patient, from, until };
                    let in_the_way: Vec<i64> = model
                        .iter()
                        .filter(|known| readings().any(|r| known.claims(r) && new.claims(r)))
                        .map(|known| known.id)
                        .collect();
                    match ward.assign(DEVICES[device], USERS[user], PATIENTS[patient], from, until) {
                        Ok(stored) if in_the_way.is_empty() => {
                            model.push(Known { id: stored.id, ..new });
                        }
                        // The same again is the one that is there.
                        Ok(stored) => prop_assert!(in_the_way.contains(&stored.id)),
                        Err(Error::Overlap(overlap)) => prop_assert!(in_the_way.contains(&overlap.other)),
                        Err(other) => prop_assert!(false, "{other}"),
                    }
                }
                Step::Unassign { device, user, at } => {
                    let held = model.iter_mut().find(|known| {
                        (known.device, known.user) == (device, user)
                            && known.from <= at && known.until.is_none_or(|until| at < until)
                    });
                    let done = ward.registry.unassign(DEVICES[device], USERS[user], at, "nurse", 0);
                    match held {
                        Some(held) if held.from < at => {
                            prop_assert_eq!(done.unwrap().id, held.id);
                            held.until = Some(at);
                        }
                        _ => prop_assert!(done.is_err()),
                    }
                }
                Step::Cancel { which } => {
                    if !model.is_empty() {
                        let gone = model.remove(which % model.len());
                        ward.registry.cancel_assignment(gone.id, "nurse", 0).unwrap();
                    }
                }
            }
            check_all(&ward.registry, &model)?;
        }
        check_all(&ward.reopen().registry, &model)?;
    }
}
