//! The acceptance suite of the mapping engine: `tests/cases/mapping/*.json` through `wardline normalize` and
//! `wardline mapping check`. The format of a case is described beside the cases.

mod case;
mod compare;
mod coverage;
mod run;
mod stream;

use case::read;
use run::run;

/// Runs every case of a file and names all that fail.
fn check(topic: &str) {
    let cases = read(topic);
    let dir = tempfile::tempdir().unwrap();
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let wrong = run(case, dir.path());
            (!wrong.is_empty()).then(|| {
                format!(
                    "{} [{}]\n    {}",
                    case.name(),
                    case.spec(),
                    wrong.join("\n    ")
                )
            })
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{topic}: {} of {} cases fail:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

/// One test a file, and the list of them.
macro_rules! topics {
    ($($test:ident: $topic:literal,)*) => {
        const TOPICS: &[&str] = &[$($topic),*];
        $(
            #[test]
            fn $test() {
                check($topic);
            }
        )*
    };
}

topics! {
    envelope: "envelope",
    container: "container",
    calculated: "calculated",
    legacy: "legacy",
    jsonpath: "jsonpath",
    matching: "matching",
    values: "values",
    timestamps: "timestamps",
    functions: "functions",
    output: "output",
    fhir_templates: "fhir-templates",
    grouping: "grouping",
    value_types: "value-types",
    faults: "faults",
    failures: "failures",
}
