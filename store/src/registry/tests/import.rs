//! Imports: whole or not at all, every fault at once, twice as once.

use super::Fixture;
use crate::registry::{Error, ImportFormat, ImportKind, Imported, ListFilter, Page};

fn import(
    fixture: &Fixture,
    kind: ImportKind,
    format: ImportFormat,
    text: &str,
) -> Result<Imported, Vec<String>> {
    match fixture
        .registry
        .import(kind, format, text.as_bytes(), "admin", 5)
    {
        Ok(imported) => Ok(imported),
        Err(Error::Import(faults)) => Err(faults.iter().map(ToString::to_string).collect()),
        Err(other) => panic!("{other}"),
    }
}

fn count(created: usize, updated: usize, unchanged: usize) -> Result<Imported, Vec<String>> {
    Ok(Imported {
        created,
        updated,
        unchanged,
    })
}

const PATIENTS: &str = "\u{feff}id,name,birth_date,sex,tags,identifiers,ward,care_team
p1,Jane Roe,1951-02-28,female,copd; bay-2,urn:mrn|4711;urn:bis|9,w-3,team.a
,\"Doe, John\",,male,,urn:mrn|4712,,
";

#[test]
fn csv_and_ndjson_say_the_same() {
    let (csv, ndjson) = (Fixture::new(), Fixture::new());
    let lines = r#"{"id":"p1","name":"Jane Roe","birth_date":"1951-02-28","sex":"female","tags":["copd","bay-2"],"identifiers":[{"system":"urn:mrn","value":"4711"},"urn:bis|9"],"ward":"w-3","care_team":"team.a"}

{"name":"Doe, John","sex":"male","identifiers":[{"system":"urn:mrn","value":"4712"}],"tags":null}"#;
    assert_eq!(
        import(&csv, ImportKind::Patients, ImportFormat::Csv, PATIENTS),
        count(2, 0, 0)
    );
    assert_eq!(
        import(&ndjson, ImportKind::Patients, ImportFormat::Ndjson, lines),
        count(2, 0, 0)
    );
    let fields = |fixture: &Fixture| {
        let listed = fixture
            .registry
            .patients(&ListFilter::default(), &Page::first(9))
            .unwrap();
        let mut fields: Vec<_> = listed
            .items
            .into_iter()
            .map(|p| format!("{:?}", p.fields))
            .collect();
        fields.sort();
        fields
    };
    assert_eq!(fields(&csv), fields(&ndjson));
    assert!(fields(&csv)[0].contains("Doe, John"));
}

#[test]
fn the_same_file_again_changes_nothing_and_a_changed_row_updates() {
    let fixture = Fixture::new();
    let run = |text: &str| import(&fixture, ImportKind::Patients, ImportFormat::Csv, text);
    assert_eq!(run(PATIENTS), count(2, 0, 0));
    assert_eq!(run(PATIENTS), count(0, 0, 2));
    assert_eq!(
        run(&PATIENTS.replace("male,,", "male,copd,")),
        count(0, 1, 1)
    );
    assert!(
        fixture
            .registry
            .assignments()
            .by_identifier(Some("urn:mrn"), "4712")
            .is_some()
    );
}

#[test]
fn every_fault_is_told_and_nothing_is_changed() {
    let fixture = Fixture::new();
    let text = "id,sex,birth_date,shoe_size,identifiers
a/b,male,,,
p2,man,1951,,x
p3,male,1951-13-01,,
p4,male,,44,urn:mrn|1
p5,male,,,urn:mrn|1
p4,male,,,
p6,male
";
    let faults = import(&fixture, ImportKind::Patients, ImportFormat::Csv, text).unwrap_err();
    assert_eq!(
        faults,
        [
            "line 1: shoe_size: is not a field of this import",
            "line 2: id: must be 1 to 64 of letters, digits, '.' and '-'",
            "line 3: sex: must be male, female, other or unknown",
            "line 3: identifiers: must be a list of system and value",
            "line 4: birth_date: must be a date as YYYY-MM-DD, YYYY-MM or YYYY",
            "line 6: patient an identifier of system urn:mrn is already held by patient p4",
            "line 7: id: is the same as on line 5",
            "line 8: has 2 cells, the header has 5",
        ]
    );
    let left = fixture
        .registry
        .patients(&ListFilter::default(), &Page::first(9))
        .unwrap();
    assert_eq!(left.items, []);
    assert!(!fixture.registry.assignments().knows_patient("p4"));
}

