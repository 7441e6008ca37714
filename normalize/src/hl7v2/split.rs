//! A payload of one or more messages, to a sink.

use super::frame::Splitter;
use super::message::Message;
use super::profile::Profile;
use super::repair::Repairs;
use crate::measurement::{Alarm, Claims, Measurement, Reason, Sink, Waveform};
use crate::senml::{self, Context};

/// Decodes messages, framed or not, one after another; every segment is judged for itself. `record` in the sink counts
/// the segments of the payload.
pub fn decode(payload: &[u8], profile: &Profile, context: &Context<'_>, sink: &mut impl Sink) {
    let mut splitter = Splitter::default();
    splitter.push(payload);
    splitter.finish();
    let mut first = 0;
    let mut any = false;
    while let Some(frame) = splitter.take() {
        any = true;
        let frame = match frame {
            Ok(frame) => frame,
            Err(broken) => {
                sink.refuse(None, Reason::Undecodable, broken.to_string());
                continue;
            }
        };
        match Message::parse(&frame.bytes, profile) {
            Ok(message) => first = one(&message, first, profile, context, sink),
            Err(fault) => sink.refuse(None, fault.reason(), fault.to_string()),
        }
    }
    if !any {
        let detail = "no MSH segment: a message begins with MSH and its field separator";
        sink.refuse(None, Reason::Undecodable, detail.to_owned());
    }
}

fn one(
    message: &Message,
    first: u32,
    profile: &Profile,
    context: &Context<'_>,
    sink: &mut impl Sink,
) -> u32 {
    let mut repairs = Repairs::default();
    // A topic or a credential that names the device speaks for no other.
    let named;
    let profile = match context.device {
        None => profile,
        Some(device) => {
            named = Profile {
                device: Some(device.to_owned()),
                ..profile.clone()
            };
            &named
        }
    };
    let found = message.readings(profile, context.received, &mut repairs);
    let lines = message.segments().count() as u32;
    for readings in &found {
        for rejected in &readings.rejects {
            sink.refuse(
                Some(first + rejected.line),
                rejected.reason,
                rejected.detail.clone(),
            );
        }
        for (records, lines) in [
            (&readings.records, &readings.lines),
            (&readings.alarms, &readings.alarm_lines),
        ] {
            let mut placed = Placed { first, lines, sink };
            senml::hand(&readings.device, records, context, &mut placed);
        }
    }
    first + lines
}

/// Says where in the payload a record stands.
struct Placed<'a, S> {
    first: u32,
    lines: &'a [u32],
    sink: &'a mut S,
}

impl<S> Placed<'_, S> {
    fn place(&self, record: u32) -> u32 {
        self.first + self.lines.get(record as usize).copied().unwrap_or_default()
    }
}

impl<S: Sink> Sink for Placed<'_, S> {
    fn take(&mut self, record: u32, measurement: &Measurement<'_>, claims: Option<Claims>) {
        let place = self.place(record);
        self.sink.take(place, measurement, claims);
    }

    fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String) {
        let place = record.map(|record| self.place(record));
        self.sink.refuse(place, reason, detail);
    }

    fn waveform(&mut self, record: u32, waveform: Waveform, claims: Option<Claims>) {
        let place = self.place(record);
        self.sink.waveform(place, waveform, claims);
    }

    fn alarm(&mut self, record: u32, alarm: Alarm, claims: Option<Claims>) {
        let place = self.place(record);
        self.sink.alarm(place, alarm, claims);
    }
}
