//! Codes are good once and for a while; certificates until they end or are taken away.

use super::Fixture;
use crate::registry::{
    Error, Issued, Micros, NewCertificate, NewCommand, Registry, Result, RevocationReason,
    StoredAuthority,
};

const MINUTE: Micros = 60_000_000;
const LIFE: Micros = 90 * 24 * 60 * MINUTE;

/// A certificate that ends `LIFE` after `clock`.
fn certificate(mark: u8, clock: Micros) -> NewCertificate {
    NewCertificate {
        fingerprint: [mark; 32],
        serial: format!("{mark:02x}"),
        site: "s1".to_owned(),
        expires_at: clock + LIFE,
    }
}

fn enrol(registry: &Registry, code: &str, mark: u8, clock: Micros) -> Result<Option<Issued<()>>> {
    registry.enrol(code, clock, |_| Ok((certificate(mark, clock), ())))
}

fn renew(registry: &Registry, from: u8, mark: u8, clock: Micros) -> Result<Option<Issued<()>>> {
    registry.renew(&[from; 32], clock, |_| Ok((certificate(mark, clock), ())))
}

fn code(registry: &Registry, gateway: &str, clock: Micros) -> String {
    let code = registry.enrolment_code(gateway, "admin", clock, 15 * MINUTE);
    code.unwrap().expose().to_owned()
}

#[test]
fn a_code_enrols_its_gateway_once_and_within_its_time() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let first = code(registry, "g1", 0);
    assert_eq!(first.len(), 19, "{first}");
    assert!(enrol(registry, "no-such-code", 1, 1).unwrap().is_none());
    assert!(
        enrol(registry, &first, 1, 15 * MINUTE).unwrap().is_none(),
        "too late"
    );
    let issued = enrol(registry, &first, 1, 14 * MINUTE).unwrap().unwrap();
    assert_eq!(
        (issued.gateway.as_str(), issued.superseded.len()),
        ("g1", 0)
    );
    assert!(
        enrol(registry, &first, 2, 14 * MINUTE).unwrap().is_none(),
        "used"
    );
    assert!(registry.verify_gateway(&[1; 32], 20 * MINUTE).is_some());
    assert!(
        registry
            .verify_gateway(&[1; 32], 14 * MINUTE + LIFE)
            .is_none()
    );
    assert!(registry.verify_gateway(&[2; 32], 20 * MINUTE).is_none());
}

#[test]
fn a_code_is_read_as_people_type_it_and_a_later_one_replaces_it() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let earlier = code(registry, "g1", 0);
    let later = code(registry, "g1", 1);
    assert!(enrol(registry, &earlier, 1, 2).unwrap().is_none());
    let typed = later
        .to_lowercase()
        .replace('-', " ")
        .replace('0', "o")
        .replace('1', "l");
    assert!(enrol(registry, &typed, 1, 2).unwrap().is_some(), "{typed}");
    assert!(matches!(
        registry.enrolment_code("g/1", "admin", 0, MINUTE),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn neither_a_code_nor_anything_else_is_lost_when_no_certificate_can_be_made() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let code = code(registry, "g1", 0);
    let failed = registry.enrol::<()>(&code, 1, |_| {
        Err(Error::invalid("certificate", "request", "cannot be signed"))
    });
    assert!(matches!(failed, Err(Error::Invalid { .. })));
    assert!(enrol(registry, &code, 1, 2).unwrap().is_some());
}

#[test]
fn neither_code_nor_key_stands_where_it_can_be_printed() {
    let fixture = Fixture::new();
    let made = fixture
        .registry
        .enrolment_code("g1", "admin", 0, MINUTE)
        .unwrap();
    assert!(!format!("{made:?}").contains(made.expose()));
    let stored: Vec<u8> = fixture
        .raw()
        .query_row("SELECT hash FROM enrolment_code", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored.len(), 32);
    let own = StoredAuthority {
        certificate: "public".to_owned(),
        key: "hush".to_owned(),
    };
    assert!(!format!("{own:?}").contains("hush"));
}

#[test]
fn the_authority_is_made_once() {
    let fixture = Fixture::new();
    let own = |key: &str| StoredAuthority {
        certificate: "c".to_owned(),
        key: key.to_owned(),
    };
    assert_eq!(fixture.registry.authority().unwrap(), None);
    assert_eq!(
        fixture.registry.keep_authority(&own("1"), 0).unwrap(),
        own("1")
    );
    assert_eq!(
        fixture.registry.keep_authority(&own("2"), 0).unwrap(),
        own("1")
    );
    let fixture = fixture.reopen();
    assert_eq!(fixture.registry.authority().unwrap(), Some(own("1")));
}

#[test]
fn a_renewal_leaves_the_one_it_came_from_and_supersedes_the_others() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    enrol(registry, &code(registry, "g1", 0), 1, 1)
        .unwrap()
        .unwrap();
    assert!(
        renew(registry, 1, 2, 2)
            .unwrap()
            .unwrap()
            .superseded
            .is_empty()
    );
    // The answer was lost: the same is asked again.
    let again = renew(registry, 1, 3, 3).unwrap().unwrap();
    assert_eq!(again.superseded, [[2; 32]]);
    let good = |mark: u8| registry.verify_gateway(&[mark; 32], 4).is_some();
    assert_eq!([good(1), good(2), good(3)], [true, false, true]);
    assert!(renew(registry, 2, 4, 5).unwrap().is_none(), "superseded");
    assert!(
        renew(registry, 3, 5, 3 + LIFE).unwrap().is_none(),
        "expired"
    );
    let listed = registry.gateway_certificates(Some("g1")).unwrap();
    let renewed: Vec<_> = listed
        .iter()
        .map(|one| one.renewed_from.as_deref())
        .collect();
    assert_eq!(renewed, [Some("01"), Some("01"), None]);
    assert_eq!(listed[1].revoked, Some((3, RevocationReason::Superseded)));
}

