//! Patients, devices and their identifiers.

use super::Fixture;
use crate::registry::{
    DeviceFields, Error, Identifier, ListFilter, Page, PatientFields, SeenDevice, Sex,
};

fn identifier(system: &str, value: &str) -> Identifier {
    Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    }
}

fn jane() -> PatientFields {
    PatientFields {
        name: Some("Jane Roe".to_owned()),
        birth_date: Some("1951-02-28".to_owned()),
        sex: Some(Sex::Female),
        tags: vec!["copd".to_owned(), "copd".to_owned(), "bay-2".to_owned()],
        identifiers: vec![identifier("urn:mrn", "4711"), identifier("urn:bis", "4711")],
        active: true,
        ward: Some("w-3".to_owned()),
        care_team: Some("team.a".to_owned()),
    }
}

#[test]
fn a_patient_is_stored_as_given_and_gets_an_opaque_id() {
    let fixture = Fixture::new();
    let made = fixture.registry.create_patient(None, &jane(), 5).unwrap();
    assert!(crate::registry::id::valid(&made.id) && !made.id.contains("4711"));
    let fixture = fixture.reopen();
    let read = fixture.registry.patient(&made.id).unwrap().unwrap();
    assert_eq!(read, made);
    assert_eq!(read.fields.tags, ["bay-2", "copd"]);
    assert_eq!((read.created_at, read.updated_at), (5, 5));
    assert_eq!((read.ward_since, &read.ward_before), (None, &None));
    let changed = PatientFields {
        identifiers: vec![],
        ward: None,
        ..jane()
    };
    let updated = fixture
        .registry
        .update_patient(&made.id, &changed, 9)
        .unwrap();
    assert_eq!((updated.created_at, updated.updated_at), (5, 9));
    assert_eq!(updated.fields.identifiers, []);
    let moved =
        |patient: &crate::registry::Patient| (patient.ward_since, patient.ward_before.clone());
    assert_eq!(moved(&updated), (Some(9), Some("w-3".to_owned())));
    let same = PatientFields {
        name: None,
        ..changed.clone()
    };
    let again = fixture
        .registry
        .update_patient(&made.id, &same, 11)
        .unwrap();
    assert_eq!(moved(&again), moved(&updated));
    assert_eq!(
        fixture.registry.assignments().by_identifier(None, "4711"),
        None
    );
}

#[test]
fn an_identifier_names_one_patient_and_the_refusal_does_not_repeat_it() {
    let fixture = Fixture::new();
    let first = fixture
        .registry
        .create_patient(Some("p1"), &jane(), 0)
        .unwrap();
    let error = fixture
        .registry
        .create_patient(Some("p2"), &jane(), 0)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "patient an identifier of system urn:bis is already held by patient p1"
    );
    // Nothing of the second is left.
    assert_eq!(fixture.registry.patient("p2").unwrap(), None);
    assert!(!fixture.registry.assignments().knows_patient("p2"));
    let again = fixture
        .registry
        .create_patient(Some("p1"), &PatientFields::default(), 0);
    assert!(matches!(again, Err(Error::Taken { .. })));
    assert_eq!(fixture.registry.patient("p1").unwrap(), Some(first));
}

#[test]
fn an_identifier_without_system_counts_only_when_it_is_unambiguous() {
    let fixture = Fixture::new();
    fixture
        .registry
        .create_patient(Some("p1"), &jane(), 0)
        .unwrap();
    let now = fixture.registry.assignments();
    assert_eq!(now.by_identifier(Some("urn:mrn"), "4711"), Some("p1"));
    assert_eq!(now.by_identifier(Some("urn:other"), "4711"), None);
    assert_eq!(now.by_identifier(None, "4711"), Some("p1"));
    let other = PatientFields {
        identifiers: vec![identifier("", "4711")],
        ..Default::default()
    };
    fixture
        .registry
        .create_patient(Some("p2"), &other, 0)
        .unwrap();
    let now = fixture.registry.assignments();
    assert_eq!(now.by_identifier(None, "4711"), None);
    assert_eq!(now.by_identifier(Some("urn:bis"), "4711"), Some("p1"));
    assert_eq!(now.by_identifier(Some(""), "4711"), Some("p2"));
}

