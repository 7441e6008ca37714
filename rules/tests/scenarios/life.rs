//! The life of an alert beyond its condition: silences by matcher, latching, worsening, ladders, what is pending.

use crate::language::{apply, check, check_all, parse, time, timeline};
use wardline_rules::{Engine, Priority, RuleSet};

const LOW: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
escalate = [{ after = "5m", to = "charge-nurse" }, { after = "10m", to = "doctor" }]
"#;

#[test]
fn what_is_raised_under_a_silence_pages_when_it_ends() {
    let events = check(
        LOW,
        "00:00 hush s1 10:00 patient=p1
         01:00 spo2 85
         01:30 spo2 85 p=p2 d=d2
         02:00 spo2 95 p=p2 d=d2
         16:00 wait",
        "01:00 raised low Patient/p1 active onset=01:00 until 10:00
         01:30 raised low Patient/p2 active onset=01:30 page
         02:00 resolved low Patient/p2 resolved onset=01:30 ended=02:00 cleared
         10:00 silenced low Patient/p1 active onset=01:00 page
         15:00 escalated low Patient/p1 active onset=01:00 1→charge-nurse page",
    );
    assert_eq!(events[0].silenced_by.as_deref(), Some("nurse2"));
    assert_eq!(events[3].silenced_by, None);
}

#[test]
fn a_silence_takes_in_what_is_open_and_ends_by_hand() {
    check(
        LOW,
        "00:00 spo2 85
         01:00 hush s1 10:00 rule=low
         03:00 unhush s1
         12:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 11:00
         03:00 silenced low Patient/p1 active onset=00:00 page
         08:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page",
    );
}

#[test]
fn nobody_is_paged_at_its_end_for_what_was_acknowledged() {
    check(
        LOW,
        "00:00 hush s1 10:00 class=physiological
         01:00 spo2 85
         02:00 ack
         16:00 wait",
        "01:00 raised low Patient/p1 active onset=01:00 until 10:00
         02:00 acknowledged low Patient/p1 active onset=01:00 by nurse1
         10:00 silenced low Patient/p1 active onset=01:00",
    );
}

#[test]
fn every_matcher_that_is_set_must_fit() {
    check(
        LOW,
        "00:00 hush s1 10:00 patient=p1 rule=other
         00:00 hush s2 10:00 patient=p2 class=physiological
         00:00 hush s3 10:00 ward=w1
         00:00 hush s4 10:00
         01:00 spo2 85
         02:00 patient p1 ward=w1
         03:00 patient p1 ward=w2",
        "01:00 raised low Patient/p1 active onset=01:00 page
         02:00 silenced low Patient/p1 active onset=01:00 until 10:00
         03:00 silenced low Patient/p1 active onset=01:00 page",
    );
}

#[test]
fn a_silence_of_a_device_ends_when_another_device_shows_it() {
    check(
        LOW,
        "00:00 hush s1 10:00 device=d1
         01:00 spo2 85
         02:00 spo2 84
         03:00 spo2 84 d=d2",
        "01:00 raised low Patient/p1 active onset=01:00 until 10:00
         03:00 silenced low Patient/p1 active onset=01:00 page",
    );
}

#[test]
fn a_silence_begins_by_the_clock_and_is_capped_from_its_begin() {
    check(
        LOW,
        "00:00 hush s1 5:00:00 patient=p1 from=02:00
         01:00 spo2 85
         1:02:10 wait
         1:03:00 spo2 95
         1:04:00 spo2 85",
        "01:00 raised low Patient/p1 active onset=01:00 page
         02:00 silenced low Patient/p1 active onset=01:00 until 1:02:00
         1:02:00 silenced low Patient/p1 active onset=01:00 page
         1:03:00 resolved low Patient/p1 resolved onset=01:00 ended=1:03:00 cleared
         1:04:00 raised low Patient/p1 active onset=1:04:00 page",
    );
    check(
        LOW,
        "00:00 hush s1 5:00:00 patient=p1
         50:00 spo2 85
         1:00:10 wait",
        "50:00 raised low Patient/p1 active onset=50:00 until 1:00:00
         1:00:00 silenced low Patient/p1 active onset=50:00 page",
    );
    // Said again with a later begin, it is no fresh one for what it has held back.
    check(
        LOW,
        "00:00 hush s1 5:00:00 patient=p1
         30:00 spo2 85
         40:00 hush s1 5:00:00 patient=p1
         1:00:10 wait",
        "30:00 raised low Patient/p1 active onset=30:00 until 1:00:00
         1:00:00 silenced low Patient/p1 active onset=30:00 page",
    );
}

