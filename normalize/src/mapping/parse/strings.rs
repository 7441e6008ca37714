//! Strings, and their escapes.

use super::{Expected, Parser};
use bumpalo::collections::String;

impl<'a> Parser<'a> {
    /// The text of a string at whose opening quote the scanner stands.
    #[inline]
    pub(super) fn string<const QUOTE: u8>(&mut self) -> Result<&'a str, Expected> {
        self.bump();
        let start = self.scanner.position();
        match self.scanner.rest_of_string::<QUOTE>() {
            Ok((inside, false)) => Ok(inside),
            Ok((inside, true)) => self.unescape(start, inside),
            Err(_) => Err(Expected(
                "the end of the string, no control character before it",
            )),
        }
    }

    #[cold]
    fn unescape(&mut self, start: usize, inside: &'a str) -> Result<&'a str, Expected> {
        let mut text = String::with_capacity_in(inside.len(), self.arena);
        let mut rest = inside;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            text.push_str(plain);
            match escape(escaped) {
                Some((character, tail)) => {
                    text.push(character);
                    rest = tail;
                }
                None => {
                    self.scanner.back_to(start + inside.len() - escaped.len());
                    return Err(Expected("an escape that JSON knows"));
                }
            }
        }
        text.push_str(rest);
        Ok(text.into_bump_str())
    }
}

/// The character an escape stands for (its backslash is consumed), and what follows.
fn escape(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    let character = match characters.next()? {
        same @ ('"' | '\\' | '/' | '\'') => same,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

/// `XXXX`, or `XXXX\uXXXX` of a surrogate pair; half a pair is U+FFFD.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(text)?;
    if let 0xd800..0xdc00 = first
        && let Some((second @ 0xdc00..0xe000, rest)) = rest.strip_prefix("\\u").and_then(code_unit)
    {
        let pair = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((char::from_u32(pair)?, rest));
    }
    Some((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        rest,
    ))
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}
