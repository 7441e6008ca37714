//! Hypertension at home: a reading or two a day.

use super::pages;

const PACK: &str = include_str!("../../../packs/home-hypertension.toml");

/// Days of systolic and diastolic pressure, at seven in the morning.
fn days(values: &[(f64, f64)]) -> String {
    let lines = values
        .iter()
        .enumerate()
        .map(|(day, (systolic, diastolic))| {
            let hour = 24 * day + 7;
            format!(
                "{hour}:00:00 nibp-systolic {systolic}\n{hour}:00:00 nibp-diastolic {diastolic}\n"
            )
        });
    lines.collect()
}

#[test]
fn days_on_target_are_quiet() {
    assert_eq!(
        pages(
            PACK,
            &days(&[(128.0, 78.0), (136.0, 82.0), (124.0, 79.0)].repeat(5))
        ),
        [""; 0]
    );
}

#[test]
fn one_reading_of_a_crisis_is_told_and_the_second_confirms_it() {
    assert_eq!(
        pages(PACK, "7:00:00 nibp-systolic 200"),
        ["7:00:00 bp-very-high-systolic medium"]
    );
    for (second, at) in [
        ("7:00:40", "7:00:40"),
        ("7:10:00", "7:10:00"),
        ("7:31:40", "7:31:40"),
    ] {
        assert_eq!(
            pages(
                PACK,
                &format!("7:00:00 nibp-systolic 200\n{second} nibp-systolic 201")
            ),
            [
                "7:00:00 bp-very-high-systolic medium".to_owned(),
                format!("{at} bp-crisis-systolic high")
            ]
        );
    }
    // The second says no.
    assert_eq!(
        pages(
            PACK,
            "7:00:00 nibp-systolic 182\n7:05:00 nibp-systolic 150\n7:10:00 nibp-systolic 148"
        ),
        ["7:00:00 bp-very-high-systolic medium"]
    );
    assert_eq!(
        pages(
            PACK,
            "7:00:00 nibp-diastolic 122\n7:06:00 nibp-diastolic 121"
        ),
        [
            "7:00:00 bp-very-high-diastolic medium",
            "7:06:00 bp-crisis-diastolic high"
        ]
    );
}

#[test]
fn a_crisis_every_morning_is_told_on_the_first() {
    let told = pages(PACK, &days(&[(200.0, 125.0); 8]));
    assert_eq!(told[0], "7:00:00 bp-very-high-systolic medium");
    assert!(
        told.iter().any(|page| page.contains("bp-above-target")),
        "{told:?}"
    );
    assert!(!told.iter().any(|page| page.contains("crisis")), "{told:?}");
}

#[test]
fn low_pressure_once_a_day_is_told() {
    assert_eq!(
        pages(PACK, &days(&[(72.0, 45.0); 4])),
        ["7:00:00 bp-low-once medium"]
    );
    assert_eq!(
        pages(PACK, "7:00:00 nibp-systolic 84\n7:04:00 nibp-systolic 82"),
        ["7:00:00 bp-low-once medium", "7:04:00 bp-low high"]
    );
}

/// Half an hour later every day: it is the same, and not told anew.
#[test]
fn what_goes_on_is_not_told_every_day() {
    let text: String = (0..6)
        .map(|day| format!("{}:{}:00 nibp-systolic 190\n", 24 * day + 7, 5 * day))
        .collect();
    let told = pages(PACK, &text);
    let unconfirmed = told.iter().filter(|page| page.contains("bp-very-high"));
    assert_eq!(unconfirmed.count(), 1, "{told:?}");
    let confirmed =
        "7:00:00 nibp-systolic 190\n7:05:00 nibp-systolic 192\n31:05:00 nibp-systolic 188";
    assert_eq!(pages(PACK, confirmed).len(), 2);
}

/// The mean of a week: neither one good morning nor one that is missing starts it anew.
#[test]
fn pressure_above_target_is_a_mean() {
    let mut week = [(150.0, 80.0); 10];
    (week[2].0, week[5].0) = (134.0, 134.0);
    assert_eq!(pages(PACK, &days(&week)), ["79:00:00 bp-above-target low"]);
    assert_eq!(
        pages(PACK, &days(&[(128.0, 100.0); 10])),
        ["79:00:00 bp-above-target-diastolic low"]
    );
    assert_eq!(
        pages(PACK, &days(&[(135.0, 80.0); 10])),
        ["79:00:00 bp-above-target low"]
    );
    assert_eq!(pages(PACK, &days(&[(134.0, 84.0); 10])), [""; 0]);
}

/// Mornings at the Pacific are afternoons in UTC.
#[test]
fn days_are_those_of_the_patients() {
    let mornings = "15:00:00..330:00:00/86400 nibp-systolic 150";
    assert_eq!(pages(PACK, mornings), ["87:00:00 bp-above-target low"]);
    let there = PACK.replace("zone = \"Etc/UTC\"", "zone = \"America/Los_Angeles\"");
    assert_ne!(PACK, there);
    assert_eq!(pages(&there, mornings), ["87:00:00 bp-above-target low"]);
}

#[test]
fn any_cuff_that_falls_silent_is_missed() {
    for metric in ["nibp-systolic", "MDC_PRESS_CUFF_SYS", "MDC_PRESS_BLD_SYS"] {
        let text = format!("00:00 assign d1 p1\n7:00:00 {metric} 130\n80:00:00 wait");
        assert_eq!(
            pages(PACK, &text),
            ["79:00:00 bp-no-reading low"],
            "{metric}"
        );
    }
}
