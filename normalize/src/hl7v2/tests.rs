//! Own messages in the shapes of real monitors. No person is named in any.

mod alarms;
mod answers;
mod any;
mod faults;
mod frames;
mod monitors;
mod waves;

use super::*;
use crate::senml::{Record, RecordValue};
use crate::time::{Micros, format_rfc3339, parse_rfc3339};
use std::fmt::Write as _;

const RECEIVED: &str = "2026-11-22T12:00:00Z";

fn received() -> Micros {
    parse_rfc3339(RECEIVED).unwrap()
}

/// Lines as a person writes them, with CR between.
fn wire(lines: &str) -> Vec<u8> {
    let lines: Vec<&str> = lines
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    (lines.join("\r") + "\r").into_bytes()
}

fn parse(lines: &str) -> Message {
    Message::parse(&wire(lines), &Profile::default()).unwrap()
}

fn zoned(zone: &str) -> Profile {
    Profile {
        zone: zone.parse().unwrap(),
        ..Profile::default()
    }
}

/// Readings of a message, one line each: device, then what is stated.
fn said(lines: &str, profile: &Profile) -> String {
    let message = parse(lines);
    let mut repairs = Repairs::default();
    let mut out = String::new();
    for readings in message.readings(profile, received(), &mut repairs) {
        writeln!(out, "{}", readings.device).unwrap();
        for record in readings.records.iter().chain(&readings.alarms) {
            writeln!(out, "  {}", shown(record)).unwrap();
        }
        for rejected in &readings.rejects {
            writeln!(out, "  {} {}", rejected.reason.as_str(), rejected.detail).unwrap();
        }
        assert_eq!(readings.records.len(), readings.lines.len());
        assert_eq!(readings.alarms.len(), readings.alarm_lines.len());
    }
    for (repair, count) in repairs.iter() {
        writeln!(out, "{} {count}", repair.as_str()).unwrap();
    }
    out
}

fn shown(record: &Record) -> String {
    let value = match &record.value {
        RecordValue::Number(number) => number.to_string(),
        RecordValue::Text(text) => format!("{text:?}"),
        RecordValue::Bool(truth) => truth.to_string(),
        RecordValue::Absent(reason) => format!("absent:{reason}"),
        RecordValue::Waveform(data) => format!(
            "[{}] every {} ms, {} + n * {}",
            data.data, data.period, data.origin, data.factor
        ),
        RecordValue::Alarm { text, state } => format!("{text:?} {state:?}"),
    };
    let time = if record.undated {
        format!("undated {:?}", record.device_time)
    } else {
        match record.device_time {
            None => "received".to_owned(),
            Some(crate::senml::DeviceTime::Local(_)) => {
                format!("{} (zone)", format_rfc3339(record.time))
            }
            _ => format_rfc3339(record.time),
        }
    };
    let mut out = format!("{} {value}", record.name);
    let parts = [
        ("", &record.unit),
        ("ch=", &record.channel),
        ("st=", &record.status),
        ("q=", &record.quality),
        ("in=", &record.interpretation),
        ("md=", &record.method),
        ("bs=", &record.body_site),
    ];
    for (label, text) in parts {
        if let Some(text) = text {
            write!(out, " {label}{text}").unwrap();
        }
    }
    write!(out, " @ {time}").unwrap();
    if !record.flags.is_empty() {
        write!(out, " {}", record.flags.join(",")).unwrap();
    }
    out
}

/// Compares, line by line, without regard to indentation.
fn check(lines: &str, profile: &Profile, expected: &str) {
    let plain = |text: &str| {
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        lines.join("\n")
    };
    assert_eq!(plain(&said(lines, profile)), plain(expected));
}
