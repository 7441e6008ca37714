//! A decoded value as a SenML record.

use wardline_gateway::gatt::{Content, Number, Purpose, Quality, Stamp, Unit, Value};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::SampledData;
use wardline_normalize::senml::{DeviceTime, Record, RecordValue};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::{self, ValueKind};

/// The records of one packet of `characteristic`, in the order of its values.
///
/// `time` says when a value was measured: its stamp corrected, or reception. It is also asked for values whose stamp
/// cannot be used (an unknown date, a timeline that is past): their records are marked as undated and quarantined.
///
/// The first record carries the packet's bytes. Where the packet's bits say more than that all is well, a record of the
/// status metric follows, with their names.
pub(crate) fn records(
    characteristic: u16,
    values: &[Value],
    raw: &[u8],
    time: impl Fn(&Value) -> Micros,
) -> Vec<Record> {
    let mut records: Vec<Record> = values
        .iter()
        .filter_map(|value| record(value, time(value)))
        .collect();
    if let Some(first) = records.first_mut() {
        first.raw = Some(raw.to_vec());
    }
    if let Some((metric, value)) = status_metric(characteristic).zip(values.first()) {
        let names: Vec<&str> = value
            .flags
            .iter()
            .copied()
            .filter(|name| !PLAIN.contains(name))
            .collect();
        let said = records.iter().any(|record| record.name == metric);
        if !names.is_empty() && !said && value.purpose != Purpose::Telemetry {
            let mut status = Record::new(metric, RecordValue::Text(names.join(" ")), time(value));
            stamp(value, &mut status);
            status.sequence = value.sequence.map(i64::from);
            status.user = value.user.map(|user| user.to_string());
            status.quality = purpose_quality(value.purpose).map(str::to_owned);
            records.push(status);
        }
    }
    records
}

/// Bits that say that all is well, or what the record says anyway.
const PLAIN: [&str; 9] = [
    "contact-detected",
    "contact-supported",
    "measurement-ongoing",
    "validated",
    "fully-qualified",
    "from-storage",
    "control-solution",
    "demo",
    "test",
];

fn status_metric(characteristic: u16) -> Option<&'static str> {
    Some(match characteristic {
        0x2A37 => "MDC_ECG_DEV_STAT",
        0x2A5E | 0x2A5F => "MDC_PULS_OXIM_DEV_STATUS",
        0x2A35 | 0x2B34 | 0x2B36 => "MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS",
        0x2A18 => "MDC_GLU_METER_DEV_STATUS",
        0x2AA7 => "MDC_CGM_DEV_STAT",
        _ => return None,
    })
}

const fn purpose_quality(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Demo => Some("demo"),
        // A control solution tests the meter.
        Purpose::Test | Purpose::Control => Some("test"),
        Purpose::Result | Purpose::Telemetry | Purpose::Setting => None,
    }
}

/// The reference id (or `local.…`) of a value's metric; `None` for a code of the wire that the vocabulary lacks.
pub(crate) fn reference_id(value: &Value) -> Option<&'static str> {
    match value.metric.name {
        "" => vocabulary::by_code(value.metric.code).and_then(vocabulary::Metric::mdc_id),
        name => Some(name),
    }
}

/// A unit code that the vocabulary lacks, as text that is no unit: kept, and never judged by rules.
pub(crate) fn unknown_unit(code: u32) -> String {
    format!("MDC-{code}")
}

/// What a value that is only shown while measuring is called, so that nothing takes it for a result.
fn telemetry_name(value: &Value) -> Option<&'static str> {
    match value.metric.name {
        "MDC_PRESS_CUFF" => Some("local.cuff-pressure"),
        name if name.starts_with("MDC_TEMP") => Some("local.temperature-intermediate"),
        _ => None,
    }
}

fn name(value: &Value) -> Option<String> {
    if value.purpose == Purpose::Telemetry {
        return telemetry_name(value).map(str::to_owned);
    }
    let Some(name) = reference_id(value) else {
        return Some(format!("local.mdc-{}", value.metric.code));
    };
    if name.starts_with("local.") {
        return Some(name.to_owned());
    }
    // Liters of a medication are no mass.
    if name == "MDC_CTXT_MEDICATION" && value.unit == Unit::Ucum("L") {
        return Some("local.medication-volume".to_owned());
    }
    let fits = vocabulary::by_mdc(name).is_some_and(|metric| match (&value.content, metric.kind) {
        (Content::Absent(_), _) => true,
        // A word of status bits is its names.
        (Content::Number(_), ValueKind::Text) => true,
        (Content::Number(_) | Content::Samples { .. }, kind) => kind == ValueKind::Quantity,
        (Content::Code(code), ValueKind::Coded(codes)) => {
            codes.iter().any(|(known, _)| known == code)
        }
        (Content::Text(_) | Content::Code(_), kind) => kind == ValueKind::Text,
    });
    Some(if fits {
        name.to_owned()
    } else {
        format!("local.{name}")
    })
}

