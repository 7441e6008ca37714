//! Silences that people set, and what is told when they end.

use super::desk::{check, run};

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
open = [{ from = "08:00", until = "17:00" }]
[[route]]
id = "home"
to = ["person:ito"]
hours = "clinic"
repeat-interval = "4h"
"#;

#[test]
fn what_is_silenced_when_watching_begins_is_told_when_the_silence_is_ended_by_hand() {
    let night = "11-23 20:00 raise a p1 medium
         11-24 07:30 silence a 11-24 09:00";
    let held = "11-23 20:00 not-watched a clinic until 11-24 08:00";
    check(
        &[CLINIC],
        &format!(
            "{night}
             11-24 08:20 unsilence a quiet
             11-24 08:40 ack a"
        ),
        &format!(
            "{held}
             11-24 08:20 page a to ito/teams by home"
        ),
    );
    // The rules page at the end of a silence that runs out.
    check(
        &[CLINIC],
        &format!(
            "{night}
             11-24 09:00 unsilence a
             11-24 09:10 ack a"
        ),
        &format!(
            "{held}
             11-24 09:00 page a to ito/teams by home"
        ),
    );
    // Somebody has seen it.
    check(
        &[CLINIC],
        &format!(
            "{night}
             11-24 08:10 ack a
             11-24 08:20 unsilence a quiet"
        ),
        held,
    );
    // Nobody watches any more.
    check(
        &[CLINIC],
        "11-23 20:00 raise a p1 medium
         11-24 07:30 silence a 11-24 20:00
         11-24 18:00 unsilence a quiet
         11-25 09:00 ack a",
        "11-23 20:00 not-watched a clinic until 11-24 08:00
         11-24 18:00 not-watched a clinic until 11-25 08:00
         11-25 08:00 opening a to ito/teams by home",
    );
}

#[test]
fn who_knows_is_not_told_again_by_whoever_ends_the_silence() {
    check(
        &[CLINIC],
        "11-23 10:00 raise a p1 medium
         11-23 10:10 silence a 11-23 10:40
         11-23 10:20 unsilence a quiet
         11-23 10:30 resolve a",
        "11-23 10:00 page a to ito/teams by home
         11-23 10:30 resolved a to ito/teams by home",
    );
}

#[test]
fn a_page_that_the_silence_held_back_is_one_page_at_its_end() {
    for silence in ["raise a p1 medium quiet", "raise a p1 high quiet"] {
        let (router, said) = run(
            &[CLINIC],
            &format!(
                "11-23 10:00 {silence}
                 11-23 10:20 unsilence a
                 11-23 10:30 ack a
                 11-23 10:40 resolve a"
            ),
        );
        assert_eq!(
            said,
            [
                "11-23 10:20 page a to ito/teams by home",
                "11-23 10:40 resolved a to ito/teams by home"
            ]
        );
        assert_eq!((router.open_alerts(), router.next_due()), (0, None));
    }
}

#[test]
fn a_file_that_comes_under_a_silence_tells_at_its_end_who_does_not_know() {
    let second = CLINIC.replace("[\"person:ito\"]", "[\"person:ito\", \"person:cho\"]");
    check(
        &[CLINIC, &second],
        "11-23 10:00 raise a p1 medium
         11-23 10:10 silence a 11-23 10:40
         11-23 10:20 routing 1
         11-23 10:30 unsilence a quiet
         11-23 10:35 ack a",
        "11-23 10:00 page a to ito/teams by home
         11-23 10:30 page a to cho/teams by home",
    );
    // It waited for somebody to watch.
    check(
        &[CLINIC, &second],
        "11-23 20:00 raise a p1 medium
         11-23 20:10 silence a 11-24 08:10
         11-23 20:20 routing 1
         11-24 08:10 unsilence a
         11-24 08:20 ack a",
        "11-23 20:00 not-watched a clinic until 11-24 08:00
         11-24 08:10 page a to cho/teams by home
         11-24 08:10 page a to ito/teams by home",
    );
}

#[test]
fn a_silence_that_ends_without_a_word_is_made_up_for_by_the_next_repeat() {
    let second = CLINIC.replace("repeat-interval = \"4h\"", "repeat-interval = \"1h\"");
    check(
        &[CLINIC, &second],
        "11-23 10:00 raise a p1 medium
         11-23 10:10 silence a 11-23 10:40
         11-23 10:20 routing 1
         11-23 11:30 ack a",
        "11-23 10:00 page a to ito/teams by home
         11-23 11:20 repeat a to ito/teams by home",
    );
}
