//! Query strings and forms.

use wardline_normalize::time::parse_rfc3339;

use crate::backend::Micros;
use crate::reply::Failure;

/// Most entries of a list answer.
pub(crate) const MAX_LIMIT: usize = 1_000;
/// Entries of a list answer when none are asked for.
pub(crate) const DEFAULT_LIMIT: usize = 100;
/// Most parameters of one request: far above any real search.
const MAX_PARAMS: usize = 128;

/// Decoded name and value pairs, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .take(MAX_PARAMS + 1)
            .collect();
        if pairs.len() > MAX_PARAMS {
            return Err(Failure::invalid("too many parameters"));
        }
        Ok(Self(pairs))
    }

    pub(crate) fn and(mut self, more: Params) -> Self {
        self.0.extend(more.0);
        self
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of a parameter that may stand once. An empty one counts as absent.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut found = self
            .0
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty());
        let first = found.next();
        if found.next().is_some() {
            return Err(Failure::invalid(format!(
                "parameter {name} is given more than once"
            )));
        }
        Ok(first.map(|(_, value)| value.as_str()))
    }

    pub(crate) fn owned(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.one(name)?.map(str::to_owned))
    }

    /// A list: comma-separated, repeated, or both.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(key, _)| key == name)
            .flat_map(|(_, value)| value.split(','))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A list of words from a closed set.
    pub(crate) fn words(&self, name: &str, known: &[&str]) -> Result<Vec<String>, Failure> {
        let words = self.list(name);
        match words.iter().find(|word| !known.contains(&word.as_str())) {
            None => Ok(words),
            Some(_) => Err(Failure::invalid(format!(
                "{name} must be of: {}",
                known.join(", ")
            ))),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Failure::invalid(format!("{name} must be true or false"))),
        }
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<Micros>, Failure> {
        self.one(name)?.map(|text| time(name, text)).transpose()
    }

    pub(crate) fn limit(&self) -> Result<usize, Failure> {
        match self.one("limit")? {
            None => Ok(DEFAULT_LIMIT),
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
                _ => Err(Failure::invalid(format!(
                    "limit must be from 1 to {MAX_LIMIT}"
                ))),
            },
        }
    }
}

/// An RFC 3339 time. A `+` that a client forgot to encode arrives as a space and is understood.
pub(crate) fn time(name: &str, text: &str) -> Result<Micros, Failure> {
    parse_rfc3339(&text.replace(' ', "+"))
        .ok_or_else(|| Failure::invalid(format!("{name} must be a time as 2026-11-22T13:00:00Z")))
}

/// Whether a text may be an opaque id: FHIR's rule, with the few characters our own marks add.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte))
}
