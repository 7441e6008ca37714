//! Limits of wards and patients in the place of a rule's own.

use crate::language::{START, check, check_all, limit, parse};
use wardline_rules::{AlertEvent, LimitSource};

const RULES: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "8867-4"
above = 120
clear = { below = 110 }
priority = "medium"
"#;

/// Limits and whose they are, of every event.
fn limits(events: &[AlertEvent]) -> Vec<(Option<f64>, Option<f64>, &'static str)> {
    let source = |event: &AlertEvent| event.limit_source.map_or("-", LimitSource::as_str);
    let told = events.iter();
    told.map(|event| (event.limit_low, event.limit_high, source(event)))
        .collect()
}

#[test]
fn the_patients_own_before_the_wards_before_the_rules() {
    let events = check(
        RULES,
        "00:00 patient p1 ward=w1
         00:00 patient p2 ward=w1
         00:00 patient p3 ward=w2
         00:00 limit W Ward/w1 fast above=130
         00:00 limit P Patient/p1 fast above=140
         01:00 hr 125
         01:00 hr 125 d=d2 p=p2
         01:00 hr 125 d=d3 p=p3
         02:00 hr 135
         02:00 hr 135 d=d2 p=p2
         03:00 hr 145",
        "01:00 raised fast Patient/p3 active onset=01:00 page
         02:00 raised fast Patient/p2 active onset=02:00 page
         03:00 raised fast Patient/p1 active onset=03:00 page",
    );
    assert_eq!(
        limits(&events),
        [
            (None, Some(120.0), "rule"),
            (None, Some(130.0), "ward"),
            (None, Some(140.0), "patient")
        ]
    );
    let messages: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "fast: Heart rate (ECG) 125 /min, limit above 120 /min",
            "fast: Heart rate (ECG) 135 /min, limit above 130 /min (ward's)",
            "fast: Heart rate (ECG) 145 /min, limit above 140 /min (patient's)"
        ]
    );
}

#[test]
fn a_patient_in_another_ward_has_its_limits() {
    check(
        RULES,
        "00:00 limit W Ward/w1 fast above=130
         00:00 patient p1 ward=w1
         01:00 hr 125
         02:00 patient p1 ward=w2
         03:00 hr 126
         03:10 hr 128 at=01:59
         04:00 patient p1 ward=w1
         05:00 hr 127
         06:00 hr 119",
        "03:00 raised fast Patient/p1 active onset=03:00 page
         06:00 resolved fast Patient/p1 resolved onset=03:00 ended=06:00 cleared",
    );
}

#[test]
fn a_reading_is_judged_by_the_limit_of_its_time_however_late_it_comes() {
    let events = check(
        RULES,
        "00:00 limit P Patient/p1 fast above=140 from=02:00 until=04:00
         01:00 hr 100
         02:00 hr 130
         03:30 hr 100
         03:50 hr 100
         04:10 hr 130 at=03:59
         04:20 hr 130 at=04:00
         04:30 hr 130 at=03:40
         04:40 hr 100",
        "04:20 raised fast Patient/p1 active onset=04:00 page
         04:40 resolved fast Patient/p1 resolved onset=04:00 ended=04:40 cleared",
    );
    assert_eq!(limits(&events)[0], (None, Some(120.0), "rule"));
}

#[test]
fn of_several_the_latest_from_counts_and_of_those_the_one_set_last() {
    let events = check(
        RULES,
        "00:00 limit A Patient/p1 fast above=140
         01:00 limit B Patient/p1 fast above=150 until=03:00
         01:00 limit C Patient/p1 fast above=160 until=03:00
         02:00 hr 155
         03:00 hr 141",
        "03:00 raised fast Patient/p1 active onset=03:00 page",
    );
    assert_eq!(limits(&events)[0], (None, Some(140.0), "patient"));
}

#[test]
fn an_open_alert_goes_on_until_readings_clear_under_the_limit_of_their_time() {
    let events = check(
        RULES,
        "01:00 hr 125
         02:00 hr 126
         02:30 limit P Patient/p1 fast above=140
         02:40 ack
         03:00 hr 135
         04:00 hr 129",
        "01:00 raised fast Patient/p1 active onset=01:00 page
         02:40 acknowledged fast Patient/p1 active onset=01:00 by nurse1
         04:00 resolved fast Patient/p1 resolved onset=01:00 ended=04:00 cleared",
    );
    let told: Vec<_> = limits(&events).iter().map(|told| told.1).collect();
    assert_eq!(
        told,
        [Some(120.0), Some(120.0), Some(140.0)],
        "135 does not clear: that is below 130, as far from the limit as in the rule"
    );
}

