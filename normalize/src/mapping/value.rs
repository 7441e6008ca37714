//! An event as a tree of borrowed values.

/// A JSON value. Arrays, objects and unescaped strings live in the text or in the event's arena, so that a value is
/// two words and copies freely; results of expressions are values of the same kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    String(&'a str),
    /// A time that a function made (`fromUnixTimestamp`), or (strict) a string that the original types as a date.
    Date(super::ticks::Ticks),
    Array(&'a [Value<'a>]),
    /// Members in document order; of equal names the last wins.
    Object(&'a [(&'a str, Value<'a>)]),
}

/// A number: as sent, or computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number<'a> {
    /// JSON text as sent; an integer if it holds none of `.`, `e`, `E`.
    Text(&'a str),
    Int(i64),
    Float(f64),
}
