//! Reads typed members out of a document's syntax tree and notes every fault on the way.

use jsonc_parser::ast::{StringLit, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::nearest::hint;
use super::{At, Document, Fault, Severity};

/// As Json.NET: missing commas and unary plus are errors, the rest is taken.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: true,
    allow_unary_plus_numbers: false,
};

/// The document's text, and what was found in it so far.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    document: Document,
    faults: Vec<Fault>,
}

/// The members of an object, each found by a name without case; of equal names the last counts.
pub(super) struct Members<'o, 't> {
    at: usize,
    pub(super) path: String,
    list: Vec<Member<'o, 't>>,
}

struct Member<'o, 't> {
    name: &'o str,
    at: usize,
    value: &'o Value<'t>,
}

impl<'o, 't> Members<'o, 't> {
    /// The member's value, `null` too.
    pub(super) fn get(&self, name: &str) -> Option<&'o Value<'t>> {
        let mut found = self.list.iter().rev();
        found
            .find(|member| member.name.eq_ignore_ascii_case(name))
            .map(|member| member.value)
    }

    /// The member's value if there is one but `null`.
    pub(super) fn present(&self, name: &str) -> Option<&'o Value<'t>> {
        self.get(name)
            .filter(|value| !matches!(value, Value::NullKeyword(_)))
    }

