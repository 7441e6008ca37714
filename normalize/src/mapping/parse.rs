//! An event's text as a tree of values in an arena.
//!
//! JSON, and what Json.NET takes besides (specification 1.1): comments, strings in single quotes, `NaN`, `Infinity`,
//! `-Infinity`. Of members of one name the last value counts, at the place of the first. A byte order mark is skipped.
//! Escapes of half a surrogate pair become U+FFFD, as there. Numbers keep their text; strings without escapes borrow it.

mod strings;

#[cfg(test)]
mod tests;

use super::Compat;
use super::ticks::Ticks;
use super::value::{Number, Value};
use crate::scan::Scanner;
use bumpalo::Bump;
use std::collections::BTreeMap;

/// Deepest nesting of arrays and objects: what walks a tree may recurse.
pub const MAX_DEPTH: usize = 512;

/// Up to so many members, a name is looked for among its forerunners; beyond, all are sorted out at the end.
const FEW_MEMBERS: usize = 32;

/// Room for members and items before the first growth: below 1 KiB each, which allocators keep at hand.
const MEMBERS_AT_FIRST: usize = 24;
const ITEMS_AT_FIRST: usize = 32;

/// The text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// In bytes from the start.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What was expected.
    pub message: String,
}

/// How an event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParseOptions {
    /// Strict: strings that look like ISO 8601 become [`Value::Date`] (specification 1.1).
    pub compat: Compat,
}

/// Reads one value and nothing behind it.
///
/// # Errors
/// [`ParseError`] at the first byte that is not as expected.
pub fn parse<'a>(
    text: &'a [u8],
    arena: &'a Bump,
    options: ParseOptions,
) -> Result<Value<'a>, ParseError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let offset = error.valid_up_to();
        let before = text.get(..offset).unwrap_or_default();
        locate(&String::from_utf8_lossy(before), "invalid UTF-8".to_owned())
    })?;
    let mut parser = Parser {
        scanner: Scanner::new(text),
        text,
        arena,
        strict: options.compat == Compat::Strict,
        members: Vec::with_capacity(MEMBERS_AT_FIRST),
        items: Vec::new(),
    };
    parser
        .document()
        .map_err(|expected| parser.report(expected))
}

