//! The shipped sample and the page about it.

use super::desk::routing;
use crate::RuleSet;

const SAMPLE: &str = include_str!("../../../packs/routing.sample.toml");
const PAGE: &str = include_str!("../../../../docs/routing.md");
const PACKS: [&str; 6] = [
    include_str!("../../../packs/home-copd.toml"),
    include_str!("../../../packs/home-diabetes.toml"),
    include_str!("../../../packs/home-heart-failure.toml"),
    include_str!("../../../packs/home-hypertension.toml"),
    include_str!("../../../packs/ward-adult.toml"),
    include_str!("../../../packs/ward-adult-spot.toml"),
];

#[test]
fn the_sample_leaves_nothing_open_and_knows_what_the_packs_escalate_to() {
    let sample = routing(SAMPLE);
    assert!(sample.warnings().is_empty(), "{:?}", sample.warnings());
    let channels: Vec<&str> = sample.channels().collect();
    for pack in PACKS {
        let rules = RuleSet::parse(pack).expect("a pack");
        let faults = sample.check(&channels, &rules.escalation_targets());
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[test]
fn the_examples_of_the_page_are_routing_files() {
    let mut examples = 0;
    for part in PAGE.split("```toml\n").skip(1) {
        let example = part.split("```").next().expect("an end");
        routing(example);
        examples += 1;
    }
    assert!(examples >= 2, "{examples} examples");
}
