//! Heart failure at home: a weight a morning.

use super::pages;

const PACK: &str = include_str!("../../../packs/home-heart-failure.toml");

/// Kilograms of mornings at seven.
fn mornings(weights: impl IntoIterator<Item = f64>) -> String {
    let lines = weights.into_iter().enumerate();
    lines
        .map(|(day, weight)| format!("{}:00:00 29463-7 {weight:.1}\n", 24 * day + 7))
        .collect()
}

/// The day and the rule of each page.
fn told(weights: impl IntoIterator<Item = f64>) -> Vec<(i64, String)> {
    let text = mornings(weights);
    let day = |event: wardline_rules::AlertEvent| {
        let since = event.event_time - crate::language::START;
        (since / 86_400_000_000, event.rule_id)
    };
    super::told(PACK, &text).map(day).collect()
}

fn has(told: &[(i64, String)], day: i64, rule: &str) -> bool {
    told.iter().any(|(when, id)| *when == day && id == rule)
}

#[test]
fn a_steady_weight_is_quiet() {
    let weights = (0..28).map(|day| 80.0 + 0.6 * f64::from(day * 7 % 5 - 2) / 2.0);
    assert_eq!(told(weights), []);
}

#[test]
fn more_than_a_kilogram_in_a_day() {
    let gained = told((0..14).map(|day| if day < 8 { 80.0 } else { 81.6 }));
    assert!(has(&gained, 8, "hf-weight-1d"), "{gained:?}");
    assert_eq!(
        gained.iter().filter(|(_, id)| id == "hf-weight-1d").count(),
        1
    );
    // The greater gain alone is told.
    let much = told((0..9).map(|day| if day < 8 { 80.0 } else { 83.0 }));
    assert_eq!(much, [(8, "hf-weight-7d".to_owned())]);
}

/// 2.4 kg within a week, a third of a kilogram a day: on the day on which it is there.
#[test]
fn five_pounds_in_a_week() {
    let gained = told((0..20).map(|day| 80.0 + 2.4 * (f64::from(day - 8) / 7.0).clamp(0.0, 1.0)));
    assert!(has(&gained, 15, "hf-weight-7d"), "{gained:?}");
}

/// What is so much that it may be another's is told on the day, as what it is and as what it may be.
#[test]
fn a_great_gain_is_not_hidden() {
    let gained = told((0..12).map(|day| if day < 8 { 80.0 } else { 89.0 }));
    assert!(
        has(&gained, 8, "hf-other-person") && has(&gained, 8, "hf-weight-7d"),
        "{gained:?}"
    );
}

/// A lighter person weighs first one morning: told, and the patient on the next is no gain.
#[test]
fn a_visitor_on_the_scale() {
    let visited = told((0..14).map(|day| if day == 8 { 60.0 } else { 80.0 }));
    assert_eq!(visited, [(8, "hf-other-person".to_owned())]);
}

#[test]
fn a_watch_that_sends_every_ten_minutes() {
    assert_eq!(
        pages(PACK, "00:00..8:00:00/600 hr 135"),
        ["10:00 hf-heart-rate medium"]
    );
    assert_eq!(pages(PACK, "00:00..8:00:00/600 hr 95"), [""; 0]);
}

/// NightSignal: 4 /min and more, two nights running; learned before.
#[test]
fn four_beats_above_the_usual_are_enough() {
    let nights = |more: f64| {
        let mut text = String::new();
        for night in 0..10 {
            let rate = if night < 7 { 60.0 } else { 60.0 + more };
            text += &format!("{0}:00:00..{0}:30:00/60 hr {rate}\n", 24 * night + 2);
        }
        pages(PACK, &text)
    };
    assert_eq!(nights(4.0), ["218:00:00 hf-night-heart-rate low"]);
    assert_eq!(nights(3.0), [""; 0]);
}

#[test]
fn low_pressure_once_and_twice() {
    assert_eq!(
        pages(PACK, "7:00:00 nibp-systolic 85\n7:05:00 nibp-systolic 84"),
        [
            "7:00:00 hf-systolic-low-once medium",
            "7:05:00 hf-systolic-low high"
        ]
    );
    assert_eq!(pages(PACK, "7:00:00 nibp-systolic 98"), [""; 0]);
}