fn decimal(number: Number) -> Decimal {
    Decimal {
        mantissa: number.mantissa,
        exponent: number.exponent,
    }
}

fn content(value: &Value) -> RecordValue {
    match (&value.content, value.quality) {
        // The device says that its number is none.
        (Content::Number(_), Some(Quality::Invalid)) => RecordValue::Absent("error".to_owned()),
        (Content::Number(_), Some(Quality::Unavailable)) => {
            RecordValue::Absent("temp-unknown".to_owned())
        }
        (Content::Number(number), _) => RecordValue::Number(decimal(*number)),
        (Content::Absent(absence), _) => RecordValue::Absent(absence.reason().to_owned()),
        (Content::Code(code), _) => RecordValue::Text((*code).to_owned()),
        (Content::Text(text), _) => RecordValue::Text(text.clone()),
        (
            Content::Samples {
                period_us,
                samples,
                factor,
                origin,
            },
            _,
        ) => {
            let texts: Vec<String> = samples.iter().map(ToString::to_string).collect();
            RecordValue::Waveform(SampledData {
                origin: decimal(*origin),
                period: Decimal {
                    mantissa: i64::try_from(*period_us).unwrap_or(i64::MAX),
                    exponent: -3,
                },
                factor: decimal(*factor),
                data: texts.join(" "),
            })
        }
    }
}

/// Label `dt`, and whether the record has a time at all.
fn stamp(value: &Value, record: &mut Record) {
    let Some(stamp) = value.time else {
        return;
    };
    let past = matches!(stamp, Stamp::Elapsed(time)
        if !time.is_tick_counter() && !time.on_current_timeline());
    record.device_time = match (stamp.instant_us(), stamp.local_us()) {
        (Some(instant), _) if !past => Some(DeviceTime::Instant(instant)),
        (_, Some(local)) if !past => Some(DeviceTime::Local(local)),
        // Minutes of a session and ticks of a counter are dated by who knows when they began.
        _ if matches!(stamp, Stamp::Session { .. }) => None,
        _ if matches!(stamp, Stamp::Elapsed(time) if time.is_tick_counter()) => None,
        _ => {
            record.undated = true;
            Some(DeviceTime::Text(stamp.to_string()))
        }
    };
}

/// The record of one value; `None` for what is shown while measuring and has no metric of its own.
pub(crate) fn record(value: &Value, time: Micros) -> Option<Record> {
    let name = name(value)?;
    let status = vocabulary::by_mdc(&name).is_some_and(|metric| metric.kind == ValueKind::Text)
        && matches!(value.content, Content::Number(_));
    let content = match (status, value.flags.as_slice()) {
        (true, []) => RecordValue::Text("none".to_owned()),
        (true, flags) => RecordValue::Text(flags.join(" ")),
        (false, _) => content(value),
    };
    let mut record = Record::new(name, content, time - Micros::from(value.earlier_us));
    record.unit = match (&value.content, value.unit) {
        _ if status => None,
        (Content::Number(_) | Content::Samples { .. }, Unit::None) => Some("1".to_owned()),
        (_, Unit::None) => None,
        (_, Unit::Ucum(ucum)) => Some(ucum.to_owned()),
        (_, Unit::Mdc(code)) => {
            Some(vocabulary::unit_by_code(code).map_or_else(|| unknown_unit(code), str::to_owned))
        }
    };
    stamp(value, &mut record);
    record.sequence = value.sequence.map(i64::from);
    record.user = value.user.map(|user| user.to_string());
    record.channel = value.channel.map(str::to_owned);
    record.body_site = value.body_site.map(str::to_owned);
    record.method = value.method.map(str::to_owned);
    record.quality = purpose_quality(value.purpose)
        .or(value
            .quality
            .filter(|quality| !matches!(quality, Quality::Invalid | Quality::Unavailable))
            .map(Quality::as_str))
        .map(str::to_owned);
    record.flags = value.flags.iter().map(|flag| (*flag).to_owned()).collect();
    Some(record)
}

#[cfg(test)]
mod tests;
