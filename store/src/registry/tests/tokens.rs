//! Tokens: what verifies, and from when on it does not any more.

use super::Fixture;
use crate::registry::{Error, NewToken, Registry, Role};

const MINUTE: i64 = 60_000_000;

fn token(name: &str, role: Role) -> NewToken {
    NewToken {
        name: name.to_owned(),
        role,
        site: None,
        gateway: None,
        device: None,
        san_uris: vec![],
        expires_at: None,
    }
}

fn gateway(name: &str) -> NewToken {
    NewToken {
        site: Some("north".to_owned()),
        gateway: Some("gw-1".to_owned()),
        san_uris: vec!["urn:wardline:gw-1".to_owned()],
        ..token(name, Role::Publish)
    }
}

#[test]
fn a_secret_is_long_recognisable_shown_once_and_stored_as_a_hash() {
    let fixture = Fixture::new();
    let (made, secret) = fixture
        .registry
        .create_token(&token("ward-screen", Role::Read), 7)
        .unwrap();
    assert_eq!(
        (secret.expose().len(), secret.expose().starts_with("wl_")),
        (46, true)
    );
    assert_eq!(format!("{secret:?}"), "Secret(wl_...)");
    let found = fixture.registry.verify(secret.expose(), 8).unwrap();
    assert_eq!((&found.name, found.role), (&made.name, Role::Read));
    let (_, other) = fixture
        .registry
        .create_token(&token("other", Role::Read), 7)
        .unwrap();
    assert_ne!(secret, other);
    let path = fixture.path();
    fixture.registry.close().unwrap();
    let bytes = std::fs::read(path).unwrap();
    let text = secret.expose().as_bytes();
    assert!(
        !bytes.windows(text.len() - 3).any(|w| w == &text[3..]),
        "the file holds the secret"
    );
}

#[test]
fn a_revoked_token_is_refused_at_once_and_after_a_restart() {
    let fixture = Fixture::new();
    let (_, secret) = fixture.registry.create_token(&gateway("gw-1"), 0).unwrap();
    let all = |r: &Registry| {
        (
            r.verify(secret.expose(), 1).is_some(),
            r.verify_mqtt("gw-1", secret.expose().as_bytes(), 1)
                .is_some(),
            r.verify_certificate("urn:wardline:gw-1", 1).is_some(),
        )
    };
    assert_eq!(all(&fixture.registry), (true, true, true));
    let revoked = fixture.registry.revoke_token("gw-1", 5).unwrap();
    assert_eq!(revoked.revoked_at, Some(5));
    assert_eq!(all(&fixture.registry), (false, false, false));
    assert_eq!(
        fixture.registry.revoke_token("gw-1", 9).unwrap().revoked_at,
        Some(5)
    );
    let fixture = fixture.reopen();
    assert_eq!(all(&fixture.registry), (false, false, false));
    // The name stays taken, the certificate may pass to a successor.
    assert!(matches!(
        fixture.registry.create_token(&gateway("gw-1"), 6),
        Err(Error::Taken { .. })
    ));
    fixture.registry.create_token(&gateway("gw-1b"), 6).unwrap();
    assert_eq!(
        fixture
            .registry
            .verify_certificate("urn:wardline:gw-1", 7)
            .unwrap()
            .name,
        "gw-1b"
    );
}

