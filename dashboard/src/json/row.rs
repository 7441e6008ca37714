//! Rows of the `observation` table as text.

use arrow_array::{Array, StringArray, TimestampMicrosecondArray};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wardline_normalize::columns::Columns;
use wardline_normalize::time::format_rfc3339;

/// One field of a row.
enum Cell<'a> {
    Null,
    Text(&'a str),
    /// Text that needs no escape: a time or base64.
    Plain(String),
    Number(String),
}

fn text(array: &StringArray, row: usize) -> Cell<'_> {
    if array.is_valid(row) {
        Cell::Text(array.value(row))
    } else {
        Cell::Null
    }
}

fn time(array: &TimestampMicrosecondArray, row: usize) -> Cell<'static> {
    if array.is_valid(row) {
        Cell::Plain(format_rfc3339(array.value(row)))
    } else {
        Cell::Null
    }
}

fn number(valid: bool, print: impl FnOnce() -> Option<String>) -> Cell<'static> {
    valid.then(print).flatten().map_or(Cell::Null, Cell::Number)
}

/// Columns of the table in its order.
const NAMES: [&str; 34] = [
    "date",
    "id",
    "version",
    "patient_id",
    "encounter_id",
    "device_id",
    "gateway_id",
    "site",
    "code",
    "mdc",
    "panel",
    "panel_id",
    "channel",
    "device_user",
    "value",
    "value_text",
    "decimals",
    "unit",
    "effective",
    "effective_end",
    "device_time",
    "time_source",
    "received",
    "status",
    "data_absent_reason",
    "interpretation",
    "body_site",
    "method",
    "quality",
    "source",
    "type_name",
    "value_name",
    "correlation_id",
    "raw",
];

fn cells<'a>(c: &Columns<'a>, row: usize) -> [Cell<'a>; NAMES.len()] {
    let decimals = c.decimals.is_valid(row).then(|| c.decimals.value(row));
    let date = format_rfc3339(c.effective.value(row))
        .chars()
        .take(10)
        .collect();
    [
        Cell::Plain(date),
        text(c.id, row),
        number(c.version.is_valid(row), || {
            Some(c.version.value(row).to_string())
        }),
        text(c.patient_id, row),
        text(c.encounter_id, row),
        text(c.device_id, row),
        text(c.gateway_id, row),
        text(c.site, row),
        text(c.code, row),
        text(c.mdc, row),
        text(c.panel, row),
        text(c.panel_id, row),
        text(c.channel, row),
        text(c.device_user, row),
        number(c.value.is_valid(row), || {
            number_text(c.value.value(row), decimals)
        }),
        text(c.value_text, row),
        number(decimals.is_some(), || {
            decimals.map(|decimals| decimals.to_string())
        }),
        text(c.unit, row),
        time(c.effective, row),
        time(c.effective_end, row),
        time(c.device_time, row),
        text(c.time_source, row),
        time(c.received, row),
        text(c.status, row),
        text(c.data_absent_reason, row),
        text(c.interpretation, row),
        text(c.body_site, row),
        text(c.method, row),
        text(c.quality, row),
        text(c.source, row),
        text(c.type_name, row),
        text(c.value_name, row),
        text(c.correlation_id, row),
        if c.raw.is_valid(row) {
            Cell::Plain(STANDARD.encode(c.raw.value(row)))
        } else {
            Cell::Null
        },
    ]
}

/// Appends a row as one JSON object without a line end: every column of the table in its order, absent
/// ones null, times RFC 3339, numbers with the decimals the device sent, bytes base64.
pub fn row(columns: &Columns<'_>, row: usize, out: &mut Vec<u8>) {
    for (index, (name, cell)) in NAMES.iter().zip(cells(columns, row)).enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        match cell {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Number(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Plain(text) => {
                out.push(b'"');
                out.extend_from_slice(text.as_bytes());
                out.push(b'"');
            }
            Cell::Text(text) => {
                serde_json::to_writer(&mut *out, text).expect("writing text to memory cannot fail");
            }
        }
    }
    out.push(b'}');
}

/// The header of the CSV form, with its line end.
pub fn csv_header() -> String {
    let mut header = NAMES.join(",");
    header.push('\n');
    header
}

/// Appends a row as CSV (RFC 4180) without a line end; absent values are empty.
pub fn csv_row(columns: &Columns<'_>, row: usize, out: &mut Vec<u8>) {
    for (index, cell) in cells(columns, row).into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Null => {}
            Cell::Number(text) | Cell::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Text(text) if text.contains(['"', ',', '\n', '\r']) => {
                out.push(b'"');
                out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                out.push(b'"');
            }
            Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
}

/// A number with the decimals the device sent, when that says the same; else its shortest form.
fn number_text(value: f64, decimals: Option<i8>) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    if let Some(decimals) = decimals.and_then(|decimals| usize::try_from(decimals).ok()) {
        let text = format!("{value:.decimals$}");
        if text.parse() == Ok(value) {
            return Some(text);
        }
    }
    Some(value.to_string())
}
