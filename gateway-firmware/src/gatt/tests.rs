//! * `numbers`: SFLOAT, FLOAT, CRC, times. * `vectors`: our own bytes of every characteristic, read by a person.
//! * `round_trip`: encode, then decode, over every flag and special value. * `strangers`: any bytes at all.

mod numbers;
mod round_trip;
mod strangers;
mod vectors;

use super::*;
use std::format;
use std::prelude::v1::*;

/// Bytes of hexadecimal digits; blanks are for the eye.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// A value in one line: `MDC_X=1.5 unit @time #seq u1 [flags] ~quality !purpose (site; method; channel)`.
fn show(value: &Value) -> String {
    let mut text = format!("{}=", value.metric.name);
    if value.metric.name.is_empty() {
        text = format!("{}=", value.metric.code);
    }
    match &value.content {
        Content::Number(number) => text += &number.to_string(),
        Content::Absent(absence) => text += &format!("<{}>", absence.reason()),
        Content::Code(code) => text += code,
        Content::Text(words) => text += &format!("{words:?}"),
        Content::Samples {
            period_us,
            samples,
            factor,
            origin,
        } => text += &format!("{samples:?}*{factor}+{origin} every {period_us} us"),
    }
    match value.unit {
        Unit::None => {}
        Unit::Ucum(unit) => text += &format!(" {unit}"),
        Unit::Mdc(code) => text += &format!(" {code}"),
    }
    if let Some(time) = value.time {
        text += &format!(" @{time}");
    }
    if value.earlier_us != 0 {
        text += &format!(" -{}us", value.earlier_us);
    }
    if let Some(sequence) = value.sequence {
        text += &format!(" #{sequence}");
    }
    if let Some(user) = value.user {
        text += &format!(" u{user}");
    }
    if !value.flags.is_empty() {
        text += &format!(" [{}]", value.flags.join(" "));
    }
    if let Some(quality) = value.quality {
        text += &format!(" ~{}", quality.as_str());
    }
    if value.purpose != Purpose::Result {
        text += &format!(" !{:?}", value.purpose);
    }
    for words in [value.body_site, value.method, value.channel]
        .into_iter()
        .flatten()
    {
        text += &format!(" ({words})");
    }
    text
}

/// What bytes say, a line a value; a fault as its words.
fn said(characteristic: u16, bytes: &str) -> Vec<String> {
    said_with(characteristic, bytes, &Quirks::default())
}

fn said_with(characteristic: u16, bytes: &str, quirks: &Quirks) -> Vec<String> {
    match decode(characteristic, &hex(bytes), quirks) {
        Ok(values) => values.iter().map(show).collect(),
        Err(fault) => [fault.to_string()].into(),
    }
}
