//! Beds and stays.

use super::Fixture;
use crate::registry::{Error, Page};

#[test]
fn a_bed_is_found_by_id_or_label_at_a_time() {
    let ward = Fixture::ward();
    let registry = &ward.registry;
    registry
        .create_bed(Some("b5"), "ICU^^5^HOSPITAL", Some("north"))
        .unwrap();
    registry
        .occupy_bed("ICU^^5^HOSPITAL", "p1", 100, Some(200), "nurse", 0)
        .unwrap();
    registry
        .occupy_bed("b5", "p2", 200, None, "nurse", 0)
        .unwrap();
    let now = registry.assignments();
    for name in ["b5", "ICU^^5^HOSPITAL"] {
        assert_eq!(now.by_bed(name, 99), None);
        assert_eq!(now.by_bed(name, 199), Some("p1"));
        assert_eq!(now.by_bed(name, 200), Some("p2"));
    }
    assert_eq!(now.by_bed("ICU^^6^HOSPITAL", 150), None);
    let left = registry.leave_bed("b5", 300, "doctor").unwrap();
    assert_eq!(
        (left.until, left.ended_by.as_deref()),
        (Some(300), Some("doctor"))
    );
    assert_eq!(registry.assignments().by_bed("b5", 300), None);
}

#[test]
fn two_patients_in_one_bed_and_a_name_for_two_beds_are_refused() {
    let ward = Fixture::ward();
    let registry = &ward.registry;
    registry.create_bed(Some("b1"), "1", None).unwrap();
    registry
        .occupy_bed("b1", "p1", 100, Some(200), "nurse", 0)
        .unwrap();
    let error = registry
        .occupy_bed("b1", "p2", 199, None, "nurse", 0)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("bed 1 is already held by patient p1 from"),
        "{error}"
    );
    assert!(matches!(
        registry.create_bed(Some("b2"), "1", None),
        Err(Error::Taken { .. })
    ));
    assert!(matches!(
        registry.create_bed(Some("b2"), "b1", None),
        Err(Error::Taken { .. })
    ));
    assert!(matches!(
        registry.create_bed(Some("1"), "x", None),
        Err(Error::Taken { .. })
    ));
}

#[test]
fn placing_a_patient_ends_the_stay_before_and_adds_the_bed() {
    let ward = Fixture::ward();
    let registry = &ward.registry;
    registry
        .place_patient("p1", Some("12-A"), 100, "nurse", 0)
        .unwrap()
        .unwrap();
    assert_eq!(
        registry.patient("p1").unwrap().unwrap().bed.as_deref(),
        Some("12-A")
    );
    let same = registry
        .place_patient("p1", Some("12-A"), 150, "nurse", 0)
        .unwrap()
        .unwrap();
    assert_eq!(same.from, 100);
    registry
        .place_patient("p1", Some("12-B"), 200, "nurse", 0)
        .unwrap();
    let now = registry.assignments();
    assert_eq!(
        (now.by_bed("12-A", 199), now.by_bed("12-A", 200)),
        (Some("p1"), None)
    );
    assert_eq!(now.by_bed("12-B", 200), Some("p1"));
    let error = registry
        .place_patient("p2", Some("12-B"), 250, "nurse", 0)
        .unwrap_err();
    assert!(matches!(error, Error::Overlap(_)), "{error}");
    assert_eq!(
        registry.place_patient("p1", None, 300, "nurse", 0).unwrap(),
        None
    );
    assert_eq!(registry.patient("p1").unwrap().unwrap().bed, None);
    let stays = registry
        .stays(None, Some("p1"), &Page::first(10))
        .unwrap()
        .items;
    assert_eq!(
        stays.iter().map(|s| (s.from, s.until)).collect::<Vec<_>>(),
        [(100, Some(200)), (200, Some(300))]
    );
}

#[test]
fn beds_tell_who_lies_there_and_a_stay_ends_once() {
    let ward = Fixture::ward();
    let registry = &ward.registry;
    for label in ["1", "2"] {
        registry
            .create_bed(Some(&format!("b{label}")), label, None)
            .unwrap();
    }
    let stay = registry
        .occupy_bed("1", "p1", 100, None, "nurse", 0)
        .unwrap();
    let lies = || {
        let beds = registry.occupied_beds(&Page::first(10)).unwrap().items;
        let who = |one: &crate::registry::Occupied| one.stay.as_ref().map(|s| s.patient.clone());
        beds.iter().map(who).collect::<Vec<_>>()
    };
    assert_eq!(lies(), [Some("p1".to_owned()), None]);
    assert!(matches!(
        registry.end_stay(stay.id, 100, "nurse"),
        Err(Error::State { .. })
    ));
    let ended = registry.end_stay(stay.id, 150, "doctor").unwrap();
    assert_eq!(
        (ended.until, ended.ended_by.as_deref()),
        (Some(150), Some("doctor"))
    );
    assert_eq!(lies(), [None, None]);
    assert!(matches!(
        registry.end_stay(stay.id, 200, "nurse"),
        Err(Error::State { .. })
    ));
    assert!(matches!(
        registry.end_stay(99, 200, "nurse"),
        Err(Error::NotFound { .. })
    ));
}
