//! Time: microseconds since 1970-01-01T00:00:00Z, and its text form.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// One second.
pub const SECOND: Micros = 1_000_000;

/// Reads an RFC 3339 time; it must name its offset. Digits beyond the microsecond are cut off.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|t| t.timestamp_micros())
}

/// Reads a date (`2026-11-22`) as its first microsecond in UTC.
#[must_use]
pub fn parse_date(text: &str) -> Option<Micros> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// Writes a time as RFC 3339 in UTC with `Z` and the fewest of 0, 3 or 6 decimals that are exact.
///
/// Times outside the years 0 to 9999, which RFC 3339 cannot write, print as the nearest it can.
#[must_use]
pub fn format_rfc3339(time: Micros) -> String {
    // 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z.
    const FIRST: Micros = -62_167_219_200_000_000;
    const LAST: Micros = 253_402_300_799_999_999;
    let time = time.clamp(FIRST, LAST);
    let format = if time % SECOND == 0 {
        SecondsFormat::Secs
    } else if time % 1_000 == 0 {
        SecondsFormat::Millis
    } else {
        SecondsFormat::Micros
    };
    DateTime::<Utc>::from_timestamp_micros(time)
        .expect("the years 0 to 9999 are in chrono's range")
        .to_rfc3339_opts(format, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        for (text, micros) in [
            ("2026-11-22T13:00:00Z", 1_795_352_400_000_000),
            ("2026-11-22T13:00:00.5Z", 1_795_352_400_500_000),
            ("2026-11-22T15:00:00.000001+02:00", 1_795_352_400_000_001),
            ("1969-12-31T23:59:59.999999Z", -1),
        ] {
            assert_eq!(parse_rfc3339(text), Some(micros), "{text}");
            assert_eq!(parse_rfc3339(&format_rfc3339(micros)), Some(micros));
        }
        assert_eq!(
            format_rfc3339(1_795_352_400_500_000),
            "2026-11-22T13:00:00.500Z"
        );
        assert_eq!(format_rfc3339(i64::MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format_rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(parse_rfc3339("2026-11-22T13:00:00"), None);
        assert_eq!(parse_date("1970-01-02"), Some(86_400_000_000));
    }
}
