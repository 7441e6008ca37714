//! Whose a reading is, at the edges of intervals, and what cannot be assigned.

use super::Fixture;
use crate::registry::{AssignmentFilter, Error, Page};

#[test]
fn a_reading_belongs_from_the_first_instant_until_before_the_last() {
    let ward = Fixture::ward();
    ward.assign("d1", None, "p1", 100, Some(200)).unwrap();
    ward.assign("d1", None, "p2", 200, None).unwrap();
    let now = ward.registry.assignments();
    let cases = [
        (99, None),
        (100, Some("p1")),
        (199, Some("p1")),
        (200, Some("p2")),
    ];
    for (at, patient) in cases {
        assert_eq!(now.resolve("d1", None, at), patient, "at {at}");
    }
    assert_eq!(now.resolve("d1", None, i64::MAX - 1), Some("p2"));
    assert_eq!(now.resolve("d2", None, 150), None);
    assert_eq!(now.resolve("unheard-of", None, 150), None);
}

#[test]
fn users_of_a_shared_device_are_told_apart_and_a_whole_device_covers_every_user() {
    let ward = Fixture::ward();
    ward.assign("d1", Some("1"), "p1", 0, None).unwrap();
    ward.assign("d1", Some("2"), "p2", 0, None).unwrap();
    ward.assign("d2", None, "p3", 0, None).unwrap();
    let now = ward.registry.assignments();
    assert_eq!(now.resolve("d1", Some("1"), 5), Some("p1"));
    assert_eq!(now.resolve("d1", Some("2"), 5), Some("p2"));
    assert_eq!(now.resolve("d1", Some("3"), 5), None);
    assert_eq!(now.resolve("d1", None, 5), None);
    assert_eq!(now.resolve("d2", Some("9"), 5), Some("p3"));
}

#[test]
fn an_overlap_is_refused_and_names_the_other() {
    let ward = Fixture::ward();
    let first = ward.assign("d1", Some("1"), "p1", 0, None).unwrap();
    let error = ward
        .assign("d1", None, "p2", 1_000_000, Some(2_000_000))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "device d1 user 1 is already held by patient p1 from 1970-01-01T00:00:00Z until \
             further notice (assignment {})",
            first.id
        )
    );
    let Error::Overlap(overlap) = error else {
        panic!("{error}")
    };
    assert_eq!(
        (overlap.other, overlap.from, overlap.until),
        (first.id, 0, None)
    );
    assert_eq!(
        ward.registry.assignments().resolve("d1", None, 1_500_000),
        None
    );
}

#[test]
fn the_same_assignment_again_changes_nothing() {
    let ward = Fixture::ward();
    let first = ward.assign("d1", None, "p1", 0, Some(10)).unwrap();
    assert_eq!(ward.assign("d1", None, "p1", 0, Some(10)).unwrap(), first);
    assert!(ward.assign("d1", None, "p2", 0, Some(10)).is_err());
}

#[test]
fn unknown_parties_and_empty_intervals_are_refused() {
    let ward = Fixture::ward();
    let say = |result: super::Result<_>| result.unwrap_err().to_string();
    assert_eq!(
        say(ward.assign("dx", None, "p1", 0, None)),
        "device dx does not exist"
    );
    assert_eq!(
        say(ward.assign("d1", None, "px", 0, None)),
        "patient px does not exist"
    );
    assert_eq!(
        say(ward.assign("d1", None, "p1", 5, Some(5))),
        "assignment until: must be after from"
    );
}

#[test]
fn unassigning_ends_what_holds_then_and_frees_the_device() {
    let ward = Fixture::ward();
    let open = ward.assign("d1", None, "p1", 100, None).unwrap();
    let ended = ward
        .registry
        .unassign("d1", None, 300, "nurse", 2_000)
        .unwrap();
    assert_eq!((ended.id, ended.until), (open.id, Some(300)));
    assert_eq!(
        (ended.changed_by.as_deref(), ended.changed_at),
        (Some("nurse"), Some(2_000))
    );
    ward.assign("d1", None, "p2", 300, None).unwrap();
    let now = ward.registry.assignments();
    assert_eq!(now.resolve("d1", None, 299), Some("p1"));
    assert_eq!(now.resolve("d1", None, 300), Some("p2"));
}

