//! Strings. Lengths and positions count characters (Unicode scalar values); the original's `insertString` counts
//! UTF-16 units, which differs only beyond the basic plane and could split a character.

use super::super::super::Compat;
use super::super::super::value::{Number, Value};
use super::super::EvalError;
use super::super::eval::Run;
use super::super::kind::kind;
use super::super::number::{Num, float, int};
use super::arithmetic::{INTEGER, NO_INTEGER};
use super::{no_result, refuse};

type Result<'a> = std::result::Result<Value<'a>, EvalError>;

/// A string, or the text of a time; the signature has excluded the rest.
pub(super) fn text<'a>(run: &Run<'a, '_>, value: &Value<'a>) -> &'a str {
    match value {
        Value::String(text) => text,
        time => time
            .to_text(run.arena, run.compat)
            .and_then(std::result::Result::ok)
            .unwrap_or_default(),
    }
}

fn texts<'a>(
    run: &mut Run<'a, '_>,
    arguments: &[Value<'a>],
) -> std::result::Result<(&'a str, &'a str), EvalError> {
    let text = |index: usize| arguments.get(index).map_or("", |value| text(run, value));
    let (first, second) = (text(0), text(1));
    run.charge_text(first.len() + second.len())?;
    Ok((first, second))
}

pub(super) fn starts_with<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let (text, start) = texts(run, arguments)?;
    Ok(Value::Bool(text.starts_with(start)))
}

pub(super) fn ends_with<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let (text, end) = texts(run, arguments)?;
    Ok(Value::Bool(text.ends_with(end)))
}

pub(super) fn join<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let [glue, Value::Array(items)] = arguments else {
        return Ok(Value::Null);
    };
    let glue = text(run, glue);
    let mut joined = bumpalo::collections::String::new_in(run.arena);
    for (index, item) in items.iter().enumerate() {
        let item = text(run, item);
        run.charge(1 + (item.len() + glue.len()) / 2)?;
        if index > 0 {
            joined.push_str(glue);
        }
        joined.push_str(item);
    }
    Ok(Value::String(joined.into_bump_str()))
}

pub(super) fn insert_string<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    const NAME: &str = "insertString";
    if run.compat == Compat::Strict
        && let Some(index) = arguments
            .iter()
            .position(|value| matches!(value, Value::Date(_)))
    {
        return Err(refuse(NAME, index, "a string", "a time".to_owned()));
    }
    let (original, inserted) = texts(run, arguments)?;
    let Some(Value::Number(position)) = arguments.get(2) else {
        return Ok(Value::Null);
    };
    let Num::Int(position) = Num::of(*position) else {
        return Err(refuse(NAME, 2, INTEGER, NO_INTEGER.to_owned()));
    };
    run.charge(1 + (original.len() + inserted.len()) / 2)?;
    let ends = original
        .char_indices()
        .map(|(at, _)| at)
        .chain([original.len()]);
    let at = usize::try_from(position)
        .ok()
        .and_then(|position| ends.clone().nth(position));
    let Some((before, after)) = at.and_then(|at| original.split_at_checked(at)) else {
        return Err(no_result(NAME, "the position is outside the string"));
    };
    let mut text =
        bumpalo::collections::String::with_capacity_in(original.len() + inserted.len(), run.arena);
    [before, inserted, after]
        .iter()
        .for_each(|part| text.push_str(part));
    Ok(Value::String(text.into_bump_str()))
}

/// A string stays; all else as JSON.
pub(super) fn to_string<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let Some(value) = arguments.first() else {
        return Ok(Value::Null);
    };
    if matches!(value, Value::String(_) | Value::Date(_)) {
        return Ok(Value::String(text(run, value)));
    }
    charge_json(run, value)?;
    let mut json = String::new();
    match value {
        // The original knows a sent decimal by its value alone.
        Value::Number(number @ Number::Text(_)) if run.compat == Compat::Strict => {
            match Num::of(*number) {
                Num::Float(number) => float(number).write_json(&mut json),
                _ => value.write_json(&mut json),
            }
        }
        value => value.write_json(&mut json),
    }
    Ok(Value::String(run.arena.alloc_str(&json)))
}

/// A step for every second byte that `value` takes as JSON, nearly: parts of a computed value may be shared, so that
/// it is far larger written than held.
fn charge_json(run: &mut Run<'_, '_>, value: &Value<'_>) -> std::result::Result<(), EvalError> {
    match value {
        Value::String(text) | Value::Number(Number::Text(text)) => run.charge(1 + text.len() / 2),
        Value::Array(items) => {
            run.charge(1)?;
            items.iter().try_for_each(|item| charge_json(run, item))
        }
        Value::Object(members) => {
            run.charge(1)?;
            members.iter().try_for_each(|(name, value)| {
                run.charge(1 + name.len() / 2)?;
                charge_json(run, value)
            })
        }
        _ => run.charge(2),
    }
}

/// A number stays; a string as a 64-bit integer, else as a double; all else is null.
pub(super) fn to_number<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(match arguments.first() {
        Some(number @ Value::Number(_)) => *number,
        Some(Value::String(text)) => {
            run.charge_text(text.len())?;
            parse(text)
        }
        _ => Value::Null,
    })
}

fn parse<'a>(text: &str) -> Value<'a> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if let Ok(value) = text.parse() {
        return int(value);
    }
    if !text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'))
    {
        return Value::Null;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => float(value),
        _ => Value::Null,
    }
}

pub(super) fn type_of<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let kind = arguments.first().map_or("null", kind);
    Ok(Value::String(match kind {
        "a time" => "string",
        kind => kind.trim_start_matches("a ").trim_start_matches("an "),
    }))
}
