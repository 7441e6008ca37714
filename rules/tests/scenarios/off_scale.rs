//! "Low" and "High": beyond what the device can show. Of glucose, the worst there is.

use crate::language::check;

const LOW: &str = r#"
[[rule]]
id = "low"
title = "Glucose below 54 mg/dL"
kind = "threshold"
metric = "99504-3"
below = 54
clear = { above = 70, for = "10m" }
max-gap = "20m"
worsens = { by = 10 }
priority = "high"
"#;

const HIGH: &str = r#"
[[rule]]
id = "high"
title = "Glucose above 250 mg/dL"
kind = "threshold"
metric = "99504-3"
above = 250
for = "10m"
max-gap = "20m"
priority = "medium"
"#;

#[test]
fn low_without_a_number_is_beyond_any_limit_below() {
    for said in ["<", "-inf", "40 i=<", "'<40mg/dL' i=<"] {
        let events = check(
            LOW,
            &format!(
                "00:00 99504-3 80
                 05:00 99504-3 {said}
                 10:00 99504-3 {said}
                 15:00 99504-3 72
                 25:00 99504-3 75"
            ),
            "05:00 raised low Patient/p1 active onset=05:00 page
             15:00 recovering low Patient/p1 recovering onset=05:00
             25:00 resolved low Patient/p1 resolved onset=05:00 ended=15:00 cleared",
        );
        assert_eq!(
            events[0].message,
            "Glucose below 54 mg/dL: Glucose, interstitial fluid below the range of the device, limit below 54 mg/dL"
        );
        assert_eq!((events[0].value, events[0].unit.as_deref()), (None, None));
        assert_eq!(events[0].evidence.len(), 1);
    }
}

#[test]
fn from_a_number_to_low_is_worse_and_back_is_not() {
    let events = check(
        LOW,
        "00:00 99504-3 50
         05:00 99504-3 <
         10:00 99504-3 45
         15:00 99504-3 <",
        "00:00 raised low Patient/p1 active onset=00:00 page
         05:00 worsened low Patient/p1 active onset=00:00 page",
    );
    assert!(events[1].message.contains("below the range of the device"));
}

#[test]
fn high_counts_for_as_long_as_the_rule_asks() {
    check(
        HIGH,
        "00:00 99504-3 300
         05:00 99504-3 >
         10:00 99504-3 +inf
         15:00 99504-3 200",
        "10:00 raised high Patient/p1 active onset=00:00 page
         15:00 resolved high Patient/p1 resolved onset=00:00 ended=15:00 cleared",
    );
}

#[test]
fn off_the_other_end_neither_holds_nor_clears() {
    check(
        HIGH,
        "00:00 99504-3 300
         05:00 99504-3 <
         10:00 99504-3 300
         20:00 99504-3 300
         25:00 99504-3 <
         30:00 99504-3 240",
        "20:00 raised high Patient/p1 active onset=10:00 page
         30:00 resolved high Patient/p1 resolved onset=10:00 ended=30:00 cleared",
    );
}

#[test]
fn an_end_of_the_scale_is_not_what_an_invalid_or_staged_reading_says() {
    check(
        LOW,
        "00:00 99504-3 < q=demo
         05:00 99504-3 < q=implausible
         10:00 99504-3 < s=entered-in-error",
        "",
    );
}

#[test]
fn a_condition_of_several_takes_it_and_means_do_not() {
    let rules = r#"
[[rule]]
id = "any"
kind = "any"
within = "15m"
conditions = [{ metric = "99504-3", below = 54 }, { metric = "2339-0", below = 54 }]
priority = "high"

[[rule]]
id = "falls"
kind = "rate-of-change"
metric = "99504-3"
below = -30
per = "15m"
window = "30m"
max-gap = "20m"
priority = "medium"

[[rule]]
id = "unusual"
kind = "baseline"
metric = "99504-3"
method = "entered"
baseline = 100
below = -40
priority = "medium"
"#;
    let events = check(
        rules,
        "00:00..15:00/300 99504-3 90
         20:00 99504-3 <
         25:00..40:00/300 99504-3 90",
        "20:00 raised any Patient/p1 active onset=20:00 page
         40:00 resolved any Patient/p1 resolved onset=20:00 ended=40:00 cleared",
    );
    assert!(
        events[0]
            .message
            .contains("below 54 mg/dL: below the range of the device"),
        "{}",
        events[0].message
    );
}

#[test]
fn a_score_has_no_points_for_it_and_does_not_go_on_with_what_was_before() {
    let rules = r#"
[[rule]]
id = "news2"
kind = "score"
score = "news2"
at-least = 3
priority = "medium"
"#;
    let events = check(
        rules,
        "00:00 spo2-scale '1'
         00:00 supplemental-oxygen 'true'
         00:00 consciousness 'A'
         00:00 rr 16
         00:00 spo2 97
         00:00 hr 70
         00:00 8480-6 120
         00:00 temp 37
         05:00 spo2 <
         10:00 rr 22",
        "10:00 raised news2 Patient/p1 active onset=10:00 page",
    );
    assert!(
        events[0].message.contains("NEWS2 at least 4")
            && events[0]
                .message
                .contains("missing: spo2 (below the range of the device)"),
        "{}",
        events[0].message
    );
}

#[test]
fn a_word_that_the_score_cannot_place_makes_the_word_before_it_old() {
    let rules = r#"
[[rule]]
id = "mews"
kind = "score"
score = "mews"
at-least = 2
priority = "medium"
"#;
    let events = check(
        rules,
        "00:00 8480-6 120
         00:00 hr 70
         00:00 rr 12
         00:00 temp 37
         00:00 consciousness 'V'
         05:00 consciousness 'A'
         10:00 consciousness 'C'
         15:00 rr 25
         20:00 rr 12
         25:00 consciousness 'A'",
        "15:00 raised mews Patient/p1 active onset=15:00 page
         25:00 resolved mews Patient/p1 resolved onset=15:00 ended=25:00 cleared",
    );
    assert!(
        events[0].message.contains(
            "MEWS at least 2: respiratoryRate 2; missing: consciousness (what is recorded is not in the table)"
        ),
        "{}",
        events[0].message
    );
}
