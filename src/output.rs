//! Data to stdout, talk to stderr. The one module that prints.

use std::io::{self, Write as _};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use crate::cli::Format;

/// Columns of a list: heading and where the value is in each entry (a JSON pointer).
pub(crate) type Columns = &'static [(&'static str, &'static str)];

/// A line for people.
#[allow(clippy::print_stderr, reason = "the one place that talks")]
pub(crate) fn talk(line: &str) {
    eprintln!("{line}");
}

/// Bytes of an answer.
pub(crate) fn data(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// One line of an answer.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A list in the asked-for form; JSON prints the entries as they are.
pub(crate) fn list(items: &[Value], columns: Columns, format: Format) -> anyhow::Result<()> {
    let cells = |item: &Value| {
        columns
            .iter()
            .map(|(_, at)| cell(item.pointer(at)))
            .collect::<Vec<_>>()
    };
    let headings = columns.iter().map(|(heading, _)| *heading);
    match format {
        Format::Json => line(&serde_json::to_string_pretty(items)?)?,
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(io::stdout().lock());
            writer.write_record(headings)?;
            for item in items {
                writer.write_record(cells(item))?;
            }
            writer.flush()?;
        }
        Format::Table => {
            let mut table = Table::new();
            table
                .load_preset(UTF8_FULL_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(headings);
            for item in items {
                table.add_row(cells(item));
            }
            line(&table.to_string())?;
        }
    }
    Ok(())
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| cell(Some(item)))
            .collect::<Vec<_>>()
            .join(" "),
        Some(other) => other.to_string(),
    }
}
