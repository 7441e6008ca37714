//! Diabetes at home: meters and continuous sensors.

use super::pages;

const PACK: &str = include_str!("../../../packs/home-diabetes.toml");

#[test]
fn a_usual_day() {
    let text = "7:00:00..48:00:00/14400 2339-0 118\n9:00:00..48:00:00/14400 2345-7 178\n00:00..48:00:00/300 99504-3 130";
    assert_eq!(pages(PACK, text), [""; 0]);
}

/// ADA: below 54, below 70, above 250; whole blood and plasma.
#[test]
fn one_value_of_a_meter_decides() {
    for metric in ["2339-0", "2345-7"] {
        let at = |value: &str| pages(PACK, &format!("7:00:00 {metric} {value}"));
        assert_eq!(at("69"), ["7:00:00 glucose-meter-low medium"], "{metric}");
        assert_eq!(at("70"), [""; 0]);
        assert_eq!(at("250"), [""; 0]);
        assert_eq!(at("420"), ["7:00:00 glucose-meter-high medium"]);
        assert_eq!(at("50"), ["7:00:00 glucose-very-low high"]);
    }
}

#[test]
fn in_millimoles() {
    let at = |value: &str| pages(PACK, &format!("7:00:00 2339-0 {value} u=mmol/L"));
    assert_eq!(at("2.8"), ["7:00:00 glucose-very-low high"]);
    assert_eq!(at("3.5"), ["7:00:00 glucose-meter-low medium"]);
    assert_eq!(at("6.0"), [""; 0]);
    assert_eq!(at("20"), ["7:00:00 glucose-meter-high medium"]);
    assert_eq!(
        pages(PACK, "00:00..2:00:00/300 99504-3 3.5 u=mmol/L"),
        ["15:00 glucose-low medium"]
    );
}

#[test]
fn a_value_that_comes_late_is_the_latest_known() {
    let told = pages(PACK, "1:00:00 2339-0 40 at=20:00");
    assert!(
        told.contains(&"1:00:00 glucose-very-low high".to_owned()),
        "{told:?}"
    );
    assert_eq!(
        pages(PACK, "50:00 2339-0 110\n1:00:00 2339-0 60 at=20:00"),
        [""; 0]
    );
}

#[test]
fn a_sensor_is_told_by_what_is_lowest() {
    assert_eq!(
        pages(PACK, "00:00..1:00:00/300 99504-3 50"),
        ["10:00 glucose-very-low-sensor high"]
    );
    assert_eq!(
        pages(PACK, "00:00..1:00:00/300 99504-3 63"),
        ["15:00 glucose-low medium"]
    );
}
