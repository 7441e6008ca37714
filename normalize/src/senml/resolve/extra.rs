//! Pieces of waveform and alarms.

use super::super::Context;
use super::super::raw::{Record, short};
use super::metric::Metrics;
use super::{Base, Refusal, device, no_device, stamp, status};
use crate::measurement::{Alarm, Reason, Statement, Waveform};
use crate::units;

pub(super) enum Extra {
    Waveform(Waveform),
    Alarm(Alarm),
}

#[inline]
pub(super) fn is_extra(record: &Record<'_>) -> bool {
    record
        .rare()
        .is_some_and(|rare| rare.sampled.is_some() || rare.alarm.is_some())
}

pub(super) fn read(
    record: &Record<'_>,
    base: &Base<'_>,
    context: &Context<'_>,
    metrics: &mut Metrics,
) -> Result<Extra, Refusal> {
    let device = device(record, base)?.ok_or_else(no_device)?;
    let Some(rare) = record.rare() else {
        return Err((Reason::BadValue, "no value".to_owned()));
    };
    let name = record.name.as_deref().unwrap_or_default();
    let times = stamp::times(record, base, context)?;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let stated = Statement {
        device: device.to_owned(),
        gateway: owned(context.gateway),
        site: owned(context.site),
        channel: owned(record.channel.as_deref()),
        device_user: owned(record.user.as_deref()),
        sequence: record.sequence,
        effective: times.effective,
        device_time: times.device,
        time_source: times.clock,
        source_time: times.stated,
        received: context.received,
        quality: owned(record.quality.as_deref()),
        source: owned(context.source),
    };
    let numbers = record.value.is_some() || record.truth.is_some() || rare.absent;
    match (&rare.sampled, &rare.alarm) {
        (Some(_), Some(_)) => Err(several()),
        _ if numbers => Err(several()),
        (_, Some(alarm)) => {
            if !is_event(name) {
                return Err((
                    Reason::UnknownMetric,
                    format!("{:?} is no event", short(name)),
                ));
            }
            Ok(Extra::Alarm(Alarm {
                stated,
                event: name.to_owned(),
                text: owned(record.text.as_deref()),
                state: (**alarm).clone(),
            }))
        }
        (Some(_), _) if record.text.is_some() => Err(several()),
        (Some(sampled), _) => {
            let meaning = metrics.find(name).ok_or_else(|| {
                let detail = format!("no metric is called {:?}", short(name));
                (Reason::UnknownMetric, detail)
            })?;
            let (code, mdc, _) = meaning.codes();
            let definition = meaning.metric();
            let unit = record.unit.as_deref().or(definition.map(|m| m.unit));
            Ok(Extra::Waveform(Waveform {
                stated,
                definition,
                code: code.to_owned(),
                mdc: owned(mdc),
                unit: unit.map(|text| units::canonical(text).as_str().to_owned()),
                status: status(Some(rare))?,
                body_site: owned(rare.body_site.as_deref()),
                data: sampled.clone(),
            }))
        }
        (None, None) => Err((Reason::BadValue, "no value".to_owned())),
    }
}

fn several() -> Refusal {
    (Reason::BadValue, "several values".to_owned())
}

/// A reference id, a decimal code or a local name: what can stand in `monitor:{event}`.
fn is_event(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
