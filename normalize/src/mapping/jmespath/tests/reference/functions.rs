//! The functions of the plain interpreter.

use std::cmp::Ordering;

use super::super::super::ast::Argument;
use super::super::super::literal::Literal;
use super::{Num, Result, equal, interpret, json};
use crate::mapping::ticks::Ticks;

fn array(value: &Literal) -> std::result::Result<Vec<Literal>, ()> {
    if let Literal::Array(items) = value {
        Ok(items.to_vec())
    } else {
        Err(())
    }
}

fn object(value: &Literal) -> std::result::Result<Vec<(Box<str>, Literal)>, ()> {
    if let Literal::Object(members) = value {
        Ok(members.to_vec())
    } else {
        Err(())
    }
}

fn string(value: &Literal) -> std::result::Result<String, ()> {
    match value {
        Literal::String(text) => Ok(text.to_string()),
        Literal::Date(ticks) => Ok(ticks.format()),
        _ => Err(()),
    }
}

fn number(value: &Literal) -> std::result::Result<Num, ()> {
    Num::of(value).ok_or(())
}

fn text(text: impl Into<Box<str>>) -> Literal {
    Literal::String(text.into())
}

fn set(members: &mut Vec<(Box<str>, Literal)>, name: Box<str>, value: Literal) {
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = value,
        None => members.push((name, value)),
    }
}

/// The order of keys that are all numbers or all strings; an error for others.
fn key_order(left: &Literal, right: &Literal) -> std::result::Result<Ordering, ()> {
    match (Num::of(left), Num::of(right)) {
        (Some(left), Some(right)) => Ok(left.cmp(right).unwrap()),
        (None, None) => Ok(string(left)?.cmp(&string(right)?)),
        _ => Err(()),
    }
}

/// Sorted by insertion, each behind its equals.
fn sorted(pairs: Vec<(Literal, Literal)>) -> std::result::Result<Vec<(Literal, Literal)>, ()> {
    if let [(only, _)] = pairs.as_slice() {
        key_order(only, only)?;
    }
    let mut sorted: Vec<(Literal, Literal)> = Vec::new();
    for pair in pairs {
        let mut at = 0;
        for (index, known) in sorted.iter().enumerate() {
            if key_order(&known.0, &pair.0)? != Ordering::Greater {
                at = index + 1;
            }
        }
        sorted.insert(at, pair);
    }
    Ok(sorted)
}