    /// The path of a member.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Where the object begins, in bytes.
    pub(super) const fn start(&self) -> usize {
        self.at
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, document: Document) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let newlines = text.bytes().enumerate().filter(|(_, c)| *c == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(i, _)| i + 1));
        Self {
            text,
            lines: lines.collect(),
            document,
            faults: Vec::new(),
        }
    }

    /// The syntax tree, or one fault.
    pub(super) fn parse(&mut self) -> Option<Value<'t>> {
        match parse_to_ast(self.text, &CollectOptions::default(), &OPTIONS) {
            Ok(tree) => {
                if tree.value.is_none() {
                    self.error(0, "", "the document is empty");
                }
                tree.value
            }
            Err(error) => {
                let message = error.kind().to_string();
                let mut letters = message.chars();
                let first = letters.next().map(|c| c.to_ascii_lowercase());
                let message: String = first.into_iter().chain(letters).collect();
                let mut at = error.range().start;
                if matches!(error.kind(), ParseErrorKind::ExpectedComma) {
                    // It is noticed behind the value before; people look at what follows.
                    let behind = self.text.get(at..).unwrap_or_default();
                    at += behind.len() - behind.trim_start().len();
                }
                self.error(at, "", format!("not JSON: {message}"));
                None
            }
        }
    }

    /// All findings, in the order of the document.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self.faults
    }

    /// Errors so far: a template is good if reading it adds none.
    pub(super) fn errors(&self) -> usize {
        self.faults.iter().filter(|fault| fault.is_error()).count()
    }

    pub(super) fn error(&mut self, at: usize, path: &str, message: impl Into<String>) {
        self.note(Severity::Error, self.at(at), path, message.into());
    }

    pub(super) fn warn(&mut self, at: usize, path: &str, message: impl Into<String>) {
        self.note(Severity::Warning, self.at(at), path, message.into());
    }

    pub(super) fn error_at(&mut self, at: At, path: &str, message: String) {
        self.note(Severity::Error, at, path, message);
    }

    fn note(&mut self, severity: Severity, at: At, path: &str, message: String) {
        self.faults.push(Fault {
            severity,
            document: self.document,
            line: at.line,
            column: at.column,
            path: path.to_owned(),
            message,
        });
    }

    /// Line and column of a byte of the text.
    pub(super) fn at(&self, byte: usize) -> At {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..byte).unwrap_or_default();
        At {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// Line and column of a character of a string, escapes counted as the one character that they stand for.
    pub(super) fn inside(&self, string: &StringLit<'_>, offset: usize) -> At {
        let body = string.range.start + 1;
        let mut rest = self
            .text
            .get(body..string.range.end - 1)
            .unwrap_or_default()
            .chars();
        let mut byte = body;
        for _ in 0..offset {
            let Some(c) = rest.next() else { break };
            byte += c.len_utf8();
            if c == '\\' {
                let escaped = rest.next().map_or(0, char::len_utf8);
                byte += escaped;
                if self.text.get(byte - 1..byte) == Some("u") {
                    let digits = self.text.get(byte..byte + 4).unwrap_or_default();
                    let high = digits.starts_with(['d', 'D'])
                        && digits.get(1..2).is_some_and(|c| "89abAB".contains(c));
                    let length = if high { 10 } else { 4 };
                    byte += length;
                    rest = self
                        .text
                        .get(byte..string.range.end - 1)
                        .unwrap_or_default()
                        .chars();
                }
            }
        }
        self.at(byte)
    }

    /// The members of an object; a fault if the value is none.
    pub(super) fn members<'o, 'x>(
        &mut self,
        value: &'o Value<'x>,
        path: &str,
    ) -> Option<Members<'o, 'x>> {
        let Value::Object(object) = value else {
            self.wrong_type(value, path, "an object");
            return None;
        };
        let members = Members {
            at: object.range.start,
            path: path.to_owned(),
            list: object
                .properties
                .iter()
                .map(|p| Member {
                    name: p.name.as_str(),
                    at: p.range.start,
                    value: &p.value,
                })
                .collect(),
        };
        let mut seen = std::collections::HashSet::new();
        for member in &members.list {
            if !seen.insert(member.name.to_ascii_lowercase()) {
                let path = members.path_of(member.name);
                self.warn(member.at, &path, "given twice; the last one counts");
            }
        }
        Some(members)
    }

    /// Notes the members that have no known name.
    pub(super) fn unknown(
        &mut self,
        members: &Members<'_, '_>,
        known: &[&str],
        severity: Severity,
    ) {
        for member in &members.list {
            if known
                .iter()
                .any(|known| known.eq_ignore_ascii_case(member.name))
            {
                continue;
            }
            let ignored = match severity {
                Severity::Error => "",
                Severity::Warning => " (ignored)",
            };
            let message = format!(
                "unknown property `{}`{ignored}{}",
                member.name,
                hint(member.name, known)
            );
            self.note(
                severity,
                self.at(member.at),
                &members.path_of(member.name),
                message,
            );
        }
    }

    /// The value of a member that must be there.
    pub(super) fn required<'o, 'x>(
        &mut self,
        members: &Members<'o, 'x>,
        name: &str,
    ) -> Option<&'o Value<'x>> {
        let value = members.present(name);
        if value.is_none() {
            let message = match members.get(name) {
                Some(_) => format!("required property `{name}` is null"),
                None => format!("missing required property `{name}`"),
            };
            let at = members.get(name).map_or(members.at, Ranged::start);
            self.error(at, &members.path_of(name), message);
        }
        value
    }

    /// The text of a member that must be there.
    pub(super) fn required_text(
        &mut self,
        members: &Members<'_, '_>,
        name: &str,
    ) -> Option<String> {
        let value = self.required(members, name)?;
        self.text(value, &members.path_of(name))
    }

    /// The text of a member that may be absent or null.
    pub(super) fn optional_text(
        &mut self,
        members: &Members<'_, '_>,
        name: &str,
    ) -> Option<String> {
        let value = members.present(name)?;
        self.text(value, &members.path_of(name))
    }

    /// A string. Like Json.NET, a number is taken as its text, with a warning.
    pub(super) fn text(&mut self, value: &Value<'_>, path: &str) -> Option<String> {
        match value {
            Value::StringLit(string) => Some(string.value.to_string()),
            Value::NumberLit(number) => {
                self.warn(
                    number.range.start,
                    path,
                    "a number where a string belongs; its text is taken",
                );
                Some(number.value.to_owned())
            }
            _ => {
                self.wrong_type(value, path, "a string");
                None
            }
        }
    }

    /// The elements of a member's array with their paths; absent and null have none.
    pub(super) fn elements<'o, 'x>(
        &mut self,
        members: &Members<'o, 'x>,
        name: &str,
    ) -> Vec<(String, &'o Value<'x>)> {
        let path = members.path_of(name);
        match members.present(name) {
            None => Vec::new(),
            Some(Value::Array(array)) => {
                let elements = array.elements.iter().enumerate();
                elements
                    .map(|(i, value)| (format!("{path}[{i}]"), value))
                    .collect()
            }
            Some(value) => {
                self.wrong_type(value, &path, "an array");
                Vec::new()
            }
        }
    }

    pub(super) fn wrong_type(&mut self, value: &Value<'_>, path: &str, expected: &str) {
        let found = match value {
            Value::StringLit(_) => "a string",
            Value::NumberLit(_) => "a number",
            Value::BooleanLit(_) => "a boolean",
            Value::Object(_) => "an object",
            Value::Array(_) => "an array",
            Value::NullKeyword(_) => "null",
        };
        self.error(
            value.start(),
            path,
            format!("expected {expected}, found {found}"),
        );
    }

    /// The elements of the root's `template`, once its `templateType` is `expected`; `other` is the other document's.
    pub(super) fn collection<'o, 'x>(
        &mut self,
        root: &'o Value<'x>,
        expected: &str,
        other: &str,
    ) -> Vec<Inner<'o, 'x>> {
        let Some(members) = self.members(root, "") else {
            return Vec::new();
        };
        self.unknown(&members, &ROOT, Severity::Warning);
        let kind = self.required_text(&members, "templateType");
        if let Some(kind) = kind.filter(|kind| !same_type(kind, expected)) {
            let at = members.get("templateType").map_or(0, Ranged::start);
            let swapped = same_type(&kind, other);
            let hint = if swapped {
                "; this is the other document of a mapping".to_owned()
            } else {
                hint(&kind, &[expected])
            };
            let message = format!("expected templateType `{expected}`, found `{kind}`{hint}");
            self.error(at, "templateType", message);
            if swapped {
                return Vec::new();
            }
        }
        if self.required(&members, "template").is_none() {
            return Vec::new();
        }
        let elements = self.elements(&members, "template");
        elements
            .into_iter()
            .enumerate()
            .filter_map(|(index, (path, value))| self.inner(index, &path, value))
            .collect()
    }

    fn inner<'o, 'x>(
        &mut self,
        index: usize,
        path: &str,
        value: &'o Value<'x>,
    ) -> Option<Inner<'o, 'x>> {
        let container = self.members(value, path)?;
        self.unknown(&container, &CONTAINER, Severity::Warning);
        let kind = self.required_text(&container, "templateType");
        let template = self.required(&container, "template");
        let template =
            template.and_then(|value| self.members(value, &container.path_of("template")));
        Some(Inner {
            index,
            kind: kind?,
            kind_at: container
                .get("templateType")
                .map_or(container.at, Ranged::start),
            kind_path: container.path_of("templateType"),
            template: template?,
        })
    }
}

