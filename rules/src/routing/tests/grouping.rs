//! Groups, repeats, what goes at once, ladders, and the end.

use super::desk::{check, run};

const WARD: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "roy"
contacts = [{ channel = "teams" }, { channel = "mail", address = "roy@example.org" }]
[[route]]
id = "ward"
to = ["person:ito"]
group-wait = "30s"
group-interval = "5m"
repeat-interval = "1h"
[[target]]
name = "doctor"
to = ["person:roy"]
"#;

#[test]
fn two_alerts_of_a_patient_are_one_message() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 raise b p1 low
         11-23 10:00:20 raise c p2 medium
         11-23 10:02 raise d p1 low
         11-23 10:10 wait",
        "11-23 10:00:30 page a+b to ito/teams by ward
         11-23 10:00:50 page c to ito/teams by ward
         11-23 10:05:30 page d to ito/teams by ward",
    );
}

#[test]
fn high_priority_waits_for_nothing_and_takes_the_others_along() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 raise b p1 high
         11-23 10:01 raise c p1 high
         11-23 10:01 & raise d p1 high
         11-23 10:09 wait",
        "11-23 10:00:10 page a+b to ito/teams by ward
         11-23 10:01 page c+d to ito/teams by ward",
    );
}

#[test]
fn repeats_go_on_until_somebody_acknowledges() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:00 & raise b p1 high
         11-23 11:30 ack a
         11-23 12:30 ack b
         11-23 16:00 wait",
        "11-23 10:00 page a+b to ito/teams by ward
         11-23 11:00 repeat a+b to ito/teams by ward
         11-23 12:00 repeat b to ito/teams by ward",
    );
}

#[test]
fn alerts_that_come_after_hold_no_repeat_up() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:25 raise b p1 medium
         11-23 10:50 raise c p1 medium
         11-23 11:15 raise d p1 medium
         11-23 11:15 & ack c
         11-23 11:40 raise e p1 medium
         11-23 11:40 & ack d
         11-23 12:05 ack a
         11-23 12:05 & ack b
         11-23 12:05 & ack e",
        "11-23 10:00:30 page a to ito/teams by ward
         11-23 10:25 page b to ito/teams by ward
         11-23 10:50 page c to ito/teams by ward
         11-23 11:00:30 repeat a+b to ito/teams by ward
         11-23 11:15 page d to ito/teams by ward
         11-23 11:40 page e to ito/teams by ward
         11-23 12:00:30 repeat a+b to ito/teams by ward",
    );
}

#[test]
fn an_outage_is_made_up_for_by_one_repeat() {
    let files = [super::desk::routing(WARD)];
    let mut router = crate::routing::Router::default();
    let mut alerts = super::desk::Alerts::default();
    let mut out = Vec::new();
    let start = super::desk::time("11-23 10:00");
    router.configure(start, std::sync::Arc::clone(&files[0]));
    alerts.next_input();
    let raised = alerts.raise(start, "a", "p1", crate::Priority::High);
    router.take(&[raised], &mut out);
    router.advance(2, super::desk::time("11-23 15:30"), &mut out);
    router.advance(3, super::desk::time("11-23 15:31"), &mut out);
    assert_eq!(out.len(), 2);
    assert_eq!(router.next_due(), Some(super::desk::time("11-23 16:30")));
}

#[test]
fn what_is_over_is_told_to_those_who_know() {
    let (router, said) = run(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:10 escalate a doctor
         11-23 10:20 resolve a
         11-23 11:30 wait",
    );
    assert_eq!(
        said,
        [
            "11-23 10:00 page a to ito/teams by ward",
            "11-23 10:10 escalation a to roy/mail by target:doctor",
            "11-23 10:10 escalation a to roy/teams by target:doctor",
            "11-23 10:20 resolved a to roy/mail by target:doctor",
            "11-23 10:20 resolved a to ito/teams by ward",
            "11-23 10:20 resolved a to roy/teams by target:doctor",
        ]
    );
    assert_eq!((router.open_alerts(), router.next_due()), (0, None));
}

#[test]
fn an_alert_that_moves_to_another_patient_ends_for_those_who_know() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:10 moved a
         11-23 10:10 & raise b p2 high",
        "11-23 10:00 page a to ito/teams by ward
         11-23 10:10 page b to ito/teams by ward
         11-23 10:10 resolved a to ito/teams by ward",
    );
}

#[test]
fn without_send_resolved_nobody_hears_of_the_end() {
    let quiet = WARD.replace("repeat-interval", "send-resolved = false\nrepeat-interval");
    check(
        &[&quiet],
        "11-23 10:00 raise a p1 high
         11-23 10:10 resolve a",
        "11-23 10:00 page a to ito/teams by ward",
    );
}

#[test]
fn what_is_over_before_its_group_is_due_is_told_once() {
    let (router, said) = run(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 resolve a
         11-23 10:01 raise b p1 medium over
         11-23 10:01 & resolve b
         11-23 12:00 wait",
    );
    assert_eq!(
        said,
        [
            "11-23 10:00:30 page a over to ito/teams by ward",
            "11-23 10:01:30 page b over to ito/teams by ward",
        ]
    );
    assert_eq!(router.open_alerts(), 0);
}

