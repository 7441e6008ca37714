//! The JSON form.
//!
//! A reader for this one shape, an array of flat objects, instead of a general one, for three reasons: numbers keep
//! their digits, a value of the wrong type costs its record and not the pack, and no input can exhaust the stack
//! (general readers recurse into values that they skip). What a pack nests, it nests in labels that are skipped:
//! those are delimited by counting brackets and then checked by `serde_json`.

use super::MAX_RECORDS;
use super::raw::{Fault, Label, MAX_FIELDS, Number, Record, Token};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use crate::scan::{Scanner, Syntax};
use std::borrow::Cow;

/// Bytes of a short record, for the first allocation: `{"n":"MDC_TEMP","v":37.2},` has 27.
const MIN_RECORD: usize = 27;

pub(super) fn parse(payload: &[u8]) -> Result<Vec<Record<'_>>, Fault> {
    let text = std::str::from_utf8(payload).map_err(|error| {
        (
            Reason::Undecodable,
            format!("invalid UTF-8 near byte {}", error.valid_up_to()),
        )
    })?;
    let mut scanner = Scanner::new(text);
    match pack(
        &mut scanner,
        (payload.len() / MIN_RECORD + 1).min(MAX_RECORDS),
    ) {
        Ok(records) if records.len() > MAX_RECORDS => Err((
            Reason::TooManyRecords,
            format!("more than {MAX_RECORDS} records"),
        )),
        Ok(records) => Ok(records),
        Err(Syntax) => Err((
            Reason::Undecodable,
            format!("invalid JSON near byte {}", scanner.position()),
        )),
    }
}

/// The records; one more than allowed, and no further, when there are too many.
fn pack<'a>(scanner: &mut Scanner<'a>, capacity: usize) -> Result<Vec<Record<'a>>, Syntax> {
    let mut records = Vec::with_capacity(capacity);
    scanner.expect(b'[')?;
    if scanner.take(b']') {
        scanner.end()?;
        return Ok(records);
    }
    loop {
        // Filled in place: a record is some hundred bytes.
        let record = records.push_mut(Record::default());
        fill(scanner, record)?;
        if records.len() > MAX_RECORDS {
            return Ok(records);
        }
        if scanner.take(b']') {
            scanner.end()?;
            return Ok(records);
        }
        scanner.expect(b',')?;
    }
}

#[inline]
fn fill<'a>(scanner: &mut Scanner<'a>, record: &mut Record<'a>) -> Result<(), Syntax> {
    scanner.expect(b'{')?;
    if scanner.take(b'}') {
        return Ok(());
    }
    loop {
        // Nearly every label of nearly every record is one letter.
        if let Some((label, name)) = scanner.letter_key(Label::of_letter) {
            if !hot(scanner, record, label)? {
                record.set(label, name, token(scanner)?);
            }
        } else {
            let (inside, escaped) = scanner.string()?;
            let unescaped;
            let name = if escaped {
                unescaped = unescape(inside)?;
                &unescaped
            } else {
                inside
            };
            scanner.expect(b':')?;
            let label = Label::of(name);
            let token = if label.is_structured() && scanner.peek() == Some(b'{') {
                fields(scanner)?
            } else {
                token(scanner)?
            };
            record.set(label, name, token);
        }
        if scanner.take(b'}') {
            return Ok(());
        }
        scanner.expect(b',')?;
    }
}

/// The four labels of nearly every record, without a token between; false, and nothing consumed, for the rest.
#[inline]
fn hot<'a>(
    scanner: &mut Scanner<'a>,
    record: &mut Record<'a>,
    label: Label,
) -> Result<bool, Syntax> {
    let next = scanner.peek().ok_or(Syntax)?;
    match (label, next) {
        (Label::Name | Label::Unit, b'"') => {
            let start = scanner.position();
            let (inside, escaped) = scanner.string()?;
            if !escaped && record.set_plain(label, inside) {
                return Ok(true);
            }
            scanner.back_to(start);
        }
        (Label::Value | Label::Time, b'-' | b'0'..=b'9') => {
            let start = scanner.position();
            if let Some(Number::Finite(number)) = number(scanner.number()?)?
                && record.set_number(label, number)
            {
                return Ok(true);
            }
            scanner.back_to(start);
        }
        _ => {}
    }
    Ok(false)
}

/// A map, one level of it; what nests deeper stays unread.
fn fields<'a>(scanner: &mut Scanner<'a>) -> Result<Token<'a>, Syntax> {
    let mut fields = Vec::new();
    scanner.expect(b'{')?;
    if scanner.take(b'}') {
        return Ok(Token::Fields(fields));
    }
    loop {
        let name = string(scanner)?;
        scanner.expect(b':')?;
        let value = token(scanner)?;
        if fields.len() < MAX_FIELDS {
            fields.push((name, value));
        }
        if scanner.take(b'}') {
            return Ok(Token::Fields(fields));
        }
        scanner.expect(b',')?;
    }
}

#[inline]
fn token<'a>(scanner: &mut Scanner<'a>) -> Result<Token<'a>, Syntax> {
    Ok(match scanner.peek().ok_or(Syntax)? {
        b'"' => Token::Text(string(scanner)?),
        b'-' | b'0'..=b'9' => number(scanner.number()?)?.map_or(Token::Other, Token::Number),
        b't' => scanner.literal("true").map(|()| Token::Bool(true))?,
        b'f' => scanner.literal("false").map(|()| Token::Bool(false))?,
        b'n' => scanner.literal("null").map(|()| Token::Other)?,
        b'[' => scanner.nested().map(|()| Token::List)?,
        b'{' => scanner.nested().map(|()| Token::Map)?,
        _ => return Err(Syntax),
    })
}

#[inline]
fn string<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, str>, Syntax> {
    let (inside, escaped) = scanner.string()?;
    if escaped {
        unescape(inside)
    } else {
        Ok(Cow::Borrowed(inside))
    }
}

#[cold]
fn unescape<'a>(inside: &str) -> Result<Cow<'a, str>, Syntax> {
    serde_json::from_str(&format!("\"{inside}\""))
        .map(Cow::Owned)
        .map_err(|_| Syntax)
}

/// Digits beyond what a decimal holds are rounded to the nearest double; `None` when that is infinite.
#[inline]
fn number(text: &str) -> Result<Option<Number>, Syntax> {
    // A zero at the start is followed by no digit.
    if let [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..] = text.as_bytes() {
        return Err(Syntax);
    }
    if let Some(decimal) = Decimal::parse(text) {
        return Ok(Some(Number::Finite(decimal)));
    }
    if !is_number(text) {
        return Err(Syntax);
    }
    let value: f64 = text.parse().map_err(|_| Syntax)?;
    Ok(if value.is_finite() {
        Number::from_f64(value)
    } else {
        None
    })
}

fn is_number(text: &str) -> bool {
    Scanner::new(text).strict_number() == Ok(text)
}
