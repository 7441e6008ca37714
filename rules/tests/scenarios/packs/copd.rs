//! COPD at home: two values a day, or a sensor.

use super::pages;

const PACK: &str = include_str!("../../../packs/home-copd.toml");

#[test]
fn a_usual_day_with_two_values_and_with_a_sensor() {
    let twice = "7:00:00..300:00:00/43200 spo2 91\n7:01:00..300:00:00/43200 rr 20";
    assert_eq!(pages(PACK, twice), [""; 0]);
    // A dip of a minute now and then.
    let worn =
        "00:00..24:00:00/60 spo2 91\n1:30:30..24:00:00/7200 spo2 85\n00:10..24:00:00/60 rr 19";
    assert_eq!(pages(PACK, worn), [""; 0]);
}

#[test]
fn two_values_a_day_decide() {
    assert_eq!(
        pages(PACK, "7:00:00..100:00:00/43200 spo2 80"),
        [
            "7:00:00 copd-spo2-once medium",
            "19:00:00 copd-spo2-low high"
        ]
    );
    assert_eq!(
        pages(PACK, "7:00:00..100:00:00/43200 rr 32"),
        [
            "7:00:00 copd-respiration-once medium",
            "19:00:00 copd-respiration high"
        ]
    );
    // Measured again, and it was not.
    assert_eq!(
        pages(PACK, "7:00:00 spo2 86\n7:05:00 spo2 91\n19:00:00 spo2 90"),
        ["7:00:00 copd-spo2-once medium"]
    );
}

#[test]
fn twenty_five_breaths_are_enough() {
    let told = pages(PACK, "00:00..2:00:00/60 rr 25");
    assert!(
        told.contains(&"10:00 copd-respiration high".to_owned()),
        "{told:?}"
    );
    assert_eq!(pages(PACK, "00:00..2:00:00/60 rr 24"), [""; 0]);
}

/// What was said of oxygen hours ago counts until it is said anew.
#[test]
fn too_much_oxygen() {
    let worn = "1:00:00..5:00:00/60 spo2 98";
    assert_eq!(
        pages(PACK, &format!("00:00 supplemental-oxygen 'true'\n{worn}")),
        ["1:10:00 copd-too-much-oxygen medium"]
    );
    assert_eq!(
        pages(PACK, &format!("00:00 supplemental-oxygen 'false'\n{worn}")),
        [""; 0]
    );
    assert_eq!(
        pages(
            PACK,
            &format!("00:00 supplemental-oxygen 'true'\n30:00 supplemental-oxygen 'false'\n{worn}")
        ),
        [""; 0]
    );
    assert_eq!(pages(PACK, worn), [""; 0]);
    assert_eq!(
        pages(
            PACK,
            "00:00 supplemental-oxygen 'true'\n1:00:00..5:00:00/60 spo2 92"
        ),
        [""; 0]
    );
}

#[test]
fn an_exacerbation_shows_in_two_values_a_day() {
    let usual = "7:00:00..144:00:00/43200 spo2 94\n7:01:00..144:00:00/43200 rr 16\n";
    let worse = "151:00:00..200:00:00/43200 spo2 90\n151:01:00..200:00:00/43200 rr 23";
    assert_eq!(
        pages(PACK, &format!("{usual}{worse}")),
        ["163:01:00 copd-exacerbation medium"]
    );
}