#[test]
fn a_change_raises_nothing_by_itself() {
    let events = check(
        RULES,
        "01:00 hr 115
         01:10 limit P Patient/p1 fast above=105 from=00:30
         01:10 wait
         02:00 wait
         02:00 hr 116",
        "02:00 raised fast Patient/p1 active onset=01:00 page",
    );
    assert_eq!(limits(&events)[0], (None, Some(105.0), "patient"));
    // What a wider limit takes the ground from goes at once, and says why.
    let events = check(
        RULES,
        "01:00 hr 125
         01:10 limit P Patient/p1 fast above=140 from=00:30
         01:20 hr 126",
        "01:00 raised fast Patient/p1 active onset=01:00 page
         01:10 resolved fast Patient/p1 resolved onset=01:00 ended=01:00 withdrawn",
    );
    assert!(events[1].message.contains("another limit"));
}

#[test]
fn what_is_settled_is_not_judged_again() {
    check(
        RULES,
        "01:00 hr 115
         02:30 hr 100
         02:40 limit P Patient/p1 fast above=105 from=00:30
         02:50 hr 100",
        "",
    );
}

#[test]
fn a_rule_that_is_off_counts_nothing_and_ends_what_is_open() {
    let events = check(
        RULES,
        "01:00 hr 130
         01:30 limit P Patient/p1 fast off until=05:00
         02:00 hr 131
         03:00 hr 132
         05:00 hr 133",
        "01:00 raised fast Patient/p1 active onset=01:00 page
         02:00 resolved fast Patient/p1 resolved onset=01:00 ended=02:00 cleared
         05:00 raised fast Patient/p1 active onset=05:00 page",
    );
    assert_eq!(limits(&events)[1], (None, None, "patient"));
    assert_eq!(
        events[1].message,
        "fast: over, the rule is off (patient's limit)"
    );
}

const MORE: &str = r#"
[[rule]]
id = "both"
kind = "all"
within = "2m"
conditions = [{ metric = "spo2", below = 90 }, { metric = "8867-4", above = 100 }]
priority = "medium"

[[rule]]
id = "mews"
kind = "score"
score = "mews"
at-least = 2
priority = "medium"

[[rule]]
id = "leads"
kind = "threshold"
metric = "oximeter-status"
is = ["poor-signal"]
priority = "low"
"#;

#[test]
fn rules_without_a_number_can_be_off_and_scores_have_one() {
    let events = check(
        MORE,
        "00:00 limit A Patient/p1 both off until=03:00
         00:00 limit C Patient/p1 mews above=3
         01:00 spo2 85
         01:00 hr 115
         03:00 spo2 85
         03:00 hr 115
         04:00 hr 140
         04:10 limit D Patient/p1 mews off
         04:20 hr 141
         05:00 oximeter-status 'poor-signal'",
        "03:00 raised both Patient/p1 active onset=03:00 page
         04:00 raised mews Patient/p1 active onset=04:00 page
         04:20 resolved mews Patient/p1 resolved onset=04:00 ended=04:20 cleared
         05:00 raised leads Patient/p1 active onset=05:00 page",
    );
    assert_eq!(
        limits(&events),
        [
            (None, Some(2.0), "rule"),
            (None, Some(3.0), "patient"),
            (None, None, "patient"),
            (None, None, "-")
        ]
    );
    assert!(events[1].message.contains("at least 3 (patient's)"));
}

const OTHERS: &str = r#"
[[rule]]
id = "fever"
kind = "threshold"
metric = "8310-5"
above = 38
clear = { below = 37.5 }
priority = "medium"

[[rule]]
id = "warming"
kind = "rate-of-change"
metric = "8310-5"
above = 1
per = "1h"
priority = "low"

[[rule]]
id = "rate"
kind = "threshold"
metric = "8867-4"
outside = [50, 120]
clear = { inside = [55, 115] }
priority = "medium"

[[rule]]
id = "spo2"
kind = "threshold"
metric = "spo2"
outside = [90, 99]
priority = "high"

[[rule]]
id = "cuff"
kind = "threshold"
metric = "MDC_PRESS_BLD_NONINV_SYS"
outside = [90, 160]
priority = "high"
may-be-off = true

[[rule]]
id = "silent"
kind = "absence"
expect-every = "1m"
priority = "low"

[[rule]]
id = "battery"
kind = "threshold"
metric = "battery"
below = 20
class = "technical"
priority = "low"
"#;