#[test]
fn fields_that_cannot_be_are_refused_by_name() {
    let fixture = Fixture::new();
    let refuse = |id: Option<&str>, fields: PatientFields| {
        fixture
            .registry
            .create_patient(id, &fields, 0)
            .unwrap_err()
            .to_string()
    };
    let base = PatientFields::default;
    for date in ["1951-02-30", "28.2.1951", "51", "1951-2-8", "+951-01-01"] {
        let fields = PatientFields {
            birth_date: Some(date.to_owned()),
            ..base()
        };
        assert!(
            refuse(None, fields).starts_with("patient birth_date: must be"),
            "{date}"
        );
    }
    for date in ["1951", "1951-02"] {
        let fields = PatientFields {
            birth_date: Some(date.to_owned()),
            ..base()
        };
        fixture.registry.create_patient(None, &fields, 0).unwrap();
    }
    assert!(refuse(Some("p/1"), base()).starts_with("patient id: must be"));
    assert!(refuse(Some(""), base()).starts_with("patient id: must be"));
    assert!(refuse(Some(&"x".repeat(65)), base()).starts_with("patient id: must be"));
    let blank = PatientFields {
        name: Some(" ".to_owned()),
        ..base()
    };
    assert_eq!(refuse(None, blank), "patient name: must not be empty");
    let many = PatientFields {
        tags: (0..33).map(|i| format!("t{i}")).collect(),
        ..base()
    };
    assert_eq!(refuse(None, many), "patient tags: are more than 32");
    let ward = PatientFields {
        ward: Some("w 3".to_owned()),
        ..base()
    };
    assert!(refuse(None, ward).starts_with("patient ward: must be"));
    let team = PatientFields {
        care_team: Some(String::new()),
        ..base()
    };
    assert!(refuse(None, team).starts_with("patient care_team: must be"));
}

#[test]
fn lists_are_searched_and_paged_by_id() {
    let fixture = Fixture::new();
    for i in 0..7 {
        let fields = PatientFields {
            name: Some(format!("Person {i}")),
            identifiers: vec![identifier("urn:mrn", &format!("m{i}"))],
            ..Default::default()
        };
        fixture
            .registry
            .create_patient(Some(&format!("p{i}")), &fields, 0)
            .unwrap();
    }
    let ids = |filter: &ListFilter, page: &Page| {
        let listed = fixture.registry.patients(filter, page).unwrap();
        (
            listed.items.into_iter().map(|p| p.id).collect::<Vec<_>>(),
            listed.next,
        )
    };
    let all = ListFilter::default();
    assert_eq!(
        ids(&all, &Page::first(7)),
        ((0..7).map(|i| format!("p{i}")).collect(), None)
    );
    let (first, next) = ids(&all, &Page::first(4));
    assert_eq!((first.len(), next.as_deref()), (4, Some("p3")));
    assert_eq!(
        ids(
            &all,
            &Page {
                after: next,
                limit: 4
            }
        )
        .0,
        ["p4", "p5", "p6"]
    );
    let text = |text: &str| ListFilter {
        text: Some(text.to_owned()),
        ..Default::default()
    };
    assert_eq!(ids(&text("pERSON 3"), &Page::first(9)).0, ["p3"]);
    assert_eq!(ids(&text("m5"), &Page::first(9)).0, ["p5"]);
    assert_eq!(ids(&text("%"), &Page::first(9)).0, Vec::<String>::new());
    let held = ListFilter {
        identifier: Some(identifier("urn:mrn", "m2")),
        ..Default::default()
    };
    assert_eq!(ids(&held, &Page::first(9)).0, ["p2"]);
}

#[test]
fn devices_seen_are_added_once_and_known_ones_stay_as_they_are() {
    let fixture = Fixture::new();
    let fields = DeviceFields {
        model: Some("3150".to_owned()),
        identifiers: vec![identifier("urn:eui64", "001c050100651437")],
        ..Default::default()
    };
    let made = fixture
        .registry
        .create_device(Some("oxi-1"), &fields, 0)
        .unwrap();
    let seen = |id: &str| SeenDevice {
        id: id.to_owned(),
        site: Some("north".to_owned()),
        gateway: Some("gw-1".to_owned()),
    };
    let batch = [seen("oxi-1"), seen("oxi-2"), seen("oxi-2")];
    assert_eq!(fixture.registry.register_seen(&batch, 3).unwrap(), 1);
    let generation = fixture.registry.assignments().generation();
    assert_eq!(fixture.registry.register_seen(&batch, 4).unwrap(), 0);
    assert_eq!(fixture.registry.assignments().generation(), generation);
    assert_eq!(fixture.registry.device("oxi-1").unwrap(), Some(made));
    let new = fixture.registry.device("oxi-2").unwrap().unwrap();
    assert_eq!(
        (new.fields.gateway.as_deref(), new.created_at),
        (Some("gw-1"), 3)
    );
    let now = fixture.registry.assignments();
    assert_eq!(
        now.device_by_identifier(None, "001c050100651437"),
        Some("oxi-1")
    );
    let bad = [seen("oxi-3"), seen("a/b")];
    assert!(fixture.registry.register_seen(&bad, 5).is_err());
    assert_eq!(fixture.registry.device("oxi-3").unwrap(), None);
}
