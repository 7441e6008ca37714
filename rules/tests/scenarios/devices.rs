//! Several devices that read the same of one patient.

use crate::language::check;

const LOW: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 88
for = "1m"
max-gap = "1m"
clear = { above = 90, for = "20s" }
priority = "high"
"#;

/// Lines every so many seconds, in order of time.
fn lines(until: usize, sent: &[(usize, usize, &str)]) -> String {
    let at = |second: usize| format!("{:02}:{:02}", second / 60, second % 60);
    let due = |second: usize| {
        let of = sent.iter().filter(move |(first, every, _)| {
            second >= *first && (second - first).is_multiple_of(*every)
        });
        of.map(move |(_, _, said)| format!("{} {said}\n", at(second)))
    };
    (0..=until).flat_map(due).collect()
}

#[test]
fn another_device_does_not_talk_a_condition_away() {
    check(
        LOW,
        &lines(300, &[(0, 10, "spo2 75"), (3, 30, "spo2 97 d=d2")]),
        "01:00 raised low Patient/p1 active onset=00:00 page",
    );
    // Nor one that is heard first, and more often.
    check(
        LOW,
        &lines(120, &[(5, 30, "spo2 75"), (0, 10, "spo2 97 d=d2")]),
        "01:05 raised low Patient/p1 active onset=00:05 page",
    );
}

#[test]
fn it_is_over_when_every_device_says_so() {
    let both = lines(90, &[(0, 10, "spo2 75"), (3, 10, "spo2 97 d=d2")]);
    check(
        LOW,
        &format!(
            "{both}\n01:40 spo2 95\n01:43 spo2 97 d=d2\n01:50 spo2 89\n01:53 spo2 97 d=d2\n02:00 spo2 95\n02:03 spo2 97 d=d2\n02:20 spo2 95"
        ),
        "01:00 raised low Patient/p1 active onset=00:00 page
         01:40 recovering low Patient/p1 recovering onset=00:00
         01:50 worsened low Patient/p1 active onset=00:00
         02:00 recovering low Patient/p1 recovering onset=00:00
         02:20 resolved low Patient/p1 resolved onset=00:00 ended=02:00 cleared",
    );
    // One that is silent for longer than the longest hole has no say.
    check(
        LOW,
        &format!(
            "{both}{}",
            "02:00 spo2 97 d=d2\n02:31 spo2 97 d=d2\n02:51 spo2 97 d=d2"
        ),
        "01:00 raised low Patient/p1 active onset=00:00 page
         02:31 recovering low Patient/p1 recovering onset=00:00
         02:51 resolved low Patient/p1 resolved onset=00:00 ended=02:31 cleared",
    );
}

#[test]
fn a_device_that_was_taken_off_before_long_enough_raises_nothing() {
    check(
        LOW,
        &lines(300, &[(0, 400, "spo2 75"), (3, 10, "spo2 97 d=d2")]),
        "",
    );
}

#[test]
fn a_clock_that_is_ahead_makes_no_other_device_late() {
    let ahead: String = (0..30)
        .map(|at| {
            let (now, theirs) = (at * 10, at * 10 + 120);
            let clock = |second: i32| format!("{:02}:{:02}", second / 60, second % 60);
            format!(
                "{} spo2 97 d=d2 at={}\n{} spo2 75\n",
                clock(now),
                clock(theirs),
                clock(now + 2)
            )
        })
        .collect();
    check(
        LOW,
        &ahead,
        "01:02 raised low Patient/p1 active onset=00:02 page
         02:00 raised device:clock Device/d2 active onset=00:00 page",
    );
}
