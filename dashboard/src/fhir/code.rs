//! Codes in searches to keys of rows.
//!
//! Rows hold one LOINC or local code and an MDC reference id; an Observation shows more codings than that, all
//! from the vocabulary. So a coding is turned into the keys of every metric that shows it.

use std::collections::BTreeSet;

use wardline_normalize::vocabulary::{self, Category, Metric};

use super::{CATEGORY, LOCAL, LOINC, MDC};
use crate::backend::{CodeFilter, CodeKeys};

/// Which codes of an Observation a parameter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Observation,
    Component,
    Both,
}

/// A token with `\`-escapes undone: `code`, `system|code` or `|code`.
pub(super) struct Token {
    pub(super) system: Option<String>,
    pub(super) code: String,
}

impl Token {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (system, code) = match split(text, '|').as_slice() {
            [code] => (None, code.clone()),
            [system, code] => (Some(system.clone()), code.clone()),
            _ => return None,
        };
        (!code.is_empty()).then_some(Token { system, code })
    }
}

/// Splits at a separator that no `\` escapes, and undoes the escapes of the parts when it is the last level (`|`).
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        if next == '\\' {
            let escaped = chars.next();
            if separator != '|' {
                parts.last_mut().expect("there is always a part").push('\\');
            }
            parts
                .last_mut()
                .expect("there is always a part")
                .extend(escaped);
        } else if next == separator {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("there is always a part").push(next);
        }
    }
    parts
}

/// Adds what a coding stands for.
pub(super) fn add(filter: &mut CodeFilter, token: &Token, scope: Scope) {
    let system = token.system.as_deref();
    let mut keys = CodeKeys::default();
    let mut panels = BTreeSet::new();
    if matches!(system, None | Some(LOINC)) {
        keys.codes.insert(token.code.clone());
        keys.mdcs.extend(
            vocabulary::by_loinc(&token.code)
                .iter()
                .filter_map(|metric| own(metric.mdc_id())),
        );
        panels.insert(token.code.clone());
    }
    if matches!(system, None | Some(MDC)) {
        let number = token.code.parse().ok();
        let metric =
            vocabulary::by_mdc(&token.code).or_else(|| number.and_then(vocabulary::by_code));
        keys.mdcs
            .extend(metric.and_then(|metric| own(metric.mdc_id())));
        let panel = vocabulary::panels()
            .find(|panel| panel.mdc == token.code || Some(panel.code) == number);
        panels.extend(panel.map(|panel| panel.loinc.to_owned()));
    }
    if matches!(system, None | Some(LOCAL)) {
        keys.codes.insert(format!("local:{}", token.code));
        keys.codes
            .extend(vocabulary::by_alias(&token.code).and_then(|metric| own(local(metric))));
    }
    if system == Some("") {
        return;
    }
    if scope != Scope::Component {
        extend(&mut filter.single, &keys);
        filter.panels.append(&mut panels);
    }
    if scope != Scope::Observation {
        extend(&mut filter.component, &keys);
    }
}

/// Adds every metric of a category.
pub(super) fn add_category(filter: &mut CodeFilter, token: &Token) {
    if !matches!(token.system.as_deref(), None | Some(CATEGORY)) {
        return;
    }
    let is_it = |category: Category| category.code() == Some(token.code.as_str());
    for metric in vocabulary::all()
        .iter()
        .filter(|metric| is_it(metric.category))
    {
        filter.single.codes.insert(metric.code_text().to_owned());
        filter.single.mdcs.extend(own(metric.mdc_id()));
    }
    for panel in vocabulary::panels() {
        let category = if panel.profile.is_some() {
            Category::VitalSigns
        } else {
            Category::Procedure
        };
        if is_it(category) {
            filter.panels.insert(panel.loinc.to_owned());
        }
    }
}

/// What both filters find. A row found by its code in one and by its MDC id in the other is found when the
/// vocabulary ties the two together, which it does for every code of its own.
pub(super) fn both(a: CodeFilter, b: &CodeFilter) -> CodeFilter {
    let common = |a: BTreeSet<String>, b: &BTreeSet<String>| {
        a.into_iter().filter(|key| b.contains(key)).collect()
    };
    let keys = |a: CodeKeys, b: &CodeKeys| CodeKeys {
        codes: common(a.codes, &b.codes),
        mdcs: common(a.mdcs, &b.mdcs),
    };
    CodeFilter {
        single: keys(a.single, &b.single),
        panels: common(a.panels, &b.panels),
        component: keys(a.component, &b.component),
    }
}

fn extend(into: &mut CodeKeys, from: &CodeKeys) {
    into.codes.extend(from.codes.iter().cloned());
    into.mdcs.extend(from.mdcs.iter().cloned());
}

fn own(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn local(metric: &Metric) -> Option<&str> {
    (!metric.local.is_empty()).then_some(metric.local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str, scope: Scope) -> CodeFilter {
        let mut filter = CodeFilter::default();
        add(&mut filter, &Token::parse(text).unwrap(), scope);
        filter
    }

    #[test]
    fn codings_find_rows_by_any_of_their_codes() {
        let rate = filter("http://loinc.org|8867-4", Scope::Observation);
        assert!(rate.matches(None, "8867-4", None));
        assert!(
            rate.matches(None, "8889-8", Some("MDC_PULS_OXIM_PULS_RATE")),
            "shown beside"
        );
        assert!(filter("147842", Scope::Observation).matches(
            None,
            "8867-4",
            Some("MDC_ECG_HEART_RATE")
        ));
        assert!(!filter("urn:other|8867-4", Scope::Observation).matches(None, "8867-4", None));
        assert!(!filter("|8867-4", Scope::Observation).matches(None, "8867-4", None));
    }

    #[test]
    fn panels_and_components_are_apart() {
        let panel = filter("85354-9", Scope::Observation);
        assert!(panel.matches(Some("85354-9"), "8480-6", None));
        let systolic = Some("MDC_PRESS_BLD_NONINV_SYS");
        assert!(!filter("8480-6", Scope::Observation).matches(Some("85354-9"), "8480-6", systolic));
        assert!(filter("8480-6", Scope::Component).matches(Some("85354-9"), "8480-6", systolic));
        assert!(filter("8480-6", Scope::Both).matches(None, "8480-6", None));
    }

    #[test]
    fn a_category_and_a_code_meet() {
        let mut vital = CodeFilter::default();
        add_category(&mut vital, &Token::parse("vital-signs").unwrap());
        let both = both(filter("8867-4", Scope::Observation), &vital);
        assert!(both.matches(None, "8867-4", Some("MDC_ECG_HEART_RATE")));
        assert!(!both.matches(None, "9279-1", Some("MDC_RESP_RATE")));
        assert!(vital.matches(Some("85354-9"), "8480-6", None));
    }

    #[test]
    fn escapes() {
        assert_eq!(split(r"a\,b,c", ','), [r"a\,b", "c"]);
        assert_eq!(split(r"a\|b|c", '|'), ["a|b", "c"]);
    }
}
