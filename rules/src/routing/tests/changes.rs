//! What happens to an alert while it waits to be told.

use super::desk::check;

const WARD: &str = r#"
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
id = "high"
match = { priority = ["high"] }
to = ["person:cho"]
[[route]]
id = "ward"
to = ["person:ito"]
group-wait = "30s"
group-interval = "5m"
repeat-interval = "1h"
[[target]]
name = "doctor"
to = ["person:cho"]
"#;

#[test]
fn acknowledged_while_its_group_waits_it_is_told_once_and_again_when_it_worsens() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 ack a
         11-23 10:00:20 worsen a
         11-23 10:10 raise b p1 medium
         11-23 10:10:10 ack b
         11-23 10:20 worsen b
         11-23 12:00 wait",
        "11-23 10:00:20 page a to ito/teams by ward
         11-23 10:10 page b to ito/teams by ward
         11-23 10:20 worsened b to ito/teams by ward",
    );
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 ack a
         11-23 12:00 wait",
        "11-23 10:00:30 page a to ito/teams by ward",
    );
}

#[test]
fn silenced_while_its_group_waits_it_is_told_when_the_silence_ends() {
    let begin = "11-23 10:00 raise a p1 medium
         11-23 10:00:10 silence a 11-23 10:10";
    for (end, told) in [
        ("11-23 10:05 unsilence a quiet", "11-23 10:05"),
        ("11-23 10:10 unsilence a", "11-23 10:10:30"),
        ("11-23 10:00:30 unsilence a", "11-23 10:01"),
        // Without a word.
        ("11-23 10:40 wait", "11-23 11:00:30"),
    ] {
        let told = format!("{told} page a to ito/teams by ward");
        let timeline = format!("{begin}\n{end}\n11-23 11:00:50 ack a");
        check(&[WARD], &timeline, &told);
    }
    let over = "11-23 10:05 resolve a\n 11-23 12:00 wait";
    check(&[WARD], &format!("{begin}\n{over}"), "");
}

#[test]
fn a_silence_that_ends_when_a_repeat_is_due_is_one_message() {
    check(
        &[WARD],
        "11-23 10:00 raise a p1 high
         11-23 10:10 raise b p1 medium
         11-23 10:20 silence b 11-23 11:10:30
         11-23 11:10:30 unsilence b
         11-23 11:30 ack b
         11-23 11:30 & ack a",
        "11-23 10:00 page a to cho/teams by high
         11-23 10:10:30 page b to ito/teams by ward
         11-23 11:10:30 repeat b to ito/teams by ward",
    );
}

#[test]
fn another_priority_is_another_route() {
    // While it waits.
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 worsen a high
         11-23 10:10 resolve a",
        "11-23 10:00:10 page a to cho/teams by high
         11-23 10:10 resolved a to cho/teams by high",
    );
    // Without a page of its own: told too late to page by itself.
    check(
        &[WARD],
        "11-23 10:00 raise a p1 medium
         11-23 10:10 correct a high
         11-23 10:20 correct a medium
         11-23 10:30 correct a high
         11-23 10:40 resolve a
         11-23 10:50 raise b p1 high
         11-23 11:00 ack b
         11-23 11:10 correct b medium",
        "11-23 10:00:30 page a to ito/teams by ward
         11-23 10:10 page a to cho/teams by high
         11-23 10:40 resolved a to cho/teams by high
         11-23 10:40 resolved a to ito/teams by ward
         11-23 10:50 page b to cho/teams by high",
    );
}

#[test]
fn another_file_while_a_group_waits() {
    let second = WARD
        .replace("id = \"ward\"", "id = \"house\"")
        .replace("30s", "1m");
    check(
        &[WARD, &second],
        "11-23 10:00 raise a p1 medium
         11-23 10:00:10 ack a
         11-23 10:00:10 & raise b p2 medium
         11-23 10:00:20 routing 1
         11-23 10:10 wait",
        "11-23 10:01:20 page b to ito/teams by house
         11-23 10:01:20 page a to ito/teams by house",
    );
}

#[test]
fn whoever_is_promised_the_end_by_one_route_hears_it() {
    let quiet = WARD.replace("30s\"", "30s\"\nsend-resolved = false");
    check(
        &[&quiet.replace("to = [\"person:cho\"]", "to = [\"person:ito\"]")],
        "11-23 10:00 raise a p1 medium
         11-23 10:10 escalate a doctor
         11-23 10:20 resolve a",
        "11-23 10:00:30 page a to ito/teams by ward
         11-23 10:10 escalation a to ito/teams by target:doctor
         11-23 10:20 resolved a to ito/teams by ward",
    );
}

#[test]
fn repeats_go_on_in_another_group() {
    let renamed = WARD.replace("id = \"ward\"", "id = \"house\"");
    check(
        &[WARD, &renamed],
        "11-23 10:00 raise a p1 medium
         11-23 10:50 routing 1
         11-23 11:30 routing 0
         11-23 11:40 no-routing
         11-23 12:40 routing 1
         11-23 13:00 ack a",
        "11-23 10:00:30 page a to ito/teams by ward
         11-23 11:00:30 repeat a to ito/teams by house
         11-23 12:40:30 repeat a to ito/teams by house",
    );
}
