//! Limits: one of a rule and scope at any instant, never changed, ended or reviewed by somebody.

use super::Fixture;
use crate::registry::{Error, Limit, LimitFilter, LimitScope, NewLimit, Page, Registry, Result};

fn patient(id: &str) -> LimitScope {
    LimitScope::Patient(id.to_owned())
}

fn ward(id: &str) -> LimitScope {
    LimitScope::Ward(id.to_owned())
}

fn limit(scope: LimitScope, below: f64, from: i64, until: Option<i64>) -> NewLimit {
    NewLimit {
        scope,
        rule: "spo2-low".to_owned(),
        off: false,
        above: None,
        below: Some(below),
        clear_above: None,
        clear_below: None,
        unit: Some("%".to_owned()),
        from,
        until,
        author: "dr".to_owned(),
        reason: "copd, target 88 to 92 %".to_owned(),
    }
}

fn set(registry: &Registry, new: &NewLimit) -> Result<Limit> {
    registry.set_limit(new, 1_000)
}

fn refusal(result: Result<Limit>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_limit_is_stored_as_set_and_lives_through_a_restart() {
    let fixture = Fixture::ward();
    let new = NewLimit {
        above: Some(99.5),
        clear_above: Some(86.0),
        clear_below: Some(99.0),
        ..limit(patient("p1"), 84.3, 10, Some(50))
    };
    let made = set(&fixture.registry, &new).unwrap();
    assert_eq!(
        (&made.set, made.created_at, made.over()),
        (&new, 1_000, Some(50))
    );
    let fixture = fixture.reopen();
    assert_eq!(fixture.registry.limit(&made.id).unwrap(), Some(made));
}

#[test]
fn two_limits_of_one_rule_and_scope_never_hold_at_once() {
    let fixture = Fixture::ward();
    let registry = &fixture.registry;
    let first = set(registry, &limit(patient("p1"), 84.0, 10, Some(20))).unwrap();
    // The same again is the same one, whoever says it.
    let again = NewLimit {
        author: "other".to_owned(),
        ..first.set.clone()
    };
    assert_eq!(set(registry, &again).unwrap(), first);
    for (from, until) in [(0, Some(11)), (19, None), (12, Some(15)), (0, None)] {
        let error = set(registry, &limit(patient("p1"), 80.0, from, until)).unwrap_err();
        assert!(matches!(error, Error::State { .. }));
        assert_eq!(
            error.to_string(),
            format!(
                "limit {} of rule spo2-low holds for patient p1 from 1970-01-01T00:00:00.000010Z \
                 until 1970-01-01T00:00:00.000020Z; end it first",
                first.id
            )
        );
    }
    // Before, after, of another rule, patient or ward: no matter.
    for new in [
        limit(patient("p1"), 80.0, 0, Some(10)),
        limit(patient("p1"), 80.0, 20, None),
        limit(patient("p2"), 80.0, 10, None),
        limit(ward("p1"), 80.0, 10, None),
        NewLimit {
            rule: "hr-high".to_owned(),
            ..limit(patient("p1"), 80.0, 10, None)
        },
    ] {
        set(registry, &new).unwrap();
    }
    // An ended one makes room from its end on.
    let open = set(registry, &limit(ward("w"), 80.0, 10, None)).unwrap();
    let ended = registry.end_limit(&open.id, "dr", 30).unwrap();
    assert_eq!(
        (ended.over(), ended.ended_by.as_deref()),
        (Some(30), Some("dr"))
    );
    assert!(refusal(set(registry, &limit(ward("w"), 81.0, 29, None))).contains("end it first"));
    set(registry, &limit(ward("w"), 81.0, 30, None)).unwrap();
    // One that was taken back before it began is in nobody's way.
    let early = set(registry, &limit(ward("v"), 80.0, 100, None)).unwrap();
    let back = registry.end_limit(&early.id, "dr", 50).unwrap();
    assert_eq!(back.over(), Some(100));
    set(registry, &limit(ward("v"), 81.0, 60, None)).unwrap();
}

#[test]
fn ends_and_reviews_say_who_and_when() {
    let fixture = Fixture::ward();
    let registry = &fixture.registry;
    let made = set(registry, &limit(patient("p1"), 84.0, 10, None)).unwrap();
    let seen = registry.review_limit(&made.id, "nurse", 2_000).unwrap();
    assert_eq!(
        (
            seen.reviewed_at,
            seen.reviewed_by.as_deref(),
            seen.changed_at()
        ),
        (Some(2_000), Some("nurse"), 2_000)
    );
    let ended = registry.end_limit(&made.id, "dr", 3_000).unwrap();
    assert_eq!(registry.end_limit(&made.id, "other", 4_000).unwrap(), ended);
    assert_eq!(
        refusal(registry.review_limit(&made.id, "nurse", 3_000)),
        format!("limit {} is over since 1970-01-01T00:00:00.003Z", made.id)
    );
    assert_eq!(
        refusal(registry.end_limit("none", "dr", 1)),
        "limit none does not exist"
    );
    // One that ran out stays as it was.
    let short = set(registry, &limit(patient("p2"), 84.0, 10, Some(20))).unwrap();
    assert_eq!(registry.end_limit(&short.id, "dr", 20).unwrap(), short);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let fixture = Fixture::ward();
    let base = || limit(patient("p1"), 84.0, 10, None);
    let refused = |new: NewLimit| refusal(set(&fixture.registry, &new));
    for (new, said) in [
        (
            NewLimit {
                reason: " ".to_owned(),
                ..base()
            },
            "limit reason: must not be empty",
        ),
        (
            NewLimit {
                author: String::new(),
                ..base()
            },
            "limit author: must not be empty",
        ),
        (
            NewLimit {
                until: Some(10),
                ..base()
            },
            "limit until: must be after from",
        ),
        (
            NewLimit {
                off: true,
                ..base()
            },
            "limit off: leaves no room for values or a unit",
        ),
        (
            NewLimit {
                below: None,
                ..base()
            },
            "limit above: or below is needed, unless the rule is switched off",
        ),
        (
            NewLimit {
                above: Some(84.0),
                ..base()
            },
            "limit below: must be less than above",
        ),
        (
            NewLimit {
                below: Some(f64::NAN),
                ..base()
            },
            "limit above: and the other values must be finite numbers",
        ),
        (
            NewLimit {
                clear_above: Some(83.0),
                ..base()
            },
            "limit clear_above: must not be less than below",
        ),
        (
            NewLimit {
                clear_below: Some(83.0),
                ..base()
            },
            "limit clear_below: needs above, whose alert it ends",
        ),
        (
            NewLimit {
                scope: patient("nobody"),
                ..base()
            },
            "patient nobody does not exist",
        ),
        (
            NewLimit {
                scope: ward("w 3"),
                ..base()
            },
            "limit ward: must be 1 to 64 of letters, digits, '.' and '-'",
        ),
    ] {
        assert_eq!(refused(new), said);
    }
    let off = NewLimit {
        off: true,
        below: None,
        unit: None,
        ..base()
    };
    assert!(set(&fixture.registry, &off).unwrap().set.off);
}

#[test]
fn limits_that_are_not_over_are_bounded() {
    let fixture = Fixture::ward();
    let registry = &fixture.registry;
    let at = |from: i64| limit(patient("p1"), 84.0, from, Some(from + 1));
    for from in 2_000..2_100 {
        set(registry, &at(from)).unwrap();
    }
    assert!(refusal(set(registry, &at(5_000))).contains("has 100 limits"));
    registry.set_limit(&at(5_000), 2_001).unwrap();
}

#[test]
fn lists_are_filtered_and_paged() {
    let fixture = Fixture::ward();
    let registry = &fixture.registry;
    let mut ids = Vec::new();
    for (scope, from, until) in [
        (patient("p1"), 10, Some(20)),
        (patient("p1"), 20, None),
        (ward("w"), 15, None),
        (patient("p2"), 15, None),
    ] {
        ids.push(set(registry, &limit(scope, 84.0, from, until)).unwrap().id);
    }
    registry.end_limit(&ids[3], "dr", 18).unwrap();
    let listed = |filter: LimitFilter| {
        let (mut seen, mut page) = (Vec::new(), Page::first(1));
        loop {
            let listed = registry.limits(&filter, &page).unwrap();
            seen.extend(
                listed
                    .items
                    .into_iter()
                    .map(|limit| ids.iter().position(|id| *id == limit.id).unwrap()),
            );
            if listed.next.is_none() {
                return seen;
            }
            page.after = listed.next;
        }
    };
    let all = listed(LimitFilter::default());
    assert_eq!((all[0], all[3], all.len()), (1, 0, 4));
    let of = |scope| LimitFilter {
        scope: Some(scope),
        ..LimitFilter::default()
    };
    assert_eq!(listed(of(patient("p1"))), [1, 0]);
    assert_eq!(listed(of(ward("p1"))), [] as [usize; 0]);
    let at = |at| LimitFilter {
        at: Some(at),
        ..LimitFilter::default()
    };
    assert_eq!(listed(at(9)), [] as [usize; 0]);
    assert_eq!(listed(at(19)), [2, 0]);
    assert_eq!(listed(at(20)), [1, 2]);
    let other = LimitFilter {
        rule: Some("other".to_owned()),
        ..LimitFilter::default()
    };
    assert_eq!(listed(other), [] as [usize; 0]);
}
