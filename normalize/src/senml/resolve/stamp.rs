//! When a reading was taken, by whose clock, and what its id derives from.

use super::super::Context;
use super::super::raw::{Record, Stamp, short};
use super::{Base, Refusal};
use crate::decimal::Decimal;
use crate::measurement::{Reason, TimeSource};
use crate::time::{self, Micros};

/// Times below this many seconds are relative to the time of receipt (RFC 8428 section 4.5.3).
const RELATIVE_BELOW: Micros = (1 << 28) * time::SECOND;

pub(super) struct Times {
    pub(super) effective: Micros,
    /// `dt`.
    pub(super) device: Option<Micros>,
    pub(super) clock: TimeSource,
    /// What the ids derive from.
    pub(super) stated: Micros,
}

pub(super) fn times(
    record: &Record<'_>,
    base: &Base<'_>,
    context: &Context<'_>,
) -> Result<Times, Refusal> {
    let bad = |detail: &str| (Reason::BadTime, detail.to_owned());
    if record.rare().is_some_and(|rare| rare.undated) {
        let stated = match &record.device_time {
            None => "".to_owned(),
            Some(Stamp::Seconds(seconds)) => format!(": {seconds}"),
            Some(Stamp::Text(text)) => format!(": {:?}", short(text)),
        };
        return Err(bad(&format!("the device's time cannot be used{stated}")));
    }
    let seconds = match (base.time, record.time) {
        (None, None) => Decimal::integer(0),
        (Some(seconds), None) | (None, Some(seconds)) => seconds,
        (Some(base), Some(offset)) => base
            .checked_add(offset)
            .ok_or_else(|| bad("bt and t have no sum"))?,
    };
    let stamp = micros(seconds).ok_or_else(|| bad("t is out of range"))?;
    let relative = stamp < RELATIVE_BELOW;
    let effective = if relative {
        context
            .received
            .checked_add(stamp)
            .ok_or_else(|| bad("t is out of range"))?
    } else {
        stamp
    };
    let (device, local) = match &record.device_time {
        None => (None, false),
        Some(Stamp::Seconds(seconds)) => (
            Some(micros(*seconds).ok_or_else(|| bad("dt is out of range"))?),
            false,
        ),
        Some(Stamp::Text(text)) => {
            let (time, local) = parse(text).ok_or_else(|| bad("dt is no RFC 3339 time"))?;
            (Some(time), local)
        }
    };
    let clock = match device {
        _ if relative => TimeSource::Server,
        Some(_) if local => TimeSource::AssumedZone,
        Some(stated) if stated == effective => TimeSource::Device,
        Some(_) => TimeSource::Corrected,
        None if base.by_gateway => TimeSource::Gateway,
        None => TimeSource::Device,
    };
    Ok(Times {
        effective,
        device,
        clock,
        stated: device.unwrap_or(effective),
    })
}

/// Microseconds of a decimal number of seconds; digits beyond the microsecond are rounded down.
fn micros(seconds: Decimal) -> Option<Micros> {
    let exponent = i32::from(seconds.exponent) + 6;
    let power = 10_i64.checked_pow(exponent.unsigned_abs());
    if exponent >= 0 {
        if seconds.mantissa == 0 {
            Some(0)
        } else {
            seconds.mantissa.checked_mul(power?)
        }
    } else {
        Some(power.map_or(0, |power| seconds.mantissa.div_euclid(power)))
    }
}

/// A time, and whether its zone had to be assumed: a local time keeps its digits as if they were UTC.
fn parse(text: &str) -> Option<(Micros, bool)> {
    if let Some(time) = time::parse_rfc3339(text) {
        return Some((time, false));
    }
    time::parse_rfc3339(&format!("{text}Z")).map(|time| (time, true))
}