#[test]
fn an_end_is_only_moved_forward_in_time_by_a_new_assignment() {
    let ward = Fixture::ward();
    let one = ward.assign("d1", None, "p1", 100, Some(200)).unwrap();
    let registry = &ward.registry;
    assert!(matches!(
        registry.end_assignment(one.id, 300, "n", 0),
        Err(Error::State { .. })
    ));
    assert!(matches!(
        registry.end_assignment(one.id, 100, "n", 0),
        Err(Error::State { .. })
    ));
    assert_eq!(registry.end_assignment(one.id, 200, "n", 0).unwrap(), one);
    assert!(matches!(
        registry.unassign("d1", None, 250, "n", 0),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        registry.end_assignment(99, 150, "n", 0),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn a_cancelled_assignment_attributes_nothing_and_stays_on_record() {
    let ward = Fixture::ward();
    let wrong = ward.assign("d1", None, "p1", 0, None).unwrap();
    ward.registry
        .cancel_assignment(wrong.id, "nurse", 7)
        .unwrap();
    assert_eq!(ward.registry.assignments().resolve("d1", None, 5), None);
    ward.assign("d1", None, "p2", 0, None).unwrap();
    let all = AssignmentFilter {
        cancelled: true,
        ..Default::default()
    };
    let listed = ward
        .registry
        .list_assignments(&all, &Page::first(10))
        .unwrap();
    assert_eq!(listed.items.iter().filter(|a| a.cancelled).count(), 1);
    let error = ward
        .registry
        .end_assignment(wrong.id, 9, "nurse", 8)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("assignment {} is cancelled", wrong.id)
    );
}

#[test]
fn an_old_snapshot_stays_as_it_was_and_the_new_one_has_the_next_generation() {
    let ward = Fixture::ward();
    let before = ward.registry.assignments();
    ward.assign("d1", None, "p1", 0, None).unwrap();
    let after = ward.registry.assignments();
    assert_eq!(before.resolve("d1", None, 5), None);
    assert_eq!(after.resolve("d1", None, 5), Some("p1"));
    assert_eq!(after.generation(), before.generation() + 1);
    ward.assign("d1", None, "p2", 0, None).unwrap_err();
    assert_eq!(ward.registry.assignments().generation(), after.generation());
}

#[test]
fn lists_are_filtered_and_paged_by_start() {
    let ward = Fixture::ward();
    for day in 0..5 {
        ward.assign("d1", None, "p1", day * 10, Some(day * 10 + 5))
            .unwrap();
        ward.assign("d2", None, "p2", day * 10, Some(day * 10 + 5))
            .unwrap();
    }
    let list = |filter: &AssignmentFilter, page: &Page| {
        let listed = ward.registry.list_assignments(filter, page).unwrap();
        (
            listed
                .items
                .iter()
                .map(|a| (a.from, a.device.clone()))
                .collect::<Vec<_>>(),
            listed.next,
        )
    };
    let (mut seen, mut page) = (Vec::new(), Page::first(3));
    loop {
        let (items, next) = list(&AssignmentFilter::default(), &page);
        seen.extend(items);
        if next.is_none() {
            break;
        }
        page.after = next;
    }
    let expected: Vec<_> = (0..5)
        .rev()
        .flat_map(|day| [(day * 10, "d1".to_owned()), (day * 10, "d2".to_owned())])
        .collect();
    assert_eq!(seen, expected);
    let at = AssignmentFilter {
        at: Some(12),
        patient: Some("p2".into()),
        ..Default::default()
    };
    assert_eq!(list(&at, &Page::first(10)).0, [(10, "d2".to_owned())]);
    let bad = Page {
        after: Some("nonsense".into()),
        limit: 1,
    };
    assert!(ward.registry.list_assignments(&at, &bad).is_err());
}