/// `$schema` is for editors.
const ROOT: [&str; 3] = ["templateType", "template", "$schema"];
const CONTAINER: [&str; 2] = ["templateType", "template"];

/// An inner template: its type as written, its body.
pub(super) struct Inner<'o, 't> {
    pub(super) index: usize,
    pub(super) kind: String,
    pub(super) kind_at: usize,
    pub(super) kind_path: String,
    pub(super) template: Members<'o, 't>,
}

impl Inner<'_, '_> {
    /// Of the types that the document knows, this one; else a fault.
    pub(super) fn known_kind<K: Copy>(
        &self,
        reader: &mut Reader<'_>,
        known: &[(&str, K)],
    ) -> Option<K> {
        let found = known.iter().find(|(name, _)| same_type(&self.kind, name));
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "unknown templateType `{}`{}; known here: {}",
                self.kind,
                hint(&self.kind, &names),
                names.join(", ")
            );
            reader.error(self.kind_at, &self.kind_path, message);
        }
        found.map(|(_, kind)| *kind)
    }
}

/// Equal without case and without the suffix `Template`.
fn same_type(written: &str, name: &str) -> bool {
    let bare = written
        .len()
        .checked_sub("Template".len())
        .and_then(|at| written.split_at_checked(at))
        .filter(|(_, suffix)| suffix.eq_ignore_ascii_case("Template"))
        .map(|(bare, _)| bare);
    written.eq_ignore_ascii_case(name) || bare.is_some_and(|bare| bare.eq_ignore_ascii_case(name))
}
