//! A checked routing file.

use crate::Fault;
use wardline_normalize::time::Micros;

use super::{Facts, OnCall, Told, Watch};

/// A checked routing file.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    text: String,
    version: String,
}

impl Routing {
    /// Reads and checks a routing file.
    ///
    /// # Errors
    /// Every fault of the file, in order of appearance.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        Ok(Self {
            text: text.to_owned(),
            version: crate::ruleset::version(text),
        })
    }

    /// The file as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Short hash of the text: 12 hexadecimal digits.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Names that rules may `escalate` to.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Names of the receivers that the file mentions, each once.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// What the file leaves open, as hours in which nobody is on call.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &[]
    }

    /// Faults against the configured receivers and the words that rules `escalate` to.
    #[must_use]
    pub fn check(&self, _channels: &[&str], _rule_targets: &[&str]) -> Vec<Fault> {
        Vec::new()
    }

    /// Every calendar at a time.
    #[must_use]
    pub fn watch(&self, _at: Micros) -> Vec<Watch> {
        Vec::new()
    }

    /// Every schedule at a time.
    #[must_use]
    pub fn on_call(&self, _at: Micros) -> Vec<OnCall> {
        Vec::new()
    }

    /// Who would be told of a page at a time, in the order of the routes.
    #[must_use]
    pub fn who(&self, _facts: &Facts, _at: Micros) -> Vec<Told> {
        Vec::new()
    }
}
