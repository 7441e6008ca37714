//! What is over leaves nothing behind, and whoever knew of it is told so.

use super::desk::run;
use crate::routing::Router;

const WARD: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[team]]
id = "hf"
roles = { nurse = ["cho"] }
[[calendar]]
id = "clinic"
open = [{ from = "08:00", until = "17:00" }]
[[route]]
id = "now"
match = { priority = ["medium"] }
to = ["person:ito"]
continue = true
[[route]]
id = "home"
match = { team = ["hf"] }
to = ["role:nurse"]
hours = "clinic"
[[route]]
id = "later"
match = { ward = ["b2"] }
to = ["person:cho"]
hours = "clinic"
group-wait = "30s"
"#;

/// Alerts and groups that a router still holds.
pub(super) fn left(router: &Router) -> (usize, usize) {
    let state: serde_json::Value = serde_json::from_slice(&router.checkpoint()).expect("JSON");
    assert_eq!(state["state"]["moved"], serde_json::json!([]));
    let size = |key: &str| state["state"][key].as_object().expect("an object").len();
    (size("alerts"), size("groups"))
}

fn check(timeline: &str, expected: &str) {
    let (router, said) = run(&[WARD], timeline);
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(said, expected, "\n{}", said.join("\n"));
    assert_eq!((left(&router), router.next_due()), ((0, 0), None));
}

#[test]
fn over_before_its_group_comes_due_after_closing() {
    check(
        "11-23 16:00 patient p1 ward=b2
         11-23 16:59:45 raise a p1 low
         11-23 16:59:50 resolve a
         11-25 09:00 wait",
        "11-23 17:00:50 not-watched a clinic until 11-24 08:00",
    );
}

#[test]
fn over_before_its_group_is_due_and_routed_anew() {
    // To a route that is closed.
    check(
        "11-23 16:00 patient p1 ward=b2
         11-23 16:59:45 raise a p1 low
         11-23 16:59:50 resolve a
         11-23 17:00:10 patient p1 team=hf
         11-25 09:00 wait",
        "11-23 17:00:10 not-watched a clinic until 11-24 08:00",
    );
    // To none.
    check(
        "11-23 16:00 patient p1 ward=b2
         11-23 16:30:00 raise a p1 low
         11-23 16:30:10 resolve a
         11-23 16:30:20 patient p1
         11-25 09:00 wait",
        "11-23 16:30:20 unrouted a",
    );
}

#[test]
fn who_was_told_hears_of_the_end_at_once_although_others_are_told_later() {
    check(
        "11-23 16:00 patient p1 ward=b2
         11-23 16:30 raise a p1 medium
         11-23 16:30:10 resolve a
         11-23 16:31 wait",
        "11-23 16:30 page a to ito/teams by now
         11-23 16:30:10 resolved a to ito/teams by now
         11-23 16:30:30 page a over to cho/teams by later",
    );
}

#[test]
fn without_a_file_nothing_stays_either() {
    let (router, said) = run(
        &[],
        "11-23 16:00 raise a p1 medium
         11-23 16:01 correct a high
         11-23 16:02 seed a
         11-23 16:03 correct a low
         11-23 16:04 resolve a",
    );
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(left(&router), (0, 0));
}
