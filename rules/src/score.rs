//! Early warning scores: tables as data, evaluated without ever being silently complete.
//!
//! A table ([`Score`]) lists inputs with their points. Shipped are NEWS2, MEWS, qSOFA and SIRS (`rules/scores`, each
//! with its source); a site's own are TOML files of the same form.
//!
//! * Numbers are rounded to the input's decimals first, half up: the charts are for whole numbers (temperature 0.1).
//! * What is missing is named. The score then has no total, but a lower bound: what is known, and the least that the
//!   missing inputs can give. Its band is that of the lower bound: at least this.
//! * Inputs of one group count once, the highest of them; the group is known as soon as one of its inputs is.

mod evaluate;
mod plausible;
mod table;
mod typed;

pub use evaluate::{Assumed, Given, Outcome, Part};
pub use table::{Score, ScoreFault};
pub(crate) use typed::Sum;

/// The shipped tables by id.
const SHIPPED: [(&str, &str); 4] = [
    ("news2", include_str!("../scores/news2.toml")),
    ("mews", include_str!("../scores/mews.toml")),
    ("qsofa", include_str!("../scores/qsofa.toml")),
    ("sirs", include_str!("../scores/sirs.toml")),
];

impl Score {
    /// A shipped table: `news2`, `mews`, `qsofa` or `sirs`.
    #[must_use]
    pub fn shipped(id: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(known, _)| *known == id)?;
        Some(Self::parse(text).expect("a test parses every shipped table"))
    }

    /// Ids of the shipped tables.
    pub fn shipped_ids() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests;
