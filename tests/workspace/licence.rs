//! Licence expressions (SPDX, and the old `A/B` for `A OR B`) against the list in `deny.toml`.

use std::collections::BTreeSet;

/// Licences that any package may have, and those that single packages may have besides.
pub(super) struct Allowed {
    all: BTreeSet<String>,
    exceptions: BTreeSet<(String, String)>,
}

impl Allowed {
    pub(super) fn read(deny: &toml::Table) -> Self {
        let names = |list: &toml::Value| -> Vec<String> {
            list.as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect()
        };
        let licenses = &deny["licenses"];
        let exceptions = licenses["exceptions"].as_array().unwrap().iter();
        Self {
            all: names(&licenses["allow"]).into_iter().collect(),
            exceptions: exceptions
                .flat_map(|entry| {
                    let package = entry["crate"].as_str().unwrap().to_owned();
                    names(&entry["allow"])
                        .into_iter()
                        .map(move |licence| (package.clone(), licence))
                })
                .collect(),
        }
    }

    /// Whether a package's licence lets us use it under licences that are allowed.
    pub(super) fn satisfies(&self, package: &str, expression: &str) -> bool {
        let spaced = expression
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut at = 0;
        let allowed = self.either(package, &words, &mut at);
        allowed && at == words.len()
    }

    fn either(&self, package: &str, words: &[&str], at: &mut usize) -> bool {
        let mut allowed = self.both(package, words, at);
        while words.get(*at) == Some(&"OR") {
            *at += 1;
            allowed |= self.both(package, words, at);
        }
        allowed
    }

    fn both(&self, package: &str, words: &[&str], at: &mut usize) -> bool {
        let mut allowed = self.one(package, words, at);
        while words.get(*at) == Some(&"AND") {
            *at += 1;
            allowed &= self.one(package, words, at);
        }
        allowed
    }

    fn one(&self, package: &str, words: &[&str], at: &mut usize) -> bool {
        let Some(&word) = words.get(*at) else {
            return false;
        };
        *at += 1;
        if word == "(" {
            let allowed = self.either(package, words, at);
            let closed = words.get(*at) == Some(&")");
            *at += 1;
            return allowed && closed;
        }
        let mut licence = word.to_owned();
        if words.get(*at) == Some(&"WITH") {
            licence = words[*at - 1..words.len().min(*at + 2)].join(" ");
            *at += 2;
        }
        self.all.contains(&licence) || self.exceptions.contains(&(package.to_owned(), licence))
    }
}

#[test]
fn expressions_are_understood() {
    let allowed = Allowed {
        all: ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
            .map(str::to_owned)
            .into(),
        exceptions: [("kept".to_owned(), "MPL-2.0".to_owned())].into(),
    };
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", true),
        ("MIT OR GPL-3.0-only AND Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT WITH LLVM-exception", false),
        ("MPL-2.0", false),
        ("", false),
        ("(MIT", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(
            allowed.satisfies("any", expression),
            expected,
            "{expression}"
        );
    }
    assert!(allowed.satisfies("kept", "MPL-2.0"));
}
