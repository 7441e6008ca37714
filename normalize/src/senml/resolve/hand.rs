//! Records that were built here instead of read from a pack: a codec of another format hands them on, so that its
//! readings become the same rows whether a gateway sent them as SenML or the server read the format itself.

use super::super::Context;
use super::super::encode::{self, DeviceTime, RecordValue, seconds};
use super::super::raw::{Number, Record, Stamp};
use super::{Base, Sink, resolve_on};
use std::borrow::Cow;

/// Hands on the records of one device. A record without `device_time` is stamped by whoever received it.
pub(crate) fn hand<'a>(
    device: &'a str,
    records: &'a [encode::Record],
    context: &Context<'a>,
    sink: &mut impl Sink,
) {
    let base = Base {
        device: Some(device),
        ..Base::default()
    };
    let records: Vec<Record<'_>> = records.iter().map(read).collect();
    resolve_on(base, &records, context, sink);
}

fn read(record: &encode::Record) -> Record<'_> {
    let mut read = Record::default();
    read.set_name(&record.name);
    read.unit = borrow(&record.unit);
    read.channel = borrow(&record.channel);
    read.quality = borrow(&record.quality);
    read.user = borrow(&record.user);
    read.sequence = record.sequence;
    // Without a time of its own it is relative to the time of receipt.
    read.time = record.device_time.is_some().then(|| seconds(record.time));
    read.device_time = match &record.device_time {
        None => None,
        Some(DeviceTime::Instant(time)) => Some(Stamp::Seconds(seconds(*time))),
        Some(DeviceTime::Local(time)) => {
            let text = crate::time::format_rfc3339(*time);
            Some(Stamp::Text(text.trim_end_matches('Z').to_owned().into()))
        }
        Some(DeviceTime::Text(text)) => Some(Stamp::Text(text.as_str().into())),
    };
    let rare = read.rare_mut();
    rare.body_site = borrow(&record.body_site);
    rare.method = borrow(&record.method);
    rare.status = borrow(&record.status);
    rare.interpretation = borrow(&record.interpretation);
    rare.patient = borrow(&record.patient);
    rare.bed = borrow(&record.bed);
    rare.encounter = borrow(&record.encounter);
    rare.raw = record.raw.as_deref().map(Cow::Borrowed);
    rare.undated = record.undated;
    match &record.value {
        RecordValue::Number(number) => read.value = Some(Number::Finite(*number)),
        RecordValue::Text(text) => read.text = Some(text.as_str().into()),
        RecordValue::Bool(truth) => read.truth = Some(*truth),
        RecordValue::Absent(reason) => {
            read.rare_mut().absent = true;
            read.text = Some(reason.as_str().into());
        }
        RecordValue::Waveform(sampled) => read.rare_mut().sampled = Some(sampled.clone()),
        RecordValue::Alarm { text, state } => {
            read.rare_mut().alarm = Some(state.clone());
            read.text = borrow(text);
        }
    }
    read
}

fn borrow(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}
