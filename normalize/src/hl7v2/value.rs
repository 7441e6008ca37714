//! OBX-5 by OBX-2: numbers with the sender's decimals, texts, codes; what means "no value" becomes an absence.

use super::message::{Field, Segment};
use super::profile::{Profile, Sentinel};
use super::repair::{Repair, Repairs};
use crate::decimal::Decimal;
use crate::senml::{MAX_VALUE_TEXT, RecordValue};
use crate::vocabulary::{Metric, ValueKind};

/// What a field held.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    Value {
        value: RecordValue,
        /// Off the scale, by a comparator or in words.
        interpretation: Option<&'static str>,
    },
    /// Several numbers: a piece of waveform, read elsewhere.
    Array,
    /// What was expected instead.
    Wrong(String),
}

fn held(value: RecordValue) -> Held {
    Held::Value {
        value,
        interpretation: None,
    }
}

fn absent(reason: &str) -> Held {
    held(RecordValue::Absent(reason.to_owned()))
}

fn off_scale(high: bool) -> Held {
    Held::Value {
        value: RecordValue::Absent("unknown".to_owned()),
        interpretation: Some(if high { ">" } else { "<" }),
    }
}

pub(super) fn of(
    segment: &Segment<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Held {
    let field = segment.field(5);
    let kind = segment.field(2).component(1).trim().to_ascii_uppercase();
    if field.is_empty() {
        return absent("unknown");
    }
    match kind.as_str() {
        "NM" | "SI" => numeric(field, metric, profile, repairs)
            .unwrap_or_else(|| Held::Wrong("a number (NM) in OBX-5".to_owned())),
        "SN" => structured(field, metric, profile, repairs),
        "NA" | "MA" => array(field, metric, profile, repairs),
        "CWE" | "CNE" | "CE" | "CF" | "CX" => coded(field, metric, profile, repairs),
        "NR" => {
            let low = field.text(1, repairs);
            let high = field.text(2, repairs);
            worded(
                &format!("{low} - {high}"),
                metric,
                "a number, not a range (NR), in OBX-5",
            )
        }
        "ST" | "TX" | "FT" | "IS" | "ID" | "VS" => text(field, metric, profile, repairs),
        "DT" | "TM" | "TS" | "DTM" | "DR" => {
            let stated = field.text(1, repairs);
            worded(&stated, metric, "a number, not a time, in OBX-5")
        }
        "ED" | "RP" | "CD" => Held::Wrong(format!("a value, not data of type {kind}, in OBX-5")),
        _ => {
            repairs.note(Repair::ValueType);
            text(field, metric, profile, repairs)
        }
    }
}

fn is_quantity(metric: Option<&'static Metric>) -> bool {
    metric.is_some_and(|metric| metric.kind == ValueKind::Quantity)
}

/// A number, a sentinel or a word for one; `None` for anything else.
fn numeric(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Option<Held> {
    let said = field.text(1, repairs);
    let said = said.trim();
    if let Some(reason) = sentinel(said, metric, profile) {
        return Some(absent(reason));
    }
    match said.to_ascii_lowercase().as_str() {
        "high" | "hi" | "+++" | ">>>" => return Some(off_scale(true)),
        "low" | "lo" | "<<<" => return Some(off_scale(false)),
        _ => {}
    }
    if field.repeats().nth(1).is_some_and(|more| !more.is_empty()) {
        return None;
    }
    if let Some(rest) = said.strip_prefix(['<', '>']) {
        let number = decimal(rest.trim_start_matches('=').trim(), repairs)?;
        return Some(Held::Value {
            value: RecordValue::Number(number),
            interpretation: Some(if said.starts_with('>') { ">" } else { "<" }),
        });
    }
    let number = decimal(said, repairs)?;
    Some(held(RecordValue::Number(number)))
}

/// A number as sent; a decimal comma, a missing zero or blanks are mended.
fn decimal(text: &str, repairs: &mut Repairs) -> Option<Decimal> {
    if let Some(number) = Decimal::parse(text) {
        return Some(number);
    }
    let mut mended: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if mended.matches(',').count() == 1 && !mended.contains('.') {
        mended = mended.replace(',', ".");
    }
    if let Some(rest) = mended.strip_suffix('.') {
        mended = rest.to_owned();
    }
    let sign = mended.len() - mended.trim_start_matches(['-', '+']).len();
    if mended.get(sign..).is_some_and(|rest| rest.starts_with('.')) {
        mended.insert(sign, '0');
    }
    let number = Decimal::parse(&mended)?;
    repairs.note(Repair::NumberFormat);
    Some(number)
}

/// The reason, if a number or text means "no value".
pub(super) fn sentinel(
    said: &str,
    metric: Option<&'static Metric>,
    profile: &Profile,
) -> Option<&'static str> {
    let number = Decimal::parse(said);
    let same = |sentinel: &&Sentinel| match (number, sentinel.number()) {
        (Some(said), Some(known)) => equal(said, known),
        _ => sentinel.text.eq_ignore_ascii_case(said),
    };
    let found = profile.sentinels.iter().find(same)?;
    let possible = || {
        let value = number.map(Decimal::to_f64);
        match (metric.and_then(|metric| metric.range), value) {
            (Some((low, high)), Some(value)) => (low..=high).contains(&value),
            // Of what nobody knows, small numbers may well be values; these are none.
            (None, Some(value)) => value.abs() < 100.0,
            (_, None) => true,
        }
    };
    (!found.outside_range || !possible()).then_some(found.reason)
}

/// By value: -999 is -999.0.
fn equal(a: Decimal, b: Decimal) -> bool {
    let plain = |mut d: Decimal| {
        while d.mantissa != 0 && d.mantissa % 10 == 0 {
            d.mantissa /= 10;
            d.exponent = d.exponent.saturating_add(1);
        }
        if d.mantissa == 0 {
            d.exponent = 0;
        }
        d
    };
    plain(a) == plain(b)
}

/// SN: comparator, number, separator, number.
fn structured(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Held {
    let comparator = field.text(1, repairs).into_owned();
    let first = field.text(2, repairs).into_owned();
    let separator = field.text(3, repairs).into_owned();
    let second = field.text(4, repairs).into_owned();
    if first.is_empty() {
        // A number where the comparator should be.
        return numeric(field, metric, profile, repairs)
            .unwrap_or_else(|| Held::Wrong("a structured number (SN) in OBX-5".to_owned()));
    }
    if !separator.is_empty() {
        let said = format!("{comparator}{first}{separator}{second}");
        return worded(&said, metric, "one number in OBX-5");
    }
    if let Some(reason) = sentinel(&first, metric, profile) {
        return absent(reason);
    }
    let Some(number) = decimal(&first, repairs) else {
        return Held::Wrong("a structured number (SN) in OBX-5".to_owned());
    };
    Held::Value {
        value: RecordValue::Number(number),
        interpretation: match comparator.as_str() {
            ">" | ">=" => Some(">"),
            "<" | "<=" => Some("<"),
            _ => None,
        },
    }
}

fn array(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Held {
    let several = !field.component(2).trim().is_empty() || field.repeats().nth(1).is_some();
    if several {
        return Held::Array;
    }
    numeric(field, metric, profile, repairs)
        .unwrap_or_else(|| Held::Wrong("an array of numbers (NA) in OBX-5".to_owned()))
}

/// A code: its text, else the code; for a coded metric the code that the metric has.
fn coded(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Held {
    let code = field.text(1, repairs).into_owned();
    let said = field.text(2, repairs).into_owned();
    if let Some(ValueKind::Coded(codes)) = metric.map(|metric| metric.kind) {
        let known = codes.iter().find(|(known, name)| {
            *known == code || known.eq_ignore_ascii_case(&said) || name.eq_ignore_ascii_case(&said)
        });
        return match known {
            Some((known, _)) => held(RecordValue::Text((*known).to_owned())),
            None => Held::Wrong("a code of this metric in OBX-5".to_owned()),
        };
    }
    let said = if said.is_empty() { code } else { said };
    if is_quantity(metric) {
        return numeric(field, metric, profile, repairs)
            .inspect(|_| repairs.note(Repair::ValueType))
            .unwrap_or_else(|| Held::Wrong("a number, not a code, in OBX-5".to_owned()));
    }
    worded(&said, metric, "another kind of value in OBX-5")
}

fn text(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Held {
    if let Some(read) = numeric(field, metric, profile, repairs) {
        // A number sent as text is one where a number is expected; elsewhere it stays the text it was sent as.
        let absence = matches!(
            &read,
            Held::Value {
                value: RecordValue::Absent(_),
                ..
            }
        );
        if is_quantity(metric) {
            if !absence {
                repairs.note(Repair::ValueType);
            }
            return read;
        }
    }
    if is_quantity(metric) {
        return Held::Wrong("a number in OBX-5".to_owned());
    }
    if matches!(metric.map(|m| m.kind), Some(ValueKind::Coded(_))) {
        return coded(field, metric, profile, repairs);
    }
    let said = field
        .repeats()
        .map(|repeat| {
            repeat
                .raw_components()
                .map(|part| repeat.plain(part, repairs).into_owned())
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect::<Vec<_>>()
        .join(", ");
    if said.is_empty() {
        return absent("unknown");
    }
    worded(&said, metric, "another kind of value in OBX-5")
}

fn worded(said: &str, metric: Option<&'static Metric>, expected: &str) -> Held {
    match metric.map(|metric| metric.kind) {
        None => held(RecordValue::Text(clip(said))),
        Some(ValueKind::Boolean) => match said.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "on" => held(RecordValue::Bool(true)),
            "false" | "no" | "n" | "0" | "off" => held(RecordValue::Bool(false)),
            _ => Held::Wrong("yes or no in OBX-5".to_owned()),
        },
        Some(_) => Held::Wrong(expected.to_owned()),
    }
}

/// As much as a record takes.
fn clip(text: &str) -> String {
    let mut end = text.len().min(MAX_VALUE_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
