//! The rarer forms: one pass of tokens, each put where its shape says, then judged as a whole.

use chrono::{Datelike, NaiveDate, Weekday};

use super::iso::{finish, fraction, zone};
use super::{Parts, Ticks};

/// Longer text is no time.
const LONGEST: usize = 64;

/// .NET 8's `TwoDigitYearMax`: 49 is 2049, 50 is 1950.
const TWO_DIGIT_YEAR_MAX: u32 = 49;

/// What the tokens have told so far.
#[derive(Default)]
struct Found {
    /// Numbers of the date in order, with their count of digits.
    numbers: Vec<(u32, usize)>,
    /// The month by name, and how many numbers stood before it.
    month: Option<(u32, usize)>,
    weekday: Option<Weekday>,
    time: Option<Clock>,
    afternoon: Option<bool>,
    offset: Option<i64>,
}

#[derive(Clone, Copy)]
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    fraction: u32,
}

pub(super) fn parse(text: &str) -> Option<Ticks> {
    let text = text.trim();
    if text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    if let Some(inner) = text.strip_prefix("/Date(") {
        return epoch(inner.strip_suffix(")/")?);
    }
    let mut found = Found::default();
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        rest = match first {
            b' ' | b'\t' | b',' => rest.get(1..)?,
            b'0'..=b'9' => number(rest, &mut found)?,
            b'+' | b'-' if found.time.is_some() => {
                let end = rest.iter().position(|c| *c == b' ').unwrap_or(rest.len());
                let (text, after) = rest.split_at_checked(end)?;
                set(&mut found.offset, zone(text)?)?;
                after
            }
            // Separators of a date join two numbers, or a number and the name of a month.
            b'/' | b'-' | b'.' if joins(&found, rest) => rest.get(1..)?,
            c if c.is_ascii_alphabetic() => word(rest, &mut found)?,
            _ => return None,
        };
    }
    judge(found)
}

/// `/Date(ms)/`, `/Date(ms+0100)/`: the offset says where the clock hung, not when it was.
fn epoch(inner: &str) -> Option<Ticks> {
    let sign_at = inner.bytes().skip(1).position(|c| c == b'+' || c == b'-');
    let (millis, offset) = match sign_at {
        Some(at) => inner.split_at_checked(at + 1)?,
        None => (inner, ""),
    };
    let digits = millis.strip_prefix('-').unwrap_or(millis);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    zone(offset.as_bytes())?;
    Ticks::from_unix_millis(millis.parse().ok()?)
}

fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn joins(found: &Found, rest: &[u8]) -> bool {
    let begun = !found.numbers.is_empty() || found.month.is_some();
    begun && found.time.is_none() && rest.get(1).is_some_and(u8::is_ascii_alphanumeric)
}

/// A number of the date, or the time of day if a colon or AM/PM follows.
fn number<'t>(text: &'t [u8], found: &mut Found) -> Option<&'t [u8]> {
    let (value, digits, rest) = digits(text)?;
    if let Some(after) = rest.strip_prefix(b":") {
        let (clock, rest) = clock(value, digits, after)?;
        set(&mut found.time, clock)?;
        return Some(rest);
    }
    let word = rest.trim_ascii_start();
    let half = word.first().map(u8::to_ascii_lowercase);
    let ends = |at: usize| word.get(at).is_none_or(|c| !c.is_ascii_alphanumeric());
    let meridiem = matches!(half, Some(b'a' | b'p'))
        && (ends(1) || (word.get(1).is_some_and(|c| c.eq_ignore_ascii_case(&b'm')) && ends(2)));
    if meridiem && found.time.is_none() {
        let clock = Clock {
            hour: value,
            minute: 0,
            second: 0,
            fraction: 0,
        };
        set(&mut found.time, clock)?;
        return Some(rest);
    }
    found.numbers.push((value, digits));
    (found.numbers.len() <= 3 && digits <= 4).then_some(rest)
}

fn digits(text: &[u8]) -> Option<(u32, usize, &[u8])> {
    let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(count)?;
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((value, count, rest))
}

