//! Values as text: of a measurement's property (specification 1.6), and as JSON.

use super::{Number, Value};
use crate::mapping::Compat;
use bumpalo::Bump;
use std::fmt::{self, Write};

/// An array or an object where one value is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an array or object is no single value")]
pub struct NotScalar;

impl<'a> Value<'a> {
    /// The string a measurement carries for the value; `None` for null, which counts as absent.
    ///
    /// | value | text |
    /// |---|---|
    /// | string | unchanged |
    /// | number as sent | unchanged (`72.50`); strict: integers as digits, others as .NET prints a double |
    /// | number computed | integers as digits, doubles as .NET prints them: `1.5`, `1E-05`, `1E+16` |
    /// | true, false | `True`, `False` |
    /// | date | RFC 3339 in UTC; strict: `MM/dd/yyyy HH:mm:ss` |
    #[must_use]
    pub fn to_text(&self, arena: &'a Bump, compat: Compat) -> Option<Result<&'a str, NotScalar>> {
        Some(Ok(match *self {
            Self::Null => return None,
            Self::Array(_) | Self::Object(_) => return Some(Err(NotScalar)),
            Self::String(text) => text,
            Self::Bool(true) => "True",
            Self::Bool(false) => "False",
            Self::Number(Number::Text(text)) if compat == Compat::Default => text,
            // The original reads an integer zero without its sign.
            Self::Number(Number::Text("-0")) => "0",
            Self::Number(Number::Text(text)) if Number::Text(text).is_integer() => text,
            Self::Number(Number::Int(value)) => {
                bumpalo::format!(in arena, "{}", value).into_bump_str()
            }
            Self::Number(number) => {
                bumpalo::format!(in arena, "{}", DotNet(number.as_f64())).into_bump_str()
            }
            Self::Date(ticks) if compat == Compat::Default => arena.alloc_str(&ticks.format()),
            Self::Date(ticks) => arena.alloc_str(&ticks.format_invariant()),
        }))
    }

    /// The value as JSON, compact: numbers as sent, computed doubles with a fraction or an exponent (`1.0`), what is no
    /// number as a string (`"NaN"`), dates as RFC 3339.
    pub fn write_json(&self, out: &mut String) {
        match *self {
            Self::Null => out.push_str("null"),
            Self::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
            Self::Number(Number::Text(text)) => out.push_str(text),
            Self::Number(Number::Int(value)) => append(out, value),
            Self::Number(Number::Float(value)) if value.is_finite() => {
                let start = out.len();
                append(out, DotNet(value));
                if !out
                    .bytes()
                    .skip(start)
                    .any(|byte| matches!(byte, b'.' | b'E'))
                {
                    out.push_str(".0");
                }
            }
            Self::Number(Number::Float(value)) => {
                append(out, format_args!("\"{}\"", DotNet(value)))
            }
            Self::String(text) => write_string(text, out),
            Self::Date(ticks) => write_string(&ticks.format(), out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(name, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn append(out: &mut String, value: impl fmt::Display) {
    write!(out, "{value}").expect("a string takes what is written to it");
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("any string is JSON"));
}

/// A double as .NET prints it in the invariant culture: the shortest digits that read back the same, in scientific
/// form when the decimal point stands more than three zeros before them, or behind their end and the fifteenth place.
struct DotNet(f64);

impl fmt::Display for DotNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0.is_infinite() {
            return f.write_str(if self.0 > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            });
        }
        let shortest = format!("{:e}", self.0);
        let (mantissa, exponent) = shortest.split_once('e').ok_or(fmt::Error)?;
        let exponent: i32 = exponent.parse().map_err(|_| fmt::Error)?;
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
        if exponent < -4 || exponent >= digits.max(15) {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(f, "{mantissa}E{sign}{:02}", exponent.unsigned_abs())
        } else {
            write!(f, "{}", self.0)
        }
    }
}
