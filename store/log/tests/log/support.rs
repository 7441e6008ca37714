//! What several tests need.

use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardline_log::{Disk, Log, Options, Reader, Recovered, Writer};

/// A small, seeded source of numbers (splitmix64): the same run for the same seed, everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/log")
}

/// Segments of a few records.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 600,
        ..Options::default()
    }
}

pub(crate) fn open(disk: &Arc<impl Disk>, dir: &Path, options: Options) -> (Log, Recovered) {
    let disk: Arc<dyn Disk> = Arc::clone(disk) as Arc<dyn Disk>;
    Log::open(disk, dir, options).unwrap()
}

/// Writes batches of records, each commit one batch.
pub(crate) fn write(writer: &mut Writer, batches: &[&[&[u8]]]) {
    for batch in batches {
        for record in *batch {
            writer.push(record).unwrap();
        }
        writer.commit().unwrap();
    }
}

pub(crate) fn read_all(reader: Reader) -> Vec<(u64, Bytes)> {
    reader.collect::<Result<_, _>>().unwrap()
}
