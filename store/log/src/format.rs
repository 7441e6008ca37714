//! Bytes on disk, and the order in which they get there.
//!
//! A log is a directory of segments, `{first record, 20 digits}.log`, and a lock file. All numbers are little endian.
//!
//! Segment header, 24 bytes:
//!
//! | at | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `WARDLOG\0` |
//! | 8 | 4 | format version, 1. A newer one is refused; magic and version keep their places for ever |
//! | 12 | 4 | CRC32C of bytes 0..12 and 16..24 |
//! | 16 | 8 | number of the first record, as in the name |
//!
//! Frames follow without gaps, 16 bytes and the payload each:
//!
//! | at | size | field |
//! |---|---|---|
//! | 0 | 4 | bits 0..31: length of the payload; bit 31: this frame begins a batch |
//! | 4 | 4 | CRC32C of the record number (8 bytes), the first field as stored (4 bytes) and the payload |
//! | 8 | 8 | record number, from 1, one more each record |
//! | 16 | n | payload |
//!
//! # Write order
//!
//! 1. *Open.* Take the directory's lock; nothing is read before.
//! 2. Check every segment. Cut a torn tail off the last one (below).
//! 3. Write the last segment's last batch again over itself, sync the file and the directory. A process may have died
//!    between its write and its sync, or because its sync failed; then the bytes are in the page cache, marked clean,
//!    and on no disk. Only bytes written anew are sure to be synced.
//! 4. *Commit.* One write of a whole batch at the end of the last segment, then one fdatasync. Then its records are
//!    durable: waiters learn it in order, readers see it. The next batch is written only after that.
//! 5. *Roll.* The segment in use is synced by then. Create the next, write its header, sync it, sync the directory;
//!    only then write frames to it.
//! 6. *Release.* Delete the oldest segment, sync the directory, and so on upwards: a crash in between leaves no hole.
//!    The segment in use is never deleted, so the numbering survives.
//! 7. Any failed write or sync in 4 or 5 ends it: no retry, nothing more is acknowledged.
//!
//! # Torn tail or damage
//!
//! Because of 4, a crash can spoil nothing but the last batch of the last segment. Files only grow, so a sector that
//! did not reach the disk is missing at the end or reads as zeros. From this recovery judges the first bad frame:
//!
//! - not in the last segment: damage;
//! - a valid later frame further on that begins a batch: the bad frame's batch had been synced, so damage;
//! - some sector of 512 bytes between the bad frame's start and its end (or the next valid frame) is missing or all
//!   zero: torn, cut off. None is: bits changed after they were written, damage;
//! - the file ends inside the frame and no valid frame follows: torn.
//!
//! What cannot be told apart: damage to the *length* of the very last record, or that leaves a zeroed sector in the
//! last batch, looks like a torn tail. It is cut off and reported; a user that keeps its own position notices that the
//! log ends before it.
//!
//! A last segment no longer than its header with a bad header is a creation that a crash interrupted (5): it is made
//! again.

use bytes::BufMut;
use std::path::{Path, PathBuf};

pub(crate) const MAGIC: [u8; 8] = *b"WARDLOG\0";
pub(crate) const VERSION: u32 = 1;
pub(crate) const HEADER_BYTES: u64 = 24;
pub(crate) const FRAME_BYTES: usize = 16;
/// Smallest unit a disk writes or loses.
pub(crate) const SECTOR_BYTES: u64 = 512;
/// Bit 31 of a frame's first field: the frame begins a batch.
const BATCH_START: u32 = 1 << 31;

pub(crate) fn header(first: u64) -> [u8; HEADER_BYTES as usize] {
    let mut out = [0; HEADER_BYTES as usize];
    let (start, number) = out.split_at_mut(16);
    number.copy_from_slice(&first.to_le_bytes());
    start[..8].copy_from_slice(&MAGIC);
    start[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&start[..12]), number);
    start[12..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// What is wrong with a segment's header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    Newer(u32),
    Bad(&'static str),
}

/// Checks a header against the number in the segment's name.
pub(crate) fn check_header(
    bytes: &[u8; HEADER_BYTES as usize],
    first: u64,
) -> Result<(), BadHeader> {
    if bytes[..8] != MAGIC {
        return Err(BadHeader::Bad("no segment header"));
    }
    let version = u32_at(bytes, 8);
    if version > VERSION {
        return Err(BadHeader::Newer(version));
    }
    if *bytes != header(u64_at(bytes, 16)) {
        return Err(BadHeader::Bad("the header's checksum does not hold"));
    }
    if u64_at(bytes, 16) != first {
        return Err(BadHeader::Bad(
            "the header's number is not that of the file name",
        ));
    }
    Ok(())
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameHead {
    field: u32,
    crc: u32,
    pub(crate) seq: u64,
}

impl FrameHead {
    /// Reads the first [`FRAME_BYTES`] of `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self {
            field: u32_at(bytes, 0),
            crc: u32_at(bytes, 4),
            seq: u64_at(bytes, 8),
        }
    }

    /// Length of the payload, as stated.
    pub(crate) fn len(self) -> usize {
        (self.field & !BATCH_START) as usize
    }

    pub(crate) fn begins_batch(self) -> bool {
        self.field & BATCH_START != 0
    }

    pub(crate) fn holds(self, payload: &[u8]) -> bool {
        frame_crc(self.seq, self.field, payload) == self.crc
    }
}

/// Appends a frame. The caller keeps payloads within [`MAX_RECORD_BYTES`](crate::MAX_RECORD_BYTES).
pub(crate) fn put_frame(into: &mut Vec<u8>, seq: u64, begins_batch: bool, payload: &[u8]) {
    let mut field = u32::try_from(payload.len()).expect("payloads are bounded far below 2^31");
    if begins_batch {
        field |= BATCH_START;
    }
    into.reserve(FRAME_BYTES + payload.len());
    into.put_u32_le(field);
    into.put_u32_le(frame_crc(seq, field, payload));
    into.put_u64_le(seq);
    into.put_slice(payload);
}

fn frame_crc(seq: u64, field: u32, payload: &[u8]) -> u32 {
    let mut fixed = [0; 12];
    fixed[..8].copy_from_slice(&seq.to_le_bytes());
    fixed[8..].copy_from_slice(&field.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&fixed), payload)
}

pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

/// The number in a segment's name: `None` for a file that is no segment, `Some(Err)` for a name that cannot be one.
pub(crate) fn parse_name(name: &str) -> Option<Result<u64, &'static str>> {
    let digits = name.strip_suffix(".log")?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    Some(match digits.parse() {
        Ok(first) if well_formed && first > 0 => Ok(first),
        _ => Err("the name is not a record number of 20 digits"),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