#[test]
fn units_convert_and_clear_limits_keep_their_distance() {
    let events = check(
        OTHERS,
        "00:00 limit T Patient/p1 fever above=102.2 unit=[degF]
         00:00 limit H Patient/p1 rate above=130
         01:00 temp 39
         02:00 temp 39.1
         03:00 temp 38.6
         04:00 temp 38.4
         05:00 hr 131
         06:00 hr 126
         07:00 hr 125
         08:00 hr 49",
        "02:00 raised fever Patient/p1 active onset=02:00 page
         04:00 resolved fever Patient/p1 resolved onset=02:00 ended=04:00 cleared
         05:00 raised rate Patient/p1 active onset=05:00 page
         07:00 resolved rate Patient/p1 resolved onset=05:00 ended=07:00 cleared
         08:00 raised rate Patient/p1 active onset=08:00 page",
    );
    let told = limits(&events);
    assert_eq!(told[0], (None, Some(39.0), "patient"));
    assert_eq!(told[2], (Some(50.0), Some(130.0), "patient"));
    assert!(
        events[4]
            .message
            .ends_with("limit outside 50 to 130 /min (patient's)")
    );
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let rules = parse(&format!("{OTHERS}{MORE}"));
    let check = |text: &str| {
        let words: Vec<&str> = ["L", "Patient/p1"]
            .into_iter()
            .chain(text.split(' '))
            .collect();
        rules.check_limit(&limit(START, &words))
    };
    for good in [
        "fever above=39",
        "fever above=102.2 unit=[degF] clear-below=100.4",
        "warming above=1.8 unit=[degF]",
        "rate below=45",
        "rate below=45 above=130 clear-above=45 clear-below=130",
        "spo2 below=88 above=90",
        "cuff off",
        "cuff below=12 above=22 unit=kPa",
        "both off",
        "leads off",
        "mews above=7",
        "fever above=39 until=01:00",
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("none above=1", "there is no rule `none`"),
        ("fever below=35", "has a limit above, none below"),
        ("fever above=39 clear-above=36", "none below"),
        ("battery below=10", "about devices"),
        ("silent off", "about absence"),
        ("fever", "needs a limit above"),
        ("rate", "needs a limit above or below"),
        ("rate clear-above=45", "needs a limit above or below"),
        ("rate above=130 off", "a rule that is off has no limits"),
        ("fever above=39 clear-below=39.5", "beyond the limit"),
        ("fever above=39 unit=kg", "\"kg\" does not convert to Cel"),
        ("fever above=390", "outside of what can be measured"),
        ("fever above=nan", "must be a number"),
        // The edge of what is plausible: nothing would ever be beyond it.
        ("fever above=47", "nothing that can be measured is beyond"),
        ("rate below=0", "`rate` would be off"),
        ("rate below=40 above=350", "`rate` would be off"),
        ("rate below=120", "120 /min is not below 120 /min"),
        ("rate below=118", "would be over from 123 to 115"),
        (
            "spo2 below=88 above=89",
            "88 and 89 are less than 2 % apart",
        ),
        ("cuff below=90 above=94", "less than 5 mm[Hg] apart"),
        (
            "cuff below=12 above=12.5 unit=kPa",
            "less than 5 mm[Hg] apart",
        ),
        ("spo2 off", "high priority"),
        ("both above=1", "can only be switched off"),
        ("leads above=1", "can only be switched off"),
        ("mews below=1", "none below"),
        (
            "fever above=39 until=00:00",
            "`from` must be before `until`",
        ),
    ] {
        let found = check(bad).err().unwrap_or_default();
        assert!(found.contains(why), "{bad}: {found}");
    }
}

#[test]
fn rules_that_change_meet_the_limits_that_are_known() {
    let other = RULES.replace("above = 120", "above = 110\nmay-be-off = true");
    let none = "";
    let low = RULES
        .replace("above = 120", "below = 50")
        .replace("below = 110", "above = 55");
    let events = check_all(
        &[none, RULES, &other, &low],
        "00:00 limit P Patient/p1 fast above=140
         00:10 hr 150
         00:20 rules 1
         01:00 hr 135
         02:00 hr 141
         03:00 rules 2
         03:10 hr 139
         03:20 hr 142
         04:00 rules 3
         04:10 hr 45",
        "02:00 raised fast Patient/p1 active onset=02:00 page
         03:00 resolved fast Patient/p1 resolved onset=02:00 ended=03:00 rule-changed
         03:20 raised fast Patient/p1 active onset=03:20 page
         04:00 resolved fast Patient/p1 resolved onset=03:20 ended=04:00 rule-changed
         04:00 raised limit:review Patient/p1 active onset=04:00
         04:10 raised fast Patient/p1 active onset=04:10 page",
    );
    assert_eq!(limits(&events)[5], (Some(50.0), None, "rule"));
    assert!(events[4].message.contains("does not fit the rule any more"));
}

