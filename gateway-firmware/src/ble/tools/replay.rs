//! `replay`: a capture through the decoders, to standard output or to the server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wardline_normalize::senml::Pack;
use wardline_normalize::time::parse_rfc3339;

use super::super::address::Address;
use super::super::capture::{Frame, How, unhex};
use super::super::config::Device;
use super::super::course::{Course, Note, Sent};
use super::super::link::{Action, Can, Id};
use super::super::memory::Memory;
use super::super::profile::Profile;
use super::super::repeats::Repeats;
use super::{Replay, load, print};
use crate::exit::Failure;
use crate::run::{From, start};
use crate::source::{Readings, Taken};
use crate::talk::talk;

/// Readings put at one time.
const TOGETHER: usize = 256;

pub(crate) fn run(arguments: Replay) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| Failure::usage(format!("{}: {error}", arguments.file.display())))?;
    let frames = parse(&text).map_err(Failure::usage)?;
    let (readings, faults) = decode(&frames);
    for fault in &faults {
        talk(&format!("wardline-gateway: {fault}"));
    }
    if arguments.publish {
        publish(&arguments, readings)?;
    } else {
        let mut lines = String::new();
        for reading in readings {
            let pack = Pack {
                device: reading.device,
                gateway: None,
                records: reading.records,
            };
            let written = writeln!(lines, "{}", String::from_utf8_lossy(&pack.to_json()));
            debug_assert!(written.is_ok(), "a string takes everything");
        }
        print(&lines)?;
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Found)
    }
}

fn publish(arguments: &Replay, mut readings: Vec<Readings>) -> Result<(), Failure> {
    for reading in &mut readings {
        // What is published now is none of this boot's.
        reading.taken.since_boot = 0;
    }
    let config = load(&arguments.config)?;
    crate::run::logging::start(&config.log)?;
    let source = move |context: crate::run::context::Context| {
        let work: crate::run::sources::Running = Box::pin(async move {
            for some in readings.chunks(TOGETHER) {
                context
                    .intake
                    .put(some.to_vec())
                    .await
                    .map_err(|error| error.to_string())?;
                context.pulse.beat();
            }
            Ok(())
        });
        work
    };
    start(config, From::Once(Box::new(source)))
}

struct Parsed {
    frame: Frame,
    id: Id,
    raw: Vec<u8>,
    taken: Taken,
}

fn parse(text: &str) -> Result<Vec<Parsed>, String> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let fault = |what: &str| format!("line {}: {what}", index + 1);
            let frame: Frame = serde_json::from_str(line).map_err(|e| fault(&e.to_string()))?;
            let id = frame
                .id()
                .ok_or_else(|| fault("no service and characteristic"))?;
            let raw = unhex(&frame.raw).ok_or_else(|| fault("raw is not hexadecimal"))?;
            let wall = parse_rfc3339(&frame.time).ok_or_else(|| fault("time is no time"))?;
            crate::publish::id(&frame.device).map_err(|e| fault(&e))?;
            let taken = Taken {
                wall,
                // A capture has one clock, which nobody set in between.
                since_boot: wall,
                synchronized: true,
            };
            Ok(Parsed {
                frame,
                id,
                raw,
                taken,
            })
        })
        .collect()
}

