//! Early warning scores of what is known, and of what is not.

use crate::language::check;
use wardline_rules::RuleSet;

const PART: &str = r#"
[[rule]]
id = "part"
kind = "score"
score = "news2"
any-part-at-least = 3
priority = "medium"
"#;

#[test]
fn a_part_that_is_three_whatever_is_missing_is_three() {
    let events = check(
        PART,
        "00:00 spo2 84
         01:00 spo2 83",
        "01:00 raised part Patient/p1 active onset=01:00 page",
    );
    assert!(
        events[0].message.contains(
            "NEWS2 at least 3: spo2 at least 3; missing: spo2Scale, respiratoryRate, oxygen"
        ),
        "{}",
        events[0].message
    );
}

const WELL: &str = "00:00 supplemental-oxygen 'false'
     00:00 consciousness 'A'
     00:00 rr 16
     00:00 hr 70
     00:00 8480-6 120
     00:00 temp 37
";

fn news2(keys: &str) -> String {
    format!(
        "[[rule]]\nid = \"news2\"\nkind = \"score\"\nscore = \"news2\"\npriority = \"medium\"\n{keys}\n"
    )
}

#[test]
fn a_site_may_take_scale_one_where_nobody_has_recorded_one() {
    let timeline = format!("{WELL}\n00:00 spo2 94\n01:00 rr 22\n02:00 rr 16\n03:00 spo2 97");
    // A lower bound without it: it does not reach 3, nor would it ever end.
    check(&news2("at-least = 3"), &timeline, "");
    let events = check(
        &news2("at-least = 3\nassume = { spo2-scale = 1 }"),
        &timeline,
        "01:00 raised news2 Patient/p1 active onset=01:00 page
         02:00 resolved news2 Patient/p1 resolved onset=01:00 ended=02:00 cleared",
    );
    assert!(
        events[0]
            .message
            .contains("NEWS2 3 (SpO2 scale 1 assumed): respiratoryRate 2, spo2 1"),
        "{}",
        events[0].message
    );
}

#[test]
fn what_is_recorded_is_not_assumed_otherwise() {
    let rule = news2("at-least = 3\nassume = { spo2Scale = \"1\" }");
    // Scale 2: 90 % gives nothing. A year later nobody knows, and nothing is assumed.
    let timeline = format!("00:00 spo2-scale '2'\n{WELL}\n00:00 spo2 90\n01:00 spo2 89");
    check(&rule, &timeline, "");
    let day = 366 * 24;
    let later = format!(
        "00:00 spo2-scale '2'\n{day}:00:01 spo2 89\n{day}:00:02 supplemental-oxygen 'true'"
    );
    check(&rule, &later, "");
}

#[test]
fn only_settings_can_be_assumed_and_only_to_what_they_can_be() {
    for (keys, fault) in [
        (
            "assume = { consciousness = \"A\" }",
            "`assume`: NEWS2 has no setting `consciousness`; its settings: spo2Scale",
        ),
        (
            "assume = { spo2-scale = 3 }",
            "`assume`: spo2-scale is 1 or 2, not 3",
        ),
        ("assume = 1", "`assume` must be a table of words"),
    ] {
        let faults = RuleSet::parse(&news2(&format!("at-least = 3\n{keys}"))).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].message, fault);
    }
}

#[test]
fn what_is_older_than_an_hour_is_named_with_its_age() {
    let events = check(
        &news2("at-least = 5\nassume = { spo2-scale = 1 }"),
        "00:00 consciousness 'A'
         8:10:00 supplemental-oxygen 'true'
         11:00:00 rr 16
         11:00:00 hr 70
         11:00:00 8480-6 120
         11:10:00 temp 37
         11:20:00 spo2 91",
        "11:20:00 raised news2 Patient/p1 active onset=11:20:00 page",
    );
    assert!(
        events[0].message.contains(
            "(NEWS2 5 (oxygen 3 h old; consciousness 11 h old; SpO2 scale 1 assumed): spo2 3, oxygen 2)"
        ),
        "{}",
        events[0].message
    );
    let again = check(
        &news2("at-least = 5\nassume = { spo2-scale = 1 }"),
        "00:00 consciousness 'A'
         13:00:00 supplemental-oxygen 'true'
         13:00:00 spo2 91",
        "13:00:00 raised news2 Patient/p1 active onset=13:00:00 page",
    );
    assert!(
        again[0]
            .message
            .contains("consciousness (13 h old), temperature"),
        "{}",
        again[0].message
    );
}