const REVIEWED: &str = r#"
[limits]
review-after = "1h"
review-alerts = 2
"#;

#[test]
fn old_limits_are_to_be_reviewed() {
    let rules = format!("{REVIEWED}{RULES}");
    let events = check(
        &rules,
        "00:00 limit P Patient/p1 fast above=140
         00:00 limit W Ward/w1 fast above=130
         00:10 hr 100
         30:00 limit P Patient/p1 fast above=140 from=00:00
         1:00:30 wait
         1:10:00 limit P Patient/p1 fast above=140 from=00:00 reviewed
         1:20:00 wait
         2:10:10 wait
         2:20:00 limit P Patient/p1 fast above=140 from=00:00 ended
         3:30:00 wait",
        "1:00:00 raised limit:review Patient/p1 active onset=1:00:00
         1:10:00 resolved limit:review Patient/p1 resolved onset=1:00:00 ended=1:10:00 cleared
         2:10:00 raised limit:review Patient/p1 active onset=2:10:00
         2:20:00 resolved limit:review Patient/p1 resolved onset=2:10:00 ended=2:20:00 cleared",
    );
    assert_eq!(
        events[0].message,
        "Patient's own limit above 140 /min of rule fast, in force since 2026-01-01T00:00:00Z: nobody has looked at it for 1h"
    );
    assert_eq!(limits(&events)[0], (None, None, "-"));
    let event = &events[0];
    let about = (event.class.as_str(), event.priority.as_str(), event.page);
    assert_eq!(about, ("technical", "info", false));
}

#[test]
fn limits_that_fire_often_are_to_be_reviewed() {
    let rules = format!("{REVIEWED}{RULES}");
    let events = check(
        &rules,
        "00:00 limit P Patient/p1 fast above=115
         01:00 hr 130
         02:00 hr 100
         03:00 hr 130
         04:00 hr 100
         05:00 hr 130
         05:10 wait
         05:20 ack
         06:00 limit P Patient/p1 fast above=118
         06:30 wait",
        "01:00 raised fast Patient/p1 active onset=01:00 page
         02:00 resolved fast Patient/p1 resolved onset=01:00 ended=02:00 cleared
         03:00 raised fast Patient/p1 active onset=03:00 page
         04:00 resolved fast Patient/p1 resolved onset=03:00 ended=04:00 cleared
         05:00 raised fast Patient/p1 active onset=05:00 page
         05:10 raised limit:review Patient/p1 active onset=05:10
         05:20 acknowledged limit:review Patient/p1 active onset=05:10 by nurse1
         06:00 resolved limit:review Patient/p1 resolved onset=05:10 ended=06:00 cleared",
    );
    assert!(
        events[5].message.ends_with("more than 2 alerts within 24h"),
        "{}",
        events[5].message
    );
}

#[test]
fn a_limit_that_runs_out_needs_no_review_and_one_of_nobody_here_waits() {
    let rules = format!("{REVIEWED}{RULES}");
    check(
        &rules,
        "00:00 limit P Patient/p1 fast above=140 until=1:30:00
         00:00 limit Q Patient/p2 fast above=140
         00:10 hr 100
         1:00:00 jump
         1:30:00 jump
         2:30:00 jump",
        "1:00:00 raised limit:review Patient/p1 active onset=1:00:00
         1:30:00 resolved limit:review Patient/p1 resolved onset=1:00:00 ended=1:30:00 cleared",
    );
}

#[test]
fn a_latched_alert_of_a_rule_that_is_off_waits_for_a_person() {
    let rules = RULES.replace("priority", "latch = true\npriority");
    let events = check(
        &rules,
        "01:00 hr 130
         01:30 limit P Patient/p1 fast off
         02:00 hr 131
         03:00 ack
         04:00 hr 132",
        "01:00 raised fast Patient/p1 active onset=01:00 page
         02:00 recovering fast Patient/p1 recovering onset=01:00 latched
         03:00 acknowledged fast Patient/p1 recovering onset=01:00 by nurse1 latched
         03:00 resolved fast Patient/p1 resolved onset=01:00 ended=02:00 cleared",
    );
    assert_eq!(limits(&events)[1], (None, None, "patient"));
}
