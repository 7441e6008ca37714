//! Silences: matched, bounded, ended, and forgotten a year after.

use super::Fixture;
use crate::registry::{NewSilence, Page, SilenceFilter};

const YEAR: i64 = 365 * 86_400_000_000;

fn silence(device: &str, from: i64, until: i64) -> NewSilence {
    NewSilence {
        device: Some(device.to_owned()),
        from,
        until,
        author: "nurse".to_owned(),
        reason: "being washed".to_owned(),
        ..NewSilence::default()
    }
}

#[test]
fn a_silence_is_stored_as_asked_for_and_ends_once() {
    let fixture = Fixture::new();
    let new = NewSilence {
        patient: Some("p1".to_owned()),
        rule: Some("monitor:MDC_EVT_LO".to_owned()),
        ward: Some("w".to_owned()),
        class: Some("technical".to_owned()),
        ..silence("d1", 10, 50)
    };
    let made = fixture.registry.add_silence(&new, 5).unwrap();
    assert_eq!((&made.set, made.created_at, made.over()), (&new, 5, 50));
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    assert_eq!(registry.silence(&made.id).unwrap().as_ref(), Some(&made));
    let ended = registry.end_silence(&made.id, "dr", 30).unwrap();
    assert_eq!((ended.over(), ended.changed_at()), (30, 30));
    assert_eq!(registry.end_silence(&made.id, "other", 40).unwrap(), ended);
    let early = registry.add_silence(&silence("d1", 100, 200), 5).unwrap();
    assert_eq!(
        registry.end_silence(&early.id, "dr", 20).unwrap().over(),
        100
    );
    let gone = registry.end_silence("none", "dr", 0).unwrap_err();
    assert_eq!(gone.to_string(), "silence none does not exist");
}

#[test]
fn silences_that_make_no_sense_are_refused() {
    let fixture = Fixture::new();
    let base = || silence("d1", 10, 50);
    for (new, said) in [
        (
            NewSilence {
                device: None,
                ..base()
            },
            "silence patient: or another matcher is needed",
        ),
        (
            NewSilence {
                until: 10,
                ..base()
            },
            "silence until: must be after from",
        ),
        (
            NewSilence {
                reason: String::new(),
                ..base()
            },
            "silence reason: must not be empty",
        ),
        (
            NewSilence {
                class: Some("loud".to_owned()),
                ..base()
            },
            "silence class: must be physiological or technical",
        ),
        (
            NewSilence {
                patient: Some("a b".to_owned()),
                ..base()
            },
            "silence patient: must be 1 to 64 of letters, digits, '.' and '-'",
        ),
    ] {
        let error = fixture.registry.add_silence(&new, 0).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn lists_are_filtered_and_old_ones_forgotten() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let first = registry.add_silence(&silence("d1", 10, 50), 0).unwrap().id;
    let second = registry.add_silence(&silence("d2", 20, 60), 0).unwrap().id;
    let listed = |filter: SilenceFilter| {
        let found = registry.silences(&filter, &Page::first(10)).unwrap().items;
        found.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let at = |at| SilenceFilter {
        at: Some(at),
        ..SilenceFilter::default()
    };
    assert_eq!(
        listed(SilenceFilter::default()),
        [second.clone(), first.clone()]
    );
    assert_eq!(listed(at(19)), std::slice::from_ref(&first));
    assert_eq!(listed(at(50)), std::slice::from_ref(&second));
    let device = SilenceFilter {
        device: Some("d1".to_owned()),
        ..SilenceFilter::default()
    };
    assert_eq!(listed(device), [first]);
    let third = registry
        .add_silence(&silence("d3", YEAR, YEAR + 100), YEAR + 51)
        .unwrap();
    assert_eq!(listed(SilenceFilter::default()), [third.id, second]);
}
