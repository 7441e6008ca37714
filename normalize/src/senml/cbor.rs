//! The CBOR form: integer labels of RFC 8428 section 6, text for the rest; decimals as tag 4.

use super::MAX_RECORDS;
use super::raw::{Fault, Label, MAX_FIELDS, Number, Record, Token};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use minicbor::Decoder;
use minicbor::data::{IanaTag, Tag, Type};
use minicbor::decode::Error;
use std::borrow::Cow;

/// Integer labels: name for reports, label.
const INTEGER_LABELS: [(i64, &str, Label); 15] = [
    (-6, "bs", Label::Sum),
    (-5, "bv", Label::BaseValue),
    (-4, "bu", Label::BaseUnit),
    (-3, "bt", Label::BaseTime),
    (-2, "bn", Label::BaseName),
    (-1, "bver", Label::BaseVersion),
    (0, "n", Label::Name),
    (1, "u", Label::Unit),
    (2, "v", Label::Value),
    (3, "vs", Label::StringValue),
    (4, "vb", Label::BoolValue),
    (5, "s", Label::Sum),
    (6, "t", Label::Time),
    (7, "ut", Label::UpdateTime),
    (8, "vd", Label::DataValue),
];

pub(super) fn parse(payload: &[u8]) -> Result<Vec<Record<'_>>, Fault> {
    let mut decoder = Decoder::new(payload);
    let undecodable = |position: usize| {
        (
            Reason::Undecodable,
            format!("invalid CBOR near byte {position}"),
        )
    };
    let records = pack(&mut decoder).map_err(|_| undecodable(decoder.position()))?;
    if records.len() > MAX_RECORDS {
        return Err((
            Reason::TooManyRecords,
            format!("more than {MAX_RECORDS} records"),
        ));
    }
    if decoder.position() != payload.len() {
        return Err(undecodable(decoder.position()));
    }
    Ok(records)
}

/// The records; one more than allowed, and no further, when there are too many.
fn pack<'a>(decoder: &mut Decoder<'a>) -> Result<Vec<Record<'a>>, Error> {
    let mut records = Vec::new();
    let mut left = decoder.array()?;
    while more(decoder, &mut left)? && records.len() <= MAX_RECORDS {
        let mut record = Record::default();
        let mut fields = decoder.map()?;
        while more(decoder, &mut fields)? {
            let (label, name) = label(decoder)?;
            let token = if label.is_structured() {
                structure(decoder)?
            } else {
                token(decoder)?
            };
            record.set(label, &name, token);
        }
        records.push(record);
    }
    Ok(records)
}

/// Whether an array or map goes on; consumes the end of an indefinite one.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn label<'a>(decoder: &mut Decoder<'a>) -> Result<(Label, Cow<'a, str>), Error> {
    if let Some(text) = text(decoder)? {
        return Ok((Label::of(&text), text));
    }
    let number = i64::try_from(decoder.int()?).unwrap_or(i64::MAX);
    Ok(INTEGER_LABELS
        .iter()
        .find(|(label, ..)| *label == number)
        .map_or((Label::Ignored, Cow::Borrowed("")), |(_, name, label)| {
            (*label, Cow::Borrowed(*name))
        }))
}

/// A text, definite or in pieces; `None` (and nothing consumed) for anything else.
fn text<'a>(decoder: &mut Decoder<'a>) -> Result<Option<Cow<'a, str>>, Error> {
    Ok(match decoder.datatype()? {
        Type::String => Some(Cow::Borrowed(decoder.str()?)),
        Type::StringIndef => Some(Cow::Owned(
            decoder.str_iter()?.collect::<Result<String, _>>()?,
        )),
        _ => None,
    })
}

/// A map with text keys, one level of it; anything else as it is.
fn structure<'a>(decoder: &mut Decoder<'a>) -> Result<Token<'a>, Error> {
    if !matches!(decoder.datatype()?, Type::Map | Type::MapIndef) {
        return token(decoder);
    }
    let mut fields = Vec::new();
    let mut left = decoder.map()?;
    while more(decoder, &mut left)? {
        let (_, name) = label(decoder)?;
        let value = token(decoder)?;
        if fields.len() < MAX_FIELDS {
            fields.push((name, value));
        }
    }
    Ok(Token::Fields(fields))
}

fn token<'a>(decoder: &mut Decoder<'a>) -> Result<Token<'a>, Error> {
    if let Some(text) = text(decoder)? {
        return Ok(Token::Text(text));
    }
    let other = |number: Option<Number>| number.map_or(Token::Other, Token::Number);
    Ok(match decoder.datatype()? {
        Type::Bool => Token::Bool(decoder.bool()?),
        Type::Bytes => Token::Bytes(Cow::Borrowed(decoder.bytes()?)),
        Type::BytesIndef => {
            let pieces: Result<Vec<&[u8]>, _> = decoder.bytes_iter()?.collect();
            Token::Bytes(Cow::Owned(pieces?.concat()))
        }
        Type::F16 => other(from_f32(decoder.f16()?)),
        Type::F32 => other(from_f32(decoder.f32()?)),
        Type::F64 => other(Number::from_f64(decoder.f64()?)),
        Type::Tag => return tagged(decoder),
        Type::Array | Type::ArrayIndef => {
            decoder.skip()?;
            Token::List
        }
        Type::Map | Type::MapIndef => {
            decoder.skip()?;
            Token::Map
        }
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => {
            other(integer(decoder)?.map(|value| Number::Finite(Decimal::integer(value))))
        }
        _ => {
            decoder.skip()?;
            Token::Other
        }
    })
}

/// The shortest decimal of a 32-bit float: 37.2 sent as one is 37.2, not 37.20000076.
fn from_f32(value: f32) -> Option<Number> {
    if value.is_finite() {
        return Decimal::parse(&format!("{value:e}")).map(Number::Finite);
    }
    Number::from_f64(f64::from(value))
}

fn integer(decoder: &mut Decoder<'_>) -> Result<Option<i64>, Error> {
    Ok(i64::try_from(decoder.int()?).ok())
}

/// Tag 4, `[exponent, mantissa]`; any other tag is skipped with its content.
fn tagged<'a>(decoder: &mut Decoder<'a>) -> Result<Token<'a>, Error> {
    if decoder.tag()? != Tag::from(IanaTag::Decimal) {
        decoder.skip()?;
        return Ok(Token::Other);
    }
    if decoder.array()? != Some(2) {
        return Err(Error::message("a decimal has an exponent and a mantissa"));
    }
    let exponent = integer(decoder)?.and_then(|exponent| i8::try_from(exponent).ok());
    // A mantissa beyond 64 bits is a tagged bignum: no reading has one.
    let mantissa = if decoder.datatype()? == Type::Tag {
        decoder.skip()?;
        None
    } else {
        integer(decoder)?
    };
    Ok(match (exponent, mantissa) {
        (Some(exponent), Some(mantissa)) => {
            Token::Number(Number::Finite(Decimal { mantissa, exponent }))
        }
        _ => Token::Other,
    })
}
