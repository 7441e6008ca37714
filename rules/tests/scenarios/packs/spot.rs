//! Wards that measure in rounds.

use super::pages;

const PACK: &str = include_str!("../../../packs/ward-adult-spot.toml");

fn set(at: &str, values: [&str; 7]) -> String {
    let names = [
        "rr",
        "spo2",
        "supplemental-oxygen",
        "nibp-systolic",
        "hr",
        "consciousness",
        "temp",
    ];
    let lines = names
        .iter()
        .zip(values)
        .map(|(name, value)| format!("{at} {name} {value}\n"));
    format!("{at} spo2-scale '1'\n{}", lines.collect::<String>())
}

#[test]
fn a_patient_who_is_well_is_left_alone() {
    let rounds: Vec<String> = (0..6)
        .map(|round| {
            set(
                &format!("{}:00:00", 4 * round),
                ["18", "95", "'false'", "118", "92", "'A'", "37.4"],
            )
        })
        .collect();
    assert_eq!(pages(PACK, &rounds.concat()), [""; 0]);
}

/// One set decides, and no more is said in the rounds after it until it is worse.
#[test]
fn one_set_of_a_dying_patient_is_an_emergency() {
    let ill = ["32", "82", "'true'", "92", "140", "'V'", "40.2"];
    let rounds = [set("00:00", ill), set("4:00:00", ill), set("8:00:00", ill)];
    let pages = pages(PACK, &rounds.concat());
    assert!(
        pages.contains(&"00:00 spot-news2-high high".to_owned()),
        "{pages:#?}"
    );
    assert!(
        pages.contains(&"00:00 spot-saturation high".to_owned()),
        "{pages:#?}"
    );
    assert!(
        pages
            .iter()
            .all(|page| page.starts_with("00:00 ") || page.ends_with("again")),
        "{pages:#?}"
    );
}

#[test]
fn five_points_are_urgent_and_so_are_three_in_one_input() {
    let five = set("00:00", ["22", "94", "'false'", "105", "95", "'A'", "37.0"]);
    assert_eq!(pages(PACK, &five), ["00:00 spot-news2-medium medium"]);
    let confused = set("00:00", ["16", "97", "'false'", "125", "80", "'C'", "37.0"]);
    assert_eq!(pages(PACK, &confused), ["00:00 spot-news2-single medium"]);
}

/// What was measured in the round before does not add to this one.
#[test]
fn a_set_is_of_its_own_round() {
    let before = set(
        "00:00",
        ["16", "96", "'false'", "125", "112", "'A'", "38.5"],
    );
    // The next round begins with a respiration of 22, when the pulse is 80 again.
    let after = set(
        "1:00:00",
        ["22", "96", "'false'", "125", "80", "'A'", "37.0"],
    );
    assert_eq!(pages(PACK, &(before + &after)), [""; 0]);
}

#[test]
fn one_extreme_value_is_enough() {
    for (value, told) in [
        ("spo2 84", "spot-saturation high"),
        ("hr 155", "spot-heart-rate high"),
        ("hr 40", "spot-heart-rate high"),
        ("rr 32", "spot-respiration high"),
        ("rr 8", "spot-respiration high"),
        ("nibp-systolic 78", "spot-systolic high"),
        ("MDC_PRESS_CUFF_SYS 230", "spot-systolic high"),
        ("nibp-mean 55", "spot-map-low high"),
        ("temp 39.6", "spot-temperature medium"),
        ("temp 34.8", "spot-news2-single medium"),
        ("nibp-systolic 90", "spot-news2-single medium"),
    ] {
        let pages = pages(PACK, &format!("00:00 {value}"));
        assert!(
            pages.contains(&format!("00:00 {told}")),
            "{value}: {pages:?}"
        );
    }
    for value in [
        "spo2 92",
        "hr 130",
        "hr 41",
        "rr 24",
        "nibp-systolic 91",
        "nibp-mean 62",
        "temp 39",
    ] {
        assert_eq!(pages(PACK, &format!("00:00 {value}")), [""; 0], "{value}");
    }
}

/// Read out hours late, it is still the latest known.
#[test]
fn a_late_set_pages_unless_a_newer_one_is_well() {
    assert_eq!(
        pages(PACK, "5:00:00 nibp-systolic 70 at=00:30"),
        ["5:00:00 spot-systolic high"]
    );
    assert_eq!(
        pages(PACK, "4:00:00 spo2 97\n5:00:00 spo2 80 at=00:30"),
        [""; 0]
    );
}

#[test]
fn a_day_without_a_round_is_told_of_the_device_that_stays() {
    assert_eq!(
        pages(PACK, "00:00 assign d1 p1\n01:00 spo2 97\n14:00:00 wait"),
        ["13:01:00 spot-no-round low"]
    );
    assert_eq!(
        pages(
            PACK,
            "00:00 assign d1 p1\n01:00 spo2 97\n02:00 unassign d1 p1\n14:00:00 wait"
        ),
        [""; 0]
    );
}

#[test]
fn the_score_leaves_out_who_is_pregnant_and_the_extremes_do_not() {
    let ill = ["26", "91", "'true'", "95", "115", "'A'", "38.5"];
    let with = |tags: &str| {
        pages(
            PACK,
            &format!("00:00 patient p1 tags={tags}\n{}", set("01:00", ill)),
        )
    };
    assert!(with("copd").contains(&"01:00 spot-news2-high high".to_owned()));
    assert_eq!(with("pregnant"), [""; 0]);
    let low = "00:00 patient p1 tags=pregnant\n01:00 spo2 80";
    assert_eq!(pages(PACK, low), ["01:00 spot-saturation high"]);
}
