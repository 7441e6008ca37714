//! What changes while alerts are open: the file, the patient, nothing at all.

use super::desk::{check, run};
use crate::routing::{Error, Router};

const FIRST: &str = r#"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[team]]
id = "hf"
roles = { nurse = ["cho"] }
[[route]]
id = "home"
match = { team = ["hf"] }
to = ["role:nurse"]
[[route]]
id = "ward"
match = { ward = ["b2"], tags = ["post-op", "frail"] }
to = ["person:ito"]
"#;

#[test]
fn a_late_change_of_the_file_reaches_who_does_not_know_yet() {
    let second = FIRST.replace("[\"role:nurse\"]", "[\"role:nurse\", \"person:ito\"]");
    check(
        &[FIRST, &second],
        "11-23 10:00 patient p1 team=hf
         11-23 10:00:10 raise a p1 medium
         11-23 10:00:10 & raise b p2 medium
         11-23 10:30 raise c p1 low
         11-23 10:30:10 ack c
         11-23 11:00 routing 1
         11-23 11:01 routing 1
         11-23 11:02 resolve a",
        "11-23 10:00:10 unrouted b
         11-23 10:00:10 page a to cho/teams by home
         11-23 10:30 page c to cho/teams by home
         11-23 11:00 page a to ito/teams by home
         11-23 11:02 resolved a to cho/teams by home
         11-23 11:02 resolved a to ito/teams by home",
    );
}

#[test]
fn a_file_that_comes_late_finds_what_is_open() {
    let catches = format!("fallback = [\"channel:hook\"]\n{FIRST}");
    check(
        &[FIRST, &catches],
        "11-23 10:00 raise a p2 high
         11-23 10:10 raise b p2 high
         11-23 10:20 ack b
         11-23 10:30 raise c p2 high
         11-23 10:40 resolve c
         11-23 11:00 routing 1",
        "11-23 10:00 unrouted a
         11-23 10:10 unrouted b
         11-23 10:30 unrouted c
         11-23 11:00 page a to hook by fallback",
    );
}

#[test]
fn without_a_file_nothing_is_said_until_there_is_one() {
    check(
        &[],
        "11-23 10:00 raise a p2 high
         11-23 10:10 escalate a doctor
         11-23 10:20 resolve a",
        "",
    );
}

#[test]
fn a_patient_who_changes_ward_or_team_takes_the_alert_along() {
    check(
        &[FIRST],
        "11-23 10:00 patient p1 team=hf
         11-23 10:01 raise a p1 medium
         11-23 10:10 patient p1 ward=b2 tag=frail
         11-23 10:20 patient p1 ward=b2 tag=frail
         11-23 10:30 patient p1 ward=b2
         11-23 15:00 wait
         11-23 15:01 resolve a",
        "11-23 10:01 page a to cho/teams by home
         11-23 10:10 page a to ito/teams by ward
         11-23 15:01 resolved a to cho/teams by home
         11-23 15:01 resolved a to ito/teams by ward",
    );
}

#[test]
fn a_file_that_goes_and_comes_back_tells_nobody_twice() {
    check(
        &[FIRST],
        "11-23 10:00 patient p1 team=hf
         11-23 10:01 raise a p1 medium
         11-23 10:10 no-routing
         11-23 10:20 raise b p1 medium
         11-23 10:30 routing 0
         11-23 10:40 resolve a",
        "11-23 10:01 page a to cho/teams by home
         11-23 10:30 page b to cho/teams by home
         11-23 10:40 resolved a to cho/teams by home",
    );
}

#[test]
fn a_checkpoint_of_no_use_is_refused_with_its_reason() {
    let (router, _) = run(&[FIRST], "11-23 10:00 raise a p1 medium");
    let text = String::from_utf8(router.checkpoint()).expect("JSON");
    let newer = text.replace("\"format\":1", "\"format\":2");
    let refused = Router::restore(newer.as_bytes()).expect_err("a newer format");
    assert!(
        matches!(
            refused,
            Error::Version {
                found: 2,
                expected: 1
            }
        ),
        "{refused}"
    );
    let cut = text.get(..text.len() - 2).expect("a part");
    for damaged in [cut, "", "{}"] {
        let refused = Router::restore(damaged.as_bytes()).expect_err("damage");
        assert!(matches!(refused, Error::Damaged(_)), "{refused}");
    }
}

#[test]
fn a_file_that_this_version_refuses_is_out_of_force_and_the_next_tells_nobody_twice() {
    check(
        &[FIRST],
        "11-23 10:00 patient p1 team=hf
         11-23 10:00 & patient p3 team=hf
         11-23 10:01 raise a p1 medium
         11-23 10:02 raise b p3 medium
         11-23 10:03 raise c p1 low
         11-23 10:04 ack c
         11-23 10:10 upgrade
         11-23 10:11 raise d p1 medium
         11-23 10:12 resolve b
         11-23 10:20 routing 0
         11-23 10:30 resolve a
         11-23 10:31 ack d
         11-23 10:31 & resolve d
         11-23 10:31 & resolve c",
        "11-23 10:01 page a to cho/teams by home
         11-23 10:02 page b to cho/teams by home
         11-23 10:03 page c to cho/teams by home
         11-23 10:12 resolved b to cho/teams by home
         11-23 10:20 page d to cho/teams by home
         11-23 10:30 resolved a to cho/teams by home
         11-23 10:31 resolved c+d to cho/teams by home",
    );
}

#[test]
fn a_router_without_state_learns_what_is_open() {
    let steps = |file: &str| {
        format!(
            "11-23 10:00 raise a p1 medium
             11-23 10:01 raise b p1 medium
             11-23 10:02 ack b
             11-23 10:03 raise c p1 medium
             11-23 10:04 silence c 11-23 10:40
             11-23 10:05 raise d p1 medium
             11-23 10:06 resolve d
             11-23 10:10 seed a b c d
             11-23 10:10 & {file}
             11-23 10:20 patient p1 team=hf
             11-23 10:30 routing 0
             11-23 10:40 unsilence c
             11-23 10:50 resolve a
             11-23 10:50 & resolve b
             11-23 10:50 & resolve c"
        )
    };
    let before = "11-23 10:00 unrouted a
         11-23 10:01 unrouted b
         11-23 10:03 unrouted c
         11-23 10:05 unrouted d";
    let after = "11-23 10:20 page a to cho/teams by home
         11-23 10:40 page c to cho/teams by home
         11-23 10:50 resolved a+c to cho/teams by home";
    check(
        &[FIRST],
        &steps("routing 0"),
        &format!("{before}\n11-23 10:10 unrouted a\n{after}"),
    );
    let late = after.replace("10:20", "10:30");
    check(&[FIRST], &steps("wait"), &format!("{before}\n{late}"));
}

#[test]
fn with_rules_that_begin_anew_nothing_is_open_and_the_patients_are_known() {
    check(
        &[FIRST],
        "11-23 10:00 patient p1 team=hf
         11-23 10:01 raise a p1 medium
         11-23 10:10 anew
         11-23 10:20 raise b p1 medium
         11-23 10:30 resolve b
         11-23 20:00 wait",
        "11-23 10:01 page a to cho/teams by home
         11-23 10:20 page b to cho/teams by home
         11-23 10:30 resolved b to cho/teams by home",
    );
}
