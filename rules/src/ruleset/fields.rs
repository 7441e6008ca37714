//! Reading TOML tables key by key: every fault is noted with its place, and reading goes on.

use super::Fault;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wardline_normalize::time::Micros;

/// Faults found so far, by place in the text.
#[derive(Debug)]
pub(crate) struct Faults<'t> {
    text: &'t str,
    found: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Notes a fault at a byte offset.
    pub(crate) fn at(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = self.place(offset);
        self.found.push(Fault {
            line,
            column,
            message: message.into(),
        });
    }

    /// Line and column of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).map_or(0, |rest| rest.chars().count()) + 1;
        (line, column)
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        self.found.dedup();
        self.found
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) offset: usize,
}

/// A table being read. Keys that nobody asked for are faults.
#[derive(Debug)]
pub(crate) struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'a, 'i> Fields<'a, 'i> {
    pub(crate) fn new(table: &'a DeTable<'i>, span: Range<usize>) -> Self {
        Self {
            table,
            span,
            asked: Vec::new(),
        }
    }

    /// Where the table starts.
    pub(crate) fn offset(&self) -> usize {
        self.span.start
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.asked.push(key);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn text(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<String>> {
        let found = self.get(key)?;
        let offset = found.span().start;
        let Some(value) = as_text(found.get_ref()) else {
            faults.at(offset, format!("`{key}` must be a text in quotes"));
            return None;
        };
        Some(At {
            value: value.to_owned(),
            offset,
        })
    }

    pub(crate) fn number(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<At<f64>> {
        let found = self.get(key)?;
        let offset = found.span().start;
        let Some(value) = as_number(found.get_ref()) else {
            faults.at(offset, format!("`{key}` must be a number"));
            return None;
        };
        Some(At { value, offset })
    }

    pub(crate) fn flag(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<bool> {
        let found = self.get(key)?;
        if let DeValue::Boolean(value) = found.get_ref() {
            return Some(*value);
        }
        faults.at(found.span().start, format!("`{key}` must be true or false"));
        None
    }

    /// `[low, high]`, low below high.
    pub(crate) fn pair(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<(f64, f64)>> {
        let found = self.get(key)?;
        let offset = found.span().start;
        let numbers: Option<Vec<f64>> = match found.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| as_number(item.get_ref())).collect(),
            _ => None,
        };
        match numbers.as_deref() {
            Some([low, high]) if low < high => Some(At {
                value: (*low, *high),
                offset,
            }),
            Some([_, _]) => {
                faults.at(
                    offset,
                    format!("`{key}`: the first number must be below the second"),
                );
                None
            }
            _ => {
                faults.at(offset, format!("`{key}` must be two numbers, [low, high]"));
                None
            }
        }
    }

    /// `5m`, `1h 30m`, `18y`.
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<Micros>> {
        let At { value, offset } = self.text(key, faults)?;
        let value = micros(key, &value, offset, faults)?;
        Some(At { value, offset })
    }

    pub(crate) fn texts(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<At<String>> {
        self.get(key)
            .map_or_else(Vec::new, |found| texts_of(key, found, faults))
    }

    /// A text, or a list of them.
    pub(crate) fn one_or_more(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<At<String>> {
        let Some(found) = self.get(key) else {
            return Vec::new();
        };
        if let DeValue::Array(items) = found.get_ref() {
            if items.is_empty() {
                faults.at(found.span().start, format!("`{key}` names nothing"));
            }
            return texts_of(key, found, faults);
        }
        self.text(key, faults).into_iter().collect()
    }

    /// A table whose keys are the writer's own, each with a duration.
    pub(crate) fn durations(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<(String, At<Micros>)> {
        let Some(found) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = found.get_ref() else {
            let offset = found.span().start;
            faults.at(offset, format!("`{key}` must be a table of durations"));
            return Vec::new();
        };
        let own = table.iter().filter_map(|(name, value)| {
            let name = name.get_ref().as_ref().to_owned();
            let offset = value.span().start;
            let Some(text) = as_text(value.get_ref()) else {
                faults.at(offset, format!("`{name}` must be a text in quotes"));
                return None;
            };
            let value = micros(&name, text, offset, faults)?;
            Some((name, At { value, offset }))
        });
        own.collect()
    }

    /// A table whose keys are the writer's own, each with a list of texts.
    pub(crate) fn lists(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<(String, Vec<At<String>>)> {
        let Some(found) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = found.get_ref() else {
            faults.at(
                found.span().start,
                format!("`{key}` must be a table of lists"),
            );
            return Vec::new();
        };
        let own = table.iter().map(|(name, value)| {
            let name = name.get_ref().as_ref().to_owned();
            let texts = texts_of(&name, value, faults);
            (name, texts)
        });
        own.collect()
    }

    /// A table whose keys are the writer's own, each with a word: a text, a whole number, or true or false.
    pub(crate) fn words(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<(String, At<String>)> {
        let Some(found) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = found.get_ref() else {
            let offset = found.span().start;
            faults.at(offset, format!("`{key}` must be a table of words"));
            return Vec::new();
        };
        let own = table.iter().filter_map(|(name, value)| {
            let name = name.get_ref().as_ref().to_owned();
            let offset = value.span().start;
            let value = match value.get_ref() {
                DeValue::String(text) => text.as_ref().to_owned(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
                DeValue::Boolean(value) => value.to_string(),
                _ => {
                    faults.at(offset, format!("`{name}` must be a word"));
                    return None;
                }
            };
            Some((name, At { value, offset }))
        });
        own.collect()
    }

    pub(crate) fn table(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<Fields<'a, 'i>> {
        let found = self.get(key)?;
        let DeValue::Table(table) = found.get_ref() else {
            faults.at(found.span().start, format!("`{key}` must be a table"));
            return None;
        };
        Some(Fields::new(table, found.span()))
    }

    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<Fields<'a, 'i>> {
        let Some(found) = self.get(key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        if let DeValue::Array(items) = found.get_ref() {
            for item in items.iter() {
                match item.get_ref() {
                    DeValue::Table(table) => tables.push(Fields::new(table, item.span())),
                    _ => faults.at(
                        item.span().start,
                        format!("`{key}` must be a list of tables"),
                    ),
                }
            }
        } else {
            faults.at(
                found.span().start,
                format!("`{key}` must be a list of tables"),
            );
        }
        tables
    }

    /// Whether the table has the key; does not count as asking for it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table
            .iter()
            .any(|(name, _)| name.get_ref().as_ref() == key)
    }

    /// Faults for the keys that nobody asked for.
    pub(crate) fn finish(self, of: &str, faults: &mut Faults<'_>) {
        for (name, _) in self.table.iter() {
            let key = name.get_ref().as_ref();
            if !self.asked.contains(&key) {
                faults.at(
                    name.span().start,
                    format!(
                        "unknown key `{key}` in {of}; known: {}",
                        self.asked.join(", ")
                    ),
                );
            }
        }
    }
}

/// Keeps sums of durations and times far from overflow.
const LONGEST: Micros = 200 * 365 * 86_400 * 1_000_000;

fn micros(key: &str, text: &str, offset: usize, faults: &mut Faults<'_>) -> Option<Micros> {
    let parsed = humantime::parse_duration(text).ok();
    let micros = parsed.and_then(|d| Micros::try_from(d.as_micros()).ok());
    match micros {
        Some(micros) if micros <= LONGEST => Some(micros),
        Some(_) => {
            faults.at(offset, format!("`{key}` is longer than 200 years"));
            None
        }
        None => {
            faults.at(
                offset,
                format!(
                    "`{key}` must be a duration like \"30s\", \"5m\" or \"1h 30m\", not \"{text}\""
                ),
            );
            None
        }
    }
}

fn texts_of(key: &str, found: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Vec<At<String>> {
    let must = format!("`{key}` must be a list of texts");
    let DeValue::Array(items) = found.get_ref() else {
        faults.at(found.span().start, must);
        return Vec::new();
    };
    let mut texts = Vec::new();
    for item in items.iter() {
        match as_text(item.get_ref()) {
            Some(text) => texts.push(At {
                value: text.to_owned(),
                offset: item.span().start,
            }),
            None => faults.at(item.span().start, must.as_str()),
        }
    }
    texts
}

fn as_text<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    if let DeValue::String(text) = value {
        Some(text.as_ref())
    } else {
        None
    }
}

fn as_number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse::<f64>().ok(),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}
