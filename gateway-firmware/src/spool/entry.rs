//! One record of the spool: what a source put for one device, in bytes.
//!
//! A byte with the version of the form, then CBOR: `[serial, device, kind, by gateway clock, boot, wall, since boot,
//! synchronised, [record, …]]`; a record is a map by the numbers in `key`, of the labels it has. The class is that of
//! the log it stands in.

use minicbor::data::Type;
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{
    AlarmPriority, AlarmState, AlertKind, Phase, Presence, SampledData,
};
use wardline_normalize::senml::{DeviceTime, Record, RecordValue};
use wardline_normalize::time::Micros;

use crate::source::{Class, Kind, Readings, Taken};

/// Of the form below. A program that knows an older one only leaves the record where it is.
const VERSION: u8 = 1;

/// Keys of a record.
mod key {
    pub(super) const NAME: u8 = 0;
    pub(super) const UNIT: u8 = 1;
    pub(super) const NUMBER: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const BOOL: u8 = 4;
    pub(super) const ABSENT: u8 = 5;
    /// From `wall`, in microseconds.
    pub(super) const TIME: u8 = 6;
    pub(super) const DEVICE_INSTANT: u8 = 7;
    pub(super) const DEVICE_LOCAL: u8 = 8;
    pub(super) const SEQUENCE: u8 = 9;
    pub(super) const CHANNEL: u8 = 10;
    pub(super) const USER: u8 = 11;
    pub(super) const BODY_SITE: u8 = 12;
    pub(super) const METHOD: u8 = 13;
    pub(super) const STATUS: u8 = 14;
    pub(super) const QUALITY: u8 = 15;
    pub(super) const FLAGS: u8 = 16;
    pub(super) const RAW: u8 = 17;
    pub(super) const PATIENT: u8 = 18;
    pub(super) const BED: u8 = 19;
    pub(super) const ENCOUNTER: u8 = 20;
    pub(super) const UNDATED: u8 = 21;
    pub(super) const INTERPRETATION: u8 = 22;
    /// `[origin, period, factor, data]`.
    pub(super) const WAVEFORM: u8 = 23;
    /// `[text, id, phase, state, audio, priority, kind, source, value, unit, limits]`, null where there is none.
    pub(super) const ALARM: u8 = 24;
    pub(super) const DEVICE_TEXT: u8 = 25;
}

/// A record of the spool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Order of taking over all classes.
    pub(crate) serial: u64,
    /// The kernel's id of the boot in which it was taken.
    pub(crate) boot: String,
    pub(crate) readings: Readings,
}

const INFALLIBLE: &str = "a vector takes all bytes";

impl Entry {
    pub(super) fn encode(serial: u64, boot: &str, readings: &Readings) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 64 * readings.records.len());
        bytes.push(VERSION);
        let mut out = Encoder::new(bytes);
        encode(&mut out, serial, boot, readings).expect(INFALLIBLE);
        out.into_writer()
    }

    pub(super) fn decode(bytes: &[u8], class: Class) -> Result<Self, Error> {
        match bytes.split_first() {
            Some((&VERSION, body)) => decode(&mut Decoder::new(body), class),
            Some((version, _)) => Err(Error::message(format!("form {version} is not known"))),
            None => Err(Error::message("it is empty")),
        }
    }

    /// The serial alone.
    pub(super) fn serial(bytes: &[u8]) -> Option<u64> {
        let body = bytes.strip_prefix(&[VERSION])?;
        let mut decoder = Decoder::new(body);
        decoder.array().ok()?;
        decoder.u64().ok()
    }
}

type Out = Encoder<Vec<u8>>;
type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn encode(out: &mut Out, serial: u64, boot: &str, readings: &Readings) -> Written {
    let Readings {
        device,
        kind,
        class: _,
        taken,
        records,
        by_gateway_clock,
    } = readings;
    out.array(9)?.u64(serial)?.str(device)?;
    out.u8(match kind {
        Kind::Readings => 0,
        Kind::Alarms => 1,
    })?;
    out.bool(*by_gateway_clock)?.str(boot)?.i64(taken.wall)?;
    out.i64(taken.since_boot)?.bool(taken.synchronized)?;
    out.array(records.len() as u64)?;
    records
        .iter()
        .try_for_each(|record| encode_record(out, record, taken.wall))
}

