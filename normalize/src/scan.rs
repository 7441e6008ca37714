//! Delimits JSON tokens, for the readers of packs and of events. Positions are between characters: only ASCII bytes
//! delimit.

use serde::de::IgnoredAny;

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax;

/// Deepest nesting of a skipped value. Packs nest two levels (`gw`); `serde_json`, which checks it, allows 128.
const MAX_DEPTH: u32 = 32;

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// High bits of the bytes that are the quote, a backslash or a control character. Bits above the lowest set one may be
/// wrong (a borrow), so only the lowest counts.
#[inline]
fn special<const QUOTE: u8>(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * QUOTE as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads on from another position.
    pub(crate) fn back_to(&mut self, position: usize) {
        self.at = position;
    }

    /// The next byte that is no white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Consumes `byte` if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Syntax> {
        if self.take(byte) { Ok(()) } else { Err(Syntax) }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Syntax> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(Syntax)
        }
    }

    pub(crate) fn literal(&mut self, word: &str) -> Result<(), Syntax> {
        let rest = self.bytes.get(self.at..).ok_or(Syntax)?;
        if !rest.starts_with(word.as_bytes()) {
            return Err(Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// What `known` makes of the letter of a key `"x":` without white space; consumed only if it knows it.
    #[inline]
    pub(crate) fn letter_key<T>(&mut self, known: impl FnOnce(u8) -> Option<T>) -> Option<T> {
        let [b'"', letter, b'"', b':'] = *self.bytes.get(self.at..)?.first_chunk()? else {
            return None;
        };
        let found = known(letter)?;
        self.at += 4;
        Some(found)
    }

    /// The inside of a string, and whether it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<(&'a str, bool), Syntax> {
        if self.peek() != Some(b'"') {
            return Err(Syntax);
        }
        self.at += 1;
        self.rest_of_string::<b'"'>()
    }

    /// The inside of a string whose opening quote is consumed, and whether it has escapes.
    #[inline(always)]
    pub(crate) fn rest_of_string<const QUOTE: u8>(&mut self) -> Result<(&'a str, bool), Syntax> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.skip_plain::<QUOTE>();
            match self.bytes.get(self.at) {
                Some(&byte) if byte == QUOTE => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                // A control character, or no end.
                _ => return Err(Syntax),
            }
        }
        let inside = self.text.get(start..self.at).ok_or(Syntax)?;
        self.at += 1;
        Ok((inside, escaped))
    }

    /// Goes to the next quote, backslash or control character: eight bytes at a time, then one by one.
    #[inline]
    fn skip_plain<const QUOTE: u8>(&mut self) {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        while let Some((chunk, tail)) = rest.split_first_chunk() {
            let special = special::<QUOTE>(u64::from_le_bytes(*chunk));
            if special != 0 {
                self.at += (special.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += chunk.len();
            rest = tail;
        }
        let plain = |byte: &u8| *byte != QUOTE && !matches!(byte, b'\\' | 0..0x20);
        self.at += rest.iter().take_while(|byte| plain(byte)).count();
    }

    /// The characters a number is made of; whether they are one is for the caller.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a str, Syntax> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.text.get(start..self.at).ok_or(Syntax)
    }

    /// A number by the grammar of RFC 8259 section 6; what follows it is not looked at.
    #[inline]
    pub(crate) fn strict_number(&mut self) -> Result<&'a str, Syntax> {
        let start = self.at;
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(Syntax)
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Syntax) }
    }

    /// Skips an array or an object.
    pub(crate) fn nested(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        let mut depth = 0_u32;
        loop {
            match self.bytes.get(self.at).ok_or(Syntax)? {
                b'[' | b'{' if depth == MAX_DEPTH => return Err(Syntax),
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                b'"' => {
                    self.string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                let value = self.text.get(start..self.at).ok_or(Syntax)?;
                return serde_json::from_str::<IgnoredAny>(value)
                    .map(|_| ())
                    .map_err(|_| Syntax);
            }
        }
    }
}
