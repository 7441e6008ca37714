//! Absence and technical rules, by the log clock; inhibition.

use crate::language::check;

const SILENT: &str = r#"
[[rule]]
id = "silent"
title = "Oximeter silent"
kind = "absence"
metric = "MDC_PULS_OXIM_SAT_O2"
expect-every = "1m"
grace = "3m"
priority = "low"
"#;

#[test]
fn silence_raises_and_a_reading_resolves() {
    let events = check(
        SILENT,
        "00:00 assign d1 p1
         00:30 spo2 95
         01:00 spo2 95
         06:00 wait
         06:05 spo2 95",
        "05:00 raised silent Device/d1 active onset=05:00 page
         06:05 resolved silent Device/d1 resolved onset=05:00 ended=06:05 cleared",
    );
    assert_eq!(
        events[0].message,
        "Oximeter silent: no Oxygen saturation (pulse oximetry) for 4m"
    );
    assert_eq!(events[0].class, wardline_rules::Class::Technical);
    assert_eq!(events[0].evidence.len(), 1);
    assert_eq!(events[1].evidence.len(), 2);
}

#[test]
fn only_while_assigned_and_only_what_it_sends() {
    check(
        SILENT,
        "00:00 spo2 95 p=-
         00:00 assign d2 p2
         00:00 hr 80 d=d2
         10:00 wait
         10:00 assign d1 p1
         15:00 wait
         15:30 unassign d1 p1
         30:00 wait",
        "14:00 raised silent Device/d1 active onset=14:00 page
         15:30 resolved silent Device/d1 resolved onset=14:00 ended=15:30 unassigned",
    );
}

#[test]
fn a_rule_on_any_reading_watches_from_the_assignment_on() {
    check(
        &SILENT.replace("metric = \"MDC_PULS_OXIM_SAT_O2\"\n", ""),
        "00:00 assign d1 p1
         05:00 wait
         05:10 temp 37
         08:00 wait
         08:00 hr 80
         11:50 wait",
        "04:00 raised silent Device/d1 active onset=04:00 page
         05:10 resolved silent Device/d1 resolved onset=04:00 ended=05:10 cleared",
    );
}

#[test]
fn a_log_that_was_silent_as_a_whole_makes_nobody_overdue() {
    check(
        SILENT,
        "00:00 assign d1 p1
         00:30 spo2 95
         2:00:00 jump
         2:01:00 wait
         2:01:30 spo2 95
         2:06:00 wait",
        "2:05:30 raised silent Device/d1 active onset=2:05:30 page",
    );
}

const SENSOR: &str = r#"
[[rule]]
id = "battery"
kind = "threshold"
class = "technical"
metric = "battery"
below = 10
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
inhibited-by = ["battery"]
"#;

#[test]
fn technical_rules_watch_the_device_and_inhibit() {
    check(
        SENSOR,
        "00:00 battery 5 p=-
         00:10 spo2 80
         00:15 spo2 80 d=d2 p=p2
         00:20 battery 50 p=-
         00:30 spo2 80
         00:40 spo2 95",
        "00:00 raised battery Device/d1 active onset=00:00 page
         00:15 raised low Patient/p2 active onset=00:15 page
         00:20 resolved battery Device/d1 resolved onset=00:00 ended=00:20 cleared
         00:30 raised low Patient/p1 active onset=00:10 page
         00:40 resolved low Patient/p1 resolved onset=00:10 ended=00:40 cleared",
    );
}

#[test]
fn what_was_inhibited_and_is_over_is_never_told() {
    check(
        SENSOR,
        "00:00 battery 5
         00:10 spo2 80
         00:20 spo2 95
         00:30 battery 50
         00:40 spo2 95",
        "00:00 raised battery Device/d1 active onset=00:00 page
         00:30 resolved battery Device/d1 resolved onset=00:00 ended=00:30 cleared",
    );
}

#[test]
fn an_open_alert_stays_when_the_inhibiting_rule_becomes_active() {
    check(
        SENSOR,
        "00:00 spo2 80
         00:10 battery 5
         00:20 spo2 80
         00:30 spo2 95",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:10 raised battery Device/d1 active onset=00:10 page
         00:30 resolved low Patient/p1 resolved onset=00:00 ended=00:30 cleared",
    );
}
