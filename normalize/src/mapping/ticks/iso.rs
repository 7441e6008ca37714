//! The common form, without a detour: `yyyy-MM-ddTHH:mm[:ss[.fraction]][zone]`. Everything else is `general`'s.

use super::{Parts, Ticks};

/// ISO 8601 with `T` or a space, seconds optional, any number of decimals (seven count).
pub(super) fn parse(text: &[u8]) -> Option<Ticks> {
    let (mut parts, rest) = date(text)?;
    let (b'T' | b't' | b' ', rest) = rest.split_first().map(|(c, rest)| (*c, rest))? else {
        return None;
    };
    (parts.hour, parts.minute) = (two(rest)?, two(after_colon(rest.get(2..)?)?)?);
    let mut rest = rest.get(5..)?;
    if let Some(seconds) = after_colon(rest) {
        parts.second = two(seconds)?;
        rest = seconds.get(2..)?;
        if let Some((b'.', decimals)) = rest.split_first() {
            (parts.fraction, rest) = fraction(decimals)?;
        }
    }
    finish(parts, zone(rest)?)
}

/// As Json.NET's own reader of dates: seconds needed, at most seven decimals.
pub(super) fn parse_strict(text: &[u8]) -> Option<Ticks> {
    let decimals = text
        .get(20..)
        .map_or(0, |t| t.iter().take_while(|c| c.is_ascii_digit()).count());
    let excess = text.get(19) == Some(&b'.') && decimals > 7;
    (!excess && text.get(16) == Some(&b':'))
        .then(|| parse(text))
        .flatten()
}

/// A time less its offset (minutes east).
pub(super) fn finish(parts: Parts, offset: i64) -> Option<Ticks> {
    Ticks::checked(Ticks::from_parts(parts)?.0 - offset * Ticks::MINUTE)
}

fn date(text: &[u8]) -> Option<(Parts, &[u8])> {
    let [a, b, c, d, b'-', month @ ..] = text.get(..10)? else {
        return None;
    };
    let year = two(&[*a, *b])? * 100 + two(&[*c, *d])?;
    let [m1, m2, b'-', d1, d2] = month else {
        return None;
    };
    let parts = Parts {
        year: i32::try_from(year).ok()?,
        month: two(&[*m1, *m2])?,
        day: two(&[*d1, *d2])?,
        hour: 0,
        minute: 0,
        second: 0,
        fraction: 0,
    };
    Some((parts, text.get(10..)?))
}

fn after_colon(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b":")
}

fn two(text: &[u8]) -> Option<u32> {
    let [a, b, ..] = text else { return None };
    (a.is_ascii_digit() && b.is_ascii_digit())
        .then(|| u32::from(a - b'0') * 10 + u32::from(b - b'0'))
}

/// Decimals of a second as 100 ns; at least one digit.
pub(super) fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (decimals, rest) = text.split_at_checked(digits)?;
    if decimals.is_empty() {
        return None;
    }
    let fraction = (0..7).fold(0, |sum, i| {
        sum * 10 + decimals.get(i).map_or(0, |c| u32::from(c - b'0'))
    });
    Some((fraction, rest))
}

/// The whole rest as a zone, in minutes east of UTC: nothing, `Z`, `+hh`, `+hhmm`, `+hh:mm`.
pub(super) fn zone(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (two(digits)?, 0),
        4 => (two(digits)?, two(digits.get(2..)?)?),
        5 => (two(digits)?, two(after_colon(digits.get(2..)?)?)?),
        _ => return None,
    };
    // .NET knows offsets of up to 14 hours.
    let offset = i64::from(hours) * 60 + i64::from(minutes);
    (minutes < 60 && offset <= 14 * 60).then_some(sign * offset)
}