pub(super) fn call(
    name: &str,
    arguments: &[Argument],
    current: &Literal,
    scopes: &[Literal],
) -> Result {
    let mut values = Vec::new();
    let mut reference = None;
    for argument in arguments {
        match argument {
            Argument::Value(node) => values.push(interpret(node, current, scopes)?),
            Argument::Expression(node) => reference = Some(node),
        }
    }
    let on = |item: &Literal| interpret(reference.unwrap(), item, scopes);
    let first = values[0].clone();
    let second = || values[1].clone();
    let strings = || Ok::<_, ()>((string(&values[0])?, string(&values[1])?));
    let doubles = |items: Vec<Literal>| {
        items
            .iter()
            .map(number)
            .collect::<std::result::Result<Vec<Num>, ()>>()
    };
    let keyed = |items: Vec<Literal>| {
        let pairs = items.into_iter().map(|item| Ok((on(&item)?, item)));
        sorted(pairs.collect::<std::result::Result<_, ()>>()?)
    };
    let own_keys =
        |items: Vec<Literal>| sorted(items.into_iter().map(|item| (item.clone(), item)).collect());
    let firsts = |pairs: Vec<(Literal, Literal)>, largest: bool| {
        let mut best: Option<(Literal, Literal)> = None;
        for pair in pairs {
            let wanted = if largest {
                Ordering::Greater
            } else {
                Ordering::Less
            };
            if best
                .as_ref()
                .is_none_or(|best| key_order(&pair.0, &best.0) == Ok(wanted))
            {
                best = Some(pair);
            }
        }
        best.map_or(Literal::Null, |(_, item)| item)
    };
    let list = |items: Vec<(Literal, Literal)>| {
        Literal::Array(items.into_iter().map(|(_, item)| item).collect())
    };
    Ok(match name {
        "add" | "subtract" | "multiply" | "divide" | "pow" => {
            arithmetic(name, number(&first)?, number(&second())?)?
        }
        "abs" => match (&first, number(&first)?) {
            (Literal::Digits(digits), _) => Literal::Digits(digits.trim_start_matches('-').into()),
            (_, Num::Int(value)) => Literal::Int(value.checked_abs().ok_or(())?),
            (_, Num::Float(value)) => Literal::Float(value.abs()),
        },
        "ceil" | "floor" => match number(&first)? {
            Num::Int(_) => first,
            Num::Float(value) => {
                let rounded = if name == "ceil" {
                    value.ceil()
                } else {
                    value.floor()
                };
                if rounded.abs() < 9e18 {
                    Literal::Int(rounded as i64)
                } else {
                    Literal::Float(rounded)
                }
            }
        },
        "sum" => {
            let numbers = doubles(array(&first)?)?;
            let mut ints = Some(0_i128);
            for number in &numbers {
                ints = ints.and_then(|sum| {
                    if let Num::Int(value) = number {
                        Some(sum + i128::from(*value))
                    } else {
                        None
                    }
                });
            }
            let sum: f64 = numbers.iter().map(|number| number.float()).sum();
            match ints.and_then(|sum| i64::try_from(sum).ok()) {
                Some(sum) => Literal::Int(sum),
                None if sum.fract() == 0.0 && sum.abs() < 9e18 => Literal::Int(sum as i64),
                None => Literal::Float(sum),
            }
        }
        "avg" => {
            let numbers = doubles(array(&first)?)?;
            let sum: f64 = numbers.iter().map(|number| number.float()).sum();
            if numbers.is_empty() {
                Literal::Null
            } else {
                Literal::Float(sum / numbers.len() as f64)
            }
        }
        "max" | "min" => {
            own_keys(array(&first)?)?;
            firsts(
                array(&first)?
                    .into_iter()
                    .map(|item| (item.clone(), item))
                    .collect(),
                name == "max",
            )
        }
        "max_by" | "min_by" => {
            let items = array(&first)?;
            keyed(items.clone())?;
            let pairs = items.into_iter().map(|item| Ok((on(&item)?, item)));
            firsts(
                pairs.collect::<std::result::Result<_, ()>>()?,
                name == "max_by",
            )
        }
        "sort" => list(own_keys(array(&first)?)?),
        "sort_by" => list(keyed(array(&first)?)?),
        "map" => Literal::Array(
            array(&first)?
                .iter()
                .map(on)
                .collect::<std::result::Result<_, _>>()?,
        ),
        "let" => {
            object(&first)?;
            let scopes: Vec<Literal> = scopes.iter().cloned().chain([first]).collect();
            interpret(reference.unwrap(), current, &scopes)?
        }
        "contains" => match (&first, second()) {
            (Literal::Array(items), search) => {
                Literal::Bool(items.iter().any(|item| equal(item, &search)))
            }
            (subject, search) => {
                let subject = string(subject)?;
                Literal::Bool(string(&search).is_ok_and(|search| subject.contains(&search)))
            }
        },
        "starts_with" => strings().map(|(text, part)| Literal::Bool(text.starts_with(&part)))?,
        "ends_with" => strings().map(|(text, part)| Literal::Bool(text.ends_with(&part)))?,
        "insertString" => {
            let (original, inserted) = strings()?;
            let Num::Int(position) = number(&values[2])? else {
                return Err(());
            };
            let mut chars: Vec<char> = original.chars().collect();
            let position = usize::try_from(position).map_err(drop)?;
            if position > chars.len() {
                return Err(());
            }
            let tail = chars.split_off(position);
            text(
                chars
                    .into_iter()
                    .chain(inserted.chars())
                    .chain(tail)
                    .collect::<String>(),
            )
        }
        "join" => {
            let (glue, items) = (string(&first)?, array(&second())?);
            let parts: Vec<String> = items
                .iter()
                .map(string)
                .collect::<std::result::Result<_, ()>>()?;
            text(parts.join(&glue))
        }
        "length" => Literal::Int(match &first {
            Literal::Array(items) => items.len() as i64,
            Literal::Object(members) => members.len() as i64,
            other => string(other)?.chars().count() as i64,
        }),
        "reverse" => match &first {
            Literal::Array(items) => Literal::Array(items.iter().rev().cloned().collect()),
            other => text(string(other)?.chars().rev().collect::<String>()),
        },
        "keys" => Literal::Array(
            object(&first)?
                .into_iter()
                .map(|(name, _)| text(name))
                .collect(),
        ),
        "values" => Literal::Array(
            object(&first)?
                .into_iter()
                .map(|(_, value)| value)
                .collect(),
        ),
        "items" => Literal::Array(
            object(&first)?
                .into_iter()
                .map(|(name, value)| Literal::Array([text(name), value].into()))
                .collect(),
        ),
        "to_object" => {
            let mut members = Vec::new();
            for pair in array(&first)? {
                match array(&pair)?.as_slice() {
                    [name, value] => set(&mut members, string(name)?.into(), value.clone()),
                    _ => return Err(()),
                }
            }
            Literal::Object(members.into())
        }
        "merge" => {
            let mut members = Vec::new();
            for value in &values {
                object(value)?
                    .into_iter()
                    .for_each(|(name, value)| set(&mut members, name, value));
            }
            Literal::Object(members.into())
        }
        "zip" => {
            let arrays = values
                .iter()
                .map(array)
                .collect::<std::result::Result<Vec<_>, ()>>()?;
            let len = arrays.iter().map(Vec::len).min().unwrap();
            let row = |index: usize| {
                Literal::Array(arrays.iter().map(|items| items[index].clone()).collect())
            };
            Literal::Array((0..len).map(row).collect())
        }
        "not_null" => values
            .into_iter()
            .find(|value| *value != Literal::Null)
            .unwrap_or(Literal::Null),
        "to_array" => {
            if let Literal::Array(_) = first {
                first
            } else {
                Literal::Array([first].into())
            }
        }
        "to_string" => match string(&first) {
            Ok(string) => text(string),
            Err(()) => text(json(&first)),
        },
        "to_number" => match &first {
            Literal::String(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(value), _) => Literal::Int(value),
                (_, Ok(value)) if value.is_finite() => Literal::Float(value),
                _ => Literal::Null,
            },
            other if Num::of(other).is_some() => first,
            _ => Literal::Null,
        },
        "type" => text(match &first {
            Literal::Null => "null",
            Literal::Bool(_) => "boolean",
            Literal::String(_) | Literal::Date(_) => "string",
            Literal::Array(_) => "array",
            Literal::Object(_) => "object",
            _ => "number",
        }),
        "fromUnixTimestamp" | "fromUnixTimestampMs" => {
            let Num::Int(count) = number(&first)? else {
                return Err(());
            };
            let unit = if name == "fromUnixTimestamp" {
                10_000_000
            } else {
                10_000
            };
            Literal::Date(count.checked_mul(unit).and_then(Ticks::checked).ok_or(())?)
        }
        other => panic!("the reference lacks {other}"),
    })
}

