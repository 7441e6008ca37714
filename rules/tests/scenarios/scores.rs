//! Early warning scores of what is known, and of what is not.

use crate::language::check;

const PART: &str = r#"
[[rule]]
id = "part"
kind = "score"
score = "news2"
any-part-at-least = 3
priority = "medium"
"#;

#[test]
fn a_part_that_is_three_whatever_is_missing_is_three() {
    let events = check(
        PART,
        "00:00 spo2 84
         01:00 spo2 83",
        "01:00 raised part Patient/p1 active onset=01:00 page",
    );
    assert!(
        events[0].message.contains(
            "NEWS2 at least 3: spo2 at least 3; missing: spo2Scale, respiratoryRate, oxygen"
        ),
        "{}",
        events[0].message
    );
}
