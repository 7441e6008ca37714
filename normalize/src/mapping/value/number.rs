//! Numbers: as sent, or computed.

use std::cmp::Ordering;

/// A number: as sent, or computed.
#[derive(Debug, Clone, Copy)]
pub enum Number<'a> {
    /// JSON text as sent; an integer if it holds none of `.`, `e`, `E`.
    Text(&'a str),
    Int(i64),
    /// Computed; infinite or no number where an expression or the sender (`NaN`, `Infinity`) made it so.
    Float(f64),
}

impl<'a> Number<'a> {
    /// Whether the original reads it as an integer (of any size) and not as a double.
    #[must_use]
    pub fn is_integer(self) -> bool {
        match self {
            Self::Text(text) => !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')),
            Self::Int(_) => true,
            Self::Float(_) => false,
        }
    }

    /// An integer that fits; `None` for larger ones and for doubles, whatever their value.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Int(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    /// The nearest double; infinite beyond their range.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Text(text) => text.parse().unwrap_or(f64::NAN),
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// Order by value: exact between integers of any size, as doubles otherwise. `None` if one is no number.
    #[must_use]
    pub fn compare(self, other: Number<'_>) -> Option<Ordering> {
        match (self.as_i64(), other.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            (a, b) => match (self.big(), other.big()) {
                (Some(x), Some(y)) => Some(compare_digits(x, y)),
                // One is beyond 64 bits: its sign tells.
                (Some(text), None) if b.is_some() => Some(beyond(text)),
                (None, Some(text)) if a.is_some() => Some(beyond(text).reverse()),
                _ => self.as_f64().partial_cmp(&other.as_f64()),
            },
        }
    }

    /// The text of an integer, if it stands as text.
    fn big(self) -> Option<&'a str> {
        match self {
            Self::Text(text) if self.is_integer() => Some(text),
            _ => None,
        }
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

fn beyond(text: &str) -> Ordering {
    if text.starts_with('-') {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Integers as text, without zeros at the start.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let magnitude = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => magnitude(a, b),
        (Some(a), Some(b)) => magnitude(b, a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}
