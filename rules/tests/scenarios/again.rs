//! What is told again: what was not over after all, the end of a silence, what is worse than people know.

use crate::language::check;

const HELD: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
clear = { above = 92, for = "20s" }
priority = "high"
escalate = [{ after = "5m", to = "charge-nurse" }]
"#;

#[test]
fn what_late_readings_open_again_pages_with_the_next_that_goes_on_with_it() {
    let events = check(
        HELD,
        "00:00 spo2 85
         00:30..00:50/20 spo2 95
         01:00 spo2 85 at=00:40
         01:10 spo2 91
         01:20 spo2 85
         07:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:30 recovering low Patient/p1 recovering onset=00:00
         00:50 resolved low Patient/p1 resolved onset=00:00 ended=00:30 cleared
         01:00 corrected low Patient/p1 recovering onset=00:00 x1
         01:10 worsened low Patient/p1 active onset=00:00 x1
         01:20 worsened low Patient/p1 active onset=00:00 x1 page
         06:20 escalated low Patient/p1 active onset=00:00 1→charge-nurse x1 page",
    );
    assert!(
        events[5]
            .message
            .ends_with("late or corrected readings show that it is not over (came back once)"),
        "{}",
        events[5].message
    );
}

#[test]
fn what_is_opened_again_pages_nobody_who_knows_and_nobody_too_late() {
    // Acknowledged before.
    check(
        HELD,
        "00:00 spo2 85
         00:10 ack
         00:30..00:50/20 spo2 95
         01:00 spo2 85 at=00:40
         01:20 spo2 85
         07:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:10 acknowledged low Patient/p1 active onset=00:00 by nurse1
         00:30 recovering low Patient/p1 recovering onset=00:00
         00:50 resolved low Patient/p1 resolved onset=00:00 ended=00:30 cleared
         01:00 corrected low Patient/p1 recovering onset=00:00 x1
         01:20 worsened low Patient/p1 active onset=00:00 x2",
    );
    // The log is far ahead of the readings.
    check(
        HELD,
        "00:00 spo2 85
         00:30..00:50/20 spo2 95
         20:00 spo2 85 at=00:40
         20:10 spo2 85 at=01:20
         30:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:30 recovering low Patient/p1 recovering onset=00:00
         00:50 resolved low Patient/p1 resolved onset=00:00 ended=00:30 cleared
         20:00 corrected low Patient/p1 recovering onset=00:00 x1
         20:10 worsened low Patient/p1 active onset=00:00 x2",
    );
    // A correction opens it, and a silence holds it back.
    check(
        HELD,
        "00:00 spo2 85
         00:30..00:50/20 spo2 95
         00:55 hush s1 02:05 patient=p1
         01:00 spo2 85 at=00:50 v=2
         01:20 spo2 85
         07:00 wait
         08:10 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:30 recovering low Patient/p1 recovering onset=00:00
         00:50 resolved low Patient/p1 resolved onset=00:00 ended=00:30 cleared
         01:00 corrected low Patient/p1 active onset=00:00 x1
         03:00 silenced low Patient/p1 active onset=00:00 x1 page
         08:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse x1 page",
    );
}

#[test]
fn the_ladder_counts_from_the_page_at_the_end_of_a_silence_whenever_that_is() {
    // Ended long before its time, after the step was due under it.
    check(
        HELD,
        "00:00 spo2 85
         01:00 hush s1 50:00 patient=p1
         10:00 unhush s1
         20:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 51:00
         10:00 silenced low Patient/p1 active onset=00:00 page
         15:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page",
    );
    // Shortened.
    check(
        HELD,
        "00:00 spo2 85
         01:00 hush s1 50:00 patient=p1
         10:00 hush s1 02:00 patient=p1
         20:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 51:00
         10:00 silenced low Patient/p1 active onset=00:00 until 12:00
         12:00 silenced low Patient/p1 active onset=00:00 page
         17:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page",
    );
    // By hand at the alert: who did it is there, and has as long as with a page.
    check(
        HELD,
        "00:00 spo2 85
         01:00 silence 50:00
         10:00 silence 00:00
         20:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 51:00
         10:00 silenced low Patient/p1 active onset=00:00
         15:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page",
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
"#;

#[test]
fn worse_than_what_was_acknowledged_is_told_though_nobody_was_told_before() {
    check(
        FAST,
        "20:00 hr 150 at=05:00
         20:30 ack
         20:40 hr 155
         21:00 hr 162
         21:30 hr 173
         22:10 hr 173",
        "20:00 raised fast Patient/p1 active onset=05:00
         20:30 acknowledged fast Patient/p1 active onset=05:00 by nurse1
         21:00 worsened fast Patient/p1 active onset=05:00 page
         22:10 worsened fast Patient/p1 active onset=05:00 page",
    );
}

#[test]
fn what_is_found_late_and_then_told_can_become_worse() {
    check(
        FAST,
        "20:00 hr 150 at=05:00
         20:30 hr 150
         21:40 hr 161",
        "20:00 raised fast Patient/p1 active onset=05:00
         20:30 worsened fast Patient/p1 active onset=05:00 page
         21:40 worsened fast Patient/p1 active onset=05:00 page",
    );
}

#[test]
fn info_is_shown_and_pages_nobody() {
    let info = HELD.replace("\"high\"", "\"info\"\nworsens = { by = 4 }\nlatch = true");
    check(
        &info,
        "00:00 spo2 85
         02:00 spo2 80
         03:00 hush s1 01:00 patient=p1
         05:00 wait
         06:00 ack
         06:10..06:40/30 spo2 95
         20:00 spo2 85 at=06:50
         20:10 spo2 80",
        "00:00 raised low Patient/p1 active onset=00:00
         03:00 silenced low Patient/p1 active onset=00:00 until 04:00
         04:00 silenced low Patient/p1 active onset=00:00
         06:00 acknowledged low Patient/p1 active onset=00:00 by nurse1
         06:10 recovering low Patient/p1 recovering onset=00:00
         06:40 resolved low Patient/p1 resolved onset=00:00 ended=06:10 cleared
         20:00 raised low Patient/p1 active onset=06:50",
    );
    let silent = r#"
[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
priority = "info"
"#;
    check(
        silent,
        "00:00 assign d1 p1
         00:10 spo2 96
         03:00 wait",
        "01:10 raised silent Device/d1 active onset=01:10",
    );
}
