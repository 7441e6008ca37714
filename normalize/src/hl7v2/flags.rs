//! OBX-8, OBX-11 and OBX-17: what goes with a value, and what takes its place.

use super::message::Segment;
use super::profile::Profile;
use super::repair::{Repair, Repairs};
use crate::measurement::{AlarmPriority, AlertKind};

/// What OBX-8 says (its repetitions together).
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Flags {
    /// FHIR's v3 ObservationInterpretation.
    pub(super) interpretation: Option<String>,
    pub(super) quality: Option<&'static str>,
    /// There is no value, and why.
    pub(super) absent: Option<&'static str>,
    /// Words for label `fl`.
    pub(super) words: Vec<String>,
    pub(super) priority: Option<AlarmPriority>,
    pub(super) kind: Option<AlertKind>,
}

/// Strongest last: what may not alarm outranks what is doubtful.
const QUALITIES: [&str; 5] = [
    "early-estimate",
    "calibrating",
    "questionable",
    "demo",
    "test",
];

impl Flags {
    pub(super) fn of(segment: &Segment<'_>) -> Self {
        let mut flags = Self::default();
        for repeat in segment.field(8).repeats() {
            for at in [1, 4] {
                flags.add(repeat.component(at).trim());
            }
        }
        flags
    }

    fn add(&mut self, flag: &str) {
        match flag {
            "" => {}
            "N" | "L" | "LL" | "H" | "HH" | "A" | "AA" | "<" | ">" | "B" | "W" | "U" | "D" => {
                if self.interpretation.is_none() || self.interpretation.as_deref() == Some("N") {
                    self.interpretation = Some(flag.to_owned());
                }
            }
            "INV" => self.absent = Some("error"),
            "QUES" => self.qualify("questionable"),
            "NAV" | "BUSY" => self.without("temp-unknown"),
            "NI" => self.without("unknown"),
            "OFF" => self.without("not-performed"),
            "CAL" => self.qualify("calibrating"),
            "TEST" => self.qualify("test"),
            "DEMO" => self.qualify("demo"),
            "EARLY" => self.qualify("early-estimate"),
            "VAL" => self.words.push("validated".to_owned()),
            "ALACT" => self.words.push("in-alarm".to_owned()),
            "ALINH" => self.words.push("alarm-inhibited".to_owned()),
            "PN" => self.priority = Some(AlarmPriority::None),
            "PL" => self.priority = Some(AlarmPriority::Low),
            "PM" => self.priority = Some(AlarmPriority::Medium),
            "PH" => self.priority = Some(AlarmPriority::High),
            "SP" => self.kind = Some(AlertKind::Physiological),
            "ST" => self.kind = Some(AlertKind::Technical),
            "SA" => self.kind = Some(AlertKind::Advisory),
            // A sender's own: kept as it is.
            other => self.words.push(other.chars().take(32).collect()),
        }
    }

    fn without(&mut self, reason: &'static str) {
        self.absent.get_or_insert(reason);
    }

    pub(super) fn qualify(&mut self, quality: &'static str) {
        let rank = |word: &str| QUALITIES.iter().position(|known| *known == word);
        if self.quality.is_none_or(|held| rank(held) < rank(quality)) {
            self.quality = Some(quality);
        }
    }
}

/// What OBX-11 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// FHIR observation-status.
    pub(super) fhir: &'static str,
    /// X: a value could not be had.
    pub(super) without_value: bool,
    /// O or N: an order, no result at all.
    pub(super) no_result: bool,
}

pub(super) fn status(segment: &Segment<'_>, profile: &Profile, repairs: &mut Repairs) -> Status {
    let mut text = segment.field(11).component(1).trim();
    if text.is_empty() {
        // One field early; A, N, R and S mean something else there (nature of the abnormal test).
        let early = segment.field(10).component(1).trim();
        if matches!(early, "F" | "P" | "X" | "C" | "D" | "W" | "U" | "I") {
            repairs.note(Repair::ShiftedStatus);
            text = early;
        } else {
            repairs.note(Repair::MissingStatus);
        }
    }
    let is = |fhir| Status {
        fhir,
        without_value: false,
        no_result: false,
    };
    match text {
        "F" | "U" | "V" => is("final"),
        "R" | "" => is(profile.raw_is.as_str()),
        "P" | "S" | "B" => is("preliminary"),
        "I" => is("registered"),
        "C" => is("corrected"),
        "A" => is("amended"),
        "D" | "W" => is("entered-in-error"),
        "X" => Status {
            without_value: true,
            ..is("final")
        },
        "O" | "N" => Status {
            no_result: true,
            ..is("registered")
        },
        _ => {
            repairs.note(Repair::UnknownStatus);
            is("unknown")
        }
    }
}

/// How a value came about (OBX-17).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// Somebody or something set it: no measurement.
    pub(super) setting: bool,
    /// For label `md`.
    pub(super) method: Option<String>,
    pub(super) words: Vec<String>,
}

pub(super) fn manner(segment: &Segment<'_>, repairs: &mut Repairs) -> Manner {
    let mut manner = Manner::default();
    for repeat in segment.field(17).repeats() {
        let code = repeat.component(1).trim();
        let text = repeat.text(2, repairs).into_owned();
        match code.to_ascii_uppercase().as_str() {
            "" if text.eq_ignore_ascii_case("APERIODIC")
                || text.eq_ignore_ascii_case("PERIODIC") =>
            {
                manner.words.push(text.to_ascii_lowercase());
            }
            "APERIODIC" | "PERIODIC" => manner.words.push(code.to_ascii_lowercase()),
            "ASET" | "MSET" | "RSET" => {
                manner.setting = true;
                manner.method = Some(match code.to_ascii_uppercase().as_str() {
                    "MSET" => "manual-setting".to_owned(),
                    "RSET" => "remote-setting".to_owned(),
                    _ => "auto-setting".to_owned(),
                });
            }
            "AMEAS" => manner.method = Some("auto-measurement".to_owned()),
            "MMEAS" => manner.method = Some("manual-measurement".to_owned()),
            "" if text.is_empty() => {}
            _ => {
                let said = if text.is_empty() {
                    code.to_owned()
                } else {
                    text
                };
                manner
                    .method
                    .get_or_insert(said.chars().take(128).collect());
            }
        }
    }
    manner
}
