//! A score's table, read from TOML and checked.

use super::typed::Typed;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashSet};
use wardline_normalize::time::Micros;

/// Most settings and inputs of a table: the longest published score has a third of it.
pub(super) const MAX_INPUTS: usize = 32;

/// A score: inputs, the points they give, and the bands of the total.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    pub id: String,
    /// For people.
    pub title: String,
    /// Where the points come from.
    pub source: String,
    /// LOINC of the total, if it has one.
    pub loinc: Option<String>,
    /// Inputs that give no points and decide how others are read.
    #[serde(default, rename = "setting")]
    pub(super) settings: Vec<Setting>,
    #[serde(rename = "input")]
    pub(super) inputs: Vec<Input>,
    /// The first that fits is the band; none fits: `none`.
    #[serde(default, rename = "level")]
    pub(super) levels: Vec<Level>,
    /// The same without words, for the engine.
    #[serde(skip)]
    pub(super) typed: Typed,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub(super) name: String,
    /// LOINC, MDC id or alias of the observations that state it.
    pub(super) metric: Option<String>,
    pub(super) words: Vec<String>,
    /// For people; the name if there is none.
    pub(super) title: Option<String>,
    /// What is taken for a patient of whom nothing is recorded; a site decides so.
    pub(super) assume: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) name: String,
    /// Counts once together with the others of the group.
    pub(super) group: Option<String>,
    /// Place of the group, alone or not, in the order of the table.
    #[serde(skip)]
    pub(super) group_index: usize,
    /// LOINC, MDC id or alias of the readings that feed it.
    pub(super) metric: Option<String>,
    /// UCUM unit of the bands.
    pub(super) unit: Option<String>,
    /// Decimals that a number is rounded to before it is looked up.
    #[serde(default)]
    pub(super) decimals: u8,
    /// How long a value counts where the rule does not say: what a laboratory measures once a day.
    #[serde(default, rename = "max-age", deserialize_with = "age")]
    pub(super) max_age: Option<Micros>,
    /// In rising order; the last has no `to`.
    #[serde(default)]
    pub(super) bands: Vec<Band>,
    /// Bands that depend on other inputs.
    #[serde(default, rename = "case")]
    pub(super) cases: Vec<Case>,
    /// For an input that is a word.
    #[serde(default)]
    pub(super) words: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    /// Highest value in it, included.
    pub(super) to: Option<f64>,
    pub(super) points: u8,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) when: BTreeMap<String, String>,
    /// `when` by places in [`Score::names`].
    #[serde(skip)]
    pub(super) decides: Vec<(usize, String)>,
    pub(super) bands: Vec<Band>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Word {
    pub(super) word: String,
    pub(super) points: u8,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    pub(super) band: String,
    /// The total is at least this.
    pub(super) total: Option<u32>,
    /// A single input gives at least this.
    pub(super) part: Option<u8>,
}

/// `12h`; longer than nothing.
fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Micros>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let age = humantime::parse_duration(&text).ok();
    let age = age.and_then(|age| Micros::try_from(age.as_micros()).ok());
    let age = age.filter(|age| *age > 0);
    let wrong = || D::Error::custom(format!("`max-age`: \"{text}\" is no duration like \"12h\""));
    age.map(Some).ok_or_else(wrong)
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreFault {
    #[error("{0}")]
    Toml(String),
    #[error("more than {MAX_INPUTS} settings and inputs")]
    TooMany,
    #[error("{0:?} is there twice")]
    Twice(String),
    #[error("input {0:?} needs exactly one of `bands`, `case` and `words`")]
    Kind(String),
    #[error("input {0:?}: bands rise, and the last has no `to`")]
    Bands(String),
    #[error(
        "input {input:?}: `when` asks for {name:?} = {word:?}, which no setting or input can be"
    )]
    When {
        input: String,
        name: String,
        word: String,
    },
    #[error("setting {0:?}: `assume` is none of its words")]
    Assume(String),
    #[error("level {0:?} needs `total` or `part`")]
    Level(String),
}

impl Score {
    /// Reads a table; every fault at once.
    pub fn parse(text: &str) -> Result<Self, Vec<ScoreFault>> {
        let score: Self =
            toml::from_str(text).map_err(|error| vec![ScoreFault::Toml(error.to_string())])?;
        score.checked()
    }

