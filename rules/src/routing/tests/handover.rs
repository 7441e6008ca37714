//! Who comes on call is told of what nobody has acknowledged.

use super::desk::{check, routing, time};
use crate::Priority;
use crate::routing::{NotificationKind, Outcome, Router};

const WARD: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[person]]
id = "roy"
contacts = [{ channel = "teams" }]
[[schedule]]
id = "nurses"
shifts = [{ people = ["ito"], from = "07:00", until = "15:00" }, { people = ["cho"], from = "15:00", until = "23:00" }, { people = ["roy"] }]
overrides = [{ from = "2026-11-26T11:30", until = "2026-11-26T12:30", people = ["roy"] }]
[[calendar]]
id = "clinic"
open = [{ from = "08:00", until = "17:00" }]
[[route]]
id = "ward"
to = ["schedule:nurses", "channel:desk"]
group-wait = "30s"
repeat-interval = "9h"
"#;

#[test]
fn the_next_shift_is_told_once_of_all_that_is_open_and_the_others_are_not_disturbed() {
    check(
        &[WARD],
        "11-23 14:00 raise a p1 medium
         11-23 14:00 & raise b p1 medium
         11-23 14:30 raise c p1 medium
         11-23 14:40 ack c
         11-23 15:00:10 raise d p1 medium
         11-23 16:00 ack a
         11-24 00:00 ack b
         11-24 00:00 & ack d
         11-24 20:00 wait",
        "11-23 14:00:30 page a+b to desk by ward
         11-23 14:00:30 page a+b to ito/teams by ward
         11-23 14:30 page c to desk by ward
         11-23 14:30 page c to ito/teams by ward
         11-23 15:00 opening a+b to cho/teams by ward
         11-23 15:01 page d to desk by ward
         11-23 15:01 page d to cho/teams by ward
         11-23 23:00 opening b+d to roy/teams by ward
         11-23 23:00:30 repeat b+d to desk by ward",
    );
}

#[test]
fn who_comes_back_is_told_again() {
    let rare = WARD.replace("repeat-interval = \"9h\"", "repeat-interval = \"72h\"");
    check(
        &[&rare],
        "11-25 14:00 raise a p1 medium
         11-26 07:00 wait
         11-26 12:40 ack a",
        "11-25 14:00:30 page a to desk by ward
         11-25 14:00:30 page a to ito/teams by ward
         11-25 15:00 opening a to cho/teams by ward
         11-25 23:00 opening a to roy/teams by ward
         11-26 07:00 opening a to ito/teams by ward
         11-26 11:30 opening a to roy/teams by ward
         11-26 12:30 opening a to ito/teams by ward",
    );
}

#[test]
fn what_is_silenced_at_the_handover_is_told_at_the_end_of_the_silence() {
    let begin = "11-23 14:00 raise a p1 high
         11-23 14:50 silence a 11-23 15:20";
    let told = "11-23 14:00 page a to desk by ward
         11-23 14:00 page a to ito/teams by ward";
    check(
        &[WARD],
        &format!(
            "{begin}
             11-23 15:10 unsilence a quiet
             11-23 15:20 ack a"
        ),
        &format!(
            "{told}
             11-23 15:10 page a to cho/teams by ward"
        ),
    );
    check(
        &[WARD],
        &format!(
            "{begin}
             11-23 15:20 unsilence a
             11-23 15:21 ack a"
        ),
        &format!(
            "{told}
             11-23 15:20 page a to cho/teams by ward
             11-23 15:20 repeat a to desk by ward"
        ),
    );
}

#[test]
fn nobody_is_told_while_nobody_watches_and_whoever_opens_is_told_if_they_do_not_know() {
    let clinic = WARD.replace("id = \"ward\"", "id = \"ward\"\nhours = \"clinic\"");
    let clinic = clinic.replace("repeat-interval = \"9h\"", "repeat-interval = \"72h\"");
    check(
        &[&clinic],
        "11-23 16:00 raise a p1 high
         11-24 09:00 ack a",
        "11-23 16:00 page a to desk by ward
         11-23 16:00 page a to cho/teams by ward
         11-24 08:00 opening a to ito/teams by ward",
    );
}

#[test]
fn a_change_of_shift_while_the_server_was_down_is_made_up_for() {
    let mut router = Router::default();
    let mut alerts = super::desk::Alerts::default();
    let mut out = Vec::new();
    let start = time("11-23 14:00");
    router.configure(start, routing(WARD));
    alerts.next_input();
    let raised = alerts.raise(start, "a", "p1", Priority::High);
    router.take(&[raised], &mut out);
    assert_eq!(router.next_due(), Some(time("11-23 15:00")));
    out.clear();
    router.advance(2, time("11-23 16:30"), &mut out);
    let [Outcome::Notify(told)] = out.as_slice() else {
        panic!("{out:?}");
    };
    assert_eq!(told.kind, NotificationKind::Opening);
    assert_eq!(told.recipient.as_deref(), Some("cho"));
    // Everybody is told again nine hours after the page, and the shift after that is known.
    assert_eq!(router.next_due(), Some(time("11-23 23:00")));
}

#[test]
fn the_state_of_a_version_that_knew_of_no_handover_goes_on() {
    let (router, said) = super::desk::run(&[WARD], "11-23 14:00 raise a p1 high");
    assert_eq!(said.len(), 2);
    let mut state: serde_json::Value = serde_json::from_slice(&router.checkpoint()).expect("JSON");
    let groups = state["state"]["groups"].as_object_mut().expect("groups");
    for group in groups.values_mut() {
        let group = group.as_object_mut().expect("a group");
        group.remove("handover").expect("what is new");
        for member in group["members"]
            .as_object_mut()
            .expect("members")
            .values_mut()
        {
            let member = member.as_object_mut().expect("a member");
            member.remove("hushed").expect("what is new");
        }
    }
    for alert in state["state"]["alerts"]
        .as_object_mut()
        .expect("alerts")
        .values_mut()
    {
        for told in alert["told"].as_array_mut().expect("a list") {
            told.as_object_mut()
                .expect("who")
                .remove("at")
                .expect("what is new");
        }
    }
    let mut router = Router::restore(state.to_string().as_bytes()).expect("its state");
    assert_eq!(router.next_due(), Some(time("11-23 23:00")));
    let mut out = Vec::new();
    router.advance(2, time("11-23 23:00"), &mut out);
    // With the repeat: the shift of the evening, and from then on every change.
    assert_eq!(out.len(), 2, "{out:?}");
    assert_eq!(router.next_due(), Some(time("11-24 07:00")));
}
