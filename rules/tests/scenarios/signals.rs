//! Conditions on what is made of values: scores, changes, distance from the usual, several together, words.

use crate::language::check;
use wardline_rules::RuleSet;

const NEWS2: &str = r#"
[[rule]]
id = "news2"
title = "NEWS2 of 5 or more"
kind = "score"
score = "news2"
at-least = 5
max-age = "1h"
clear = { below = 4 }
priority = "high"
"#;

#[test]
fn a_complete_score_raises_and_clears() {
    let events = check(
        NEWS2,
        "00:00 spo2-scale '1'
         00:00 consciousness 'A'
         00:00 supplemental-oxygen 'true'
         00:01 temp 37.0
         00:02 8480-6 120
         00:03 hr 80
         00:04 rr 22
         00:05 spo2 95
         10:00 spo2 97
         20:00 rr 16",
        "00:05 raised news2 Patient/p1 active onset=00:05 page
         20:00 resolved news2 Patient/p1 resolved onset=00:05 ended=20:00 cleared",
    );
    assert_eq!(
        events[0].message,
        "NEWS2 of 5 or more: NEWS2 5, limit at least 5 (NEWS2 5: respiratoryRate 2, spo2 1, oxygen 2)"
    );
}

#[test]
fn an_incomplete_score_raises_by_its_lower_bound_and_says_what_is_missing() {
    let events = check(
        NEWS2,
        "00:00 rr 30
         00:01 hr 135
         01:00 rr 16",
        "00:01 raised news2 Patient/p1 active onset=00:01 page",
    );
    // The rate of 16 leaves a lower bound of 3, which ends nothing: six inputs are unknown.
    assert!(
        events[0].message.ends_with(
            "(NEWS2 at least 6: respiratoryRate 3, pulse 3; missing: spo2Scale, spo2, oxygen, systolic, consciousness, temperature)"
        ),
        "{}",
        events[0].message
    );
}

#[test]
fn what_is_older_than_its_age_is_missing() {
    check(
        NEWS2,
        "00:00 rr 30
         2:00:00 hr 135",
        "",
    );
}

#[test]
fn what_nobody_knows_does_not_make_a_condition_hold() {
    // Two artefacts, five minutes apart, and in between a score that may be anything from 0 on.
    check(
        &NEWS2.replace("at-least = 5", "at-least = 5\nfor = \"3m\""),
        "00:00 rr 30
         00:00 hr 135
         00:05 rr 16
         00:05..04:55/10 hr 80
         05:00 rr 30
         05:00 hr 135",
        "",
    );
}

#[test]
fn what_is_stamped_earlier_than_other_inputs_counts_from_when_it_comes() {
    // A nurse writes down what she saw three minutes ago; a cuff is stamped when it began. The monitor is ahead of both.
    check(
        NEWS2,
        "00:00..05:00/10 hr 112
         05:05 consciousness 'V' at=02:00
         05:10..06:00/10 hr 112
         06:05 8480-6 120 at=04:40
         06:10 hr 80",
        "05:05 raised news2 Patient/p1 active onset=04:00 page",
    );
    // A slip of the pen is put right, and nobody is paged for it.
    check(
        &NEWS2.replace("clear = { below = 4 }\n", ""),
        "00:00 spo2-scale '1'
         00:00 supplemental-oxygen 'false'
         00:00 temp 37.0
         00:00 8480-6 120
         00:00 rr 16
         00:00 spo2 97
         00:10..05:00/10 hr 112
         05:05 consciousness 'U' at=02:00
         08:00 consciousness 'A' at=02:00 v=2
         08:10 hr 112",
        "05:05 raised news2 Patient/p1 active onset=04:00 page
         08:00 resolved news2 Patient/p1 resolved onset=04:00 ended=04:00 withdrawn",
    );
    // What is older than what is known of the same stays late.
    check(
        NEWS2,
        "01:00 consciousness 'A'
         01:00..04:00/10 hr 112
         04:05 consciousness 'V' at=00:30
         04:10 hr 112",
        "",
    );
}

#[test]
fn a_condition_on_what_is_stamped_earlier_counts_beside_the_others() {
    check(
        r#"
[[rule]]
id = "both"
kind = "all"
within = "10m"
conditions = [
  { metric = "8480-6", below = 95 },
  { metric = "8867-4", above = 110 },
]
priority = "high"
"#,
        "00:00..04:00/10 hr 120
         04:05 8480-6 90 at=02:30
         04:10 hr 120",
        "04:05 raised both Patient/p1 active onset=03:00 page",
    );
}

