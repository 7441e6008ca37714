use super::*;

const SILENCE: Duration = Duration::from_secs(30);

fn missing(device: &str) -> Change {
    Change::Missing {
        device: device.to_owned(),
    }
}

fn heard(device: &str) -> Change {
    Change::Heard {
        device: device.to_owned(),
    }
}

#[test]
fn a_heartbeat_that_stops_is_missed_once_and_found_again_once() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut watch = Watch::new(SILENCE, &[], start);
    assert_eq!(watch.hear("m1", Sign::Beat, at(0)), Some(heard("m1")));
    assert_eq!(watch.hear("m1", Sign::Beat, at(10)), None);
    assert_eq!(watch.missing(at(40)), []);
    assert_eq!(watch.missing(at(41)), [missing("m1")]);
    assert_eq!(watch.missing(at(99)), []);
    assert_eq!((watch.watched(), watch.silent()), (1, 1));
    assert_eq!(watch.hear("m1", Sign::Alarm, at(100)), Some(heard("m1")));
    assert_eq!(watch.missing(at(130)), []);
    assert_eq!(watch.missing(at(131)), [missing("m1")]);
}

#[test]
fn a_planned_shutdown_is_not_missed_and_ends_what_was() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut watch = Watch::new(SILENCE, &[], start);
    watch.hear("m1", Sign::Beat, at(0));
    assert_eq!(watch.hear("m1", Sign::Farewell, at(10)), None);
    assert_eq!(watch.missing(at(1_000)), []);
    // A late alarm does not promise heartbeats, a heartbeat does.
    assert_eq!(watch.hear("m1", Sign::Alarm, at(1_000)), None);
    assert_eq!(watch.missing(at(2_000)), []);
    assert_eq!(watch.hear("m1", Sign::Beat, at(2_000)), None);
    assert_eq!(watch.missing(at(2_031)), [missing("m1")]);
    assert_eq!(
        watch.hear("m1", Sign::Farewell, at(2_040)),
        Some(heard("m1"))
    );
    assert_eq!(watch.missing(at(9_000)), []);
}

#[test]
fn devices_that_are_named_are_expected_from_the_start_and_others_from_their_first_heartbeat() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut watch = Watch::new(SILENCE, &["m1".to_owned()], start);
    assert_eq!(watch.hear("m2", Sign::Alarm, at(1)), None);
    assert_eq!(watch.missing(at(31)), [missing("m1")]);
    assert_eq!(watch.missing(at(99)), []);
    assert_eq!(watch.watched(), 1);
}

#[test]
fn what_was_not_told_is_told_again() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut watch = Watch::new(SILENCE, &["m1".to_owned()], start);
    let change = watch.missing(at(31)).remove(0);
    watch.not_told(&change, at(31));
    assert_eq!(watch.missing(at(32)), [missing("m1")]);
    let change = watch.hear("m1", Sign::Beat, at(33)).unwrap();
    watch.not_told(&change, at(33));
    assert_eq!(watch.missing(at(34)), []);
    assert_eq!(watch.hear("m1", Sign::Beat, at(34)), Some(heard("m1")));
}
