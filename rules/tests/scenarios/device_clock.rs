//! Technical alert `device:clock`: clocks that were set back or are ahead, and what only looks like it.

use crate::language::check;

/// Some rule that looks at the readings.
const FAST: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "8867-4"
above = 120
priority = "medium"
"#;

/// One reading a minute from `from` on, minutes; each measured as `at` says.
fn minutely(from: i64, to: i64, at: impl Fn(i64) -> i64, rest: &str) -> String {
    let time = |seconds: i64| {
        let (hours, rest) = (seconds / 3600, seconds % 3600);
        format!("{hours}:{:02}:{:02}", rest / 60, rest % 60)
    };
    let line = |minute: i64| {
        let (received, effective) = (time(60 * minute), time(at(60 * minute)));
        format!("{received} hr 80 at={effective} {rest}\n")
    };
    (from..=to).map(line).collect()
}

#[test]
fn a_clock_that_is_set_back_is_told_until_it_is_right_again() {
    let text = minutely(60, 90, |now| now, "")
        + &minutely(91, 130, |now| now - 1800, "")
        + &minutely(131, 140, |now| now, "");
    let events = check(
        FAST,
        &text,
        "1:33:00 raised device:clock Device/d1 active onset=1:31:00 page
         2:13:00 resolved device:clock Device/d1 resolved onset=1:31:00 ended=2:13:00 cleared",
    );
    assert_eq!(
        events[0].message,
        "Device d1 has its clock 30m behind: its readings count as late"
    );
    assert_eq!(events[0].class.as_str(), "technical");
    assert_eq!(events[0].priority.as_str(), "medium");
    assert_eq!(events[0].device_id.as_deref(), Some("d1"));
}

#[test]
fn it_goes_on_when_its_times_have_overtaken_those_of_before() {
    let text = minutely(60, 70, |now| now, "") + &minutely(71, 100, |now| now - 600, "");
    check(
        FAST,
        &text,
        "1:13:00 raised device:clock Device/d1 active onset=1:11:00 page",
    );
}

#[test]
fn a_clock_that_is_ahead_is_told() {
    let text = minutely(60, 70, |now| now, "")
        + &minutely(71, 80, |now| now + 240, "")
        + &minutely(81, 90, |now| now, "");
    let events = check(
        FAST,
        &text,
        "1:13:00 raised device:clock Device/d1 active onset=1:11:00 page
         1:23:00 resolved device:clock Device/d1 resolved onset=1:11:00 ended=1:23:00 cleared",
    );
    assert_eq!(events[0].priority.as_str(), "low");
    assert_eq!(
        events[0].message,
        "Device d1 has its clock 4m ahead: beside it, readings of other devices count as late"
    );
}

#[test]
fn what_was_kept_through_an_outage_is_no_wrong_clock() {
    // In order, as fast as it comes; nothing current meanwhile.
    let in_order = minutely(60, 70, |now| now, "")
        + &(0..240)
            .map(|n| {
                format!(
                    "1:{:02}:{:02} hr 80 at=1:{:02}:{:02}\n",
                    50 + n / 60,
                    n % 60,
                    10 + n / 6,
                    n % 6 * 10
                )
            })
            .collect::<String>();
    check(FAST, &in_order, "");
    // The current ones first, then what was kept, at twice the speed at which it was measured; then nothing more.
    let behind = minutely(60, 70, |now| now, "")
        + "2:00:00 hr 80\n"
        + &(0..600)
            .step_by(10)
            .map(|n| {
                format!(
                    "2:{:02}:{:02} hr 80 at=1:{:02}:{:02}\n",
                    n / 60,
                    n % 60,
                    11 + n / 30,
                    n % 30 * 2
                )
            })
            .collect::<String>();
    check(FAST, &behind, "");
    // As slowly as it was measured, beside current ones.
    let beside = minutely(60, 70, |now| now, "")
        + &(120..150)
            .map(|n| minutely(n, n, |now| now, "") + &minutely(n, n, |now| now - 3000, ""))
            .collect::<String>();
    check(FAST, &beside, "");
    // A way that always takes long.
    check(FAST, &minutely(60, 90, |now| now - 1200, ""), "");
}

#[test]
fn one_or_two_hiccups_and_rehearsals_are_no_wrong_clock() {
    let text = minutely(60, 70, |now| now, "")
        + &minutely(71, 72, |now| now - 1800, "")
        + &minutely(73, 75, |now| now, "")
        + &minutely(76, 90, |now| now - 1800, "q=demo")
        // The same time again and again.
        + &minutely(91, 99, |_| 3000, "");
    check(FAST, &text, "");
}

#[test]
fn a_device_that_is_let_go_leaves_no_alert() {
    let text = minutely(60, 70, |now| now, "")
        + &minutely(71, 75, |now| now - 1800, "")
        + "27:00:00 jump\n";
    check(
        FAST,
        &text,
        "1:13:00 raised device:clock Device/d1 active onset=1:11:00 page
         27:00:00 resolved device:clock Device/d1 resolved onset=1:11:00 ended=27:00:00 stale",
    );
}

#[test]
fn it_is_silenced_acknowledged_and_goes_up_the_ladder_as_all_others() {
    let rules =
        format!("[escalation]\nmedium = [{{ after = \"5m\", to = \"technician\" }}]\n{FAST}");
    let text = minutely(60, 70, |now| now, "")
        + &minutely(71, 73, |now| now - 1800, "")
        + "1:14:00 hush s1 06:00 device=d1\n"
        + &minutely(75, 86, |now| now - 1800, "")
        + "1:26:10 ack\n";
    check(
        &rules,
        &text,
        "1:13:00 raised device:clock Device/d1 active onset=1:11:00 page
         1:14:00 silenced device:clock Device/d1 active onset=1:11:00 until 1:20:00
         1:20:00 silenced device:clock Device/d1 active onset=1:11:00 page
         1:25:00 escalated device:clock Device/d1 active onset=1:11:00 1→technician page
         1:26:10 acknowledged device:clock Device/d1 active onset=1:11:00 by nurse1",
    );
}