#[test]
fn a_single_part_and_a_sites_own_table() {
    check(
        r#"
[[score]]
id = "ours"
title = "Ours"
source = "committee"
[[score.input]]
name = "pulse"
metric = "8867-4"
unit = "/min"
bands = [{ to = 100, points = 0 }, { to = 120, points = 1 }, { points = 2 }]

[[rule]]
id = "part"
kind = "score"
score = "ours"
any-part-at-least = 2
priority = "low"
"#,
        "00:00 hr 110
         01:00 hr 130
         02:00 hr 90",
        "01:00 raised part Patient/p1 active onset=01:00 page
         02:00 resolved part Patient/p1 resolved onset=01:00 ended=02:00 cleared",
    );
}

#[test]
fn a_rise_over_a_window() {
    let events = check(
        r#"
[[rule]]
id = "rising"
title = "Heart rate rises"
kind = "rate-of-change"
metric = "8867-4"
above = 20
per = "1h"
window = "20m"
priority = "medium"
"#,
        "00:00..10:00/60 hr 70
         11:00 hr 150
         12:00..20:00/60 hr 70
         21:00 hr 75
         22:00 hr 80
         23:00 hr 85
         24:00 hr 90
         25:00 hr 95
         26:00 hr 100
         27:00 hr 105
         28:00 hr 110",
        "27:00 raised rising Patient/p1 active onset=27:00 page",
    );
    assert!(
        events[0]
            .message
            .starts_with("Heart rate rises: Heart rate (ECG), change in 1h "),
        "{}",
        events[0].message
    );
}

#[test]
fn far_from_what_is_usual_for_this_patient() {
    let rule = r#"
[[rule]]
id = "unusual"
title = "Resting heart rate above the usual"
kind = "baseline"
metric = "8867-4"
method = "median"
memory = "1d"
learn = "10m"
above = 15
priority = "low"
"#;
    let events = check(
        rule,
        "00:00..20:00/60 hr 60
         00:00..20:00/60 hr 90 d=d2 p=p2
         21:00 hr 80
         21:00 hr 100 d=d2 p=p2",
        "21:00 raised unusual Patient/p1 active onset=21:00 page",
    );
    assert_eq!(
        events[0].message,
        "Resting heart rate above the usual: Heart rate (ECG), from the usual 20 /min, limit above 15 /min (usual 60 /min, median)"
    );
}

#[test]
fn several_conditions_within_a_window() {
    let rule = r#"
[[rule]]
id = "both"
title = "Low saturation and fast breathing"
kind = "all"
within = "5m"
conditions = [
  { metric = "spo2", below = 92 },
  { metric = "9279-1", above = 24, for = "2m" },
]
priority = "high"
"#;
    let events = check(
        rule,
        "00:00 spo2 90
         00:00..03:00/60 rr 26
         04:00 spo2 95
         04:00 rr 18
         09:00 rr 18",
        "02:00 raised both Patient/p1 active onset=02:00 page
         09:00 resolved both Patient/p1 resolved onset=02:00 ended=09:00 cleared",
    );
    assert!(
        events[0]
            .message
            .ends_with("(Oxygen saturation (pulse oximetry) below 92 % and Respiratory rate above 24 /min for 2m)"),
        "{}",
        events[0].message
    );
    // Too far apart.
    check(rule, "00:00 spo2 90\n06:00..09:00/60 rr 26", "");
}

#[test]
fn a_sensor_that_is_off_is_told_and_holds_back_what_depends_on_it() {
    let events = check(
        r#"
[[rule]]
id = "sensor-off"
title = "Sensor not on the patient"
kind = "threshold"
metric = "MDC_PULS_OXIM_DEV_STATUS"
is = ["sensor-unconnected-to-user"]
class = "technical"
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
inhibited-by = ["sensor-off"]
"#,
        "00:00 oximeter-status 'none'
         01:00 oximeter-status 'poor-signal,sensor-unconnected-to-user'
         01:01 spo2 60
         02:00 oximeter-status 'none'
         02:01 spo2 85",
        "01:00 raised sensor-off Device/d1 active onset=01:00 page
         02:00 resolved sensor-off Device/d1 resolved onset=01:00 ended=02:00 cleared
         02:01 raised low Patient/p1 active onset=01:01 page",
    );
    assert_eq!(
        events[0].message,
        "Sensor not on the patient: Status of the oximeter sensor-unconnected-to-user; holds back: low"
    );
}

