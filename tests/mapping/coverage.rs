//! Every row of the specification has a case.

use std::collections::BTreeSet;

use super::TOPICS;
use super::case::{dir, read};

/// Rows of the specification's tables by section: those that need a case in JSONPath and one in JMESPath, and
/// those that need a case. Merging with stored Observations (2.6) and identities (4) are no matter of `normalize`.
#[rustfmt::skip]
const ROWS: &[(&str, &str, &str)] = &[
    ("1.1", "body-object body-array body-scalar properties bare-object", "body-null root-not-object not-json bad-utf8 date-typing number-text leniency duplicate-key depth"),
    ("1.2", "all-tried", "template-type property-names empty same-type-name order text root-template inner-template inner-type missing unknown-member one-bad"),
    ("1.3.1", "ids correlation values language", "value-name expression required"),
    ("1.3.2", "", "scope ids values required no-objects"),
    ("1.3.3", "", "fixed fallback ids required"),
    ("1.3.4", "", "fixed array ids required"),
    ("1.4", "", "recursive-filter filter-on-object operand root-optional names quotes union index slice wildcard recursive-name filter-steps operators coercion literals regex existence precedence syntax"),
    ("1.5", "scope matched-token projection no-match", "idiom order blank"),
    ("1.6", "string integer float boolean null absent blank object array date device-id", "many runtime-error projection"),
    ("1.7", "utc resolution offset no-zone hour-24 general date-form number unparsable functions", "many"),
    ("1.8", "", "abs avg ceil floor contains starts_with ends_with join keys values length map max min max_by min_by merge not_null reverse sort sort_by sum to_array to_number to_string type items to_object zip let add subtract multiply divide pow insertString fromUnixTimestamp fromUnixTimestampMs nesting grammar syntax unknown-function arity"),
    ("1.9", "", "fields order"),
    ("2.1", "codes", "container type-name value-name category components value unknown-value-member value-type period-interval no-template"),
    ("2.2", "", "group-key equal-time batch"),
    ("2.3", "", "single daily correlation hourly"),
    ("2.4", "", "component encounter code issued never id subject"),
    ("2.5", "", "quantity-text quantity-digits quantity-bad quantity-exponent quantity-several string codeable-concept sampled-data mixed"),
    ("2.7", "", "worked"),
    ("3.1", "", "unknown-value-name not-json root root-type several no-fhir-template"),
    ("3.2", "all-or-nothing isolation", ""),
];

/// Fewer cases than this would not be the suite.
const FEWEST: usize = 180;

#[test]
fn every_row_has_a_case() {
    let (mut names, mut used, mut spoken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for case in TOPICS.iter().flat_map(|topic| read(topic)) {
        assert!(names.insert(case.name()), "twice: {}", case.name());
        used.insert(case.spec());
        for (language, speaks) in [
            ("JSONPath", case.speaks_jsonpath()),
            ("JMESPath", case.speaks_jmespath()),
        ] {
            if speaks {
                spoken.insert((case.spec(), language));
            }
        }
    }
    assert!(names.len() >= FEWEST, "{} cases", names.len());
    let mut known = BTreeSet::new();
    for (section, both, one) in ROWS {
        for row in both.split_whitespace() {
            let spec = format!("{section}:{row}");
            for language in ["JSONPath", "JMESPath"] {
                let said = spoken.contains(&(spec.clone(), language));
                assert!(said, "no case in {language}: {spec}");
            }
            known.insert(spec);
        }
        known.extend(one.split_whitespace().map(|row| format!("{section}:{row}")));
    }
    let missing: Vec<_> = known.difference(&used).collect();
    assert!(missing.is_empty(), "no case: {missing:?}");
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "no row of that name: {unknown:?}");
}

#[test]
fn every_file_is_run() {
    let mut files: Vec<String> = std::fs::read_dir(dir())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".json")?.to_owned())
        })
        .collect();
    files.sort();
    let mut topics = TOPICS.to_vec();
    topics.sort_unstable();
    assert_eq!(files, topics);
}
