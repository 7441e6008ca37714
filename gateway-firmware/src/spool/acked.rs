//! What the server has acknowledged of one log: a set of numbers, kept in memory and in a small file.
//!
//! Everything below the first missing number may be released; what came out of order is remembered until the gap
//! closes. The file is replaced as a whole (written beside, synced, renamed, directory synced) at most once a second, so
//! that a killed gateway publishes at most a second's worth again. A file that does not hold together counts as none:
//! more is published again, nothing is lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

const NAME: &str = "acknowledged";
const MAGIC: &[u8; 8] = b"WGACK\0\0\x01";
const CHECK: usize = 8;

/// Numbers from 1, as ranges that do not touch: first to one past the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Acked(BTreeMap<u64, u64>);

impl Acked {
    /// Adds `from..to`; gives how many were new.
    pub(super) fn insert(&mut self, from: u64, to: u64) -> u64 {
        let (mut start, mut end) = (from, to);
        let mut known = 0;
        // Ranges that touch it become one with it.
        while let Some((&first, &last)) = self.0.range(..=end).next_back() {
            if last < start {
                break;
            }
            known += last.min(to).saturating_sub(first.max(from));
            start = start.min(first);
            end = end.max(last);
            self.0.remove(&first);
        }
        if start < end {
            self.0.insert(start, end);
        }
        to.saturating_sub(from) - known
    }

    /// How many of `from..to` it has.
    pub(super) fn count(&self, from: u64, to: u64) -> u64 {
        let before = self.0.range(..from).next_back();
        before
            .into_iter()
            .chain(self.0.range(from..to))
            .map(|(&first, &last)| last.min(to).saturating_sub(first.max(from)))
            .sum()
    }

    /// One past the last number of the unbroken run that begins at or before `from`.
    pub(super) fn prefix(&self, from: u64) -> u64 {
        match self.0.range(..=from).next_back() {
            Some((_, &last)) => last.max(from),
            None => from,
        }
    }

    /// What is missing of `from..to`, in order.
    pub(super) fn gaps(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut at = self.prefix(from);
        for (&first, &last) in self.0.range(at..) {
            if first >= to {
                break;
            }
            if at < first {
                gaps.push((at, first));
            }
            at = at.max(last);
        }
        if at < to {
            gaps.push((at, to));
        }
        gaps
    }

    /// The set that `dir` keeps; empty if there is none, or none that holds together.
    pub(super) fn load(dir: &Path) -> io::Result<Self> {
        let path = dir.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        Ok(Self::read(&bytes).unwrap_or_else(|| {
            tracing::warn!(file = %path.display(), "what was acknowledged is not known; it is published again");
            Self::default()
        }))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
        if Sha256::digest(body).get(..CHECK)? != check {
            return None;
        }
        let pairs = body.strip_prefix(MAGIC)?;
        let numbers: Vec<u64> = pairs
            .chunks(8)
            .map(|chunk| chunk.try_into().map(u64::from_le_bytes))
            .collect::<Result<_, _>>()
            .ok()?;
        let mut set = Self::default();
        for pair in numbers.chunks(2) {
            set.insert(*pair.first()?, *pair.get(1)?);
        }
        Some(set)
    }

    /// Makes `dir` keep it, synced. Numbers below `first` are no longer held and not written.
    pub(super) fn save(&self, dir: &Path, first: u64) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        for (&start, &end) in self.0.iter().filter(|&(_, &end)| end > first) {
            bytes.extend(start.to_le_bytes());
            bytes.extend(end.to_le_bytes());
        }
        let check = Sha256::digest(&bytes);
        bytes.extend(check.iter().take(CHECK));
        replace(dir, NAME, &bytes)
    }

    /// Forgets what is below `first`.
    pub(super) fn forget(&mut self, first: u64) {
        let prefix = self.prefix(first);
        self.0 = self.0.split_off(&first);
        if prefix > first {
            self.0.insert(first, prefix);
        }
    }
}

/// Replaces a small file so that after a crash it is the old or the new one.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = dir.join(format!("{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, dir.join(name))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It is a set, whatever order the numbers come in, and survives its file.
        #[test]
        fn it_is_a_set(ranges in prop::collection::vec((1_u64..60, 0_u64..9), 0..30), from in 1_u64..40, span in 0_u64..40) {
            let mut acked = Acked::default();
            let mut model = BTreeSet::new();
            for (start, length) in ranges {
                let before = model.len();
                model.extend(start..start + length);
                prop_assert_eq!(acked.insert(start, start + length), (model.len() - before) as u64);
            }
            let to = from + span;
            prop_assert_eq!(acked.count(from, to), model.range(from..to).count() as u64);
            let missing: Vec<u64> = (from..to).filter(|n| !model.contains(n)).collect();
            let gaps: Vec<u64> = acked.gaps(from, to).into_iter().flat_map(|(a, b)| a..b).collect();
            prop_assert_eq!(gaps, missing);
            let run = (from..).find(|n| !model.contains(n)).unwrap();
            prop_assert_eq!(acked.prefix(from), run);
            let dir = tempfile::tempdir().unwrap();
            acked.save(dir.path(), 0).unwrap();
            prop_assert_eq!(&Acked::load(dir.path()).unwrap(), &acked);
            acked.forget(from);
            prop_assert_eq!(acked.count(0, from), 0);
            prop_assert_eq!(acked.count(from, 100), model.range(from..).count() as u64);
        }
    }

    #[test]
    fn a_file_that_does_not_hold_together_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut acked = Acked::default();
        acked.insert(1, 5);
        acked.save(dir.path(), 0).unwrap();
        let path = dir.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(Acked::load(dir.path()).unwrap(), Acked::default());
            std::fs::write(&path, &good[..at]).unwrap();
            assert_eq!(Acked::load(dir.path()).unwrap(), Acked::default());
        }
    }
}
