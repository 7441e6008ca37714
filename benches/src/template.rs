//! Messages that differ in their stamp alone: written once, then copied with another time.

use chrono::{DateTime, Datelike as _};
use wardline_normalize::time::Micros;

/// A stamp whose six decimals are all written out.
pub(crate) const PLACEHOLDER: Micros = 1_795_348_800_111_111;

/// How a stamp is written; in one form all are equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// `1795348800.111111`
    Seconds,
    /// `2026-11-22T12:00:00.111111Z`
    Rfc3339,
}

impl Stamp {
    const fn len(self) -> usize {
        match self {
            Self::Seconds => 17,
            Self::Rfc3339 => 27,
        }
    }

    /// A time from 2001 to 2286.
    pub(crate) fn text(self, at: Micros) -> String {
        let mut bytes = vec![b'0'; self.len()];
        self.write(&mut bytes, at);
        String::from_utf8(bytes).expect("digits and marks")
    }

    /// Writes a time from 2001 to 2286 to the start of `into`.
    fn write(self, into: &mut [u8], at: Micros) {
        let (seconds, micros) = (at.div_euclid(1_000_000), at.rem_euclid(1_000_000));
        match self {
            Self::Seconds => {
                digits(&mut into[..10], seconds);
                into[10] = b'.';
                digits(&mut into[11..17], micros);
            }
            Self::Rfc3339 => {
                let date = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
                let second = seconds.rem_euclid(86_400);
                into[..27].copy_from_slice(b"0000-00-00T00:00:00.000000Z");
                digits(&mut into[..4], i64::from(date.year()));
                digits(&mut into[5..7], i64::from(date.month()));
                digits(&mut into[8..10], i64::from(date.day()));
                digits(&mut into[11..13], second / 3_600);
                digits(&mut into[14..16], second / 60 % 60);
                digits(&mut into[17..19], second % 60);
                digits(&mut into[20..26], micros);
            }
        }
    }
}

fn digits(into: &mut [u8], mut number: i64) {
    for place in into.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A payload with a place for its stamp.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    stamp_at: usize,
    form: Stamp,
}

impl Template {
    /// Of a payload whose stamp says [`PLACEHOLDER`]; none if it says it nowhere.
    pub(crate) fn new(bytes: Vec<u8>, form: Stamp) -> Option<Self> {
        let text = form.text(PLACEHOLDER);
        let stamp_at = bytes
            .windows(text.len())
            .position(|window| window == text.as_bytes())?;
        Some(Self {
            bytes,
            stamp_at,
            form,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload of the moment `at`.
    pub(crate) fn at(&self, at: Micros) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        self.stamp(&mut bytes, at);
        bytes
    }

    /// Puts a stamp into a copy of [`Self::bytes`].
    pub(crate) fn stamp(&self, copy: &mut [u8], at: Micros) {
        self.form.write(&mut copy[self.stamp_at..], at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_normalize::time::parse_rfc3339;

    #[test]
    fn stamps_are_the_time_they_were_given() {
        for at in [
            PLACEHOLDER,
            1_000_000_000_000_000,
            1_709_164_799_999_999,
            1_709_164_800_000_000,
        ] {
            let text = Stamp::Rfc3339.text(at);
            assert_eq!(parse_rfc3339(&text), Some(at), "{text}");
            let seconds = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
            assert_eq!(Stamp::Seconds.text(at), seconds);
        }
    }
}