    /// A table as it was read, if it has no fault.
    pub(crate) fn checked(mut self) -> Result<Self, Vec<ScoreFault>> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        let mut groups: Vec<String> = Vec::new();
        for input in &mut self.inputs {
            let group = input.group.as_ref().unwrap_or(&input.name);
            let known = groups.iter().position(|known| known == group);
            input.group_index = known.unwrap_or(groups.len());
            if known.is_none() {
                groups.push(group.clone());
            }
            for case in &mut input.cases {
                let place = |name: &String| names.iter().position(|known| known == name);
                let decides = case.when.iter();
                case.decides = decides
                    .filter_map(|(name, word)| Some((place(name)?, word.clone())))
                    .collect();
            }
        }
        self.typed = Typed::new(&self);
        Ok(self)
    }

    fn faults(&self) -> Vec<ScoreFault> {
        let mut faults = Vec::new();
        if self.names().count() > MAX_INPUTS {
            faults.push(ScoreFault::TooMany);
        }
        let mut names = HashSet::new();
        let settings = self.settings.iter().map(|setting| &setting.name);
        for name in settings.chain(self.inputs.iter().map(|input| &input.name)) {
            if !names.insert(name) {
                faults.push(ScoreFault::Twice(name.clone()));
            }
        }
        for setting in &self.settings {
            if let Some(word) = &setting.assume
                && !setting.words.contains(word)
            {
                faults.push(ScoreFault::Assume(setting.name.clone()));
            }
        }
        for input in &self.inputs {
            let kinds = [
                !input.bands.is_empty(),
                !input.cases.is_empty(),
                !input.words.is_empty(),
            ];
            if kinds.into_iter().filter(|kind| *kind).count() != 1 {
                faults.push(ScoreFault::Kind(input.name.clone()));
            }
            let lists = input.cases.iter().map(|case| &case.bands);
            let lists = lists.chain((!input.bands.is_empty()).then_some(&input.bands));
            for bands in lists {
                if !rise(bands) {
                    faults.push(ScoreFault::Bands(input.name.clone()));
                }
            }
            for (name, word) in input.cases.iter().flat_map(|case| &case.when) {
                if !self.can_be(name, word) {
                    faults.push(ScoreFault::When {
                        input: input.name.clone(),
                        name: name.clone(),
                        word: word.clone(),
                    });
                }
            }
        }
        for level in &self.levels {
            if level.total.is_none() && level.part.is_none() {
                faults.push(ScoreFault::Level(level.band.clone()));
            }
        }
        faults
    }

    /// The same table, where `word` is taken for a setting of which nothing is recorded; by its name or its metric.
    ///
    /// # Errors
    /// Why not, for whoever writes the rules. Inputs that give points are never assumed.
    pub(crate) fn assuming(&self, name: &str, word: &str) -> Result<Self, String> {
        let mut table = self.clone();
        let mut settings = table.settings.iter_mut();
        let named =
            |setting: &Setting| setting.name == name || setting.metric.as_deref() == Some(name);
        let Some(setting) = settings.find(|setting| named(setting)) else {
            let known: Vec<&str> = self.settings.iter().map(|known| &*known.name).collect();
            return Err(match known.is_empty() {
                true => format!("{} has no setting that could be assumed", self.title),
                false => format!(
                    "{} has no setting `{name}`; its settings: {}",
                    self.title,
                    known.join(", ")
                ),
            });
        };
        if !setting.words.iter().any(|known| known == word) {
            let known = setting.words.join(" or ");
            return Err(format!("{name} is {known}, not {word}"));
        }
        setting.assume = Some(word.to_owned());
        table.typed = Typed::new(&table);
        Ok(table)
    }

    fn can_be(&self, name: &str, word: &str) -> bool {
        let setting = self.settings.iter().find(|setting| setting.name == name);
        let input = self.inputs.iter().find(|input| input.name == name);
        setting.is_some_and(|setting| setting.words.iter().any(|known| known == word))
            || input.is_some_and(|input| input.words.iter().any(|known| known.word == word))
    }

    /// Names of settings and inputs, in the order of the table.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let settings = self.settings.iter().map(|setting| setting.name.as_str());
        settings.chain(self.inputs.iter().map(|input| input.name.as_str()))
    }

    /// Whether this place in [`Score::names`] is a setting.
    pub(crate) fn is_setting(&self, place: usize) -> bool {
        place < self.settings.len()
    }

    /// What a word of this name may be; `None` for numbers and unknown names.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<Vec<&str>> {
        if let Some(setting) = self.settings.iter().find(|setting| setting.name == name) {
            return Some(setting.words.iter().map(String::as_str).collect());
        }
        let input = self.inputs.iter().find(|input| input.name == name)?;
        (!input.words.is_empty())
            .then(|| input.words.iter().map(|word| word.word.as_str()).collect())
    }

    /// How long a value of this input counts, if the table says so.
    pub(crate) fn max_age(&self, name: &str) -> Option<Micros> {
        let input = self.inputs.iter().find(|input| input.name == name)?;
        input.max_age
    }

    /// What feeds an input: metric (LOINC, MDC id or alias) and, for numbers, UCUM unit.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<(&str, Option<&str>)> {
        if let Some(setting) = self.settings.iter().find(|setting| setting.name == name) {
            return Some((setting.metric.as_deref()?, None));
        }
        let input = self.inputs.iter().find(|input| input.name == name)?;
        Some((input.metric.as_deref()?, input.unit.as_deref()))
    }
}

fn rise(bands: &[Band]) -> bool {
    let Some((last, others)) = bands.split_last() else {
        return false;
    };
    last.to.is_none()
        && others.iter().all(|band| band.to.is_some())
        && others.windows(2).all(|pair| pair[0].to < pair[1].to)
}