fn encode_record(out: &mut Out, record: &Record, wall: Micros) -> Written {
    // All fields by name: a new one must be kept too.
    let Record {
        name,
        unit,
        value,
        time,
        device_time,
        undated,
        sequence,
        channel,
        user,
        body_site,
        method,
        status,
        quality,
        interpretation,
        flags,
        raw,
        patient,
        bed,
        encounter,
    } = record;
    out.begin_map()?.u8(key::NAME)?.str(name)?;
    match value {
        RecordValue::Number(number) => {
            out.u8(key::NUMBER)?;
            encode_decimal(out, *number)?;
        }
        RecordValue::Waveform(sampled) => {
            let SampledData {
                origin,
                period,
                factor,
                data,
            } = sampled;
            out.u8(key::WAVEFORM)?.array(4)?;
            for number in [origin, period, factor] {
                encode_decimal(out, *number)?;
            }
            out.str(data)?;
        }
        RecordValue::Alarm { text, state } => {
            out.u8(key::ALARM)?;
            encode_alarm(out, text.as_deref(), state)?;
        }
        RecordValue::Text(text) => drop(out.u8(key::TEXT)?.str(text)?),
        RecordValue::Bool(truth) => drop(out.u8(key::BOOL)?.bool(*truth)?),
        RecordValue::Absent(reason) => drop(out.u8(key::ABSENT)?.str(reason)?),
    }
    out.u8(key::TIME)?.i64(time.wrapping_sub(wall))?;
    match device_time {
        None => {}
        Some(DeviceTime::Instant(time)) => drop(out.u8(key::DEVICE_INSTANT)?.i64(*time)?),
        Some(DeviceTime::Local(time)) => drop(out.u8(key::DEVICE_LOCAL)?.i64(*time)?),
        Some(DeviceTime::Text(text)) => drop(out.u8(key::DEVICE_TEXT)?.str(text)?),
    }
    if *undated {
        out.u8(key::UNDATED)?.bool(true)?;
    }
    if let Some(sequence) = sequence {
        out.u8(key::SEQUENCE)?.i64(*sequence)?;
    }
    let texts = [
        (key::UNIT, unit),
        (key::CHANNEL, channel),
        (key::USER, user),
        (key::BODY_SITE, body_site),
        (key::METHOD, method),
        (key::STATUS, status),
        (key::QUALITY, quality),
        (key::INTERPRETATION, interpretation),
        (key::PATIENT, patient),
        (key::BED, bed),
        (key::ENCOUNTER, encounter),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            out.u8(key)?.str(text)?;
        }
    }
    if !flags.is_empty() {
        out.u8(key::FLAGS)?.array(flags.len() as u64)?;
        for flag in flags {
            out.str(flag)?;
        }
    }
    if let Some(raw) = raw {
        out.u8(key::RAW)?.bytes(raw)?;
    }
    out.end()?;
    Ok(())
}

fn encode_decimal(out: &mut Out, number: Decimal) -> Written {
    out.array(2)?.i8(number.exponent)?.i64(number.mantissa)?;
    Ok(())
}

fn encode_alarm(out: &mut Out, text: Option<&str>, state: &AlarmState) -> Written {
    let AlarmState {
        id,
        phase,
        state,
        audio,
        priority,
        kind,
        source,
        value,
        unit,
        limits,
    } = state;
    out.array(11)?;
    let texts = [
        text,
        id.as_deref(),
        phase.map(Phase::as_str),
        state.map(Presence::as_str),
        audio.as_deref(),
        priority.map(AlarmPriority::as_str),
        kind.map(AlertKind::as_str),
        source.as_deref(),
    ];
    for text in texts {
        optional(out, text)?;
    }
    match value {
        Some(value) => encode_decimal(out, *value)?,
        None => drop(out.null()?),
    }
    optional(out, unit.as_deref())?;
    optional(out, limits.as_deref())
}

fn optional(out: &mut Out, text: Option<&str>) -> Written {
    match text {
        Some(text) => out.str(text)?,
        None => out.null()?,
    };
    Ok(())
}

