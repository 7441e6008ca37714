//! Lines of a file as rows of named cells, whichever way they are written.

use serde_json::{Map, Value};

use crate::registry::{Identifier, RowFault};

/// One row, and what was found wrong with it so far.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    cells: Map<String, Value>,
    pub(super) faults: Vec<RowFault>,
}

impl Row {
    pub(super) fn fault(&mut self, field: &str, message: impl Into<String>) {
        let field = Some(field.to_owned());
        self.faults.push(RowFault {
            line: self.line,
            field,
            message: message.into(),
        });
    }

    pub(super) fn faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Text; a number counts as the text it is written as, since ids are often numbers.
    pub(super) fn text(&mut self, field: &str) -> Option<String> {
        match self.cells.get(field)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.fault(field, "must be text");
                None
            }
        }
    }

    /// Text that must be there.
    pub(super) fn needed(&mut self, field: &str) -> Option<String> {
        let before = self.faults.len();
        let text = self.text(field);
        if text.is_none() && self.faults.len() == before {
            self.fault(field, "is missing");
        }
        text
    }

    /// Text that must be understood.
    pub(super) fn parsed<T>(
        &mut self,
        field: &str,
        problem: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(field)?;
        let value = parse(&text);
        if value.is_none() {
            self.fault(field, problem);
        }
        value
    }

    pub(super) fn flag(&mut self, field: &str) -> Option<bool> {
        match self.cells.get(field)? {
            Value::Null => None,
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
            _ => {
                self.fault(field, "must be true or false");
                None
            }
        }
    }

    /// An array of text, or text separated by `;`.
    pub(super) fn texts(&mut self, field: &str) -> Vec<String> {
        let items = match self.cells.get(field) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::String(text)) => {
                let items = text
                    .split(';')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                return items.map(str::to_owned).collect();
            }
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            Some(_) => None,
        };
        items.unwrap_or_else(|| {
            self.fault(field, "must be a list of text");
            Vec::new()
        })
    }

    /// An array of objects, or `system|value` separated by `;`.
    pub(super) fn identifiers(&mut self, field: &str) -> Vec<Identifier> {
        let items: Option<Vec<Identifier>> = match self.cells.get(field) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::String(text)) => {
                let items = text
                    .split(';')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                items.map(from_text).collect()
            }
            Some(Value::Array(items)) => items.iter().map(from_json).collect(),
            Some(_) => None,
        };
        items.unwrap_or_else(|| {
            self.fault(field, "must be a list of system and value");
            Vec::new()
        })
    }
}

fn from_text(text: &str) -> Option<Identifier> {
    let (system, value) = text.split_once('|')?;
    Some(Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    })
}

fn from_json(item: &Value) -> Option<Identifier> {
    if let Value::String(text) = item {
        return from_text(text);
    }
    let object = item.as_object()?;
    if object.keys().any(|key| key != "system" && key != "value") {
        return None;
    }
    let system = match object.get("system") {
        None => "",
        Some(system) => system.as_str()?,
    };
    Some(Identifier {
        system: system.to_owned(),
        value: object.get("value")?.as_str()?.to_owned(),
    })
}

fn line_fault(line: u64, field: Option<&str>, message: &str) -> RowFault {
    RowFault {
        line,
        field: field.map(str::to_owned),
        message: message.to_owned(),
    }
}

const UNKNOWN: &str = "is not a field of this import";

/// Rows of a CSV file, and what is wrong with the file itself.
pub(super) fn csv(data: &[u8], columns: &[&str]) -> (Vec<Row>, Vec<RowFault>) {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .from_reader(data);
    let Ok(header) = reader.headers().cloned() else {
        return (
            Vec::new(),
            vec![line_fault(1, None, "the header is not utf-8 text")],
        );
    };
    let mut faults: Vec<RowFault> = header
        .iter()
        .filter(|name| !columns.contains(name))
        .map(|name| line_fault(1, Some(name), UNKNOWN))
        .collect();
    for (index, name) in header.iter().enumerate() {
        if header.iter().take(index).any(|before| before == name) {
            faults.push(line_fault(1, Some(name), "is in the header twice"));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, ::csv::Position::line);
                let cells = header
                    .iter()
                    .zip(&record)
                    .filter(|(_, cell)| !cell.is_empty());
                let cells = cells
                    .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
                    .collect();
                rows.push(Row {
                    line,
                    cells,
                    faults: Vec::new(),
                });
            }
            Err(error) => {
                let line = error.position().map_or(0, ::csv::Position::line);
                let message = match error.kind() {
                    ::csv::ErrorKind::UnequalLengths {
                        expected_len, len, ..
                    } => {
                        format!("has {len} cells, the header has {expected_len}")
                    }
                    ::csv::ErrorKind::Utf8 { .. } => "is not utf-8 text".to_owned(),
                    _ => "is not csv".to_owned(),
                };
                faults.push(line_fault(line, None, &message));
            }
        }
    }
    (rows, faults)
}

/// Rows of an NDJSON file, and what is wrong with the file itself.
pub(super) fn ndjson(data: &[u8], columns: &[&str]) -> (Vec<Row>, Vec<RowFault>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(data.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Ok(cells) = serde_json::from_slice::<Map<String, Value>>(text) else {
            faults.push(line_fault(line, None, "is not a json object"));
            continue;
        };
        for name in cells
            .keys()
            .filter(|name| !columns.contains(&name.as_str()))
        {
            faults.push(line_fault(line, Some(name), UNKNOWN));
        }
        rows.push(Row {
            line,
            cells,
            faults: Vec::new(),
        });
    }
    (rows, faults)
}
