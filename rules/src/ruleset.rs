//! Rules files (design 5.6): TOML to checked rules, every fault at once.

mod condition;
pub(crate) mod fields;
mod judge;
mod life;
mod limits;
pub(crate) mod parse;
mod rule;

use crate::{Priority, Score};
use fields::{Faults, Fields};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use toml::de::DeTable;
use wardline_normalize::time::Micros;

pub(crate) use rule::ABSENT;
use rule::Ladders;
pub use rule::{
    AppliesTo, Baseline, Clear, ClearLimit, Condition, Each, Escalation, Feed, Judge, Limit,
    Measure, Method, Rule, Signal, Take, Words,
};

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
    ladders: Ladders,
    review: LimitReview,
}

/// When people are asked to look at a patient's own limit again. The table `[limits]` of a rules file:
///
/// ```toml
/// [limits]
/// review-after = "7d"      # set, or last reviewed, longer ago than this by the log clock
/// review-alerts = 10       # or more alerts of its rule on the patient than this within 24 h
/// ```
///
/// The values here are those of a file that does not say. The reminder is a technical alert `limit:review` of priority
/// info on the patient, which pages nobody, and is over once the limit is reviewed, replaced or at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReview {
    pub after: Micros,
    pub alerts: u32,
}

impl RuleSet {
    /// A rule set without rules.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            text: String::new(),
            version: version(""),
            rules: Vec::new(),
            ladders: Ladders::default(),
            review: LimitReview::default(),
        }
    }

    /// Reads and checks a rules file.
    ///
    /// # Errors
    /// Every fault of the file, in order of appearance.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            faults.at(error.span().map_or(0, |span| span.start), error.message());
        }
        let mut fields = Fields::new(document.get_ref(), document.span());
        let rules = fields.tables("rule", &mut faults);
        let scores: Vec<usize> = fields
            .tables("score", &mut faults)
            .iter()
            .map(Fields::offset)
            .collect();
        let zone = judge::zone(&mut fields, &mut faults);
        let ladders = life::ladders(&mut fields, &mut faults);
        let review = limits::review(&mut fields, &mut faults);
        fields.finish("a rules file", &mut faults);
        let site = parse::Site {
            scores: own_scores(text, &scores, &mut faults),
            zone: zone.unwrap_or(chrono_tz::UTC),
            ladders,
        };
        let parsed: Vec<_> = rules
            .into_iter()
            .map(|table| parse::rule(table, &site, &mut faults))
            .collect();
        let mut ids = HashSet::new();
        for id in parsed.iter().filter_map(|parsed| parsed.id.as_ref()) {
            if !ids.insert(id.value.as_str()) {
                faults.at(id.offset, format!("a second rule with id `{}`", id.value));
            }
        }
        for rule in &parsed {
            for by in &rule.inhibited_by {
                if rule.id.as_ref().is_some_and(|id| id.value == by.value) {
                    faults.at(by.offset, "a rule cannot inhibit itself");
                } else if !ids.contains(by.value.as_str()) {
                    faults.at(
                        by.offset,
                        format!("`inhibited-by`: there is no rule `{}`", by.value),
                    );
                }
            }
        }
        let faults = faults.into_sorted();
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = parsed
            .into_iter()
            .filter_map(|parsed| parsed.rule)
            .collect();
        Ok(Self {
            text: text.to_owned(),
            version: version(text),
            rules,
            ladders: site.ladders,
            review,
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

    /// When limits are to be reviewed.
    #[must_use]
    pub fn limit_review(&self) -> LimitReview {
        self.review
    }

    /// In the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whom an alert of this priority goes up to that has no ladder of its own.
    #[must_use]
    pub fn escalation(&self, priority: Priority) -> &[Escalation] {
        self.ladders.of(priority)
    }

    /// Everybody whom an escalation names, sorted: routing has to know them.
    #[must_use]
    pub fn escalation_targets(&self) -> Vec<&str> {
        let defaults = Priority::ALL
            .iter()
            .map(|priority| self.escalation(*priority));
        let own = self.rules.iter().map(|rule| rule.escalate.as_slice());
        let named = defaults.chain(own).flatten().map(|step| step.to.as_str());
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The file's own score tables, where they begin being known.
fn own_scores(text: &str, offsets: &[usize], faults: &mut Faults<'_>) -> Vec<Arc<Score>> {
    #[derive(serde::Deserialize)]
    struct Own {
        #[serde(default)]
        score: Vec<Score>,
    }
    let Some(first) = offsets.first() else {
        return Vec::new();
    };
    let own: Own = match toml::from_str(text) {
        Ok(own) => own,
        Err(error) => {
            faults.at(
                error.span().map_or(*first, |span| span.start),
                error.message(),
            );
            return Vec::new();
        }
    };
    let mut tables: Vec<Arc<Score>> = Vec::new();
    for (score, offset) in own.score.into_iter().zip(offsets) {
        if tables.iter().any(|known| known.id == score.id) {
            faults.at(*offset, format!("a second score with id `{}`", score.id));
        }
        match score.checked() {
            Ok(score) => tables.push(Arc::new(score)),
            Err(found) => {
                for fault in found {
                    faults.at(*offset, format!("score: {fault}"));
                }
            }
        }
    }
    tables
}

/// Short hash of a text.
pub(crate) fn version(text: &str) -> String {
    format!("{:012x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()) >> 16)
}

#[cfg(test)]
mod tests;
