//! The JSON form. Each value is taken as its text, so that numbers keep their digits and a value of the wrong type
//! costs its record and not the pack.

use super::MAX_RECORDS;
use super::raw::{Fault, Label, Number, Record, Token};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sonic_rs::LazyValue;
use std::borrow::Cow;
use std::fmt;

/// Marks the one error that is not about syntax.
const TOO_MANY: &str = "too many records";

pub(super) fn parse(payload: &[u8]) -> Result<Vec<Record<'_>>, Fault> {
    let mut deserializer = sonic_rs::Deserializer::from_slice(payload);
    let parsed = deserializer
        .deserialize_seq(Pack { capacity: (payload.len() / 64).min(MAX_RECORDS) })
        .and_then(|records| deserializer.end().map(|()| records));
    match parsed {
        Ok(records) => Ok(records),
        Err(error) if error.to_string().contains(TOO_MANY) => {
            Err((Reason::TooManyRecords, format!("more than {MAX_RECORDS} records")))
        }
        // The library's message quotes the payload; a position is enough and names no value.
        Err(error) => Err((Reason::Undecodable, format!("invalid JSON near byte {}", error.offset()))),
    }
}

struct Pack {
    capacity: usize,
}

impl<'de> Visitor<'de> for Pack {
    type Value = Vec<Record<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::with_capacity(self.capacity);
        while let Some(record) = seq.next_element_seed(RecordSeed)? {
            if records.len() == MAX_RECORDS {
                return Err(A::Error::custom(TOO_MANY));
            }
            records.push(record);
        }
        Ok(records)
    }
}

struct RecordSeed;

impl<'de> DeserializeSeed<'de> for RecordSeed {
    type Value = Record<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut record = Record::default();
        while let Some(Key(label, name)) = map.next_key()? {
            let value: LazyValue<'de> = map.next_value()?;
            let token = match value.as_raw_cow() {
                Cow::Borrowed(text) => token(text),
                // Text with escapes.
                Cow::Owned(text) => token(&text).map(Token::into_owned),
            };
            record.set(label, &name, token.map_err(A::Error::custom)?);
        }
        Ok(record)
    }
}

struct Key<'de>(Label, Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label")
            }

            #[inline]
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Label::of(text), Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Label::of(text), Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A JSON value, whose text the parser has delimited, as a token.
#[inline]
fn token(text: &str) -> Result<Token<'_>, &'static str> {
    Ok(match text.as_bytes().first() {
        Some(b'"') => Token::Text(string(text)?),
        Some(b'-' | b'0'..=b'9') => number(text).map_or(Token::Other, Token::Number),
        Some(b't') => Token::Bool(true),
        Some(b'f') => Token::Bool(false),
        Some(b'[') => Token::List,
        Some(b'{') => Token::Map,
        _ => Token::Other,
    })
}

#[inline]
fn string(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or("unterminated string")?;
    if inner.bytes().any(|byte| byte == b'\\') {
        return serde_json::from_str(text).map(Cow::Owned).map_err(|_| "invalid escape");
    }
    Ok(Cow::Borrowed(inner))
}

/// Digits beyond what a decimal holds are rounded to the nearest double.
fn number(text: &str) -> Option<Number> {
    if let Some(decimal) = Decimal::parse(text) {
        return Some(Number::Finite(decimal));
    }
    let value: f64 = text.parse().ok()?;
    if value.is_finite() { Number::from_f64(value) } else { None }
}
