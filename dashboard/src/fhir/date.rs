//! FHIR dates in searches: a prefix, and a date that stands for an interval.
//!
//! `2026` is a year, `2026-11-22` a day, `2026-11-22T13:00` a minute; a time of day without a zone is UTC, for the
//! server has no better guess. <https://hl7.org/fhir/R4/search.html#date>

use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime};

use crate::backend::{DateFilter, DatePrefix, Micros};

const SECOND: Micros = 1_000_000;

/// Reads a value such as `ge2026-11-22`. `now` widens `ap` by a tenth of the distance, as the standard suggests.
pub(super) fn parse(text: &str, now: Micros) -> Option<DateFilter> {
    let (prefix, rest) = prefix(text);
    let (from, until) = interval(&rest.replace(' ', "+"))?;
    let (from, until) = if prefix == DatePrefix::Ap {
        let middle = from + (until - from) / 2;
        let margin = (now - middle).abs() / 10;
        (from.saturating_sub(margin), until.saturating_add(margin))
    } else {
        (from, until)
    };
    Some(DateFilter {
        prefix,
        from,
        until,
    })
}

fn prefix(text: &str) -> (DatePrefix, &str) {
    const PREFIXES: [(&str, DatePrefix); 9] = [
        ("eq", DatePrefix::Eq),
        ("ne", DatePrefix::Ne),
        ("gt", DatePrefix::Gt),
        ("lt", DatePrefix::Lt),
        ("ge", DatePrefix::Ge),
        ("le", DatePrefix::Le),
        ("sa", DatePrefix::Sa),
        ("eb", DatePrefix::Eb),
        ("ap", DatePrefix::Ap),
    ];
    PREFIXES
        .into_iter()
        .find_map(|(name, prefix)| Some((prefix, text.strip_prefix(name)?)))
        .unwrap_or((DatePrefix::Eq, text))
}

fn interval(text: &str) -> Option<(Micros, Micros)> {
    match text.split_once('T') {
        None => days(text),
        Some((date, time)) => {
            // A month or year cannot have a time of day.
            let date = NaiveDate::parse_from_str(date, "%Y-%m-%d")
                .ok()
                .filter(|_| date.len() == 10)?;
            time_of_day(date, time)
        }
    }
}

fn days(text: &str) -> Option<(Micros, Micros)> {
    let start = |date: NaiveDate| Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return None;
    }
    let (first, next) = match text.len() {
        4 => {
            let first = NaiveDate::from_ymd_opt(text.parse().ok()?, 1, 1)?;
            (first, first.checked_add_months(Months::new(12))?)
        }
        7 => {
            let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()?;
            (first, first.checked_add_months(Months::new(1))?)
        }
        10 => {
            let first = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            (first, first.checked_add_days(Days::new(1))?)
        }
        _ => return None,
    };
    Some((start(first)?, start(next)?))
}

fn time_of_day(date: NaiveDate, time: &str) -> Option<(Micros, Micros)> {
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let zone = if zone.is_empty() { "Z" } else { zone };
    let (clock, length) = match clock.len() {
        5 => (format!("{clock}:00"), 60 * SECOND),
        8 => (clock.to_owned(), SECOND),
        _ => {
            let digits = u32::try_from(clock.split_once('.')?.1.len()).ok()?.min(6);
            (clock.to_owned(), 10_i64.pow(6 - digits))
        }
    };
    NaiveDateTime::parse_from_str(&format!("{date}T{clock}"), "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    let from = DateTime::parse_from_rfc3339(&format!("{date}T{clock}{zone}"))
        .ok()?
        .timestamp_micros();
    Some((from, from + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_normalize::time::{format_rfc3339, parse_rfc3339};

    fn shown(text: &str) -> Option<String> {
        let filter = parse(text, 0)?;
        Some(format!(
            "{:?} {} {}",
            filter.prefix,
            format_rfc3339(filter.from),
            format_rfc3339(filter.until)
        ))
    }

    #[test]
    fn partial_dates_are_intervals() {
        for (text, expected) in [
            ("2026", "Eq 2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("ge2026-12", "Ge 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z"),
            (
                "lt2024-02-29",
                "Lt 2024-02-29T00:00:00Z 2024-03-01T00:00:00Z",
            ),
            (
                "sa2026-11-22T13:05",
                "Sa 2026-11-22T13:05:00Z 2026-11-22T13:06:00Z",
            ),
            (
                "2026-11-22T13:05:07+02:00",
                "Eq 2026-11-22T11:05:07Z 2026-11-22T11:05:08Z",
            ),
            (
                "2026-11-22T13:05:07 02:00",
                "Eq 2026-11-22T11:05:07Z 2026-11-22T11:05:08Z",
            ),
            (
                "eb2026-11-22T13:05:07.25Z",
                "Eb 2026-11-22T13:05:07.250Z 2026-11-22T13:05:07.260Z",
            ),
            (
                "2026-11-22T13:05:07.123456-05:00",
                "Eq 2026-11-22T18:05:07.123456Z 2026-11-22T18:05:07.123457Z",
            ),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "26",
            "2026-13",
            "2026-02-30",
            "xx2026",
            "2026-11T10:00",
            "2026-11-22T25:00",
            "2026-11-22T13:05:07.Z",
            "gt",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_compare_intervals() {
        let at = |text: &str| parse_rfc3339(text).unwrap();
        let day = |prefix: &str| {
            parse(&format!("{prefix}2026-11-22"), at("2026-11-22T12:00:00Z")).unwrap()
        };
        let (before, within, after) = (
            at("2026-11-21T23:59:59Z"),
            at("2026-11-22T13:00:00Z"),
            at("2026-11-23T00:00:00Z"),
        );
        for (prefix, expected) in [
            ("eq", [false, true, false]),
            ("ne", [true, false, true]),
            ("gt", [false, false, true]),
            ("ge", [false, true, true]),
            ("lt", [true, false, false]),
            ("le", [true, true, false]),
            ("sa", [false, false, true]),
            ("eb", [true, false, false]),
        ] {
            let found = [before, within, after].map(|time| day(prefix).matches(time, time));
            assert_eq!(found, expected, "{prefix}");
            let (first, last) = day(prefix).instant_bounds();
            for (time, expected) in [before, within, after].into_iter().zip(expected) {
                assert!(
                    !expected || (first..=last).contains(&time),
                    "{prefix} prunes a match"
                );
            }
        }
        // A period that reaches into the day overlaps it but is not within it.
        assert!(!day("eq").matches(before, within));
        assert!(day("ap").matches(before, within));
        assert!(day("lt").matches(before, within));
        assert!(!day("eb").matches(before, within));
        assert!(day("gt").matches(within, after));
        assert!(!day("sa").matches(within, after));
    }
}
