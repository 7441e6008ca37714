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
        self.write_json_start(usize::MAX, out);
    }

    /// As [`Value::write_json`], but no array or object is gone on with once `out` holds `bytes`: computed values may
    /// share their parts, so that one which is small to hold can be too large to write.
    pub fn write_json_start(&self, bytes: usize, out: &mut String) {
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
                    if out.len() >= bytes {
                        return;
                    }
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_json_start(bytes, out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if out.len() >= bytes {
                        return;
                    }
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(name, out);
                    out.push(':');
                    value.write_json_start(bytes, out);
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
        let mut shortest = Shortest::default();
        write!(shortest, "{:e}", self.0.abs())?;
        let (digits, exponent) = shortest.parts().ok_or(fmt::Error)?;
        if self.0.is_sign_negative() {
            f.write_char('-')?;
        }
        let count = digits.len() as i32;
        if exponent < -4 || exponent >= count.max(15) {
            let (first, rest) = digits.split_at_checked(1).ok_or(fmt::Error)?;
            let point = if rest.is_empty() { "" } else { "." };
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(
                f,
                "{first}{point}{rest}E{sign}{:02}",
                exponent.unsigned_abs()
            )
        } else if exponent < 0 {
            let zeros = ZEROS.get(..exponent.unsigned_abs() as usize - 1);
            write!(f, "0.{}{digits}", zeros.unwrap_or_default())
        } else if let Some((whole, fraction)) = digits.split_at_checked(exponent as usize + 1)
            && !fraction.is_empty()
        {
            write!(f, "{whole}.{fraction}")
        } else {
            let zeros = ZEROS.get(..(exponent + 1 - count) as usize);
            write!(f, "{digits}{}", zeros.unwrap_or_default())
        }
    }
}

/// As many as fit between the digits of a double and its point where that is written out.
const ZEROS: &str = "00000000000000";

/// `1.25e-7` without its sign: 17 digits, a point, and an exponent of four characters at most.
#[derive(Default)]
struct Shortest {
    /// The digits, then the rest of the text.
    text: [u8; 24],
    length: usize,
}

impl Shortest {
    /// The digits without their point, and the power of ten of the first.
    fn parts(&mut self) -> Option<(&str, i32)> {
        let text = self.text.get_mut(..self.length)?;
        let end = text.iter().position(|byte| *byte == b'e')?;
        let exponent = std::str::from_utf8(text.get(end + 1..)?)
            .ok()?
            .parse()
            .ok()?;
        let mut digits = end;
        if text.get(1) == Some(&b'.') {
            text.copy_within(2..end, 1);
            digits -= 1;
        }
        Some((std::str::from_utf8(text.get(..digits)?).ok()?, exponent))
    }
}

impl Write for Shortest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
