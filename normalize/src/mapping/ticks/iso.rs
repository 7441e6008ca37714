//! The common form, without a detour: `yyyy-MM-ddTHH:mm[:ss[.fraction]][zone]`. Everything else is `general`'s.

use super::{Parts, Ticks};

/// ISO 8601 with `T` or a space, seconds optional, any number of decimals (seven count).
pub(super) fn parse(text: &[u8]) -> Option<Ticks> {
    if let Some((parts, rest)) = whole(text) {
        // The form that nearly all devices send.
        return match rest {
            [b'Z'] => Ticks::from_parts(parts),
            rest => with_fraction(parts, rest),
        };
    }
    // Without seconds.
    let (date, rest) = text.split_at_checked(16)?;
    let padded: [u8; 19] = [date, b":00"].concat().try_into().ok()?;
    let (parts, _) = whole(&padded)?;
    finish(parts, zone(rest)?)
}

/// As Json.NET's own reader of dates: seconds needed, at most seven decimals.
pub(super) fn parse_strict(text: &[u8]) -> Option<Ticks> {
    let (_, rest) = text.split_at_checked(19)?;
    let decimals = rest
        .get(1..)
        .map_or(0, |t| t.iter().take_while(|c| c.is_ascii_digit()).count());
    let excess = rest.first() == Some(&b'.') && decimals > 7;
    let (parts, rest) = whole(text)?;
    if excess {
        None
    } else {
        with_fraction(parts, rest)
    }
}

/// A time less its offset (minutes east).
pub(super) fn finish(parts: Parts, offset: i64) -> Option<Ticks> {
    Ticks::checked(Ticks::from_parts(parts)?.0 - offset * Ticks::MINUTE)
}

fn with_fraction(mut parts: Parts, mut rest: &[u8]) -> Option<Ticks> {
    if let Some((b'.', decimals)) = rest.split_first() {
        (parts.fraction, rest) = fraction(decimals)?;
    }
    finish(parts, zone(rest)?)
}

/// `yyyy-MM-ddTHH:mm:ss`, and what follows.
fn whole(text: &[u8]) -> Option<(Parts, &[u8])> {
    let (t, rest) = text.split_first_chunk::<19>()?;
    let marks = t[4] == b'-' && t[7] == b'-' && t[13] == b':' && t[16] == b':';
    if !marks || !matches!(t[10], b'T' | b't' | b' ') {
        return None;
    }
    let mut highest = 0;
    let mut digit = |at: usize| {
        let digit = t[at].wrapping_sub(b'0');
        highest = highest.max(digit);
        u32::from(digit)
    };
    let mut two = |at: usize| digit(at) * 10 + digit(at + 1);
    let year = two(0) * 100 + two(2);
    let parts = Parts {
        year: i32::try_from(year).ok()?,
        month: two(5),
        day: two(8),
        hour: two(11),
        minute: two(14),
        second: two(17),
        fraction: 0,
    };
    (highest <= 9).then_some((parts, rest))
}

fn two(text: &[u8]) -> Option<u32> {
    let [a, b, ..] = text else { return None };
    (a.is_ascii_digit() && b.is_ascii_digit())
        .then(|| u32::from(a - b'0') * 10 + u32::from(b - b'0'))
}

/// Decimals of a second as 100 ns; at least one digit.
pub(super) fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut fraction = 0;
    let mut digits = 0;
    while let Some(digit) = text.get(digits).filter(|c| c.is_ascii_digit()) {
        if digits < 7 {
            fraction = fraction * 10 + u32::from(digit - b'0');
        }
        digits += 1;
    }
    for _ in digits..7 {
        fraction *= 10;
    }
    (digits > 0).then_some((fraction, text.get(digits..)?))
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
        5 => (two(digits)?, two(digits.get(2..)?.strip_prefix(b":")?)?),
        _ => return None,
    };
    // .NET knows offsets of up to 14 hours.
    let offset = i64::from(hours) * 60 + i64::from(minutes);
    (minutes < 60 && offset <= 14 * 60).then_some(sign * offset)
}
