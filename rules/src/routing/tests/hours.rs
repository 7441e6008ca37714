//! Clinic hours and on-call schedules in the course of days.

use super::desk::check;

const CLINIC: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[calendar]]
id = "clinic"
open = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", until = "17:00" }]
closed = ["2026-12-25"]
[[schedule]]
id = "nurses"
shifts = [{ people = ["ito"], from = "07:00", until = "19:00" }, { people = ["cho"] }]
[[route]]
id = "home"
to = ["schedule:nurses"]
hours = "clinic"
repeat-interval = "4h"
[[target]]
name = "nurse-on-call"
to = ["schedule:nurses"]
"#;

#[test]
fn closed_over_a_holiday_weekend() {
    // 24 December 2026 is a Thursday.
    check(
        &[CLINIC],
        "12-24 16:00 raise a p1 medium
         12-24 17:30 raise b p1 high
         12-26 12:00 raise c p2 medium
         12-26 13:00 resolve c
         12-27 09:00 raise d p3 low
         12-27 10:00 ack d
         12-27 11:00 raise e p1 low
         12-28 09:00 ack a
         12-28 09:00 & ack b
         12-28 09:00 & ack e
         12-28 20:00 wait",
        "12-24 16:00 page a to ito/teams by home
         12-24 17:30 not-watched b clinic until 12-28 08:00
         12-24 20:00 not-watched a clinic until 12-28 08:00
         12-26 12:00 not-watched c clinic until 12-28 08:00
         12-27 09:00 not-watched d clinic until 12-28 08:00
         12-27 11:00 not-watched e clinic until 12-28 08:00
         12-28 08:00 opening a+b+e to ito/teams by home",
    );
}

#[test]
fn said_once_a_night() {
    check(
        &[CLINIC],
        "11-23 18:00 raise a p1 medium
         11-23 19:00 worsen a
         11-24 18:00 worsen a
         11-25 07:00 resolve a
         11-25 09:00 wait",
        "11-23 18:00 not-watched a clinic until 11-24 08:00
         11-24 08:00 opening a to ito/teams by home
         11-24 12:00 repeat a to ito/teams by home
         11-24 16:00 repeat a to ito/teams by home
         11-24 18:00 not-watched a clinic until 11-25 08:00
         11-25 07:00 resolved a to ito/teams by home",
    );
}

#[test]
fn some_priorities_always_and_some_people_outside() {
    let always = CLINIC.replace(
        "hours = \"clinic\"",
        "hours = \"clinic\"\nalways = [\"high\"]",
    );
    check(
        &[&always],
        "11-23 20:00 raise a p1 high
         11-23 20:00 & raise b p2 medium",
        "11-23 20:00 not-watched b clinic until 11-24 08:00
         11-23 20:00 page a to cho/teams by home",
    );
    let outside = CLINIC.replace(
        "hours = \"clinic\"",
        "hours = \"clinic\"\noutside = [\"channel:night-desk\"]",
    );
    check(
        &[&outside],
        "11-23 15:00 raise a p1 medium
         11-23 20:00 raise b p1 medium
         11-24 09:00 ack a
         11-24 09:00 & ack b",
        "11-23 15:00 page a to ito/teams by home
         11-23 17:00 opening a to night-desk by home
         11-23 20:00 page b to night-desk by home
         11-23 21:00 repeat a to night-desk by home
         11-24 01:00 repeat a+b to night-desk by home
         11-24 05:00 repeat a+b to night-desk by home
         11-24 08:00 opening a+b to ito/teams by home",
    );
}

#[test]
fn a_ladder_reaches_who_is_on_call_now_whatever_the_clinic_does() {
    check(
        &[CLINIC],
        "11-23 16:00 raise a p1 medium
         11-23 19:30 escalate a nurse-on-call
         11-23 20:30 resolve a",
        "11-23 16:00 page a to ito/teams by home
         11-23 19:30 escalation a to cho/teams by target:nurse-on-call
         11-23 20:00 not-watched a clinic until 11-24 08:00
         11-23 20:30 resolved a to cho/teams by target:nurse-on-call
         11-23 20:30 resolved a to ito/teams by home",
    );
}

#[test]
fn a_hole_in_the_schedule_is_seen_and_whoever_comes_next_is_told() {
    let hole = CLINIC
        .replace(", { people = [\"cho\"] }", "")
        .replace("hours = \"clinic\"", "");
    let steps = "11-23 20:00 raise a p1 medium
         11-24 08:30 ack a
         11-24 13:00 wait";
    check(
        &[&hole],
        steps,
        "11-23 20:00 unrouted a
         11-24 07:00 opening a to ito/teams by home",
    );
    check(
        &[&format!("fallback = [\"person:cho\"]\n{hole}")],
        steps,
        "11-23 20:00 unrouted a
         11-23 20:00 page a to cho/teams by fallback
         11-24 00:00 repeat a to cho/teams by fallback
         11-24 04:00 repeat a to cho/teams by fallback
         11-24 07:00 opening a to ito/teams by home",
    );
}

#[test]
fn summer_time_begins_and_ends_with_the_wall_clock() {
    // 29 March and 25 October 2026; the clinic is open every day here.
    let daily = CLINIC.replace("days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"], ", "");
    check(
        &[&daily],
        "03-28 20:00 raise a p1 medium
         03-29 09:00 resolve a
         10-24 20:00 raise b p1 medium
         10-25 09:00 resolve b",
        "03-28 20:00 not-watched a clinic until 03-29 08:00
         03-29 08:00 opening a to ito/teams by home
         03-29 09:00 resolved a to ito/teams by home
         10-24 20:00 not-watched b clinic until 10-25 08:00
         10-25 08:00 opening b to ito/teams by home
         10-25 09:00 resolved b to ito/teams by home",
    );
}

/// Two routes, and in the evening both mean the same person.
const TWO: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[calendar]]
id = "evening"
open = [{ from = "16:00", until = "20:00" }]
[[schedule]]
id = "nurses"
shifts = [{ people = ["ito"], from = "07:00", until = "15:00" }, { people = ["cho"] }]
[[route]]
id = "first"
to = ["schedule:nurses"]
group-interval = "4h"
repeat-interval = "12h"
continue = true
[[route]]
id = "second"
to = ["person:cho"]
hours = "evening"
repeat-interval = "1h"
"#;

#[test]
fn whom_an_earlier_route_means_too_is_told_by_the_later_one_as_long_as_they_do_not_know() {
    // The first waits until 18:00, whoever is on call then.
    check(
        &[TWO],
        "11-23 14:00 raise a p1 medium
         11-23 14:30 unsilence a
         11-23 19:30 ack a",
        "11-23 14:00 page a to ito/teams by first
         11-23 16:00 opening a to cho/teams by second",
    );
}
