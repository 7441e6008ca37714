//! Bytes in order, little-endian; and faults that say what was expected at which byte.

use super::number::{self, Reading};
use super::{Crc, Quirks};
use alloc::vec::Vec;
use core::fmt;

/// Why bytes are not a value of their characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Index of the byte where the field begins.
    pub at: usize,
    /// The field that was expected there.
    pub field: &'static str,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// It has so many bytes, and fewer are left.
    Truncated { needs: usize, left: usize },
    /// So many bytes follow where the value ends.
    Overlong { extra: usize },
    /// It has a value that cannot be.
    Impossible { found: u32, allowed: &'static str },
    /// It is no UTF-8.
    NotText,
    /// The CRC over the bytes before it is another one.
    Crc { found: u16, computed: u16 },
    /// A part out of order: the sequence it belongs to is given up.
    OutOfOrder { found: u8, expected: u8 },
    /// No characteristic with this number is known.
    Unknown { characteristic: u16 },
}

impl Fault {
    pub(super) const fn impossible(
        at: usize,
        field: &'static str,
        found: u32,
        allowed: &'static str,
    ) -> Self {
        Self {
            at,
            field,
            wrong: Wrong::Impossible { found, allowed },
        }
    }

    /// Whether the bytes came damaged: what fails its CRC is dropped and counted, not looked into.
    #[must_use]
    pub const fn is_crc(&self) -> bool {
        matches!(self.wrong, Wrong::Crc { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, field, wrong } = self;
        match wrong {
            Wrong::Truncated { needs, left } => write!(
                f,
                "byte {at}: expected {field} ({needs} bytes), {left} are left"
            ),
            Wrong::Overlong { extra } => write!(
                f,
                "byte {at}: expected the end after {field}, {extra} bytes follow"
            ),
            Wrong::Impossible { found, allowed } => {
                write!(
                    f,
                    "byte {at}: expected {field} to be {allowed}, it is {found}"
                )
            }
            Wrong::NotText => write!(f, "byte {at}: expected {field} to be UTF-8"),
            Wrong::Crc { found, computed } => write!(
                f,
                "byte {at}: expected {field} 0x{computed:04X}, it is 0x{found:04X}"
            ),
            Wrong::OutOfOrder { found, expected } => {
                write!(f, "byte {at}: expected {field} {expected}, it is {found}")
            }
            Wrong::Unknown { characteristic } => {
                write!(f, "no decoder for characteristic {characteristic:04X}")
            }
        }
    }
}

impl core::error::Error for Fault {}

/// Takes fields from the front.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    quirks: &'a Quirks,
    last: &'static str,
    /// A number with a special mantissa and a power of ten was read.
    pub(super) doubtful: bool,
}

impl<'a> Reader<'a> {
    /// From the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8], quirks: &'a Quirks) -> Self {
        Self {
            bytes,
            at: 0,
            quirks,
            last: "the value",
            doubtful: false,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn quirks(&self) -> &'a Quirks {
        self.quirks
    }

    pub(super) fn take(&mut self, needs: usize, field: &'static str) -> Result<&'a [u8], Fault> {
        let left = self.left();
        if left < needs {
            return Err(Fault {
                at: self.at,
                field,
                wrong: Wrong::Truncated { needs, left },
            });
        }
        let taken = &self.bytes[self.at..self.at + needs];
        self.at += needs;
        self.last = field;
        Ok(taken)
    }

    pub(super) fn rest(&mut self, field: &'static str) -> &'a [u8] {
        let taken = &self.bytes[self.at..];
        self.at = self.bytes.len();
        self.last = field;
        taken
    }

    fn unsigned(&mut self, size: usize, field: &'static str) -> Result<u64, Fault> {
        let bytes = self.take(size, field)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Fault> {
        Ok(self.unsigned(1, field)? as u8)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Fault> {
        Ok(self.unsigned(2, field)? as u16)
    }

    pub(super) fn u24(&mut self, field: &'static str) -> Result<u32, Fault> {
        Ok(self.unsigned(3, field)? as u32)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Fault> {
        Ok(self.unsigned(4, field)? as u32)
    }

    pub(super) fn u48(&mut self, field: &'static str) -> Result<u64, Fault> {
        self.unsigned(6, field)
    }

    pub(super) fn sfloat(&mut self, field: &'static str) -> Result<Reading, Fault> {
        let word = self.u16(field)?;
        if number::is_doubtful(word) {
            if self.quirks.special_any_exponent {
                return Ok(number::sfloat(word & 0x0FFF));
            }
            self.doubtful = true;
        }
        Ok(number::sfloat(word))
    }

    pub(super) fn float(&mut self, field: &'static str) -> Result<Reading, Fault> {
        Ok(number::float(self.u32(field)?))
    }

    /// A field that is there when `present`.
    pub(super) fn when<T>(
        &mut self,
        present: bool,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        present.then(|| read(self)).transpose()
    }

    /// The end of the value. Bytes that follow are a later version's fields when a `reserved` flag is set.
    pub(super) fn end(&self, reserved: bool) -> Result<(), Fault> {
        if self.left() == 0 || reserved || self.quirks.trailing_bytes {
            return Ok(());
        }
        Err(Fault {
            at: self.at,
            field: self.last,
            wrong: Wrong::Overlong { extra: self.left() },
        })
    }

    /// An E2E-CRC, if there is one, over all bytes before it. Any that is there is checked.
    pub(super) fn crc(&mut self) -> Result<(), Fault> {
        let expected = match self.quirks.crc {
            Crc::Present => true,
            Crc::Absent => false,
            Crc::Auto => self.left() == 2,
        };
        if !expected {
            return Ok(());
        }
        let at = self.at;
        let found = self.u16("E2E-CRC")?;
        let computed = super::crc::ccitt_false(&self.bytes[..at]);
        if found == computed {
            return Ok(());
        }
        Err(Fault {
            at,
            field: "E2E-CRC",
            wrong: Wrong::Crc { found, computed },
        })
    }
}

/// Bytes of a value; the other way of [`Reader`].
pub(super) trait Put {
    fn put_u16(&mut self, word: u16);
    fn put_u24(&mut self, word: u32);
    fn put_u32(&mut self, word: u32);
    fn put_u48(&mut self, word: u64);
    /// A reading that does not fit is written as NRes.
    fn put_sfloat(&mut self, reading: Reading);
    /// A reading that does not fit is written as NRes.
    fn put_float(&mut self, reading: Reading);
    fn put_crc(&mut self);
}

impl Put for Vec<u8> {
    fn put_u16(&mut self, word: u16) {
        self.extend(word.to_le_bytes());
    }

    fn put_u24(&mut self, word: u32) {
        self.extend(&word.to_le_bytes()[..3]);
    }

    fn put_u32(&mut self, word: u32) {
        self.extend(word.to_le_bytes());
    }

    fn put_u48(&mut self, word: u64) {
        self.extend(&word.to_le_bytes()[..6]);
    }

    fn put_sfloat(&mut self, reading: Reading) {
        self.put_u16(number::to_sfloat(reading).unwrap_or(0x0800));
    }

    fn put_float(&mut self, reading: Reading) {
        self.put_u32(number::to_float(reading).unwrap_or(0x0080_0000));
    }

    fn put_crc(&mut self) {
        let crc = super::crc::ccitt_false(self);
        self.put_u16(crc);
    }
}
