//! Links that acknowledge: good once, for an hour, and silent about why they are not good.

use std::sync::Arc;

use super::Fixture;
use crate::registry::{ACK_LIFE, Error, Registry};

const HOUR: i64 = 3_600_000_000;

fn mint(registry: &Registry, now: i64) -> String {
    let alerts = ["a1".to_owned(), "a2".to_owned()];
    let secret = registry
        .mint_ack(&alerts, Some("dr"), "ward-teams", now, ACK_LIFE)
        .unwrap();
    secret.expose().to_owned()
}

#[test]
fn a_link_is_good_once() {
    let fixture = Fixture::new();
    let secret = mint(&fixture.registry, 1_000);
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    // Looking changes nothing.
    for _ in 0..2 {
        let found = registry.ack_token(&secret, 2_000).unwrap().unwrap();
        assert_eq!(found.alerts, ["a1", "a2"]);
        assert_eq!(
            (
                found.recipient.as_deref(),
                found.channel.as_str(),
                found.used_at
            ),
            (Some("dr"), "ward-teams", None)
        );
        assert_eq!(found.expires_at, 1_000 + HOUR);
    }
    let used = registry.use_ack(&secret, 3_000).unwrap();
    assert_eq!((used.alerts.len(), used.used_at), (2, Some(3_000)));
    assert!(matches!(
        registry.use_ack(&secret, 3_001),
        Err(Error::Spent)
    ));
    assert_eq!(registry.ack_token(&secret, 3_001).unwrap(), None);
}

#[test]
fn unknown_used_and_expired_are_not_told_apart() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let (used, expired) = (mint(registry, 0), mint(registry, 0));
    registry.use_ack(&used, 1).unwrap();
    let unknown = format!("wa_{}", "A".repeat(43));
    for (secret, now) in [
        (&used, 2),
        (&expired, HOUR),
        (&unknown, 2),
        (&String::new(), 2),
    ] {
        assert_eq!(registry.ack_token(secret, now).unwrap(), None);
        let error = registry.use_ack(secret, now).unwrap_err();
        assert_eq!(error.to_string(), "the link is not good, or not any more");
    }
    assert!(registry.use_ack(&expired, HOUR - 1).is_ok());
}

#[test]
fn a_link_opens_nothing_else_and_lives_an_hour_at_most() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let secret = registry
        .mint_ack(&["a1".to_owned()], None, "mail", 0, 90 * HOUR)
        .unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(wa_...)");
    assert!(secret.expose().starts_with("wa_") && secret.expose().len() == 46);
    assert!(registry.verify(secret.expose(), 1).is_none());
    let found = registry.ack_token(secret.expose(), 1).unwrap().unwrap();
    assert_eq!((found.expires_at, found.recipient), (HOUR, None));
    assert!(registry.mint_ack(&[], None, "mail", 0, 1).is_err());
    let text: Vec<u8> = std::fs::read(fixture.path()).unwrap();
    let wal = std::fs::read(fixture.dir.path().join("registry.sqlite-wal")).unwrap();
    let bare = secret.expose().trim_start_matches("wa_").as_bytes();
    for file in [text, wal] {
        assert!(!file.windows(bare.len()).any(|part| part == bare));
    }
}

#[test]
fn of_many_at_once_one_uses_it() {
    let fixture = Fixture::new();
    let secret = Arc::new(mint(&fixture.registry, 0));
    let registry = &fixture.registry;
    let won = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let secret = Arc::clone(&secret);
                scope.spawn(move || registry.use_ack(&secret, 5).is_ok())
            })
            .collect();
        tries
            .into_iter()
            .map(|one| one.join().unwrap())
            .filter(|won| *won)
            .count()
    });
    assert_eq!(won, 1);
}

#[test]
fn links_are_forgotten_a_day_after_they_expired() {
    let fixture = Fixture::new();
    mint(&fixture.registry, 0);
    mint(&fixture.registry, HOUR);
    let count = || -> i64 {
        let raw = fixture.raw();
        raw.query_row("SELECT count(*) FROM ack_token", [], |row| row.get(0))
            .unwrap()
    };
    mint(&fixture.registry, 25 * HOUR);
    assert_eq!(count(), 3);
    mint(&fixture.registry, 25 * HOUR + 1);
    assert_eq!(count(), 3);
}