fn arithmetic(name: &str, left: Num, right: Num) -> Result {
    if let (Num::Int(left), Num::Int(right)) = (left, right) {
        let (left, right) = (i128::from(left), i128::from(right));
        let exact = match name {
            "add" => return Ok(Literal::Int((left + right) as i64)),
            "subtract" => return Ok(Literal::Int((left - right) as i64)),
            "multiply" => return Ok(Literal::Int((left * right) as i64)),
            "divide" if right == 0 => return Err(()),
            "divide" => left / right,
            _ if right < 0 => match left {
                0 => return Err(()),
                1 => 1,
                -1 => 1 - 2 * (right & 1),
                _ => 0,
            },
            _ => {
                let mut product = 1_i128;
                // Whatever does not settle in 70 steps has 0, 1 or -1 as its base.
                for _ in 0..right.min(70 + (right & 1)) {
                    product *= left;
                    if i64::try_from(product).is_err() {
                        return Err(());
                    }
                }
                product
            }
        };
        return i64::try_from(exact).map(Literal::Int).map_err(drop);
    }
    let (left, right) = (left.float(), right.float());
    Ok(Literal::Float(match name {
        "add" => left + right,
        "subtract" => left - right,
        "multiply" => left * right,
        "divide" => left / right,
        _ => left.powf(right),
    }))
}