fn decode(from: &mut Decoder<'_>, class: Class) -> Result<Entry, Error> {
    expect_array(from, 9)?;
    let serial = from.u64()?;
    let device = from.str()?.to_owned();
    let kind = match from.u8()? {
        0 => Kind::Readings,
        1 => Kind::Alarms,
        other => return Err(Error::message(format!("kind {other} is not known"))),
    };
    let by_gateway_clock = from.bool()?;
    let boot = from.str()?.to_owned();
    let taken = Taken {
        wall: from.i64()?,
        since_boot: from.i64()?,
        synchronized: from.bool()?,
    };
    let count = from.array()?.unwrap_or(0);
    let records = (0..count)
        .map(|_| decode_record(from, taken.wall))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Entry {
        serial,
        boot,
        readings: Readings {
            device,
            kind,
            class,
            taken,
            records,
            by_gateway_clock,
        },
    })
}

fn expect_array(from: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    match from.array()? {
        Some(found) if found == length => Ok(()),
        _ => Err(Error::message("an array of another length")),
    }
}

fn decode_record(from: &mut Decoder<'_>, wall: Micros) -> Result<Record, Error> {
    let mut record = Record::new(String::new(), RecordValue::Bool(false), wall);
    from.map()?;
    while from.datatype()? != Type::Break {
        let text = |from: &mut Decoder<'_>| from.str().map(|text| Some(text.to_owned()));
        match from.u8()? {
            key::NAME => record.name = from.str()?.to_owned(),
            key::UNIT => record.unit = text(from)?,
            key::NUMBER => {
                record.value = RecordValue::Number(decode_decimal(from)?);
            }
            key::WAVEFORM => {
                expect_array(from, 4)?;
                record.value = RecordValue::Waveform(SampledData {
                    origin: decode_decimal(from)?,
                    period: decode_decimal(from)?,
                    factor: decode_decimal(from)?,
                    data: from.str()?.to_owned(),
                });
            }
            key::ALARM => record.value = decode_alarm(from)?,
            key::TEXT => record.value = RecordValue::Text(from.str()?.to_owned()),
            key::BOOL => record.value = RecordValue::Bool(from.bool()?),
            key::ABSENT => record.value = RecordValue::Absent(from.str()?.to_owned()),
            key::TIME => record.time = wall.wrapping_add(from.i64()?),
            key::DEVICE_INSTANT => record.device_time = Some(DeviceTime::Instant(from.i64()?)),
            key::DEVICE_LOCAL => record.device_time = Some(DeviceTime::Local(from.i64()?)),
            key::DEVICE_TEXT => {
                record.device_time = Some(DeviceTime::Text(from.str()?.to_owned()));
            }
            key::UNDATED => record.undated = from.bool()?,
            key::INTERPRETATION => record.interpretation = text(from)?,
            key::SEQUENCE => record.sequence = Some(from.i64()?),
            key::CHANNEL => record.channel = text(from)?,
            key::USER => record.user = text(from)?,
            key::BODY_SITE => record.body_site = text(from)?,
            key::METHOD => record.method = text(from)?,
            key::STATUS => record.status = text(from)?,
            key::QUALITY => record.quality = text(from)?,
            key::FLAGS => {
                let count = from.array()?.unwrap_or(0);
                record.flags = (0..count)
                    .map(|_| from.str().map(str::to_owned))
                    .collect::<Result<_, _>>()?;
            }
            key::RAW => record.raw = Some(from.bytes()?.to_vec()),
            key::PATIENT => record.patient = text(from)?,
            key::BED => record.bed = text(from)?,
            key::ENCOUNTER => record.encounter = text(from)?,
            other => return Err(Error::message(format!("key {other} is not known"))),
        }
    }
    from.skip()?;
    Ok(record)
}

fn decode_decimal(from: &mut Decoder<'_>) -> Result<Decimal, Error> {
    expect_array(from, 2)?;
    let (exponent, mantissa) = (from.i8()?, from.i64()?);
    Ok(Decimal { mantissa, exponent })
}

