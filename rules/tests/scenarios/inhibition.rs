//! What holds others back must itself hold, and have been confirmed lately: nobody is left alone because of a state that
//! nobody has confirmed since.

use crate::language::check;
use wardline_rules::RuleSet;

const OFF: &str = r#"
[[rule]]
id = "off"
kind = "threshold"
class = "technical"
metric = "MDC_PULS_OXIM_DEV_STATUS"
is = ["sensor-displaced"]
for = "30s"
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 88
for = "1m"
priority = "high"
inhibited-by = ["off"]
"#;

/// A status that is never sent again, and values that the oximeter goes on with.
const NEVER_AGAIN: &str = "
    00:00 MDC_PULS_OXIM_DEV_STATUS 'sensor-displaced'
    00:30 MDC_PULS_OXIM_DEV_STATUS 'sensor-displaced'
    00:40..08:00/10 spo2 75
";

#[test]
fn a_status_that_nobody_confirms_holds_no_emergency_back() {
    check(
        OFF,
        NEVER_AGAIN,
        "00:30 raised off Device/d1 active onset=00:00 page
         05:40 raised low Patient/p1 active onset=00:40 page",
    );
    // While it is confirmed it does, and after that for as long as the rule says.
    check(
        &OFF.replace("for = \"30s\"", "for = \"30s\"\nholds-for = \"2m\""),
        "00:00 MDC_PULS_OXIM_DEV_STATUS 'sensor-displaced'
         00:30 MDC_PULS_OXIM_DEV_STATUS 'sensor-displaced'
         00:40..02:00/10 spo2 75
         02:10 MDC_PULS_OXIM_DEV_STATUS 'sensor-displaced'
         02:20..04:30/10 spo2 75",
        "00:30 raised off Device/d1 active onset=00:00 page
         04:20 raised low Patient/p1 active onset=00:40 page",
    );
}

#[test]
fn a_line_that_was_taken_out_does_not_hold_the_cuff_back() {
    check(
        r#"
[[rule]]
id = "arterial"
kind = "threshold"
metric = "MDC_PRESS_BLD_ART_SYS"
below = 90
for = "1m"
priority = "high"

[[rule]]
id = "mean"
kind = "threshold"
metric = "MDC_PRESS_BLD_NONINV_MEAN"
below = 60
for = "1m"
expect-every = "15m"
priority = "high"
inhibited-by = ["arterial"]
"#,
        "00:00..02:00/10 MDC_PRESS_BLD_ART_SYS 80
         03:00 MDC_PRESS_BLD_NONINV_MEAN 50
         06:00 MDC_PRESS_BLD_NONINV_MEAN 50
         18:00 MDC_PRESS_BLD_NONINV_MEAN 50",
        "01:00 raised arterial Patient/p1 active onset=00:00 page
         18:00 raised mean Patient/p1 active onset=03:00 page",
    );
}

#[test]
fn what_comes_seldom_holds_back_as_long_as_its_longest_hole() {
    let rules = r#"
[[rule]]
id = "severe"
kind = "threshold"
metric = "MDC_PRESS_BLD_NONINV_SYS"
below = 90
expect-every = "15m"
priority = "high"

[[rule]]
id = "mean"
kind = "threshold"
metric = "MDC_PRESS_BLD_ART_MEAN"
below = 60
priority = "medium"
inhibited-by = ["severe"]
"#;
    check(
        rules,
        "00:00 MDC_PRESS_BLD_NONINV_SYS 80
         30:00 MDC_PRESS_BLD_ART_MEAN 50
         30:10 MDC_PRESS_BLD_ART_MEAN 50",
        "00:00 raised severe Patient/p1 active onset=00:00 page
         30:10 raised mean Patient/p1 active onset=30:00 page",
    );
}

#[test]
fn what_is_over_and_waits_for_people_holds_nothing_back() {
    let rules = r#"
[[rule]]
id = "very-low"
kind = "threshold"
metric = "spo2"
below = 80
latch = true
priority = "high"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "medium"
inhibited-by = ["very-low"]
"#;
    check(
        rules,
        "00:00 spo2 75
         00:10 spo2 95
         00:20 spo2 85
         00:30 spo2 95
         00:40 spo2 75
         00:50 spo2 75",
        "00:00 raised very-low Patient/p1 active onset=00:00 page
         00:10 recovering very-low Patient/p1 recovering onset=00:00 latched
         00:20 raised low Patient/p1 active onset=00:20 page
         00:30 resolved low Patient/p1 resolved onset=00:20 ended=00:30 cleared
         00:40 worsened very-low Patient/p1 active onset=00:00 x1 page",
    );
    // Nor an absence that is over.
    check(
        r#"
[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
latch = true
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
inhibited-by = ["silent"]
"#,
        "00:00 assign d1 p1
         00:00 spo2 95
         02:00 wait
         02:10 spo2 75",
        "01:00 raised silent Device/d1 active onset=01:00 page
         02:10 recovering silent Device/d1 recovering onset=01:00 latched
         02:10 raised low Patient/p1 active onset=02:10 page",
    );
}

#[test]
fn holds_for_is_for_readings() {
    let fault = |text: &str| {
        let faults = RuleSet::parse(text).expect_err("a fault");
        faults[0].message.clone()
    };
    let absence = "[[rule]]\nid = \"silent\"\nkind = \"absence\"\nexpect-every = \"1m\"\npriority = \"low\"\n";
    assert_eq!(
        fault(&format!("{absence}holds-for = \"2m\"\n")),
        "`holds-for` is for readings: an absence holds until the device is heard"
    );
    assert_eq!(
        fault(&OFF.replace("for = \"30s\"", "holds-for = \"0s\"")),
        "`holds-for` must be longer than nothing"
    );
}
