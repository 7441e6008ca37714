//! Reads one table of the configuration setting by setting, keeping faults and origins.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Secret;

/// What is wrong with a setting, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<usize>,
    pub(crate) key: String,
    pub(crate) message: String,
}

/// A value in force and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// What all sections of one document share.
pub(crate) struct Context<'a> {
    pub(crate) text: &'a str,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) faults: RefCell<Vec<Fault>>,
    pub(crate) values: RefCell<Vec<Effective>>,
    /// Environment variables that were looked for.
    pub(crate) variables: RefCell<BTreeSet<String>>,
}

impl Context<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.as_bytes()[..span.start.min(self.text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1
    }

    pub(crate) fn fault(
        &self,
        key: impl Into<String>,
        span: Option<&Range<usize>>,
        message: impl Into<String>,
    ) {
        let line = span.map(|span| self.line(span));
        self.faults.borrow_mut().push(Fault {
            line,
            key: key.into(),
            message: message.into(),
        });
    }
}

/// One table. `take_*` methods read a key; [`Section::finish`] reports the keys nobody read.
pub(crate) struct Section<'a, 'd> {
    context: &'a Context<'a>,
    path: String,
    table: Option<&'a DeTable<'d>>,
    known: RefCell<BTreeSet<String>>,
}

impl<'a, 'd> Section<'a, 'd> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        path: &str,
        table: Option<&'a DeTable<'d>>,
    ) -> Self {
        Self {
            context,
            path: path.to_owned(),
            table,
            known: RefCell::default(),
        }
    }

    pub(crate) fn present(&self) -> bool {
        self.table.is_some()
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn raw(&self, name: &str) -> Option<&'a Spanned<DeValue<'d>>> {
        self.known.borrow_mut().insert(name.to_owned());
        self.table.and_then(|table| table.get(name))
    }

    /// A sub-table, absent or present.
    pub(crate) fn section(&self, name: &str) -> Section<'a, 'd> {
        let table = match self.raw(name) {
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => Some(table),
                other => {
                    self.wrong(name, value.span(), "a table", other);
                    None
                }
            },
            None => None,
        };
        Section::new(self.context, &self.key(name), table)
    }

    /// An array of tables, each with its index in the path.
    pub(crate) fn sections(&self, name: &str) -> Vec<Section<'a, 'd>> {
        let Some(value) = self.raw(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(name, value.span(), "an array of tables", value.get_ref());
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::new(
                        self.context,
                        &format!("{}[{index}]", self.key(name)),
                        Some(table),
                    ));
                }
                other => self.wrong(name, item.span(), "a table", other),
            }
        }
        sections
    }

    fn wrong(&self, name: &str, span: Range<usize>, wanted: &str, got: &DeValue<'_>) {
        let got = got.type_str();
        self.context.fault(
            self.key(name),
            Some(&span),
            format!("expected {wanted}, found {got}"),
        );
    }

    /// The text of a scalar: environment first, then file.
    fn scalar(&self, name: &str) -> Option<(String, String, Option<Range<usize>>)> {
        let raw = self.raw(name);
        let key = self.key(name);
        let variable = format!(
            "WARDLINE_{}",
            key.to_uppercase()
                .replace(['.', '-', '['], "_")
                .replace(']', "")
        );
        self.context.variables.borrow_mut().insert(variable.clone());
        if let Some(text) = (self.context.env)(&variable) {
            return Some((text, format!("environment {variable}"), None));
        }
        let value = raw?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            other => {
                self.wrong(name, value.span(), "a single value", other);
                return None;
            }
        };
        Some((
            text,
            format!("file line {}", self.context.line(&value.span())),
            Some(value.span()),
        ))
    }

    fn record(&self, name: &str, value: String, origin: String) {
        self.context.values.borrow_mut().push(Effective {
            key: self.key(name),
            value,
            origin,
        });
    }

    /// A setting read by `parse`, or none; `parse` says what it expected.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, origin, span) = self.scalar(name)?;
        match parse(&text) {
            Ok(value) => {
                self.record(name, text, origin);
                Some(value)
            }
            Err(expected) => {
                let shown = format!("{text:?} is not {expected}");
                self.context.fault(self.key(name), span.as_ref(), shown);
                None
            }
        }
    }

    /// A setting with a default, given as the text a user would write.
    pub(crate) fn take<T>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let faults = self.context.faults.borrow().len();
        if let Some(value) = self.optional(name, &parse) {
            return value;
        }
        if self.context.faults.borrow().len() == faults {
            self.record(name, default.to_owned(), "default".to_owned());
        }
        parse(default).expect("defaults are checked by a test")
    }

    /// Says that a setting is missing, unless it is there with a fault of its own.
    pub(crate) fn missing(&self, name: &str) {
        let key = self.key(name);
        let known = self.context.faults.borrow().iter().any(|f| f.key == key);
        if !known {
            self.context.fault(key, None, "is missing");
        }
    }

    /// A setting that must be there.
    pub(crate) fn required(&self, name: &str) -> String {
        let faults = self.context.faults.borrow().len();
        match self.optional(name, text) {
            Some(value) => value,
            None => {
                if self.context.faults.borrow().len() == faults {
                    self.context.fault(self.key(name), None, "is missing");
                }
                String::new()
            }
        }
    }

    /// A secret: `name` gives the text, `name-file` the file that holds it. Printed masked.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        let file_key = format!("{name}-file");
        let file = self.optional(&file_key, path);
        let inline = self.scalar(name);
        match (inline, file) {
            (Some(_), Some(_)) => {
                self.context.fault(
                    self.key(name),
                    None,
                    format!("give {name} or {file_key}, not both"),
                );
                None
            }
            (Some((value, origin, _)), None) => {
                self.record(name, "******".to_owned(), origin);
                Some(Secret(value))
            }
            (None, Some(file)) => match std::fs::read_to_string(&file) {
                Ok(value) => Some(Secret(value.trim_end_matches(['\n', '\r']).to_owned())),
                Err(error) => {
                    self.context.fault(
                        self.key(&file_key),
                        None,
                        format!("cannot read {}: {error}", file.display()),
                    );
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// A list of strings.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let Some(value) = self.raw(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(name, value.span(), "a list of strings", value.get_ref());
            return Vec::new();
        };
        let mut list = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => list.push(text.to_string()),
                other => self.wrong(name, item.span(), "a string", other),
            }
        }
        self.record(
            name,
            list.join(", "),
            format!("file line {}", self.context.line(&value.span())),
        );
        list
    }

    /// Reports a fault of several settings together.
    pub(crate) fn fault(&self, name: &str, message: impl Into<String>) {
        let span = self
            .table
            .and_then(|table| table.get(name))
            .map(Spanned::span);
        self.context.fault(self.key(name), span.as_ref(), message);
    }

    /// Reports the keys that no setting has read.
    pub(crate) fn finish(&self) {
        let Some(table) = self.table else { return };
        let known = self.known.borrow();
        for (name, _) in table.iter() {
            if !known.contains(name.get_ref().as_ref()) {
                let choices = known.iter().cloned().collect::<Vec<_>>().join(", ");
                let message = format!("is not a setting here; settings are: {choices}");
                self.context
                    .fault(self.key(name.get_ref()), Some(&name.span()), message);
            }
        }
    }
}

