//! `effective[x]`: when the reading was taken.

use super::json::{At as _, Fault, Object};
use crate::measurement::Reason;
use crate::time::{self, Micros};

/// A moment, or the period a value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Effective {
    pub(super) start: Micros,
    pub(super) end: Option<Micros>,
}

const DATE_TIME: &str = "effectiveDateTime";
const INSTANT: &str = "effectiveInstant";
const PERIOD: &str = "effectivePeriod";
const TIMING: &str = "effectiveTiming";

pub(super) fn effective(observation: &Object<'_>) -> Result<Effective, Fault> {
    let bad = |what: &'static str| Fault::new(Reason::BadTime, what);
    let mut stated = observation.choices("effective");
    let point = |name: &str| {
        let text = observation.text(name)?;
        let text = text.ok_or_else(|| bad("is blank").at(name))?;
        let start = moment(&text).at(name)?;
        Ok(Effective { start, end: None })
    };
    match (stated.next(), stated.next()) {
        (None, _) => Err(bad("is missing").at("effective[x]")),
        (Some(_), Some(_)) => Err(bad("is there in several forms").at("effective[x]")),
        (Some(DATE_TIME), None) => point(DATE_TIME),
        (Some(INSTANT), None) => point(INSTANT),
        (Some(PERIOD), None) => period(observation).at(PERIOD),
        (Some(TIMING), None) => Err(bad("is a schedule, not a time").at(TIMING)),
        (Some(_), None) => {
            let fault = Fault::new(Reason::UnsupportedField, "is of no type of R4");
            Err(fault.at("effective[x]"))
        }
    }
}

fn period(observation: &Object<'_>) -> Result<Effective, Fault> {
    let bad = |what: &'static str| Fault::new(Reason::BadTime, what);
    let raw = observation.raw(PERIOD)?.ok_or_else(|| bad("is missing"))?;
    let period = Object::parse(raw.get())?;
    let read = |name: &str| match period.text(name)? {
        None => Ok(None),
        Some(text) => moment(&text).map(Some).at(name),
    };
    let start = read("start")?.ok_or_else(|| bad("is missing").at("start"))?;
    let end = read("end")?;
    if end.is_some_and(|end| end < start) {
        return Err(bad("is before the start").at("end"));
    }
    Ok(Effective { start, end })
}

/// A dateTime that says when: to the second, with its zone, as FHIR demands of one with a time of day.
pub(super) fn moment(text: &str) -> Result<Micros, Fault> {
    let bad = |what: &'static str| Err(Fault::new(Reason::BadTime, what));
    let text = text.trim();
    // chrono also takes a blank or a small letter between date and time.
    if text.as_bytes().get(10) == Some(&b'T') {
        if let Some(time) = time::parse_rfc3339(text) {
            return Ok(time);
        }
        if time::parse_rfc3339(&format!("{text}Z")).is_some() {
            return bad("has a time of day without a zone");
        }
    }
    let of_digits = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [year] if of_digits(year, 4) => bad("is a year without a time of day"),
        [year, month] if of_digits(year, 4) && of_digits(month, 2) => {
            bad("is a month without a time of day")
        }
        [year, month, day] if of_digits(year, 4) && of_digits(month, 2) && of_digits(day, 2) => {
            bad("is a date without a time of day")
        }
        _ => bad("is no FHIR dateTime"),
    }
}