#[test]
fn the_nights_low_of_a_fast_sleeper() {
    // One value a night, the lowest five minutes; two nights in a row.
    let rule = r#"
[[rule]]
id = "night"
title = "Resting heart rate at night"
kind = "threshold"
metric = "8867-4"
above = 80
for = "1d"
each-day = { take = "low", from = "00:00", to = "06:00" }
priority = "low"
"#;
    check(
        rule,
        "1:00:00..1:20:00/60 hr 90
         2:00:00..2:10:00/60 hr 100
         25:00:00..25:20:00/60 hr 95
         49:00:00..49:10:00/60 hr 70",
        "49:00:00 raised night Patient/p1 active onset=25:00:00 page",
    );
}

#[test]
fn faults_of_the_new_kinds() {
    let faults = |body: &str| {
        let text = format!("[[rule]]\nid = \"r\"\npriority = \"low\"\n{body}\n");
        let faults = RuleSet::parse(&text).err().unwrap_or_default();
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (body, expected) in [
        (
            "kind = \"score\"\nscore = \"no\"\nat-least = 3",
            "none of news2, mews, qsofa, sirs",
        ),
        (
            "kind = \"rate-of-change\"\nmetric = \"hr\"\nabove = 3",
            "no LOINC",
        ),
        (
            "kind = \"rate-of-change\"\nmetric = \"8867-4\"\nabove = 3",
            "has no `per`",
        ),
        (
            "kind = \"baseline\"\nmetric = \"8867-4\"\nabove = 3\nmethod = \"magic\"",
            "must be entered, median, ewma or cusum",
        ),
        (
            "kind = \"baseline\"\nmetric = \"8867-4\"\nabove = 3\nmethod = \"entered\"",
            "needs `baseline`",
        ),
        (
            "kind = \"all\"\nconditions = []",
            "needs 1 to 16 `conditions`",
        ),
        (
            "kind = \"any\"\nconditions = [{ kind = \"absence\" }]",
            "cannot be of kind `absence`",
        ),
        (
            "kind = \"all\"\nat-least = 2\nconditions = [{ metric = \"spo2\", below = 9 }]",
            "`at-least` is for any",
        ),
        (
            "kind = \"threshold\"\nmetric = \"consciousness\"\nis = [\"X\"]",
            "no code \"X\"",
        ),
        (
            "kind = \"threshold\"\nmetric = \"spo2\"\nis = [\"X\"]",
            "has numbers, no words",
        ),
        (
            "kind = \"threshold\"\nmetric = \"consciousness\"\nabove = 3",
            "has coded values",
        ),
        (
            "kind = \"threshold\"\nmetric = \"spo2\"\nbelow = 3\neach-day = { take = \"most\" }",
            "needs `take`",
        ),
        (
            "kind = \"threshold\"\nmetric = \"spo2\"\nbelow = 3\neach-day = { take = \"low\", zone = \"Mars\" }",
            "no zone of the IANA database",
        ),
        (
            "kind = \"threshold\"\nmetric = \"spo2\"\nbelow = 3\neach-day = { take = \"low\", from = \"25:00\", to = \"06:00\" }",
            "must be a time of day",
        ),
    ] {
        let found = faults(body);
        assert!(found.contains(expected), "{body}\n{found}");
    }
}

/// The mean of a week: one day within the limit does not make it another week, nor does one that is missing.
#[test]
fn a_mean_of_days_takes_the_days_there_are() {
    let events = check(
        r#"
zone = "Europe/Berlin"
[[rule]]
id = "week"
kind = "threshold"
metric = "nibp-systolic"
above = 134.99
each-day = { take = "mean", days = 7, least = 3 }
clear = { below = 130 }
priority = "low"
page-within = "24h"
"#,
        "6:00:00 nibp-systolic 150
         18:00:00 nibp-systolic 144
         30:00:00 nibp-systolic 120
         78:00:00 nibp-systolic 144
         102:00:00 nibp-systolic 150
         126:00:00..270:00:00/86400 nibp-systolic 120",
        // 147, 120, none, 144 are 137; a week later 120, 144, 150 and three times 120 are 129.
        "102:00:00 raised week Patient/p1 active onset=102:00:00 page
         198:00:00 resolved week Patient/p1 resolved onset=102:00:00 ended=198:00:00 cleared",
    );
    assert!(
        events[0].message.contains(" 137 mmHg,"),
        "{}",
        events[0].message
    );
}

/// A cuff every few hours counts for longer than what is measured all the time.
#[test]
fn an_input_counts_for_as_long_as_it_is_said_to() {
    let rule = NEWS2.replace(
        "max-age = \"1h\"",
        "max-age = \"1h\"\nmax-ages = { systolic = \"6h\" }",
    );
    check(
        &rule,
        "00:00 8480-6 95
         00:00 temp 39.5
         2:00:00 rr 25
         2:00:05 rr 16
         6:30:00 rr 25",
        "2:00:00 raised news2 Patient/p1 active onset=2:00:00 page",
    );
}
