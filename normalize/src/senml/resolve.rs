//! Records with their base values to measurements: metric, unit, value, time.

mod extra;
mod hand;
mod metric;
mod stamp;

use super::raw::{Number, Rare, Record, short};
use super::{Context, is_data_absent_reason};
use crate::decimal::Decimal;
use crate::id::is_fhir_id;
use crate::measurement::{Claims, Measurement, Reason, STATUSES, Sink, Value};
use crate::units::{self, Unit};
use crate::vocabulary::{Metric, ValueKind};
use extra::Extra;
use metric::Metrics;
use std::borrow::Cow;

pub(crate) use hand::hand;

/// What base fields have said so far.
#[derive(Default)]
pub(super) struct Base<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) device: Option<&'a str>,
    pub(super) time: Option<Decimal>,
    unit: Option<&'a str>,
    value: Option<Decimal>,
    /// A gateway wrote the pack: a time without `dt` is its stamp.
    pub(super) by_gateway: bool,
    /// Everything after a second, different `bn` belongs to who knows which device.
    lost: bool,
}

type Refusal = (Reason, String);

pub(super) fn resolve<'a>(records: &'a [Record<'a>], context: &Context<'a>, sink: &mut impl Sink) {
    if records.is_empty() {
        return sink.refuse(
            None,
            Reason::Undecodable,
            "a pack has at least one record".to_owned(),
        );
    }
    if context.device.is_some_and(|device| !is_fhir_id(device)) {
        return sink.refuse(
            None,
            Reason::NoDevice,
            "the topic's device is no id".to_owned(),
        );
    }
    let base = Base {
        device: context.device,
        ..Base::default()
    };
    resolve_on(base, records, context, sink);
}

/// Records, after what `base` says.
fn resolve_on<'a>(
    mut base: Base<'a>,
    records: &'a [Record<'a>],
    context: &Context<'a>,
    sink: &mut impl Sink,
) {
    let mut metrics = Metrics::default();
    for (index, record) in (0_u32..).zip(records) {
        let outcome = match read_base(record, &mut base, context) {
            Ok(()) if extra::is_extra(record) => extra::read(record, &base, context, &mut metrics)
                .map(|extra| match extra {
                    Extra::Waveform(waveform) => sink.waveform(index, waveform, claims(record)),
                    Extra::Alarm(alarm) => sink.alarm(index, alarm, claims(record)),
                }),
            Ok(()) => read(record, &base, context, &mut metrics, |measurement| {
                sink.take(index, measurement, claims(record));
            }),
            Err(Wrong::Record(refusal)) => Err(refusal),
            Err(Wrong::Pack((reason, detail))) if index == 0 => {
                return sink.refuse(None, reason, detail);
            }
            Err(Wrong::Pack(refusal)) => {
                base.lost = true;
                Err(refusal)
            }
        };
        if let Err((reason, detail)) = outcome {
            sink.refuse(Some(index), reason, detail);
        }
    }
}

/// Whom a fault in base fields concerns.
enum Wrong {
    Record(Refusal),
    /// The pack when it is in the first record, else this record and all after it.
    Pack(Refusal),
}

