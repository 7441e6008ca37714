//! The log's group commit, held against raw sequential write and fdatasync of the same bytes in the same
//! batch sizes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use wardline_log::{Log, Options, RealDisk};

use crate::cli::Common;
use crate::compare::{Comparison, Side, alternate};
use crate::interrupt;
use crate::report::Report;

/// One record as it stands on disk, its frame included.
const RECORD: usize = 1024;
/// Batch size and syncs of the round that does not count.
const SHAPES: [(usize, usize); 3] = [(4 << 10, 300), (64 << 10, 200), (1 << 20, 100)];
/// How long a round that counts takes, by the speed of the one before it: disks differ a hundredfold in a sync.
const ROUND_SECONDS: f64 = 2.0;
/// A fast disk is not filled for it.
const ROUND_BYTES: usize = 1 << 30;

/// What one side of a round came to.
struct Figure {
    megabytes_per_second: f64,
    batches: usize,
    syncs: u64,
}

pub(crate) fn run(arguments: &Common) -> anyhow::Result<Report> {
    let mut report = Report::new("log");
    let scratch = interrupt::scratch(&arguments.scratch()?)?;
    let payload = RECORD - frame_bytes(scratch.path())?;
    for (batch, usual) in SHAPES {
        let first = ((usual as f64 * arguments.scale) as usize).max(1);
        let mut sizes = [first; 2];
        let rounds = alternate(arguments.runs(), |side, _| {
            let directory = tempfile::tempdir_in(scratch.path())?;
            let batches = &mut sizes[side as usize];
            let figure = match side {
                Side::Ours => ours(directory.path(), batch, *batches, payload)?,
                Side::Limit => limit(directory.path(), batch, *batches)?,
            };
            let bytes = figure.megabytes_per_second * 1e6 * ROUND_SECONDS * arguments.scale;
            *batches = ((bytes as usize).min(ROUND_BYTES) / batch).max(1);
            Ok(figure)
        })?;
        let rates: Vec<(f64, f64)> = rounds
            .iter()
            .map(|(ours, limit)| (ours.megabytes_per_second, limit.megabytes_per_second))
            .collect();
        let kib = batch >> 10;
        let name = format!("append, batches of {kib} KiB");
        report.add(Comparison::new(
            name,
            "MB/s",
            "write + fdatasync",
            &rates,
            Some(0.8),
        ));
        if let Some((ours, limit)) = rounds.first() {
            report.notes.push(format!(
                "{kib} KiB: the log made {:.2} syncs a batch, {} in a round; {} raw ones in a round.",
                ours.syncs as f64 / ours.batches as f64,
                ours.syncs,
                limit.syncs
            ));
        }
    }
    report.notes.push(format!(
        "Records of {payload} bytes, {RECORD} with their frame, go to a queue that is never empty; the log's batches are \
         limited to the size named, so that both sides write the same bytes in the same batches."
    ));
    report.write(&arguments.out)?;
    Ok(report)
}

/// What a record takes on disk beside its payload.
fn frame_bytes(scratch: &Path) -> anyhow::Result<usize> {
    let directory = tempfile::tempdir_in(scratch)?;
    let (log, _) = Log::open(Arc::new(RealDisk), directory.path(), Options::default())?;
    log.append(Bytes::from_static(&[0x5a; 512]))?.wait()?;
    let written = log.stats().written_bytes;
    log.close()?;
    Ok(usize::try_from(written)?.saturating_sub(512))
}

/// Appends as fast as the queue takes records and waits for the last.
fn ours(directory: &Path, batch: usize, batches: usize, payload: usize) -> anyhow::Result<Figure> {
    let records = batches * batch / RECORD;
    let options = Options {
        max_batch_bytes: batch,
        // A few batches ahead of the disk, as under load.
        queue_bytes: batch * 4,
        ..Options::default()
    };
    let (log, _) = Log::open(Arc::new(RealDisk), directory, options)?;
    let payload = Bytes::from(vec![0x5a; payload]);
    let started = Instant::now();
    let mut last = None;
    for _ in 0..records {
        last = Some(log.append(payload.clone())?);
    }
    last.context("no records")?.wait()?;
    let seconds = started.elapsed().as_secs_f64();
    let syncs = log.stats().syncs;
    log.close()?;
    Ok(Figure {
        megabytes_per_second: (records * RECORD) as f64 / 1e6 / seconds,
        batches,
        syncs,
    })
}

fn limit(directory: &Path, batch: usize, batches: usize) -> anyhow::Result<Figure> {
    let mut file = File::create(directory.join("raw"))?;
    let bytes = vec![0x5a; batch];
    let started = Instant::now();
    for _ in 0..batches {
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Figure {
        megabytes_per_second: (batches * batch) as f64 / 1e6 / seconds,
        batches,
        syncs: batches as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_write_what_they_count() {
        let directory = tempfile::tempdir().unwrap();
        let frame = frame_bytes(directory.path()).unwrap();
        assert!((8..64).contains(&frame), "{frame}");
        let ours = ours(directory.path(), 4 << 10, 10, RECORD - frame).unwrap();
        assert!(ours.syncs >= 10 && ours.megabytes_per_second > 0.0);
        let limit = limit(directory.path(), 4 << 10, 10).unwrap();
        assert_eq!(limit.syncs, 10);
        assert_eq!(
            std::fs::metadata(directory.path().join("raw"))
                .unwrap()
                .len(),
            40 << 10
        );
    }
}
