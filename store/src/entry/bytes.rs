//! Numbers, texts and rejects as bytes. Reading checks every length against what is there.

use super::{Rejected, damaged};
use crate::Error;

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// An absent text is 0, a present one its length plus one.
pub(super) fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            put_varint(out, text.len() as u64 + 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

pub(super) fn put_reject(out: &mut Vec<u8>, reject: &Rejected) {
    put_bytes(out, reject.id.as_bytes());
    out.extend_from_slice(&reject.received.to_le_bytes());
    put_bytes(out, reject.source.as_bytes());
    put_bytes(out, reject.topic.as_bytes());
    put_optional(out, reject.device_id.as_deref());
    put_bytes(out, reject.reason.as_bytes());
    put_bytes(out, reject.detail.as_bytes());
    put_varint(out, reject.record.map_or(0, |r| u64::from(r) + 1));
    put_optional(out, reject.content_type.as_deref());
    put_optional(out, reject.properties.as_deref());
    put_bytes(out, &reject.payload);
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub(super) struct Input<'a> {
    left: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(left: &'a [u8]) -> Self {
        Self { left }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self
            .left
            .split_at_checked(len)
            .ok_or_else(|| damaged("shorter than it says"))?;
        self.left = tail;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn i64(&mut self) -> Result<i64, Error> {
        let bytes = self.take(8)?.try_into().expect("eight bytes were taken");
        Ok(i64::from_le_bytes(bytes))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number that is too long"))
    }

    pub(super) fn len(&mut self) -> Result<usize, Error> {
        usize::try_from(self.varint()?).map_err(|_| damaged("a length that is too great"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let len = self.len()?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        to_text(self.bytes()?)
    }

    pub(super) fn optional(&mut self) -> Result<Option<String>, Error> {
        match self.len()? {
            0 => Ok(None),
            len => to_text(self.take(len - 1)?).map(Some),
        }
    }

    pub(super) fn reject(&mut self) -> Result<Rejected, Error> {
        Ok(Rejected {
            id: self.text()?,
            received: self.i64()?,
            source: self.text()?,
            topic: self.text()?,
            device_id: self.optional()?,
            reason: self.text()?,
            detail: self.text()?,
            record: match self.varint()? {
                0 => None,
                n => Some(u32::try_from(n - 1).map_err(|_| damaged("a record index"))?),
            },
            content_type: self.optional()?,
            properties: self.optional()?,
            payload: self.bytes()?.to_vec(),
        })
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    pub(super) fn end(&self) -> Result<(), Error> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(damaged("longer than it says"))
        }
    }
}

fn to_text(bytes: &[u8]) -> Result<String, Error> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| damaged("a text that is not UTF-8"))
}