#[test]
fn a_rotated_secret_replaces_the_old_one_at_once() {
    let fixture = Fixture::new();
    let (_, old) = fixture.registry.create_token(&gateway("gw-1"), 0).unwrap();
    let new = fixture.registry.rotate_token("gw-1").unwrap();
    assert!(fixture.registry.verify(old.expose(), 1).is_none());
    assert!(
        fixture
            .registry
            .verify_mqtt("gw-1", old.expose().as_bytes(), 1)
            .is_none()
    );
    assert!(fixture.registry.verify(new.expose(), 1).is_some());
    fixture.registry.revoke_token("gw-1", 2).unwrap();
    let error = fixture.registry.rotate_token("gw-1").unwrap_err();
    assert_eq!(error.to_string(), "token gw-1 is revoked");
    assert!(matches!(
        fixture.registry.rotate_token("gw-9"),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn a_token_is_good_before_it_expires_only() {
    let fixture = Fixture::new();
    let new = NewToken {
        expires_at: Some(100),
        ..token("visitor", Role::Read)
    };
    let (_, secret) = fixture.registry.create_token(&new, 0).unwrap();
    assert!(fixture.registry.verify(secret.expose(), 99).is_some());
    assert!(fixture.registry.verify(secret.expose(), 100).is_none());
}

#[test]
fn a_name_and_another_tokens_secret_do_not_go_together() {
    let fixture = Fixture::new();
    let (_, one) = fixture.registry.create_token(&gateway("gw-1"), 0).unwrap();
    let two = NewToken {
        san_uris: vec![],
        ..gateway("gw-2")
    };
    fixture.registry.create_token(&two, 0).unwrap();
    assert!(
        fixture
            .registry
            .verify_mqtt("gw-2", one.expose().as_bytes(), 1)
            .is_none()
    );
    assert!(
        fixture
            .registry
            .verify_mqtt("gw-1", one.expose().as_bytes(), 1)
            .is_some()
    );
    for wrong in [
        "",
        "wl_",
        "gw-1",
        &"x".repeat(46),
        &format!("{}x", one.expose()),
    ] {
        assert!(fixture.registry.verify(wrong, 1).is_none(), "{wrong}");
        assert!(
            fixture
                .registry
                .verify_mqtt("gw-1", wrong.as_bytes(), 1)
                .is_none(),
            "{wrong}"
        );
    }
    assert!(
        fixture
            .registry
            .verify_mqtt("gw-1", &[0xff; 46], 1)
            .is_none()
    );
}

#[test]
fn rights_that_make_no_sense_are_refused() {
    let fixture = Fixture::new();
    let say = |new: &NewToken| {
        fixture
            .registry
            .create_token(new, 0)
            .unwrap_err()
            .to_string()
    };
    let publish = token("x", Role::Publish);
    assert_eq!(say(&publish), "token site: is needed to publish");
    let no_gateway = NewToken {
        site: Some("north".into()),
        ..publish
    };
    assert_eq!(
        say(&no_gateway),
        "token gateway: or device is needed to publish"
    );
    let reader = NewToken {
        device: Some("d1".into()),
        ..token("x", Role::Read)
    };
    assert_eq!(
        say(&reader),
        "token role: must be publish for a site, gateway or device"
    );
    let named = token("a b", Role::Read);
    assert!(
        say(&named).starts_with("token name: must be"),
        "{}",
        say(&named)
    );
    fixture.registry.create_token(&gateway("gw-1"), 0).unwrap();
    assert_eq!(
        say(&gateway("gw-2")),
        "token san_uris is already held by token gw-1"
    );
    assert_eq!(fixture.registry.tokens().len(), 1);
}

#[test]
fn last_use_is_exact_here_throttled_on_disk_and_complete_after_closing() {
    let fixture = Fixture::new();
    let (_, secret) = fixture
        .registry
        .create_token(&token("t", Role::Read), 0)
        .unwrap();
    let stored = |fixture: &Fixture| -> Option<i64> {
        fixture
            .raw()
            .query_row("SELECT last_used FROM token", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(fixture.registry.tokens()[0].last_used, None);
    fixture.registry.verify(secret.expose(), MINUTE).unwrap();
    assert_eq!(fixture.registry.tokens()[0].last_used, Some(MINUTE));
    assert_eq!(stored(&fixture), None);
    fixture.registry.flush_last_used().unwrap();
    assert_eq!(stored(&fixture), Some(MINUTE));
    fixture
        .registry
        .verify(secret.expose(), 5 * MINUTE)
        .unwrap();
    fixture.registry.flush_last_used().unwrap();
    assert_eq!(stored(&fixture), Some(MINUTE));
    fixture
        .registry
        .create_token(&token("u", Role::Admin), 0)
        .unwrap();
    assert_eq!(fixture.registry.tokens()[0].last_used, Some(5 * MINUTE));
    let fixture = fixture.reopen();
    assert_eq!(fixture.registry.tokens()[0].last_used, Some(5 * MINUTE));
}