#[test]
fn renewals_are_bounded() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    enrol(registry, &code(registry, "g1", 0), 0, 1)
        .unwrap()
        .unwrap();
    for mark in 1..20 {
        renew(registry, mark - 1, mark, i64::from(mark) + 1)
            .unwrap()
            .unwrap();
    }
    assert!(matches!(
        renew(registry, 19, 20, 30),
        Err(Error::State { .. })
    ));
    assert!(renew(registry, 19, 20, 61 * MINUTE).unwrap().is_some());
}

#[test]
fn a_new_code_is_for_a_new_machine() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    enrol(registry, &code(registry, "g1", 0), 1, 1)
        .unwrap()
        .unwrap();
    enrol(registry, &code(registry, "g2", 0), 2, 1)
        .unwrap()
        .unwrap();
    let issued = enrol(registry, &code(registry, "g1", 2), 3, 3)
        .unwrap()
        .unwrap();
    assert_eq!(issued.superseded, [[1; 32]]);
    assert!(
        registry.verify_gateway(&[2; 32], 4).is_some(),
        "of another gateway"
    );
}

#[test]
fn revoked_is_revoked_at_once_for_good_and_on_the_list_until_it_ends() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    enrol(registry, &code(registry, "g1", 0), 1, 1)
        .unwrap()
        .unwrap();
    let unused = code(registry, "g1", 2);
    assert_eq!(registry.revoke_gateway("g1", 3).unwrap(), [[1; 32]]);
    assert!(registry.verify_gateway(&[1; 32], 4).is_none());
    assert!(
        enrol(registry, &unused, 2, 4).unwrap().is_none(),
        "its code went too"
    );
    assert!(registry.revoke_gateway("g1", 5).unwrap().is_empty());
    assert!(matches!(
        registry.revoke_gateway("g9", 5),
        Err(Error::NotFound { .. })
    ));
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    assert!(registry.verify_gateway(&[1; 32], 6).is_none());
    let listed = registry.revoked_certificates(6).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].revoked, Some((3, RevocationReason::Revoked)));
    assert!(registry.revoked_certificates(1 + LIFE).unwrap().is_empty());
    enrol(registry, &code(registry, "g1", 7), 7, 8)
        .unwrap()
        .unwrap();
    assert!(
        registry.verify_gateway(&[7; 32], 9).is_some(),
        "enrolled anew"
    );
}

#[test]
fn an_answer_is_kept_once_and_from_its_gateway_alone() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let new = NewCommand {
        gateway: "g1".to_owned(),
        command: "rescan".to_owned(),
        args: "{}".to_owned(),
        author: "nurse".to_owned(),
        expires_at: 100,
    };
    let sent = registry.keep_command(&new, 1).unwrap();
    assert!(!registry.keep_reply("g2", &sent.id, "{}", 2).unwrap());
    assert!(!registry.keep_reply("g1", "nothing", "{}", 2).unwrap());
    assert!(registry.keep_reply("g1", &sent.id, "1", 2).unwrap());
    assert!(
        !registry.keep_reply("g1", &sent.id, "2", 3).unwrap(),
        "the first counts"
    );
    let kept = registry.command("g1", &sent.id).unwrap();
    assert_eq!(
        (kept.new, kept.reply),
        (new.clone(), Some((2, "1".to_owned())))
    );
    assert!(matches!(
        registry.command("g2", &sent.id),
        Err(Error::NotFound { .. })
    ));
    let long = NewCommand {
        args: "x".repeat(20_000),
        ..new
    };
    assert!(matches!(
        registry.keep_command(&long, 1),
        Err(Error::Invalid { .. })
    ));
}