fn shipped(score: &str, least: u32) -> String {
    format!(
        "[[rule]]\nid = \"r\"\nkind = \"score\"\nscore = \"{score}\"\nat-least = {least}\npriority = \"high\"\n"
    )
}

#[test]
fn news2_from_end_to_end() {
    let events = check(
        &shipped("news2", 7),
        &format!(
            "00:00 spo2-scale '1'\n{WELL}\n00:00 spo2 97\n01:00 spo2 91\n02:00 rr 25\n03:00 hr 111\n04:00 rr 20"
        ),
        "03:00 raised r Patient/p1 active onset=03:00 page
         04:00 resolved r Patient/p1 resolved onset=03:00 ended=04:00 cleared",
    );
    let message = &events[0].message;
    assert!(
        message.contains("(NEWS2 8: respiratoryRate 3, spo2 3, pulse 2)"),
        "{message}"
    );
}

#[test]
fn mews_from_end_to_end() {
    let events = check(
        &shipped("mews", 5),
        "00:00 8480-6 75
         00:00 hr 105
         00:00 rr 14
         00:00 temp 37
         00:00 consciousness 'A'
         01:00 consciousness 'P'
         02:00 8480-6 120",
        "01:00 raised r Patient/p1 active onset=01:00 page
         02:00 resolved r Patient/p1 resolved onset=01:00 ended=02:00 cleared",
    );
    let message = &events[0].message;
    assert!(
        message.contains("(MEWS 5: systolic 2, pulse 1, consciousness 2)"),
        "{message}"
    );
}

#[test]
fn qsofa_from_end_to_end() {
    let events = check(
        &shipped("qsofa", 2),
        "00:00 rr 22
         00:00 8480-6 101
         00:00 gcs 15
         01:00 gcs 14
         02:00 rr 21",
        "01:00 raised r Patient/p1 active onset=01:00 page
         02:00 resolved r Patient/p1 resolved onset=01:00 ended=02:00 cleared",
    );
    let message = &events[0].message;
    assert!(
        message.contains("(qSOFA 2: respiratoryRate 1, glasgowComaScale 1)"),
        "{message}"
    );
}

#[test]
fn sirs_from_end_to_end() {
    let events = check(
        &shipped("sirs", 2),
        "00:00 6690-2 12100 u=/uL
         5:00:00 temp 37
         5:00:00 hr 80
         5:00:00 rr 16
         5:01:00 2019-8 4.2 u=kPa
         5:02:00 6690-2 9 u=10*9/L
         5:03:00 764-1 11
         5:04:00 764-1 5",
        "5:01:00 raised r Patient/p1 active onset=5:01:00 page
         5:02:00 resolved r Patient/p1 resolved onset=5:01:00 ended=5:02:00 cleared
         5:03:00 raised r Patient/p1 active onset=5:03:00 page
         5:04:00 resolved r Patient/p1 resolved onset=5:03:00 ended=5:04:00 cleared",
    );
    let messages: Vec<&str> = events.iter().map(|event| &*event.message).collect();
    assert!(
        messages[0].contains("(SIRS 2 (whiteCells 5 h old): paCO2 1, whiteCells 1)"),
        "{messages:?}"
    );
    assert!(
        messages[2].contains("(SIRS 2: paCO2 1, bands 1)"),
        "{messages:?}"
    );
}
