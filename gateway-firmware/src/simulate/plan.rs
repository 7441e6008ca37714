//! From what was typed to what will be played: all faults of usage are found here.

use std::path::Path;
use std::time::Duration;

use wardline_normalize::time::Micros;

use super::fleet::{self, Fleet};
use super::reading::{Merged, Source};
use super::recording::{Player, Recording};
use super::scenario::Assignments;
use crate::cli::Simulate;
use crate::exit::Failure;
use crate::publish::id;

/// Patients of a ward that was not described.
const PATIENTS: u32 = 24;

/// What is played, and how.
pub(super) struct Plan {
    pub(super) source: Merged,
    pub(super) as_fast_as_possible: bool,
    /// Most packs.
    pub(super) count: u64,
}

impl Plan {
    /// `now` is the moment at which live time starts unless the arguments say otherwise.
    pub(super) fn new(arguments: &Simulate, now: Micros) -> Result<Self, Failure> {
        let time = &arguments.time;
        let recording = &arguments.recording;
        let patients = match (arguments.fleet.patients, &recording.recording) {
            (Some(patients), _) => patients,
            (None, Some(_)) => 0,
            (None, None) => PATIENTS,
        };
        if patients == 0 && recording.recording.is_none() {
            return Err(Failure::usage(
                "nothing to play: --patients 0 and no --recording",
            ));
        }
        let endless = patients > 0 || recording.again;
        if time.as_fast_as_possible && endless && time.duration.is_none() && time.count.is_none() {
            let why = "--as-fast-as-possible would never end; add --duration or --count";
            return Err(Failure::usage(why));
        }
        let mut sources: Vec<Box<dyn Source + Send>> = Vec::new();
        if patients > 0 {
            sources.push(Box::new(ward(arguments, patients, now)?));
        }
        if let Some(file) = &recording.recording {
            sources.push(Box::new(player(arguments, file, now)?));
        }
        Ok(Self {
            source: Merged(sources),
            as_fast_as_possible: time.as_fast_as_possible,
            count: time.count.unwrap_or(u64::MAX),
        })
    }
}

fn ward(arguments: &Simulate, patients: u32, now: Micros) -> Result<Fleet, Failure> {
    let (typed, time) = (&arguments.fleet, &arguments.time);
    let beds = fleet::beds(patients);
    let scenarios = match &typed.scenario {
        Some(scenarios) => scenarios.clone(),
        None => Assignments::spread(&beds),
    };
    if let Some((scenario, bed)) = scenarios.0.iter().find(|(_, bed)| !beds.contains(bed)) {
        let last = beds.last().map_or("", String::as_str);
        let why = format!("--scenario {scenario}={bed}: no such bed; the last is {last}");
        return Err(Failure::usage(why));
    }
    let interval = match typed.rate {
        Some(rate) => (f64::from(patients) / rate * 1e6) as Micros,
        None => micros(typed.interval)?,
    };
    if interval < 1000 {
        let why = "--rate: more than 1000 packs a second from one device; add --patients";
        return Err(Failure::usage(why));
    }
    let live = time.start.unwrap_or(now);
    Ok(Fleet::new(fleet::Plan {
        patients,
        seed: typed.seed,
        start: live - micros(time.backfill)?,
        live,
        end: end(live, time.duration)?,
        interval,
        scenarios,
        speed: typed.speed,
    }))
}

fn player(arguments: &Simulate, file: &Path, now: Micros) -> Result<Player, Failure> {
    let (typed, time) = (&arguments.recording, &arguments.time);
    let recording = Recording::read(file).map_err(Failure::usage)?;
    let device = match &typed.device {
        Some(device) => device.clone(),
        None => device_of(file),
    };
    // The moment that --duration counts from is the start of live time, or of what is played.
    let (start, origin) = match time.start {
        Some(start) => (start, start),
        None if time.as_fast_as_possible && !typed.again => {
            let start = now - recording.length();
            (start, start)
        }
        None => (now - micros(time.backfill)?, now),
    };
    let end = end(origin, time.duration)?;
    Ok(Player::new(recording, &device, start, end, typed.again))
}

/// The file's name as far as a device id can hold it.
fn device_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(fits).take(64).collect();
    id(&name).unwrap_or_else(|_| "recording".to_owned())
}

fn end(origin: Micros, duration: Option<Duration>) -> Result<Option<Micros>, Failure> {
    duration
        .map(|duration| Ok(origin + micros(duration)?))
        .transpose()
}

/// A duration that leaves room for sums of several in a time.
fn micros(duration: Duration) -> Result<Micros, Failure> {
    const CENTURY: u128 = 100 * 366 * 86_400 * 1_000_000;
    let micros = duration.as_micros();
    match Micros::try_from(micros) {
        Ok(fits) if micros <= CENTURY => Ok(fits),
        _ => Err(Failure::usage("a duration of more than a hundred years")),
    }
}

#[cfg(test)]
mod tests;
