//! Conditions on values, in event time.

use crate::language::check;

const HR: &str = r#"
[[rule]]
id = "fast"
title = "Heart rate above 120 for 3 minutes"
kind = "threshold"
metric = "8867-4"
above = 120
for = "3m"
clear = { below = 110, for = "2m" }
priority = "medium"
"#;

const NOW: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
"#;

#[test]
fn holds_then_clears_with_hysteresis() {
    let events = check(
        HR,
        "00:00..04:00/60 hr 130
         05:00 hr 115
         06:00..08:00/60 hr 100",
        "03:00 raised fast Patient/p1 active onset=00:00 page
         06:00 recovering fast Patient/p1 recovering onset=00:00
         08:00 resolved fast Patient/p1 resolved onset=00:00 ended=06:00 cleared",
    );
    assert_eq!(
        events[0].message,
        "Heart rate above 120 for 3 minutes: Heart rate (ECG) 130 /min, limit above 120 /min for 3m"
    );
    assert_eq!(events[0].unit.as_deref(), Some("/min"));
    assert_eq!(events[0].value, Some(130.0));
    assert_eq!(events[0].device_id.as_deref(), Some("d1"));
    assert_eq!(events[0].alert_id.len(), 26);
    assert!(
        events
            .iter()
            .all(|event| event.alert_id == events[0].alert_id)
    );
    assert_eq!(
        events[2].evidence.len(),
        3,
        "first, low, high is first, last is low"
    );
}

#[test]
fn one_reading_within_the_limit_starts_anew() {
    check(
        HR,
        "00:00..02:00/60 hr 130
         02:30 hr 120
         03:00..06:00/60 hr 130",
        "06:00 raised fast Patient/p1 active onset=03:00 page",
    );
}

#[test]
fn a_hole_longer_than_max_gap_starts_anew() {
    check(
        HR,
        "00:00..02:00/60 hr 130
         05:00 hr 130
         06:00..08:00/60 hr 130",
        "08:00 raised fast Patient/p1 active onset=05:00 page",
    );
}

#[test]
fn what_stops_never_raises() {
    check(HR, "00:00..02:00/60 hr 130\n30:00 wait", "");
}

#[test]
fn a_hole_does_not_resolve_but_starts_the_clear_condition_anew() {
    check(
        HR,
        "00:00..03:00/60 hr 130
         04:00 hr 100
         09:00 hr 100
         11:00 hr 100",
        "03:00 raised fast Patient/p1 active onset=00:00 page
         04:00 recovering fast Patient/p1 recovering onset=00:00
         11:00 resolved fast Patient/p1 resolved onset=00:00 ended=09:00 cleared",
    );
}

#[test]
fn flapping_is_one_alert_with_repeats() {
    check(
        HR,
        "00:00..03:00/60 hr 130
         04:00 hr 100
         05:00 hr 130
         06:00 hr 100
         07:00 hr 115
         08:00 hr 100
         09:00 hr 130",
        "03:00 raised fast Patient/p1 active onset=00:00 page
         04:00 recovering fast Patient/p1 recovering onset=00:00
         05:00 worsened fast Patient/p1 active onset=00:00 x1
         06:00 recovering fast Patient/p1 recovering onset=00:00 x1
         07:00 worsened fast Patient/p1 active onset=00:00 x1
         08:00 recovering fast Patient/p1 recovering onset=00:00 x1
         09:00 worsened fast Patient/p1 active onset=00:00 x2",
    );
}

#[test]
fn an_earlier_reading_that_comes_late_corrects_the_onset() {
    let events = check(
        NOW,
        "01:00 spo2 85
         01:10 spo2 86 at=00:40
         01:20 spo2 95",
        "01:00 raised low Patient/p1 active onset=01:00 page
         01:10 corrected low Patient/p1 active onset=00:40
         01:20 resolved low Patient/p1 resolved onset=00:40 ended=01:20 cleared",
    );
    assert!(
        events
            .iter()
            .all(|event| event.alert_id == events[0].alert_id)
    );
}

#[test]
fn a_late_reading_parts_an_alert_in_two() {
    check(
        NOW,
        "01:00 spo2 85
         01:20 spo2 85
         01:30 spo2 95 at=01:10",
        "01:00 raised low Patient/p1 active onset=01:00 page
         01:30 resolved low Patient/p1 resolved onset=01:00 ended=01:10 cleared
         01:30 raised low Patient/p1 active onset=01:20 page",
    );
}

#[test]
fn a_late_reading_withdraws_what_did_not_hold() {
    check(
        HR,
        "00:00..03:00/60 hr 130
         03:10 hr 100 at=02:30",
        "03:00 raised fast Patient/p1 active onset=00:00 page
         03:10 resolved fast Patient/p1 resolved onset=00:00 ended=00:00 withdrawn",
    );
}

#[test]
fn late_by_more_than_the_lateness_is_counted_only() {
    check(
        NOW,
        "05:00 spo2 95
         05:10 spo2 80 at=03:00",
        "",
    );
}

#[test]
fn backlog_does_not_page_until_it_is_current() {
    check(
        NOW,
        "30:00 spo2 85 at=05:00
         30:01 spo2 85 at=19:00
         30:02 spo2 85 at=25:00
         30:03 spo2 85 at=29:00
         31:00 spo2 95",
        "30:00 raised low Patient/p1 active onset=05:00
         30:02 worsened low Patient/p1 active onset=05:00 page
         31:00 resolved low Patient/p1 resolved onset=05:00 ended=31:00 cleared",
    );
}