/// The rest of `hh:mm[:ss[.fraction]]`.
fn clock(hour: u32, digits_of_hour: usize, text: &[u8]) -> Option<(Clock, &[u8])> {
    let (minute, digits_of_minute, mut rest) = digits(text)?;
    let mut clock = Clock {
        hour,
        minute,
        second: 0,
        fraction: 0,
    };
    if let Some(after) = rest.strip_prefix(b":") {
        let (second, count, after) = digits(after)?;
        (clock.second, rest) = (second, after);
        if let Some(after) = rest.strip_prefix(b".") {
            (clock.fraction, rest) = fraction(after)?;
        }
        if count > 2 {
            return None;
        }
    }
    (digits_of_hour <= 2 && digits_of_minute <= 2).then_some((clock, rest))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A month, a day of the week, AM or PM, the `T` before a time, `Z` or `GMT`.
fn word<'t>(text: &'t [u8], found: &mut Found) -> Option<&'t [u8]> {
    let count = text.iter().take_while(|c| c.is_ascii_alphabetic()).count();
    let (word, mut rest) = text.split_at_checked(count)?;
    let word = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
    match word.as_str() {
        "t" if found.time.is_none() && rest.first()?.is_ascii_digit() => {}
        "z" | "gmt" => set(&mut found.offset, 0)?,
        "am" | "a" if found.time.is_some() => set(&mut found.afternoon, false)?,
        "pm" | "p" if found.time.is_some() => set(&mut found.afternoon, true)?,
        _ => {
            let named =
                |name: &&str| **name == word || (count == 3 && name.get(..3) == Some(&word));
            if let Some(month) = MONTHS.iter().position(named) {
                let month = u32::try_from(month + 1).ok()?;
                set(&mut found.month, (month, found.numbers.len()))?;
            } else {
                let day: Weekday = word.parse().ok()?;
                set(&mut found.weekday, day)?;
            }
            // `Jan.` and `Mon.` are not .NET's, but a separator follows a month in `5.Jan.2026`.
            if found.month.is_none() && rest.first() == Some(&b'.') {
                rest = rest.get(1..)?;
            }
        }
    }
    Some(rest)
}

fn judge(found: Found) -> Option<Ticks> {
    let (year, month, day) = date(&found)?;
    let clock = found.time.unwrap_or(Clock {
        hour: 0,
        minute: 0,
        second: 0,
        fraction: 0,
    });
    let hour = match found.afternoon {
        None => clock.hour,
        Some(_) if clock.hour == 0 || clock.hour > 12 => {
            // .NET takes `13:00 PM` and refuses `13:00 AM`; both halves of `0:30 AM` are plain.
            if clock.hour > 12 && found.afternoon == Some(false) {
                return None;
            }
            if clock.hour == 0 && found.afternoon == Some(true) {
                12
            } else {
                clock.hour
            }
        }
        Some(afternoon) => clock.hour % 12 + if afternoon { 12 } else { 0 },
    };
    if let Some(weekday) = found.weekday
        && NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.weekday() != weekday
    {
        return None;
    }
    let parts = Parts {
        year: i32::try_from(year).ok()?,
        month,
        day,
        hour,
        minute: clock.minute,
        second: clock.second,
        fraction: clock.fraction,
    };
    finish(parts, found.offset.unwrap_or(0))
}

/// Year, month and day by the invariant culture's order: month before day unless the year comes first.
fn date(found: &Found) -> Option<(u32, u32, u32)> {
    let long = |(_, digits): &(u32, usize)| *digits >= 3;
    match (found.month, found.numbers.as_slice()) {
        (None, [y, m, d]) if long(y) => Some((y.0, m.0, d.0)),
        (None, [m, d, y]) if !long(m) && !long(d) => Some((year(*y), m.0, d.0)),
        // A year and a month: its first day.
        (None, [y, m]) if long(y) && !long(m) => Some((y.0, m.0, 1)),
        (None, [m, y]) if long(y) && !long(m) => Some((y.0, m.0, 1)),
        (Some((month, _)), [y, d]) if long(y) && !long(d) => Some((y.0, month, d.0)),
        (Some((month, _)), [d, y]) if !long(d) => Some((year(*y), month, d.0)),
        (Some((month, _)), [y]) if long(y) => Some((y.0, month, 1)),
        _ => None,
    }
}

const fn year((value, digits): (u32, usize)) -> u32 {
    match digits {
        1 | 2 if value <= TWO_DIGIT_YEAR_MAX => 2000 + value,
        1 | 2 => 1900 + value,
        _ => value,
    }
}