#[inline]
fn read_base<'a>(
    record: &'a Record<'a>,
    base: &mut Base<'a>,
    context: &Context<'a>,
) -> Result<(), Wrong> {
    let Some(rare) = record.rare() else {
        return Ok(());
    };
    if let Some(time) = rare.base_time {
        base.time = Some(time);
    }
    if let Some(unit) = &rare.base_unit {
        base.unit = Some(unit);
    }
    if let Some(value) = rare.base_value {
        base.value = Some(value);
    }
    base.by_gateway |= rare.gateway;
    if rare
        .base_version
        .is_some_and(|version| version != Decimal::integer(10))
    {
        return Err(Wrong::Pack((
            Reason::UnsupportedField,
            "only SenML version 10 is known".to_owned(),
        )));
    }
    let Some(name) = &rare.base_name else {
        return Ok(());
    };
    if let Some(first) = base.name {
        let refusal = (
            Reason::UnsupportedField,
            "a second bn is not taken".to_owned(),
        );
        // The same name again does no harm to the records that follow.
        return Err(if first == name {
            Wrong::Record(refusal)
        } else {
            Wrong::Pack(refusal)
        });
    }
    let device = name.strip_suffix(':').filter(|id| is_fhir_id(id));
    let Some(device) = device else {
        return Err(Wrong::Pack((
            Reason::NoDevice,
            "bn is not a device id with a colon".to_owned(),
        )));
    };
    if context.device.is_some_and(|topic| topic != device) {
        return Err(Wrong::Pack((
            Reason::DeviceMismatch,
            "bn names another device than the topic".to_owned(),
        )));
    }
    base.name = Some(name);
    base.device = Some(device);
    Ok(())
}

/// Hands on the reading of a record; one that only carries base fields has none.
fn read<'m>(
    record: &'m Record<'m>,
    base: &Base<'m>,
    context: &Context<'m>,
    metrics: &'m mut Metrics,
    take: impl FnOnce(&Measurement<'m>),
) -> Result<(), Refusal> {
    let rare = record.rare();
    let device = device(record, base)?;
    if record.is_base_only() {
        return Ok(());
    }
    let device = device.ok_or_else(no_device)?;
    let name = record.name.as_deref().unwrap_or_default();
    let meaning = metrics.find(name).ok_or_else(|| {
        (
            Reason::UnknownMetric,
            format!("no metric is called {:?}", short(name)),
        )
    })?;
    let value = value(record, rare, base, meaning.metric())?;
    let unit = unit(record, base, meaning.metric(), value)?;
    let times = stamp::times(record, base, context)?;
    let status = status(rare)?;
    let (code, mdc, panel) = meaning.codes();
    take(&Measurement {
        definition: meaning.metric(),
        device,
        gateway: context.gateway,
        site: context.site,
        code,
        mdc,
        panel,
        channel: record.channel.as_deref(),
        device_user: record.user.as_deref(),
        sequence: record.sequence,
        value,
        text: None,
        unit,
        effective: times.effective,
        effective_end: None,
        device_time: times.device,
        time_source: times.clock,
        source_time: times.stated,
        received: context.received,
        status,
        interpretation: rare.and_then(|rare| rare.interpretation.as_deref()),
        body_site: rare.and_then(|rare| rare.body_site.as_deref()),
        method: rare.and_then(|rare| rare.method.as_deref()),
        quality: record.quality.as_deref(),
        source: context.source,
        type_name: None,
        value_name: None,
        correlation_id: None,
        raw: rare
            .and_then(|rare| rare.raw.as_deref())
            .filter(|_| context.keep_raw),
    });
    Ok(())
}

/// The device, once nothing is wrong with the record as a whole.
#[inline]
fn device<'m>(record: &Record<'_>, base: &Base<'m>) -> Result<Option<&'m str>, Refusal> {
    if let Some((reason, detail)) = record.rare().and_then(|rare| rare.fault.as_ref()) {
        return Err((*reason, detail.clone()));
    }
    if base.lost {
        return Err((
            Reason::DeviceMismatch,
            "follows a second, different bn".to_owned(),
        ));
    }
    Ok(base.device)
}

fn no_device() -> Refusal {
    (
        Reason::NoDevice,
        "neither topic nor bn names the device".to_owned(),
    )
}