/// What should stand where the scanner is.
#[derive(Debug, Clone, Copy)]
struct Expected(&'static str);

struct Parser<'a> {
    scanner: Scanner<'a>,
    text: &'a str,
    arena: &'a Bump,
    strict: bool,
    /// Members of the objects that are open, the innermost last; those of a closed one move to the arena.
    members: Vec<(&'a str, Value<'a>)>,
    /// Items of the arrays that are open.
    items: Vec<Value<'a>>,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Value<'a>, Expected> {
        if self.text.starts_with('\u{feff}') {
            self.scanner.back_to('\u{feff}'.len_utf8());
        }
        let value = self.value(0)?;
        match self.next()? {
            None => Ok(value),
            Some(_) => Err(Expected("nothing behind the value")),
        }
    }

    /// The next byte of a token.
    #[inline]
    fn next(&mut self) -> Result<Option<u8>, Expected> {
        match self.scanner.peek() {
            Some(b'/') => self.comments(),
            next => Ok(next),
        }
    }

    /// Consumes a byte.
    #[inline]
    fn bump(&mut self) {
        self.scanner.back_to(self.scanner.position() + 1);
    }

    #[cold]
    fn comments(&mut self) -> Result<Option<u8>, Expected> {
        while self.scanner.peek() == Some(b'/') {
            let start = self.scanner.position();
            let rest = self.text.get(start..).unwrap_or_default();
            let length = if rest.starts_with("//") {
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            } else if let Some(inside) = rest.strip_prefix("/*") {
                inside.find("*/").ok_or(Expected("an end of the comment"))? + 4
            } else {
                return Err(Expected("a value"));
            };
            self.scanner.back_to(start + length);
        }
        Ok(self.scanner.peek())
    }

    #[inline]
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Expected> {
        match self.next()? {
            Some(b'"') => self.text_value::<b'"'>(),
            Some(b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-') => self.negative(),
            Some(b'\'') => self.text_value::<b'\''>(),
            Some(b'N') => self.word("NaN", Value::Number(Number::Float(f64::NAN))),
            Some(b'I') => self.word("Infinity", Value::Number(Number::Float(f64::INFINITY))),
            _ => Err(Expected("a value")),
        }
    }

    #[inline]
    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, Expected> {
        match self.scanner.literal(word) {
            Ok(()) => Ok(value),
            Err(_) => Err(Expected("a value")),
        }
    }

    #[inline]
    fn number(&mut self) -> Result<Value<'a>, Expected> {
        match self.scanner.strict_number() {
            Ok(text) => Ok(Value::Number(Number::Text(text))),
            Err(_) => Err(Expected("a digit")),
        }
    }

    fn negative(&mut self) -> Result<Value<'a>, Expected> {
        match self.scanner.literal("-Infinity") {
            Ok(()) => Ok(Value::Number(Number::Float(f64::NEG_INFINITY))),
            Err(_) => self.number(),
        }
    }

    #[inline]
    fn text_value<const QUOTE: u8>(&mut self) -> Result<Value<'a>, Expected> {
        let text = self.string::<QUOTE>()?;
        if self.strict
            && let Some(ticks) = Ticks::parse_json_net(text)
        {
            return Ok(Value::Date(ticks));
        }
        Ok(Value::String(text))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Expected> {
        self.open(depth)?;
        let base = self.items.len();
        if self.next()? != Some(b']') {
            if self.items.capacity() == 0 {
                self.items.reserve(ITEMS_AT_FIRST);
            }
            loop {
                let item = self.value(depth + 1)?;
                self.items.push(item);
                match self.next()? {
                    Some(b',') => self.bump(),
                    Some(b']') => break,
                    _ => return Err(Expected("',' or ']'")),
                }
            }
        }
        self.bump();
        let items = self
            .arena
            .alloc_slice_copy(self.items.get(base..).unwrap_or_default());
        self.items.truncate(base);
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Expected> {
        self.open(depth)?;
        let base = self.members.len();
        // One bit for each kind of name seen: most names need no comparison.
        let mut kinds = 0_u64;
        if self.next()? != Some(b'}') {
            loop {
                let name = match self.next()? {
                    Some(b'"') => self.string::<b'"'>()?,
                    Some(b'\'') => self.string::<b'\''>()?,
                    _ => return Err(Expected("a quoted name of a member")),
                };
                self.colon()?;
                let value = self.value(depth + 1)?;
                let kind = 1 << kind_of(name);
                if kinds & kind == 0 || !self.replace(base, name, value) {
                    self.members.push((name, value));
                    kinds |= kind;
                }
                match self.next()? {
                    Some(b',') => self.bump(),
                    Some(b'}') => break,
                    _ => return Err(Expected("',' or '}'")),
                }
            }
        }
        self.bump();
        if self.members.len() - base > FEW_MEMBERS {
            self.sort_out(base);
        }
        let members = self
            .arena
            .alloc_slice_copy(self.members.get(base..).unwrap_or_default());
        self.members.truncate(base);
        Ok(Value::Object(members))
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Expected> {
        if self.next()? != Some(b':') {
            return Err(Expected("':'"));
        }
        self.bump();
        Ok(())
    }

    /// Consumes a bracket.
    #[inline]
    fn open(&mut self, depth: usize) -> Result<(), Expected> {
        if depth == MAX_DEPTH {
            return Err(Expected("no more than 512 nested levels"));
        }
        self.bump();
        Ok(())
    }

    /// Gives a member of that name, if there is one, the new value.
    #[cold]
    fn replace(&mut self, base: usize, name: &str, value: Value<'a>) -> bool {
        let members = self.members.get_mut(base..).unwrap_or_default();
        if members.len() > FEW_MEMBERS {
            return false;
        }
        let found = members.iter_mut().find(|(member, _)| *member == name);
        found.map(|(_, old)| *old = value).is_some()
    }

    /// Leaves each name of a large object once.
    #[cold]
    fn sort_out(&mut self, base: usize) {
        let members = self.members.split_off(base);
        let mut places = BTreeMap::new();
        for (name, value) in members {
            match places.entry(name) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(self.members.len());
                    self.members.push((name, value));
                }
                std::collections::btree_map::Entry::Occupied(place) => {
                    if let Some((_, old)) = self.members.get_mut(*place.get()) {
                        *old = value;
                    }
                }
            }
        }
    }

    #[cold]
    fn report(&self, Expected(expected): Expected) -> ParseError {
        // An escape may be cut short by the end; the scanner then stands behind it.
        let offset = self.scanner.position().min(self.text.len());
        let before = self.text.get(..offset).unwrap_or(self.text);
        let found = match self.text.get(offset..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("{found:?}"),
            None => "the end".to_owned(),
        };
        locate(before, format!("expected {expected}, found {found}"))
    }
}

/// A number under 64 that names which differ mostly differ in.
#[inline]
fn kind_of(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let at = |index: usize| u32::from(bytes.get(index).copied().unwrap_or(0));
    let length = bytes.len();
    (at(0) ^ (at(length / 2) << 1) ^ (at(length.wrapping_sub(1)) << 2) ^ length as u32) & 63
}

/// A report of what stands behind `before`.
fn locate(before: &str, message: String) -> ParseError {
    let line = before.rsplit('\n').next().unwrap_or_default();
    ParseError {
        offset: before.len(),
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        message,
    }
}