pub(crate) fn text(value: &str) -> Result<String, String> {
    if value.is_empty() {
        Err("a non-empty text".to_owned())
    } else {
        Ok(value.to_owned())
    }
}

pub(crate) fn path(value: &str) -> Result<PathBuf, String> {
    text(value)
        .map(PathBuf::from)
        .map_err(|_| "a path".to_owned())
}

pub(crate) fn flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "true or false".to_owned())
}

pub(crate) fn address(value: &str) -> Result<std::net::SocketAddr, String> {
    value
        .parse()
        .map_err(|_| "an address with port, such as 127.0.0.1:8080".to_owned())
}

pub(crate) fn duration(value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value).map_err(|_| "a duration such as 10s or 5m".to_owned())
}

pub(crate) fn number<T: std::str::FromStr + PartialOrd + Copy + std::fmt::Display>(
    low: T,
    high: T,
) -> impl Fn(&str) -> Result<T, String> {
    move |value| match value.parse::<T>() {
        Ok(number) if number >= low && number <= high => Ok(number),
        _ => Err(format!("a whole number from {low} to {high}")),
    }
}

/// Bytes, plain or with KiB, MiB or GiB.
pub(crate) fn bytes(value: &str) -> Result<u64, String> {
    let wrong = || "a size such as 512KiB or 1MiB".to_owned();
    let value = value.trim();
    let (digits, factor) = [
        ("KiB", 1024),
        ("MiB", 1024 * 1024),
        ("GiB", 1024 * 1024 * 1024),
    ]
    .into_iter()
    .find_map(|(suffix, factor)| value.strip_suffix(suffix).map(|digits| (digits, factor)))
    .unwrap_or((value, 1));
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// An id that may stand in a topic (FHIR's `id`, 64 characters).
pub(crate) fn id(value: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if (1..=64).contains(&value.len()) && value.chars().all(good) {
        Ok(value.to_owned())
    } else {
        Err("an id of 1 to 64 letters, digits, '-' or '.'".to_owned())
    }
}