#[test]
fn what_must_not_be_silenced_is_not() {
    let never = LOW.replace("priority", "max-silence = \"0s\"\npriority");
    let events = check(
        &never,
        "00:00 hush s1 10:00 patient=p1
         01:00 spo2 85
         02:00 silence 10:00",
        "01:00 raised low Patient/p1 active onset=01:00 page
         02:00 silenced low Patient/p1 active onset=01:00",
    );
    assert_eq!(
        events[1].message,
        "low: not silenced, its rule does not allow that"
    );
    let brief = LOW.replace("priority", "max-silence = \"2m\"\npriority");
    check(
        &brief,
        "01:00 spo2 85
         02:00 silence 10:00
         04:30 wait",
        "01:00 raised low Patient/p1 active onset=01:00 page
         02:00 silenced low Patient/p1 active onset=01:00 until 04:00
         04:00 silenced low Patient/p1 active onset=01:00 page",
    );
}

#[test]
fn a_silence_of_the_patient_takes_in_the_devices_that_are_with_them() {
    let silent = r#"
[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
priority = "low"
"#;
    check(
        silent,
        "00:00 assign d1 p1
         00:10 spo2 96
         00:20 hush s1 5:00 patient=p1
         03:00 wait
         04:00 unassign d1 p1",
        "01:10 raised silent Device/d1 active onset=01:10 until 05:20
         04:00 resolved silent Device/d1 resolved onset=01:10 ended=04:00 unassigned",
    );
}

fn latching() -> String {
    LOW.replace("priority", "latch = true\npriority")
}

#[test]
fn what_latches_stays_until_it_is_acknowledged() {
    let events = check(
        &latching(),
        "00:00 spo2 85
         01:00 spo2 95
         06:00 wait
         07:00 spo2 96
         08:00 ack
         09:00 spo2 85",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 recovering low Patient/p1 recovering onset=00:00 latched
         05:00 escalated low Patient/p1 recovering onset=00:00 1→charge-nurse latched page
         08:00 acknowledged low Patient/p1 recovering onset=00:00 by nurse1 latched
         08:00 resolved low Patient/p1 resolved onset=00:00 ended=01:00 cleared
         09:00 raised low Patient/p1 active onset=09:00 page",
    );
    assert!(
        events[1]
            .message
            .ends_with("over since 2026-01-01T00:01:00Z, waits for acknowledgement"),
        "{}",
        events[1].message
    );
    // Whoever comes later is not told that it holds.
    assert_eq!(
        events[2].message,
        "low: over since 2026-01-01T00:01:00Z, waits for acknowledgement; not acknowledged"
    );
}

#[test]
fn a_step_of_the_ladder_says_that_it_is_recovering() {
    let events = check(
        &LOW.replace("priority", "clear = { above = 92, for = \"9m\" }\npriority"),
        "00:00 spo2 85
         04:30 spo2 95
         05:30 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         04:30 recovering low Patient/p1 recovering onset=00:00
         05:00 escalated low Patient/p1 recovering onset=00:00 1→charge-nurse page",
    );
    assert_eq!(
        events[2].message,
        "low: recovering, Oxygen saturation (pulse oximetry) 95 %; not acknowledged"
    );
}

#[test]
fn what_was_acknowledged_does_not_latch() {
    check(
        &latching(),
        "00:00 spo2 85
         00:30 ack
         01:00 spo2 95
         02:00 spo2 85
         03:00 spo2 95",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:30 acknowledged low Patient/p1 active onset=00:00 by nurse1
         01:00 resolved low Patient/p1 resolved onset=00:00 ended=01:00 cleared
         02:00 raised low Patient/p1 active onset=02:00 page
         03:00 recovering low Patient/p1 recovering onset=02:00 latched",
    );
}

#[test]
fn another_episode_of_what_is_latched_is_a_repeat_and_pages() {
    check(
        &latching(),
        "00:00 spo2 85
         01:00 spo2 95
         03:00 spo2 84
         04:00 spo2 95
         04:30 ack",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 recovering low Patient/p1 recovering onset=00:00 latched
         03:00 worsened low Patient/p1 active onset=00:00 x1 page
         04:00 recovering low Patient/p1 recovering onset=00:00 latched x1
         04:30 acknowledged low Patient/p1 recovering onset=00:00 by nurse1 latched x1
         04:30 resolved low Patient/p1 resolved onset=00:00 ended=04:00 cleared x1",
    );
}

#[test]
fn late_readings_move_what_is_latched_and_never_page() {
    check(
        &latching(),
        "01:00 spo2 85
         01:20 spo2 95
         01:40 spo2 85 at=01:30
         01:50 spo2 95 at=01:35
         02:00 spo2 95 at=01:32",
        "01:00 raised low Patient/p1 active onset=01:00 page
         01:20 recovering low Patient/p1 recovering onset=01:00 latched
         01:40 worsened low Patient/p1 active onset=01:00 x1 page
         01:50 recovering low Patient/p1 recovering onset=01:00 latched x1
         02:00 corrected low Patient/p1 recovering onset=01:00 latched x1",
    );
}

#[test]
fn absence_latches_too() {
    let silent = r#"
[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
priority = "low"
latch = true
"#;
    check(
        silent,
        "00:00 assign d1 p1
         00:10 spo2 96
         01:50 wait
         02:00 spo2 96
         04:00 wait
         04:10 spo2 96
         04:20 ack",
        "01:10 raised silent Device/d1 active onset=01:10 page
         02:00 recovering silent Device/d1 recovering onset=01:10 latched
         03:00 worsened silent Device/d1 active onset=01:10 x1 page
         04:10 recovering silent Device/d1 recovering onset=01:10 latched x1
         04:20 acknowledged silent Device/d1 recovering onset=01:10 by nurse1 latched x1
         04:20 resolved silent Device/d1 resolved onset=01:10 ended=04:10 cleared x1",
    );
}

const FAST: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "8867-4"
above = 120
priority = "medium"
worsens = { by = 10 }
escalate = [{ after = "5m", to = "charge-nurse" }]
"#;

#[test]
fn what_is_worse_than_when_people_were_told_is_told_again() {
    let events = check(
        FAST,
        "00:00 hr 125
         00:30 hr 137
         01:10 hr 134
         01:20 hr 136
         02:00 ack
         03:00 hr 145
         04:00 hr 150
         05:00 hr 100 at=04:30
         06:00 hr 152
         09:10 wait",
        "00:00 raised fast Patient/p1 active onset=00:00 page
         01:20 worsened fast Patient/p1 active onset=00:00 page
         02:00 acknowledged fast Patient/p1 active onset=00:00 by nurse1
         04:00 worsened fast Patient/p1 active onset=00:00 page
         05:00 resolved fast Patient/p1 resolved onset=00:00 ended=04:30 cleared
         06:00 raised fast Patient/p1 active onset=06:00 page",
    );
    assert!(
        events[1]
            .message
            .ends_with("further beyond than when people were last told"),
        "{}",
        events[1].message
    );
    assert_eq!(events[3].acknowledged_by, None);
}

#[test]
fn the_ladder_begins_anew_with_a_page_that_it_is_worse() {
    check(
        FAST,
        "00:00 hr 125
         03:00 ack
         04:00 hr 140
         09:10 wait",
        "00:00 raised fast Patient/p1 active onset=00:00 page
         03:00 acknowledged fast Patient/p1 active onset=00:00 by nurse1
         04:00 worsened fast Patient/p1 active onset=00:00 page
         09:00 escalated fast Patient/p1 active onset=00:00 1→charge-nurse page",
    );
}

#[test]
fn late_and_corrected_readings_are_not_worse_and_a_silence_holds_back() {
    check(
        FAST,
        "00:00 hr 125
         00:10 ack
         20:00 hr 150 at=05:00
         20:10 hr 126
         20:10 hr 190 at=20:10 v=2
         22:00 hush s1 05:00 patient=p1
         23:00 hr 140
         24:00 hr 141
         27:10 wait",
        "00:00 raised fast Patient/p1 active onset=00:00 page
         00:10 acknowledged fast Patient/p1 active onset=00:00 by nurse1
         22:00 silenced fast Patient/p1 active onset=00:00 until 27:00
         23:00 worsened fast Patient/p1 active onset=00:00
         27:00 silenced fast Patient/p1 active onset=00:00 page",
    );
}

#[test]
fn a_score_that_rises_is_told_again() {
    let mews = r#"
[[rule]]
id = "mews"
kind = "score"
score = "mews"
at-least = 2
priority = "high"
worsens = { by = 2 }
"#;
    check(
        mews,
        "00:00 rr 22
         01:00 hr 105
         02:00 hr 115
         03:00 hr 118",
        "00:00 raised mews Patient/p1 active onset=00:00 page
         02:00 worsened mews Patient/p1 active onset=00:00 page",
    );
}

#[test]
fn rules_without_a_ladder_have_that_of_the_file() {
    let own = LOW.replace("escalate", "for = \"0s\"\nescalate");
    let bare = LOW.split("escalate").next().expect("the rule");
    let file = format!(
        "[escalation]\nhigh = [{{ after = \"2m\", to = \"team\" }}]\n{bare}\n{}\n{}escalate = []\n",
        own.replace("\"low\"", "\"own\""),
        bare.replace("\"low\"", "\"none\"")
    );
    check(
        &file,
        "00:00 spo2 85
         06:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:00 raised own Patient/p1 active onset=00:00 page
         00:00 raised none Patient/p1 active onset=00:00 page
         02:00 escalated low Patient/p1 active onset=00:00 1→team page
         05:00 escalated own Patient/p1 active onset=00:00 1→charge-nurse page",
    );
    assert_eq!(
        parse(&file).escalation_targets(),
        ["charge-nurse", "doctor", "team"]
    );
    assert_eq!(parse(&file).escalation(Priority::High).len(), 1);
    assert!(parse(&file).escalation(Priority::Low).is_empty());
}

#[test]
fn another_ladder_is_no_other_rule() {
    let sooner = LOW.replace("5m", "2m");
    check_all(
        &[LOW, &sooner],
        "00:00 spo2 85
         01:00 rules 1
         03:00 wait
         03:10 spo2 95",
        "00:00 raised low Patient/p1 active onset=00:00 page
         02:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page
         03:10 resolved low Patient/p1 resolved onset=00:00 ended=03:10 cleared",
    );
}

#[test]
fn what_holds_not_yet_for_long_enough_is_pending() {
    let held = LOW.replace("priority", "for = \"2m\"\nmax-gap = \"1m\"\npriority");
    let pending = |text: &str| {
        let mut engine = Engine::new();
        let mut out = Vec::new();
        for (seq, step) in (1..).zip(&timeline(&[parse(&held)], text)) {
            apply(&mut engine, seq, step, &mut out);
        }
        engine.pending()
    };
    let found = pending("00:00 spo2 95\n01:00..01:30/10 spo2 85\n02:00 spo2 84");
    let one = &found[0];
    assert_eq!(found.len(), 1);
    assert_eq!((one.rule_id.as_str(), one.value), ("low", 84.0));
    assert_eq!(one.subject.to_string(), "Patient/p1");
    assert_eq!((one.since, one.due), (time("01:00"), time("03:00")));
    assert_eq!(one.unit, "%");
    for nothing in [
        "00:00 spo2 95",
        "01:00 spo2 85\n01:30 spo2 95",
        "01:00..03:00/30 spo2 85",
        "01:00 spo2 85\n03:00 wait",
    ] {
        assert!(pending(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn keys_of_the_life_of_an_alert_are_checked() {
    let faults = |text: &str| -> Vec<String> {
        let faults = RuleSet::parse(text).expect_err(text);
        faults.iter().map(ToString::to_string).collect()
    };
    let with = |line: &str| LOW.replace("priority", &format!("{line}\npriority"));
    assert_eq!(
        faults(&with("worsens = { by = 0 }")),
        ["7:18: `by` must be above 0"]
    );
    assert_eq!(
        faults(&with("worsens = { above = 3 }")),
        [
            "7:11: `worsens` needs `by`",
            "7:13: unknown key `above` in `worsens`; known: by"
        ]
    );
    assert_eq!(
        faults(&with("latch = \"yes\"")),
        ["7:9: `latch` must be true or false"]
    );
    assert_eq!(
        faults(&with("max-silence = 3")),
        ["7:15: `max-silence` must be a text in quotes"]
    );
    assert_eq!(
        faults(&format!(
            "[escalation]\nurgent = []\nhigh = [{{ to = \"x\" }}]\n{LOW}"
        )),
        [
            "2:1: unknown key `urgent` in `escalation`; known: high, medium, low",
            "3:9: a step of `high` needs `after`"
        ]
    );
    let words = r#"
[[rule]]
id = "off"
kind = "threshold"
metric = "MDC_PULS_OXIM_DEV_STATUS"
is = ["sensor-displaced"]
priority = "low"
worsens = { by = 1 }
"#;
    assert_eq!(
        faults(words),
        ["8:11: `worsens` is for values: there is nothing further beyond"]
    );
}
