use crate::disk::{Disk, RealDisk};
use crate::error::{Error, io_error};
use crate::recover::{self, Truncated};
use crate::scan::{self, Scan, Tail};
use std::path::{Path, PathBuf};

/// What a full check of a log found. See [`Report::is_sound`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments seen.
    pub segments: u64,
    /// Records whose checksums hold, up to the first damage of each segment.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of the first record, if there is one.
    pub first: Option<u64>,
    /// Number of the last record, if there is one.
    pub last: Option<u64>,
    /// The end of a write that a crash interrupted, or that is under way; opening the log will cut it off.
    pub torn_tail: Option<Truncated>,
    /// Damage, at most one entry a segment.
    pub damage: Vec<Damage>,
}

/// Bytes that do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Byte offset.
    pub offset: u64,
    /// What does not hold.
    pub what: String,
}

impl Report {
    /// No damage. A torn tail is no damage: it was never acknowledged.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Reads every byte of a log and checks it. Changes nothing and takes no lock; beside a running writer the batch it is
/// just writing may show as a torn tail. An error means that the check could not be made.
pub fn verify(dir: &Path) -> Result<Report, Error> {
    verify_on(&RealDisk, dir)
}

/// [`verify`] on another disk.
pub fn verify_on(disk: &dyn Disk, dir: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let firsts = recover::list(disk, dir)?;
    let mut expected = None;
    for (index, &first) in firsts.iter().enumerate() {
        let is_last = index + 1 == firsts.len();
        let mut scan = scan::segment(disk, dir, first, expected, is_last, true)?;
        if let Tail::Damaged(Error::Gap { offset: 0, .. }) = &scan.tail {
            report.damage.extend(damage(scan.tail));
            scan = scan::segment(disk, dir, first, None, is_last, true)?;
        }
        report.segments += 1;
        report.bytes += size(disk, &scan)?;
        report.records += scan.last + 1 - first;
        if scan.last >= first {
            report.first = report.first.or(Some(first));
            report.last = Some(scan.last);
        }
        expected = match scan.tail {
            Tail::Clean => Some(scan.last + 1),
            Tail::Torn(cut) | Tail::NoHeader(cut) => {
                report.torn_tail = Some(cut);
                None
            }
            tail => {
                report.damage.extend(damage(tail));
                None // what the segment held is not known
            }
        };
    }
    Ok(report)
}

fn size(disk: &dyn Disk, scan: &Scan) -> Result<u64, Error> {
    disk.open(&scan.path, false)
        .and_then(|file| file.size())
        .map_err(io_error("measure", &scan.path))
}

fn damage(tail: Tail) -> Option<Damage> {
    let Tail::Damaged(error) = tail else {
        return None;
    };
    let what = error.to_string();
    Some(match error {
        Error::Damaged { file, offset, what } => Damage { file, offset, what },
        Error::Gap { file, offset, .. } => Damage { file, offset, what },
        Error::NewerFormat { file, .. } => Damage {
            file,
            offset: 8,
            what,
        },
        _ => return None,
    })
}