/// Readings in the order of the file, and what could not be decoded.
fn decode(frames: &[Parsed]) -> (Vec<Readings>, Vec<String>) {
    let mut courses: BTreeMap<&str, (Course, Repeats)> = BTreeMap::new();
    for name in frames
        .iter()
        .map(|parsed| parsed.frame.device.as_str())
        .collect::<BTreeSet<_>>()
    {
        courses.insert(name, (course(name, frames), Repeats::default()));
    }
    let mut readings = Vec::new();
    let mut faults = Vec::new();
    // Times of the capture's, not of today: only distances matter to a course.
    let begin = Instant::now();
    let first = frames.first().map_or(0, |parsed| parsed.taken.wall);
    let mut settle = |course: &mut Course, repeats: &mut Repeats, now: Instant| {
        for item in course.ready(repeats, now) {
            faults.extend(item.notes.iter().filter_map(|note| match note {
                Note::Undecodable { words, .. } => Some(words.clone()),
                _ => None,
            }));
            readings.extend(item.readings.clone());
            if let Some(key) = item.key {
                repeats.remember(key);
            }
            course.stored(item, now);
        }
    };
    for parsed in frames {
        let Some((course, repeats)) = courses.get_mut(parsed.frame.device.as_str()) else {
            continue;
        };
        let since = u64::try_from(parsed.taken.wall - first).unwrap_or(0);
        let now = begin + Duration::from_micros(since);
        match parsed.frame.how {
            How::Read => {
                course.done(&Action::Read(parsed.id), Ok(&parsed.raw), parsed.taken, now);
            }
            How::Sent => course.take(Sent {
                id: parsed.id,
                instance: parsed.frame.instance,
                raw: parsed.raw.clone(),
                taken: parsed.taken,
            }),
        }
        course.tick(now);
        settle(course, repeats, now);
    }
    for (course, repeats) in courses.values_mut() {
        course.flush();
        settle(course, repeats, begin);
    }
    (readings, faults)
}

/// The course of a device that has what its frames are of.
fn course(name: &str, frames: &[Parsed]) -> Course {
    let mut can: BTreeMap<Id, Can> = BTreeMap::new();
    for parsed in frames.iter().filter(|parsed| parsed.frame.device == name) {
        let can = can.entry(parsed.id).or_default();
        match parsed.frame.how {
            How::Read => can.read = true,
            How::Sent => can.subscribe = true,
        }
    }
    let services: BTreeSet<_> = can
        .keys()
        .filter_map(|id| Profile::of_service(id.service))
        .collect();
    let device = Device {
        id: name.to_owned(),
        profiles: services.into_iter().collect(),
        intermediate: true,
        ..Device::new(Address::from([0; 6]))
    };
    Course::new(
        &device,
        Duration::from_secs(30),
        Memory::default(),
        &can,
        Instant::now(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURE: &str = r#"
{"time":"2026-11-22T08:30:00Z","device":"cuff","service":"1805","characteristic":"2A2B","how":"read","raw":"ea070b16081800070000"}
{"time":"2026-11-22T08:30:01Z","device":"cuff","service":"1810","characteristic":"2A35","how":"sent","raw":"0278004f005c00ea070b16081700"}
{"time":"2026-11-22T08:30:02Z","device":"strap","service":"180D","characteristic":"2A37","how":"sent","raw":"16484003"}
{"time":"2026-11-22T08:30:03Z","device":"strap","service":"180D","characteristic":"2A37","how":"sent","raw":"16"}
"#;

    #[test]
    fn a_capture_says_what_the_gateway_would_have_said() {
        let frames = parse(CAPTURE).unwrap();
        let (readings, faults) = decode(&frames);
        assert_eq!(faults.len(), 1, "{faults:?}");
        let names: Vec<_> = readings
            .iter()
            .map(|r| (r.device.as_str(), r.records[0].name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("cuff", "MDC_PRESS_BLD_NONINV_SYS"),
                ("strap", "MDC_ECG_HEART_RATE"),
                ("strap", "gatt-2A37"),
            ]
        );
        // The cuff was six minutes slow by its clock.
        let expected = parse_rfc3339("2026-11-22T08:29:00Z").unwrap();
        let zone = super::super::super::course::zone::Zone::System;
        assert_eq!(
            zone.digits(readings[0].records[0].time),
            Some(zone.digits(expected).unwrap())
        );
    }

    #[test]
    fn what_is_no_capture_is_told_by_its_line() {
        assert!(parse("{}").is_err_and(|e| e.starts_with("line 1: ")));
        let wrong = CAPTURE.replace("16484003", "1648400");
        assert!(parse(&wrong).is_err_and(|e| e == "line 4: raw is not hexadecimal"));
    }
}