#[test]
fn broken_json_lines_are_told_without_their_content() {
    let fixture = Fixture::new();
    let text = "{\"name\":\"Jane\"\n[1]\n{\"name\":[\"Jane\"],\"active\":3}\n{\"nmae\":\"Jane\"}";
    let faults = import(&fixture, ImportKind::Patients, ImportFormat::Ndjson, text).unwrap_err();
    assert_eq!(
        faults,
        [
            "line 1: is not a json object",
            "line 2: is not a json object",
            "line 3: name: must be text",
            "line 3: active: must be true or false",
            "line 4: nmae: is not a field of this import",
        ]
    );
}

#[test]
fn devices_beds_and_assignments_come_by_id_or_identifier() {
    let fixture = Fixture::new();
    let csv = |kind, text: &str| import(&fixture, kind, ImportFormat::Csv, text);
    csv(ImportKind::Patients, PATIENTS).unwrap();
    let devices =
        "id,model,gateway,identifiers\noxi-1,3150,gw-1,urn:eui64|77\nscale-1,UC-352,gw-1,\n";
    assert_eq!(csv(ImportKind::Devices, devices), count(2, 0, 0));
    let beds = "id,label,site\nb5,ICU 5,north\n,ICU 6,\n";
    assert_eq!(csv(ImportKind::Beds, beds), count(2, 0, 0));
    assert_eq!(
        csv(ImportKind::Beds, &beds.replace("north", "south")),
        count(0, 1, 1)
    );
    let assignments = "device,device_user,patient,from,until
urn:eui64|77,,urn:mrn|4711,2026-11-22T08:00:00Z,
scale-1,1,p1,2026-11-22T08:00:00+01:00,2026-11-23T08:00:00Z
";
    assert_eq!(csv(ImportKind::Assignments, assignments), count(2, 0, 0));
    assert_eq!(csv(ImportKind::Assignments, assignments), count(0, 0, 2));
    let at = 1_795_334_400_000_000; // 2026-11-22T08:00:00Z
    let now = fixture.registry.assignments();
    assert_eq!(now.resolve("oxi-1", None, at), Some("p1"));
    assert_eq!(now.resolve("oxi-1", None, at - 1), None);
    assert_eq!(
        now.resolve("scale-1", Some("1"), at - 3_600_000_000),
        Some("p1")
    );
    let wrong = "device,patient,from,until
oxi-9,p1,2026-11-22T08:00:00Z,
oxi-1,urn:mrn|0,2026-11-22T08:00:00Z,
oxi-1,urn:mrn|4712,2026-11-22T09:00:00Z,
scale-1,p1,yesterday,2026-11-01T00:00:00Z
scale-1,,2026-11-22T08:00:00Z,2026-11-21T08:00:00Z
";
    let faults = csv(ImportKind::Assignments, wrong).unwrap_err();
    assert_eq!(faults[0], "line 2: device oxi-9 does not exist");
    assert_eq!(
        faults[1],
        "line 3: patient: identifier names nobody who is known"
    );
    assert!(
        faults[2].starts_with("line 4: device oxi-1 is already held by patient p1"),
        "{faults:?}"
    );
    assert_eq!(
        faults[3],
        "line 5: from: must be a time as 2026-11-22T08:00:00Z"
    );
    assert_eq!(faults[4], "line 6: patient: is missing");
    assert_eq!(faults.len(), 5);
}
