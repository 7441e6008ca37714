//! Rules files (design 5.6): TOML to checked rules, every fault at once.

mod rule;

pub use rule::{AppliesTo, Clear, ClearLimit, Condition, Escalation, Limit, Rule};

/// Something wrong with a rules file. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// A checked rules file.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    text: String,
    version: String,
    rules: Vec<Rule>,
}

impl RuleSet {
    /// A rule set without rules.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            text: String::new(),
            version: version(""),
            rules: Vec::new(),
        }
    }

    /// Reads and checks a rules file.
    ///
    /// # Errors
    /// Every fault of the file, in order of appearance.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let rules = Vec::new();
        Ok(Self {
            text: text.to_owned(),
            version: version(text),
            rules,
        })
    }

    /// Short hash of the text: 12 hexadecimal digits.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// In the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

fn version(text: &str) -> String {
    format!("{:012x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 16)
}
