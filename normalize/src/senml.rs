//! SenML packs (RFC 8428), JSON and CBOR, with this project's labels (design 5.1).
//!
//! | label | meaning |
//! |---|---|
//! | `bn` | `{device}:`, at most once; must name the topic's device when there is one |
//! | `n` | IEEE 11073 reference id, its decimal code, `local.{name}` (a vocabulary alias, or free with a unit), or `loinc.{code}` |
//! | `u`, `bu` | UCUM, a SenML-registered unit or a known alias; a vocabulary metric without one is in its own unit |
//! | `v`, `vs`, `vb`, `absent_` | exactly one; with `absent_: true`, `vs` is the FHIR data-absent-reason |
//! | `t`, `bt` | seconds; from 2^28 on since 1970, below that relative to the time of receipt |
//! | `dt` | device time as sent: seconds since 1970, or RFC 3339 text (without offset: local time, zone assumed) |
//! | `ch` `bs` `md` `st` `q` `us` `sq` | channel, body site, method, FHIR status, quality, device user, sequence |
//! | `in` | interpretation: code of FHIR's v3 ObservationInterpretation (`H`, `LL`, …) |
//! | `ts` | `none`: the device's time (`dt`, then any text) cannot be used; the record is refused as `bad-time` |
//! | `fl` `rw` `pt` `bed` `enc` `gw` | status-bit names, raw bytes (base64url), identifiers as read, gateway state |
//! | `sd` | instead of a value, a piece of waveform from `t` on: `{origin, period, factor, data}` as FHIR's SampledData, period in ms |
//! | `al` | an alarm of the device's own: `{id, phase, state, audio, priority, type, source, value, unit, limits}`; `n` is the event, `vs` the device's words |
//!
//! `s`, `vd`, the base sum (`bs` as a number) and a second `bn` are refused. A label that ends in `_` and is not
//! known must be understood, so its record is refused; other unknown labels are ignored (RFC 8428 section 4.4).
//!
//! A pack that does not parse is refused whole. One that parses is judged record by record: a fault in one record
//! does not touch its neighbours.

mod absent;
mod cbor;
mod encode;
mod json;
mod raw;
mod resolve;
mod structured;

use crate::measurement::{Reason, Sink};
use crate::time::Micros;

pub use absent::{DATA_ABSENT_REASONS, is_data_absent_reason};
pub(crate) use resolve::hand;

pub use encode::{DeviceTime, Gateway, Pack, Record, RecordValue};

/// Media type of the JSON form.
pub const JSON: &str = "application/senml+json";
/// Media type of the CBOR form.
pub const CBOR: &str = "application/senml+cbor";

/// Most records of a pack (design 5.1): bounds the memory and the time one message can take.
pub const MAX_RECORDS: usize = 10_000;

/// Longest text of a label other than `vs` and `rw`, in bytes: ids have at most 64, reference ids under 60.
pub const MAX_TEXT: usize = 256;

/// Longest coded or text value in bytes.
pub const MAX_VALUE_TEXT: usize = 4_096;

/// Longest samples of a piece of waveform in bytes: a minute of 500 samples a second in up to 8 characters each.
pub const MAX_WAVEFORM_TEXT: usize = 262_144;

/// What the transport says about a pack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub site: Option<&'a str>,
    pub gateway: Option<&'a str>,
    /// From the topic.
    pub device: Option<&'a str>,
    pub received: Micros,
    /// Route, for column `source`.
    pub source: Option<&'a str>,
    /// Keep the bytes of label `rw`.
    pub keep_raw: bool,
}

/// Decodes a pack. Without a content type that names a form, the first byte tells: `[` after white space is JSON,
/// 0x80 to 0x9f a CBOR array.
pub fn decode(
    payload: &[u8],
    content_type: Option<&str>,
    context: &Context<'_>,
    sink: &mut impl Sink,
) {
    let records = match form(payload, content_type) {
        Some(Form::Json) => json::parse(payload),
        Some(Form::Cbor) => cbor::parse(payload),
        None => Err((
            Reason::Undecodable,
            "neither a JSON nor a CBOR array".to_owned(),
        )),
    };
    match records {
        Ok(records) => resolve::resolve(&records, context, sink),
        Err((reason, detail)) => sink.refuse(None, reason, detail),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Cbor,
}

fn form(payload: &[u8], content_type: Option<&str>) -> Option<Form> {
    let media = content_type
        .and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim();
    if media.eq_ignore_ascii_case(JSON) {
        return Some(Form::Json);
    }
    if media.eq_ignore_ascii_case(CBOR) {
        return Some(Form::Cbor);
    }
    match payload
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?
    {
        b'[' => Some(Form::Json),
        0x80..=0x9f => Some(Form::Cbor),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