#[test]
fn what_worsens_is_told_at_once() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 worsen a
         11-23 10:03 worsen a
         11-23 10:04 raise b p1 low quiet
         11-23 10:05 worsen b",
        "11-23 10:00:10 page a to ito/teams by ward
         11-23 10:03 worsened a to ito/teams by ward
         11-23 10:05 page b to ito/teams by ward",
    );
}

#[test]
fn an_acknowledged_alert_that_worsens_is_told_and_not_repeated() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:10 ack a
         11-23 12:00 worsen a
         11-23 15:00 wait",
        "11-23 10:00 page a to ito/teams by ward
         11-23 12:00 worsened a to ito/teams by ward",
    );
}

#[test]
fn a_silence_holds_repeats_back() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:50 silence a 11-23 11:20
         11-23 11:20 unsilence a
         11-23 11:25 ack a
         11-23 14:00 wait",
        "11-23 10:00 page a to ito/teams by ward
         11-23 11:20 repeat a to ito/teams by ward",
    );
}

#[test]
fn a_ladder_that_leads_to_nobody_is_seen() {
    let caught = format!("fallback = [\"channel:hook\"]\n{WARD}");
    let steps = "11-23 10:00 raise a p1 high
         11-23 10:10 escalate a matron";
    check(
        &[WARD],
        steps,
        "11-23 10:00 page a to ito/teams by ward
         11-23 10:10 unrouted a",
    );
    check(
        &[&caught],
        steps,
        "11-23 10:00 page a to ito/teams by ward
         11-23 10:10 unrouted a
         11-23 10:10 escalation a to hook by fallback",
    );
}

#[test]
fn two_steps_at_once_that_lead_to_one_person_are_one_message() {
    let two =
        format!("{WARD}\n[[target]]\nname = \"matron\"\nto = [\"person:ito\", \"person:roy\"]");
    check(
        &[&two],
        "11-23 10:00 raise a p1 high
         11-23 10:10 escalate a doctor
         11-23 10:10 & escalate a matron",
        "11-23 10:00 page a to ito/teams by ward
         11-23 10:10 escalation a to roy/mail by target:doctor
         11-23 10:10 escalation a to ito/teams by target:matron
         11-23 10:10 escalation a to roy/teams by target:doctor",
    );
}

#[test]
fn a_step_of_an_alert_that_is_not_known_is_its_page_too() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high quiet
         11-23 10:10 escalate a doctor
         11-23 10:20 resolve a",
        "11-23 10:10 escalation a to roy/mail by target:doctor
         11-23 10:10 escalation a to roy/teams by target:doctor
         11-23 10:10 page a to ito/teams by ward
         11-23 10:20 resolved a to roy/mail by target:doctor
         11-23 10:20 resolved a to ito/teams by ward
         11-23 10:20 resolved a to roy/teams by target:doctor",
    );
}

#[test]
fn the_first_route_takes_it_unless_it_lets_the_next_look_too() {
    let file = r#"
fallback = ["channel:last"]
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[route]]
id = "log"
to = ["channel:hook", "person:ito"]
match = { priority = ["high"] }
continue = true
[[route]]
id = "technical"
match = { class = ["technical"], subject = ["device"], rule = ["battery-*"] }
to = ["channel:workshop"]
[[route]]
id = "people"
match = { class = ["physiological"], priority = ["high", "medium"] }
to = ["person:ito", "channel:screen"]
repeat-interval = "1h"
"#;
    check(
        &[file],
        "11-23 10:00 raise a p1 high
         11-23 10:01 raise b - low device=d1 rule=battery-low
         11-23 10:02 raise c - low device=d1 rule=lead-off
         11-23 11:30 ack b
         11-23 11:30 & ack a
         11-23 11:30 & resolve a",
        "11-23 10:00 page a to hook by log
         11-23 10:00 page a to ito/teams by log
         11-23 10:00 page a to screen by people
         11-23 10:01 page b to workshop by technical
         11-23 10:02 unrouted c
         11-23 10:02 page c to last by fallback
         11-23 11:00 repeat a to screen by people
         11-23 11:30 resolved a to hook by log
         11-23 11:30 resolved a to screen by people
         11-23 11:30 resolved a to ito/teams by log",
    );
}

#[test]
fn a_step_of_the_instant_in_which_it_ends_is_told() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:10 escalate a doctor
         11-23 10:10 & resolve a
         11-23 10:10 & raise b p1 high",
        "11-23 10:00 page a to ito/teams by ward
         11-23 10:10 escalation a over to roy/mail by target:doctor
         11-23 10:10 escalation a over to roy/teams by target:doctor
         11-23 10:10 page b to ito/teams by ward
         11-23 10:10 resolved a to ito/teams by ward",
    );
}

#[test]
fn what_is_over_before_its_silence_is_told_of_is_let_go() {
    let (router, said) = run(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:01 unsilence a
         11-23 10:02 ack a
         11-23 10:03 resolve a
         11-23 10:20 wait",
    );
    assert_eq!(
        said,
        [
            "11-23 10:00:30 page a to ito/teams by ward",
            "11-23 10:05:30 resolved a to ito/teams by ward"
        ]
    );
    assert_eq!((router.open_alerts(), router.next_due()), (0, None));
}
