//! The shipped rules file.

use crate::language::parse;
use wardline_rules::{Class, Priority};

#[test]
fn the_adult_ward_pack_is_without_fault() {
    let rules = parse(include_str!("../../packs/ward-adult.toml"));
    assert_eq!(rules.rules().len(), 15);
    assert!(
        rules
            .rules()
            .iter()
            .any(|rule| rule.class == Class::Technical)
    );
    for rule in rules.rules() {
        assert!(
            !rule.title.is_empty() && rule.title != rule.id,
            "{}",
            rule.id
        );
        assert!(
            rule.class == Class::Technical || rule.applies_to.min_age.is_some(),
            "{}",
            rule.id
        );
        let urgent = rule.priority == Priority::High;
        assert!(!urgent || !rule.escalate.is_empty(), "{}", rule.id);
    }
}
