//! Glucose, which half of the world measures in mmol/L and the other half in mg/dL.

use crate::language::{check, limit, parse, time};

const LOW: &str = r#"
[[rule]]
id = "low"
title = "Glucose below 54 mg/dL"
kind = "threshold"
metric = "2339-0"
below = 54
unit = "mg/dL"
priority = "high"
"#;

#[test]
fn a_meter_in_mmol_is_held_against_a_limit_in_mg() {
    let events = check(
        LOW,
        "00:00 2339-0 3 u=mmol/L
         10:00 2339-0 2.8 u=mmol/L
         20:00 2339-0 60 u=mg/dL",
        "10:00 raised low Patient/p1 active onset=10:00 page
         20:00 resolved low Patient/p1 resolved onset=10:00 ended=20:00 cleared",
    );
    assert!(
        events[0]
            .message
            .ends_with("50.44 mg/dL, limit below 54 mg/dL"),
        "{}",
        events[0].message
    );
}

#[test]
fn a_meter_in_mg_is_held_against_a_limit_in_mmol() {
    let rule = LOW
        .replace("below = 54", "below = 3.0")
        .replace("mg/dL\"\nprio", "mmol/L\"\nprio");
    check(
        &rule,
        "00:00 2339-0 55 u=mg/dL
         10:00 2339-0 54 u=mg/dL
         20:00 2339-0 3.1 u=mmol/L",
        "10:00 raised low Patient/p1 active onset=10:00 page
         20:00 resolved low Patient/p1 resolved onset=10:00 ended=20:00 cleared",
    );
}

#[test]
fn a_fall_counts_in_either_unit() {
    let rule = r#"
[[rule]]
id = "falls"
kind = "rate-of-change"
metric = "99504-3"
below = -30
unit = "mg/dL"
per = "15m"
window = "30m"
max-gap = "20m"
priority = "medium"
"#;
    // 0.6 mmol/L in five minutes are 32 mg/dL in a quarter of an hour.
    check(
        rule,
        "00:00 99504-3 9 u=mmol/L
         05:00 99504-3 8.4 u=mmol/L
         10:00 99504-3 7.8 u=mmol/L
         15:00 99504-3 7.2 u=mmol/L",
        "15:00 raised falls Patient/p1 active onset=15:00 page",
    );
}

#[test]
fn a_limit_may_be_set_in_the_unit_of_the_patients_meter() {
    let rules = parse(LOW);
    let set = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        rules.check_limit(&limit(time("00:00"), &words))
    };
    assert_eq!(set("L Patient/p1 low below=3.5 unit=mmol/L"), Ok(()));
    assert!(set("L Patient/p1 low below=300 unit=mmol/L").is_err());
    check(
        LOW,
        "00:00 limit L Patient/p1 low below=3.5 unit=mmol/L
         10:00 2339-0 3.5 u=mmol/L
         20:00 2339-0 63 u=mg/dL",
        "20:00 raised low Patient/p1 active onset=20:00 page",
    );
}
