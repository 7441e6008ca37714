//! Reassembly of what comes in segments: a header byte says first, last, and a counter modulo 64.

use super::reader::{Fault, Wrong};
use alloc::vec::Vec;

/// Longest whole in bytes: a length field of 16 bits bounds one observation, a bundle has a few.
pub const LONGEST: usize = 1 << 17;

/// Header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header(pub u8);

impl Header {
    /// The header of segment `counter` (modulo 64).
    #[must_use]
    pub const fn new(first: bool, last: bool, counter: u8) -> Self {
        Self(first as u8 | (last as u8) << 1 | (counter & 63) << 2)
    }

    #[must_use]
    pub const fn is_first(self) -> bool {
        self.0 & 1 == 1
    }

    #[must_use]
    pub const fn is_last(self) -> bool {
        self.0 & 2 == 2
    }

    /// 0 to 63.
    #[must_use]
    pub const fn counter(self) -> u8 {
        self.0 >> 2
    }
}

/// Puts segments together. A first segment starts anew, whatever was there; one that is out of order gives up what was
/// there, and says so.
#[derive(Debug, Clone, Default)]
pub struct Segments {
    parts: Vec<u8>,
    /// Counter of the next segment, while a whole is under way.
    next: Option<u8>,
}

impl Segments {
    /// Takes a segment's header and the bytes behind it; gives the whole with the last one.
    pub fn push(&mut self, header: Header, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if header.is_first() {
            self.parts.clear();
        } else if self.next != Some(header.counter()) {
            let expected = self.next.take();
            self.parts.clear();
            return Err(match expected {
                Some(expected) => Fault {
                    at: 0,
                    field: "segment",
                    wrong: Wrong::OutOfOrder {
                        found: header.counter(),
                        expected,
                    },
                },
                None => Fault::impossible(
                    0,
                    "segment header",
                    u32::from(header.0),
                    "that of a first segment",
                ),
            });
        }
        if self.parts.len() + bytes.len() > LONGEST {
            self.clear();
            return Err(Fault::impossible(
                0,
                "length of all segments",
                LONGEST as u32 + 1,
                "at most 131072",
            ));
        }
        self.parts.extend(bytes);
        if header.is_last() {
            self.next = None;
            return Ok(Some(core::mem::take(&mut self.parts)));
        }
        self.next = Some((header.counter() + 1) & 63);
        Ok(None)
    }

    /// Whether a whole is under way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.next.is_some()
    }

    /// Forgets what is there: at a disconnection.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.next = None;
    }
}

/// Cuts a whole into segments of at most `size` bytes behind the header; `counter` is the first one's.
#[must_use]
pub fn split(whole: &[u8], size: usize, counter: u8) -> Vec<(Header, Vec<u8>)> {
    let size = size.max(1);
    let count = whole.len().div_ceil(size).max(1);
    (0..count)
        .map(|index| {
            let end = ((index + 1) * size).min(whole.len());
            let header = Header::new(
                index == 0,
                index + 1 == count,
                counter.wrapping_add((index % 64) as u8),
            );
            (header, whole[index * size..end].to_vec())
        })
        .collect()
}