#[test]
fn corrections_change_but_never_page() {
    check(
        NOW,
        "01:00 spo2 95
         01:30 spo2 85 at=01:00 v=2
         01:40 spo2 95 at=01:00 v=3
         02:00 spo2 85
         02:10 spo2 85 at=02:00 v=2 s=entered-in-error",
        "01:30 raised low Patient/p1 active onset=01:00
         01:40 resolved low Patient/p1 resolved onset=01:00 ended=01:00 withdrawn
         02:00 raised low Patient/p1 active onset=02:00 page
         02:10 resolved low Patient/p1 resolved onset=02:00 ended=02:00 withdrawn",
    );
}

#[test]
fn units_are_converted_and_unknown_ones_never_judged() {
    let rules = r#"
[[rule]]
id = "fever"
kind = "threshold"
metric = "8310-5"
above = 38.5
unit = "Cel"
priority = "low"
"#;
    let events = check(
        rules,
        "00:00 temp 101.3 u=[degF]
         00:10 temp 45 u=warm
         00:20 temp 101.5 u=[degF]
         00:30 temp 37 u=Cel",
        "00:20 raised fever Patient/p1 active onset=00:20 page
         00:30 resolved fever Patient/p1 resolved onset=00:20 ended=00:30 cleared",
    );
    assert!((events[0].value.expect("a value") - 38.611_111_1).abs() < 1e-6);
    assert!(
        events[0].message.contains("38.61 °C"),
        "{}",
        events[0].message
    );
}

#[test]
fn demo_test_implausible_absent_and_unattributed_never_count() {
    check(
        NOW,
        "00:00 spo2 50 q=demo
         00:01 spo2 50 q=test
         00:02 spo2 50 q=implausible
         00:03 spo2 absent
         00:04 spo2 50 p=-
         00:05 spo2 50 s=entered-in-error",
        "",
    );
}

#[test]
fn the_preferred_metric_counts_while_it_is_heard() {
    check(
        &HR.replace("for = \"3m\"\n", ""),
        "00:00 hr 80
         00:30 pulse 140
         01:00 hr 80
         03:00 pulse 140
         03:30 pulse 140",
        "03:30 raised fast Patient/p1 active onset=03:30 page",
    );
}

#[test]
fn outside_and_inside() {
    let rules = r#"
[[rule]]
id = "range"
kind = "threshold"
metric = "heart-rate"
outside = [50, 120]
clear = { inside = [55, 110], for = "30s" }
priority = "low"
"#;
    check(
        rules,
        "00:00 hr 120
         00:10 hr 49
         00:20 hr 52
         00:30 hr 60
         01:00 hr 110",
        "00:10 raised range Patient/p1 active onset=00:10 page
         00:30 recovering range Patient/p1 recovering onset=00:10
         01:00 resolved range Patient/p1 resolved onset=00:10 ended=00:30 cleared",
    );
}

#[test]
fn patients_are_apart() {
    check(
        NOW,
        "00:00 spo2 85 p=p1
         00:01 spo2 95 p=p2 d=d2
         00:02 spo2 85 p=p2 d=d2",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:02 raised low Patient/p2 active onset=00:02 page",
    );
}

#[test]
fn a_patient_without_readings_for_a_day_resolves_as_stale() {
    check(
        NOW,
        "00:00 spo2 85\n26:00:00 jump",
        "00:00 raised low Patient/p1 active onset=00:00 page
         26:00:00 resolved low Patient/p1 resolved onset=00:00 ended=26:00:00 stale",
    );
}

#[test]
fn what_one_rule_looks_back_makes_no_other_stale_later() {
    // The scale of saturation is known for a year.
    let rules = format!(
        "{NOW}
[[rule]]
id = \"warning\"
kind = \"score\"
score = \"news2\"
at-least = 2
priority = \"low\"

[[rule]]
id = \"weight\"
kind = \"rate-of-change\"
metric = \"29463-7\"
above = 2
unit = \"kg\"
per = \"1d\"
window = \"1d\"
priority = \"low\"
"
    );
    check(
        &rules,
        "00:00 spo2 85
         00:10 29463-7 80
         6:00:00 29463-7 84
         13:00:00 29463-7 90
         40:00:00 jump
         120:00:00 jump
         121:00:00 spo2 85
         121:00:05 spo2 85 at=120:59:50
         121:01:00 spo2 95
         150:00:00 jump",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:00 raised warning Patient/p1 active onset=00:00 page
         13:00:00 raised weight Patient/p1 active onset=13:00:00 page
         40:00:00 resolved low Patient/p1 resolved onset=00:00 ended=40:00:00 stale
         40:00:00 resolved warning Patient/p1 resolved onset=00:00 ended=40:00:00 stale
         120:00:00 resolved weight Patient/p1 resolved onset=13:00:00 ended=120:00:00 stale
         121:00:00 raised low Patient/p1 active onset=121:00:00 page
         121:00:00 raised warning Patient/p1 active onset=121:00:00 page
         121:00:05 corrected low Patient/p1 active onset=120:59:50
         121:00:05 corrected warning Patient/p1 active onset=120:59:50
         121:01:00 resolved low Patient/p1 resolved onset=120:59:50 ended=121:01:00 cleared
         150:00:00 resolved warning Patient/p1 resolved onset=120:59:50 ended=150:00:00 stale",
    );
}
