//! Rules on how good readings are.

use crate::language::{apply, check, parse, timeline};
use wardline_rules::{Engine, RuleSet};

const DOUBT: &str = r#"
[[rule]]
id = "doubt"
title = "Poor signal"
kind = "threshold"
metric = "59408-5"
quality = ["questionable", "implausible", "error"]
for = "1m"
max-gap = "1m"
clear = { for = "30s" }
class = "technical"
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "59408-5"
below = 90
priority = "high"
inhibited-by = ["doubt"]
"#;

#[test]
fn doubtful_readings_that_go_on_are_told_and_hold_back_what_rests_on_them() {
    let events = check(
        DOUBT,
        "00:00 spo2 95
         00:30..01:30/30 spo2 95 q=questionable
         02:00 spo2 85 q=questionable
         02:30 spo2 85
         02:40 spo2 85 d=d2 p=p2
         03:00 spo2 85",
        "01:30 raised doubt Device/d1 active onset=00:30 page
         02:30 recovering doubt Device/d1 recovering onset=00:30
         02:40 raised low Patient/p2 active onset=02:40 page
         03:00 resolved doubt Device/d1 resolved onset=00:30 ended=02:30 cleared
         03:00 raised low Patient/p1 active onset=02:00 page",
    );
    assert_eq!(
        events[0].message,
        "Poor signal: Oxygen saturation (pulse oximetry) marked questionable or implausible or error; holds back: low"
    );
    assert_eq!(events[0].limit_high, None);
}

#[test]
fn marks_of_all_kinds_count_and_those_of_a_rehearsal_do_not() {
    let any = DOUBT.replace("\"error\"", "\"absent\"");
    check(
        &any,
        "00:00 spo2 95 q=early-estimate,questionable
         00:30 spo2 - p=-
         01:00 spo2 300 q=implausible
         01:30 spo2 95 q=test
         01:40 spo2 95 q=questionable s=entered-in-error
         02:00 spo2 95 q=calibrating
         02:30 spo2 95",
        "01:00 raised doubt Device/d1 active onset=00:00 page
         02:00 recovering doubt Device/d1 recovering onset=00:00
         02:30 resolved doubt Device/d1 resolved onset=00:00 ended=02:00 cleared",
    );
    // Some reason is not every reason.
    check(DOUBT, "00:00..03:00/30 spo2 -", "");
    check(DOUBT, "00:00..03:00/30 spo2 95 q=questionable,demo", "");
    // A correction takes the mark away.
    check(
        DOUBT,
        "00:00..01:00/30 spo2 95 q=questionable
         01:10 spo2 95 at=00:30 v=2",
        "01:00 raised doubt Device/d1 active onset=00:00 page
         01:10 resolved doubt Device/d1 resolved onset=00:00 ended=00:00 withdrawn",
    );
}

#[test]
fn what_never_counts_is_counted_as_before() {
    let rules = [parse(DOUBT)];
    let mut engine = Engine::new();
    let fed = "00:00 spo2 -\n00:10 spo2 300 q=implausible\n00:20 spo2 95 q=questionable";
    for (seq, step) in (1..).zip(&timeline(&rules, fed)) {
        apply(&mut engine, seq, step, &mut Vec::new());
    }
    assert_eq!((engine.stats().invalid, engine.stats().foreign), (2, 0));
}

#[test]
fn words_that_no_reading_has_are_faults() {
    let faults = |text: &str| -> Vec<String> {
        let faults = RuleSet::parse(text).expect_err(text);
        faults.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        faults(&DOUBT.replace("questionable", "demo")),
        [
            "7:12: `quality`: \"demo\" is none of questionable, calibrating, early-estimate, implausible, absent, nor a \
             data-absent-reason of FHIR"
        ]
    );
    assert_eq!(
        faults(&DOUBT.replace("[\"questionable\", \"implausible\", \"error\"]", "[]")),
        ["2:1: rule `doubt`: `quality` names no word"]
    );
    let both = faults(&DOUBT.replace("class", "above = 3\nworsens = { by = 1 }\nclass"));
    assert!(both[0].starts_with("11:1: unknown key `above`"), "{both:?}");
    assert_eq!(
        both[1],
        "12:11: `worsens` is for values: there is nothing further beyond"
    );
}
