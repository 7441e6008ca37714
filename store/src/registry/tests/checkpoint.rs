//! The rule checkpoint and the settings.

use super::Fixture;
use crate::registry::{Checkpoint, Error, SETTING_INSTALLATION, SETTING_SITE};

fn checkpoint(position: u64, state: &[u8]) -> Checkpoint {
    Checkpoint {
        position,
        ruleset_version: "v1".to_owned(),
        state: state.to_vec(),
    }
}

#[test]
fn a_checkpoint_replaces_the_one_before_and_never_goes_back() {
    let fixture = Fixture::new();
    assert_eq!(fixture.registry.load_checkpoint().unwrap(), None);
    fixture
        .registry
        .save_checkpoint(&checkpoint(7, b"seven"), 1)
        .unwrap();
    fixture
        .registry
        .save_checkpoint(&checkpoint(9, b"nine"), 2)
        .unwrap();
    let fixture = fixture.reopen();
    assert_eq!(
        fixture.registry.load_checkpoint().unwrap(),
        Some(checkpoint(9, b"nine"))
    );
    let error = fixture
        .registry
        .save_checkpoint(&checkpoint(8, b"eight"), 3)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "checkpoint position: is older than the stored one"
    );
    assert_eq!(
        fixture.registry.load_checkpoint().unwrap(),
        Some(checkpoint(9, b"nine"))
    );
    let far = fixture
        .registry
        .save_checkpoint(&checkpoint(u64::MAX, b""), 4);
    assert!(matches!(far, Err(Error::Invalid { .. })));
}

#[test]
fn a_changed_byte_of_a_checkpoint_is_found() {
    for edit in ["state = X'00'", "position = 8", "ruleset_version = 'v2'"] {
        let fixture = Fixture::new();
        fixture
            .registry
            .save_checkpoint(&checkpoint(7, b"seven"), 1)
            .unwrap();
        fixture
            .raw()
            .execute(&format!("UPDATE checkpoint SET {edit}"), [])
            .unwrap();
        let found = fixture.registry.load_checkpoint();
        assert!(
            matches!(found, Err(Error::Damaged { .. })),
            "{edit}: {found:?}"
        );
    }
}

#[test]
fn settings_are_kept_and_the_installation_id_never_changes() {
    let fixture = Fixture::new();
    let id = fixture.registry.installation_id().unwrap();
    fixture.registry.set_setting(SETTING_SITE, "north").unwrap();
    fixture.registry.set_setting(SETTING_SITE, "south").unwrap();
    assert!(
        fixture
            .registry
            .set_setting(SETTING_INSTALLATION, "x")
            .is_err()
    );
    let fixture = fixture.reopen();
    assert_eq!(
        fixture.registry.setting(SETTING_SITE).unwrap().as_deref(),
        Some("south")
    );
    assert_eq!(fixture.registry.setting("none").unwrap(), None);
    assert_eq!(fixture.registry.installation_id().unwrap(), id);
    assert_ne!(Fixture::new().registry.installation_id().unwrap(), id);
    assert_eq!(fixture.registry.settings().unwrap().len(), 2);
}