#[inline]
fn status(rare: Option<&Rare<'_>>) -> Result<&'static str, Refusal> {
    match rare.and_then(|rare| rare.status.as_deref()) {
        None => Ok("final"),
        Some(status) => STATUSES
            .into_iter()
            .find(|known| *known == status)
            .ok_or_else(|| {
                (
                    Reason::BadValue,
                    format!("no FHIR status {:?}", short(status)),
                )
            }),
    }
}

fn value<'m>(
    record: &'m Record<'m>,
    rare: Option<&'m Rare<'m>>,
    base: &Base<'_>,
    metric: Option<&'static Metric>,
) -> Result<Value<'m>, Refusal> {
    let bad = |detail: &str| Err((Reason::BadValue, detail.to_owned()));
    let absent = rare.is_some_and(|rare| rare.absent);
    let text = record.text.as_deref();
    let stated = [
        record.value.is_some(),
        record.truth.is_some(),
        absent || text.is_some(),
    ];
    match stated.into_iter().filter(|stated| *stated).count() {
        0 => return bad("no value"),
        1 => {}
        _ => return bad("several values"),
    }
    if absent {
        let reason = text.unwrap_or("unknown");
        return if is_data_absent_reason(reason) {
            Ok(Value::Absent(reason))
        } else {
            bad("vs is no data-absent-reason")
        };
    }
    let kind = metric.map(|metric| metric.kind);
    match (record.value, record.truth, text, kind) {
        (Some(Number::Finite(number)), _, _, None | Some(ValueKind::Quantity)) => {
            match base.value {
                None => Ok(Value::Number(number)),
                Some(offset) => match number.checked_add(offset) {
                    Some(sum) => Ok(Value::Number(sum)),
                    None => bad("v and bv have no sum"),
                },
            }
        }
        (Some(Number::Not(reason)), _, _, None | Some(ValueKind::Quantity)) => {
            Ok(Value::Absent(reason))
        }
        (_, Some(truth), _, None | Some(ValueKind::Boolean)) => {
            Ok(Value::Text(if truth { "true" } else { "false" }))
        }
        (_, _, Some(code), Some(ValueKind::Coded(codes))) => {
            match codes.iter().find(|(known, _)| *known == code) {
                Some((known, _)) => Ok(Value::Text(known)),
                None => bad("vs is no code of this metric"),
            }
        }
        (_, _, Some(text), None | Some(ValueKind::Text)) => Ok(Value::Text(text)),
        _ => bad("the metric has another kind of value"),
    }
}

/// The unit in the table; a vocabulary metric without one is in its own, a local number must state one.
fn unit<'m>(
    record: &'m Record<'m>,
    base: &Base<'m>,
    metric: Option<&'static Metric>,
    value: Value<'_>,
) -> Result<Option<&'m str>, Refusal> {
    // A base unit is for numbers; text has a unit only where its record says so.
    let inherited = base.unit.filter(|_| !matches!(value, Value::Text(_)));
    match (record.unit.as_deref().or(inherited), metric) {
        (Some(text), Some(metric)) if text == metric.unit => Ok(Some(metric.unit)),
        (Some(""), _) => Err((Reason::BadUnit, "the unit is empty".to_owned())),
        (Some(text), metric) => {
            let unit = units::canonical(text);
            // A unit nobody knows is kept and never judged; one of another dimension contradicts the metric.
            let other = matches!(unit, Unit::Ucum(_)) && matches!(value, Value::Number(_));
            match metric {
                Some(metric)
                    if other && metric.convert(1.0, unit.as_str(), metric.unit).is_none() =>
                {
                    Err((
                        Reason::BadUnit,
                        format!("the unit cannot be converted to {}", metric.unit),
                    ))
                }
                _ => Ok(Some(unit.as_str())),
            }
        }
        (None, Some(metric)) => Ok(matches!(value, Value::Number(_)).then_some(metric.unit)),
        (None, None) if matches!(value, Value::Number(_)) => {
            Err((Reason::BadUnit, "a local metric states its unit".to_owned()))
        }
        (None, None) => Ok(None),
    }
}

#[inline]
fn claims(record: &Record<'_>) -> Option<Claims> {
    let rare = record.rare()?;
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let claims = Claims {
        patient: owned(&rare.patient),
        bed: owned(&rare.bed),
        encounter: owned(&rare.encounter),
    };
    (claims != Claims::default()).then_some(claims)
}