fn decode_alarm(from: &mut Decoder<'_>) -> Result<RecordValue, Error> {
    fn word<T>(word: Option<String>, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
        let known = |word: String| {
            parse(&word).ok_or_else(|| Error::message(format!("'{word}' is not known")))
        };
        word.map(known).transpose()
    }
    expect_array(from, 11)?;
    let text = decode_optional(from)?;
    let id = decode_optional(from)?;
    let phase = word(decode_optional(from)?, Phase::parse)?;
    let presence = word(decode_optional(from)?, Presence::parse)?;
    let audio = decode_optional(from)?;
    let priority = word(decode_optional(from)?, AlarmPriority::parse)?;
    let kind = word(decode_optional(from)?, AlertKind::parse)?;
    let source = decode_optional(from)?;
    let value = if from.datatype()? == Type::Null {
        from.null()?;
        None
    } else {
        Some(decode_decimal(from)?)
    };
    let state = AlarmState {
        id,
        phase,
        state: presence,
        audio,
        priority,
        kind,
        source,
        value,
        unit: decode_optional(from)?,
        limits: decode_optional(from)?,
    };
    Ok(RecordValue::Alarm {
        text,
        state: Box::new(state),
    })
}

fn decode_optional(from: &mut Decoder<'_>) -> Result<Option<String>, Error> {
    if from.datatype()? == Type::Null {
        from.null()?;
        return Ok(None);
    }
    Ok(Some(from.str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Readings {
        let text = |text: &str| Some(text.to_owned());
        let number = RecordValue::Number(Decimal {
            mantissa: 3720,
            exponent: -2,
        });
        let mut all = Record::new("MDC_TEMP_BODY", number, 1_795_348_800_250_001);
        all.unit = text("Cel");
        all.device_time = Some(DeviceTime::Local(1_795_348_000_000_000));
        all.sequence = Some(-7);
        all.channel = text("2");
        all.user = text("1");
        all.body_site = text("ear");
        all.method = text("m");
        all.status = text("preliminary");
        all.quality = text("demo");
        all.interpretation = text("HH");
        all.undated = true;
        all.flags = vec!["a".to_owned(), "b".to_owned()];
        all.raw = Some(vec![0, 255]);
        all.patient = text("p");
        all.bed = text("b");
        all.encounter = text("e");
        let mut others = [
            RecordValue::Text("on".to_owned()),
            RecordValue::Bool(true),
            RecordValue::Absent("error".to_owned()),
            RecordValue::Waveform(SampledData {
                origin: Decimal::integer(1),
                period: Decimal::integer(8),
                factor: Decimal::integer(3),
                data: "1 2 E".to_owned(),
            }),
            RecordValue::Alarm {
                text: text("low"),
                state: Box::default(),
            },
            RecordValue::Alarm {
                text: None,
                state: Box::new(AlarmState {
                    id: text("7"),
                    phase: Phase::parse("start"),
                    state: Presence::parse("active"),
                    audio: text("enabled"),
                    priority: AlarmPriority::parse("high"),
                    kind: AlertKind::parse("technical"),
                    source: text("MDC_TEMP_BODY"),
                    value: Some(Decimal::integer(2)),
                    unit: text("Cel"),
                    limits: text("1-2"),
                }),
            },
        ]
        .map(|value| Record::new("local.x", value, 5))
        .to_vec();
        others[0].device_time = Some(DeviceTime::Instant(9));
        others[1].device_time = Some(DeviceTime::Text("0000-00-00".to_owned()));
        others.insert(0, all);
        Readings {
            device: "bed-01".to_owned(),
            kind: Kind::Alarms,
            class: Class::Stream,
            taken: Taken {
                wall: 1_795_348_800_000_000,
                since_boot: 77,
                synchronized: true,
            },
            records: others,
            by_gateway_clock: true,
        }
    }

    #[test]
    fn every_field_comes_back() {
        let readings = full();
        let bytes = Entry::encode(u64::MAX, "boot", &readings);
        let entry = Entry::decode(&bytes, Class::Stream).unwrap();
        assert_eq!(
            entry,
            Entry {
                serial: u64::MAX,
                boot: "boot".to_owned(),
                readings
            }
        );
        assert_eq!(Entry::serial(&bytes), Some(u64::MAX));
    }

    #[test]
    fn other_forms_and_torn_ones_are_faults() {
        let bytes = Entry::encode(1, "boot", &full());
        for cut in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..cut], Class::Stream).is_err());
        }
        let mut newer = bytes;
        newer[0] = 2;
        assert!(Entry::decode(&newer, Class::Stream).is_err());
    }
}
