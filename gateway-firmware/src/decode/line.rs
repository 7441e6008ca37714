//! A decoded value as a line of JSON: the fields of design 5.2, in its order.

use std::fmt::Write as _;

use wardline_gateway::gatt::{Content, Unit, Value};
use wardline_normalize::vocabulary;

/// Appends the line with its end.
pub(super) fn write(value: &Value, out: &mut String) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let name = super::record::reference_id(value);
    let metric = name.map_or_else(|| "null".to_owned(), quoted);
    let code = match value.metric.code {
        0 => "null".to_owned(),
        code => code.to_string(),
    };
    let content = match &value.content {
        Content::Number(number) => format!("\"value\":{number}"),
        Content::Absent(absence) => format!("\"absent\":{}", quoted(absence.reason())),
        Content::Code(code) => format!("\"value\":{}", quoted(code)),
        Content::Text(text) => format!("\"value\":{}", quoted(text)),
        Content::Samples { samples, .. } => {
            let texts: Vec<String> = samples.iter().map(ToString::to_string).collect();
            format!("\"value\":[{}]", texts.join(","))
        }
    };
    let unit = match value.unit {
        Unit::None => "null".to_owned(),
        Unit::Ucum(ucum) => quoted(ucum),
        Unit::Mdc(code) => vocabulary::unit_by_code(code)
            .map_or_else(|| quoted(&super::record::unknown_unit(code)), quoted),
    };
    let time = value
        .time
        .map_or_else(|| "null".to_owned(), |stamp| quoted(&stamp.to_string()));
    let number = |number: Option<u32>| number.map_or_else(|| "null".to_owned(), |n| n.to_string());
    let flags: Vec<String> = value.flags.iter().map(|flag| quoted(flag)).collect();
    let written = writeln!(
        out,
        "{{\"metric\":{metric},\"code\":{code},{content},\"unit\":{unit},\"time\":{time},\"seq\":{},\"user\":{},\"flags\":[{}]}}",
        number(value.sequence),
        number(value.user.map(u32::from)),
        flags.join(",")
    );
    debug_assert!(written.is_ok(), "a string takes everything");
}
