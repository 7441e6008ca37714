//! What is known of models that depart from the specification: `quirks.toml`, built in.

use std::sync::LazyLock;

use serde::Deserialize;
use wardline_gateway::gatt::Quirks;

/// An entry of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Entry {
    pub(crate) name: String,
    maker: Option<String>,
    /// Beginning of the model number.
    model: Option<String>,
    effects: Vec<Effect>,
    source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Effect {
    CgmOctetsReversed,
    SpecialAnyExponent,
    TrailingBytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    entry: Vec<Entry>,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let file: File =
        toml::from_str(include_str!("quirks.toml")).expect("the built-in file is tested");
    file.entry
});

/// The entry with this name.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// Names of all entries.
pub(crate) fn names() -> Vec<&'static str> {
    ENTRIES.iter().map(|entry| entry.name.as_str()).collect()
}

/// The entry of a model, by what its Device Information says. Of several, the one with the longest model.
pub(crate) fn of_model(maker: &str, model: &str) -> Option<&'static Entry> {
    ENTRIES
        .iter()
        .filter(|entry| entry.maker.as_deref() == Some(maker))
        .filter(|entry| {
            let known = entry.model.as_deref().unwrap_or_default();
            model.starts_with(known)
        })
        .max_by_key(|entry| entry.model.as_deref().map_or(0, str::len))
}

impl Entry {
    /// With what the entry says.
    pub(crate) fn apply(&self, mut quirks: Quirks) -> Quirks {
        for effect in &self.effects {
            match effect {
                Effect::CgmOctetsReversed => quirks.cgm_octets_reversed = true,
                Effect::SpecialAnyExponent => quirks.special_any_exponent = true,
                Effect::TrailingBytes => quirks.trailing_bytes = true,
            }
        }
        quirks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ENTRIES.len());
        for entry in ENTRIES.iter() {
            assert!(!entry.effects.is_empty() && !entry.source.is_empty());
            assert!(
                entry.model.is_none() || entry.maker.is_some(),
                "{}",
                entry.name
            );
            assert_ne!(entry.apply(Quirks::default()), Quirks::default());
        }
    }

    #[test]
    fn models_are_found_by_maker_and_beginning() {
        let found = of_model("NordicSemiconductor", "any").expect("known");
        assert!(found.apply(Quirks::default()).cgm_octets_reversed);
        assert_eq!(of_model("nobody", "any"), None);
        assert_eq!(of_model("", ""), None);
    }
}
