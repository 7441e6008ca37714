//! Reading frames from one segment, a chunk at a time.

use crate::disk::DiskFile;
use crate::format::{FRAME_BYTES, FrameHead, HEADER_BYTES, SECTOR_BYTES};
use crate::options::MAX_RECORD_BYTES;
use bytes::{Buf, Bytes, BytesMut};
use std::io;

/// Bytes read at a time: large enough that the system call does not show. A longer frame is read whole.
const CHUNK_BYTES: usize = 256 << 10;

/// Frames of a segment from its start. Payloads share the chunk they were read in.
#[derive(Debug)]
pub(crate) struct Frames {
    file: Box<dyn DiskFile>,
    buffer: BytesMut,
    /// File offset of the buffer's first byte.
    at: u64,
    /// Nothing at or behind this offset is read.
    limit: u64,
    check: bool,
}

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) head: FrameHead,
    /// File offset of the frame.
    pub(crate) offset: u64,
    pub(crate) payload: Bytes,
}

#[derive(Debug)]
pub(crate) enum Next {
    Frame(Frame),
    /// The limit is reached, exactly behind a frame.
    End,
    /// The frame at [`Frames::offset`] does not hold.
    Bad(Bad),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) what: &'static str,
    /// File offset at which the frame claims to end, when that is inside the file.
    pub(crate) end: Option<u64>,
}

impl Frames {
    /// `check`: verify checksums.
    pub(crate) fn new(file: Box<dyn DiskFile>, limit: u64, check: bool) -> Self {
        Self {
            file,
            buffer: BytesMut::new(),
            at: HEADER_BYTES,
            limit,
            check,
        }
    }

    /// Offset of the next frame.
    pub(crate) fn offset(&self) -> u64 {
        self.at
    }

    /// Lets reading go further, after the writer did.
    pub(crate) fn extend(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    pub(crate) fn next(&mut self) -> io::Result<Next> {
        if self.at >= self.limit {
            return Ok(Next::End);
        }
        let bad = |what, end| Ok(Next::Bad(Bad { what, end }));
        if !self.fill(FRAME_BYTES)? {
            return bad("the file ends inside a frame's header", None);
        }
        let head = FrameHead::parse(&self.buffer);
        let end = self.at + (FRAME_BYTES + head.len()) as u64;
        if head.len() > MAX_RECORD_BYTES {
            let end = (end <= self.limit).then_some(end);
            return bad("a frame is longer than any record", end);
        }
        if !self.fill(FRAME_BYTES + head.len())? {
            return bad("the file ends inside a frame", None);
        }
        if self.check && !head.holds(&self.buffer[FRAME_BYTES..FRAME_BYTES + head.len()]) {
            return bad("a frame's checksum does not hold", Some(end));
        }
        let mut frame = self.buffer.split_to(FRAME_BYTES + head.len());
        let offset = self.at;
        self.at = end;
        let payload = frame.split_off(FRAME_BYTES).freeze();
        Ok(Next::Frame(Frame {
            head,
            offset,
            payload,
        }))
    }

    /// From here on, byte by byte: the first valid frame numbered `from` or higher, as (offset, begins a batch).
    /// `wanted` chooses among them. Moves past what it looked at.
    pub(crate) fn search(
        &mut self,
        from: u64,
        wanted: impl Fn(FrameHead) -> bool,
    ) -> io::Result<Option<u64>> {
        while self.fill(FRAME_BYTES)? {
            let head = FrameHead::parse(&self.buffer);
            // A frame that far on cannot have a number beyond what the bytes in between could hold.
            let highest = from.saturating_add((self.limit - HEADER_BYTES) / FRAME_BYTES as u64);
            if (from..=highest).contains(&head.seq)
                && head.len() <= MAX_RECORD_BYTES
                && wanted(head)
                && self.fill(FRAME_BYTES + head.len())?
                && head.holds(&self.buffer[FRAME_BYTES..FRAME_BYTES + head.len()])
            {
                return Ok(Some(self.at));
            }
            self.skip(1);
        }
        Ok(None)
    }

    /// Whether some sector is all zero where it lies within `start..end`.
    pub(crate) fn has_hole(&self, start: u64, end: u64) -> io::Result<bool> {
        let mut sector = [0; SECTOR_BYTES as usize];
        let mut at = start;
        while at < end {
            let stop = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
            let part = &mut sector[..(stop - at) as usize];
            read_full(self.file.as_ref(), part, at)?;
            if part.iter().all(|&byte| byte == 0) {
                return Ok(true);
            }
            at = stop;
        }
        Ok(false)
    }

    fn skip(&mut self, bytes: usize) {
        self.buffer.advance(bytes);
        self.at += bytes as u64;
    }

    /// Makes at least `want` bytes available; false if the limit comes first.
    fn fill(&mut self, want: usize) -> io::Result<bool> {
        let held = self.buffer.len();
        if held >= want {
            return Ok(true);
        }
        let from = self.at + held as u64;
        let left = usize::try_from(self.limit - from).unwrap_or(usize::MAX);
        if left < want - held {
            return Ok(false);
        }
        let read = left.min(CHUNK_BYTES.max(want - held));
        self.buffer.resize(held + read, 0);
        let result = read_full(self.file.as_ref(), &mut self.buffer[held..], from);
        if result.is_err() {
            self.buffer.truncate(held);
        }
        result.map(|()| true)
    }
}

/// Fills the whole slice from the offset.
pub(crate) fn read_full(
    file: &dyn DiskFile,
    mut into: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !into.is_empty() {
        match file.read_at(into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                into = &mut into[n..];
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
