//! Units: UCUM through `octofhir-ucum`, after translation of SenML units and of what devices write instead.

mod aliases;

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

/// A unit as the table keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit<'a> {
    /// Valid UCUM.
    Ucum(&'a str),
    /// Text that is neither UCUM nor a known alias: kept, and never judged by rules.
    Unknown(&'a str),
}

impl<'a> Unit<'a> {
    /// The text of the unit.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::Ucum(text) | Self::Unknown(text) => text,
        }
    }

    /// Whether it is UCUM.
    #[must_use]
    pub const fn is_ucum(self) -> bool {
        matches!(self, Self::Ucum(_))
    }
}

/// Longest text looked at as a unit, in bytes; the longest in the UCUM tables of common units has about 30.
pub const MAX_LEN: usize = 64;

/// Distinct unit texts whose validity is remembered. Devices of one site use a few dozen; the bound keeps a sender
/// of garbage from filling memory.
const CACHE_ENTRIES: usize = 4_096;

static VALIDITY: LazyLock<RwLock<HashMap<Box<str>, bool>>> =
    LazyLock::new(|| RwLock::new(HashMap::new()));

/// The unit that `text` means: known aliases and SenML-registered units are translated, UCUM stays as it is.
#[must_use]
pub fn canonical(text: &str) -> Unit<'_> {
    if let Some(ucum) = aliases::translate(text) {
        return Unit::Ucum(ucum);
    }
    if is_ucum(text) {
        Unit::Ucum(text)
    } else {
        Unit::Unknown(text)
    }
}

/// Whether `text` is valid UCUM (case sensitive).
#[must_use]
pub fn is_ucum(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_LEN {
        return false;
    }
    if let Ok(known) = VALIDITY.read()
        && let Some(&valid) = known.get(text)
    {
        return valid;
    }
    // Not `validate`: it searches for corrections when the text is wrong, which costs milliseconds.
    let valid = octofhir_ucum::parse_expression(text)
        .is_ok_and(|unit| octofhir_ucum::evaluate(&unit).is_ok());
    if let Ok(mut known) = VALIDITY.write()
        && known.len() < CACHE_ENTRIES
    {
        known.insert(text.into(), valid);
    }
    valid
}

/// `value` converted between two UCUM units; `None` when either is no UCUM or they measure different things.
#[must_use]
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    if !is_ucum(from) || !is_ucum(to) {
        return None;
    }
    octofhir_ucum::convert(value, from, to)
        .ok()
        .filter(|converted| converted.is_finite())
}

/// As [`convert`]; where that fails, between mass and substance concentration by the molar mass in g/mol.
#[must_use]
pub fn convert_substance(
    value: f64,
    from: &str,
    to: &str,
    grams_per_mole: Option<f64>,
) -> Option<f64> {
    if let Some(converted) = convert(value, from, to) {
        return Some(converted);
    }
    let grams_per_mole = grams_per_mole?;
    if let Some(grams_per_liter) = convert(value, from, "g/L") {
        return convert(grams_per_liter / grams_per_mole, "mol/L", to);
    }
    let moles_per_liter = convert(value, from, "mol/L")?;
    convert(moles_per_liter * grams_per_mole, "g/L", to)
}

/// How people read the unit: `mmHg` for `mm[Hg]`. The code itself where it reads well.
#[must_use]
pub fn display(ucum: &str) -> &str {
    aliases::display(ucum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn aliases_become_ucum() {
        for (text, ucum) in [
            ("bpm", "/min"),
            ("beats/min", "/min"),
            ("{beats}/min", "/min"),
            ("{breaths}/min", "/min"),
            ("beat/min", "/min"),
            ("1/min", "/min"),
            ("mmHg", "mm[Hg]"),
            ("°C", "Cel"),
            ("Cel", "Cel"),
            ("degF", "[degF]"),
            ("%RH", "%"),
            ("mg/dL", "mg/dL"),
            ("kg/m2", "kg/m2"),
            ("lb", "[lb_av]"),
        ] {
            assert_eq!(canonical(text), Unit::Ucum(ucum), "{text}");
        }
        for text in ["", "furlongs", "MMHG", "bananas/min", &"m".repeat(65)] {
            assert_eq!(canonical(text), Unit::Unknown(text), "{text}");
        }
    }

    #[test]
    fn every_alias_leads_to_valid_ucum() {
        for (alias, ucum) in aliases::all() {
            assert!(is_ucum(ucum), "{alias} -> {ucum}");
        }
    }

    #[test]
    fn conversions_hit_the_limits_of_rules_exactly() {
        assert_eq!(convert(100.4, "[degF]", "Cel"), Some(38.0));
        assert_eq!(convert(310.15, "K", "Cel"), Some(37.0));
        assert_eq!(convert(1.75, "m", "cm"), Some(175.0));
        assert_eq!(convert(0.21, "1", "%"), Some(21.0));
        assert_eq!(convert(1.0, "mg/dL", "mmol/L"), None);
        assert_eq!(convert(1.0, "kg", "Cel"), None);
        assert_eq!(convert(1.0, "kg", "nonsense"), None);
    }

    #[test]
    fn glucose_converts_by_its_molar_mass() {
        let glucose = crate::vocabulary::by_alias("glucose").unwrap();
        let milligrams = glucose.convert(10.0, "mmol/L", "mg/dL").unwrap();
        assert!((milligrams - 180.156).abs() < 1e-9, "{milligrams}");
        let moles = glucose.convert(180.156, "mg/dL", "mmol/L").unwrap();
        assert!((moles - 10.0).abs() < 1e-9, "{moles}");
        assert_eq!(
            crate::vocabulary::by_alias("weight")
                .unwrap()
                .convert(1.0, "kg", "mol"),
            None
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,70}", other in "[a-z\\[\\]{}/.0-9^*()-]{0,30}", value in any::<f64>()) {
            let _ = (canonical(&text), canonical(&other));
            let _ = (convert(value, &other, "kg"), convert(value, "Cel", &text));
        }
    }
}
