//! Entries into the log, in order, and from there into the hot rows.
//!
//! One task hands records to the log and takes their confirmations back in the same order, so
//! that hot rows are filled in log order without gaps, even if the caller of `append` goes away.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::{mpsc, oneshot, watch};

use crate::core::{Core, Visible};
use crate::entry::Entry;
use crate::table::{Shape, with_date};
use crate::{Error, shapes};

/// Appends waiting for the writer. Each holds one micro-batch; the log's own queue comes after it.
pub(crate) const QUEUE: usize = 256;
/// Records between the log and the hot rows: a few group commits.
const IN_FLIGHT: usize = 1_024;

/// Rows of an entry, ready for the hot rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) observation: Option<RecordBatch>,
    pub(crate) quarantine: Option<RecordBatch>,
    pub(crate) waveform: Option<RecordBatch>,
}

/// One append under way.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) payload: Bytes,
    pub(crate) rows: Rows,
    pub(crate) reply: oneshot::Sender<Result<u64, Error>>,
}

/// The tables that follow the log.
#[derive(Debug)]
pub(crate) struct Shapes {
    observation: Shape,
    quarantine: Shape,
    waveform: Shape,
}

impl Shapes {
    pub(crate) fn new() -> Self {
        Self {
            observation: shapes::observation(),
            quarantine: shapes::quarantine(),
            waveform: shapes::waveform(),
        }
    }
}

/// The rows of an entry, with their partition column.
pub(crate) fn rows_of(entry: Entry, shapes: &Shapes) -> Result<Rows, Error> {
    let mut out = Rows::default();
    let (rows, rejects) = match entry {
        Entry::Batch { rows, rejects, .. } => (rows, rejects),
        Entry::Waveforms { rows, .. } if !rows.is_empty() => {
            let rows = shapes::waveform_rows(&rows)?;
            out.waveform = Some(with_date(&rows, &shapes.waveform)?);
            return Ok(out);
        }
        _ => return Ok(out),
    };
    if rows.num_rows() > 0 {
        out.observation = Some(with_date(&rows, &shapes.observation)?);
    }
    if !rejects.is_empty() {
        let rows = shapes::quarantine_rows(&rejects)?;
        out.quarantine = Some(with_date(&rows, &shapes.quarantine)?);
    }
    Ok(out)
}

impl Visible {
    /// Takes the rows of a log position. A table that is already past it is left alone.
    pub(crate) fn apply(&mut self, seq: u64, rows: Rows) -> Result<(), Error> {
        if let Some(batch) = rows.observation
            && seq > self.observation.table.position
        {
            self.observation.hot.insert(seq, batch)?;
        }
        if let Some(batch) = rows.quarantine
            && seq > self.quarantine.table.position
        {
            self.quarantine
                .hot
                .insert(seq, shapes::with_seq(&batch, seq)?)?;
        }
        if let Some(batch) = rows.waveform
            && seq > self.waveform.table.position
        {
            self.waveform.hot.insert(seq, batch)?;
        }
        self.applied = seq;
        Ok(())
    }
}

/// Runs until the sending side is dropped and every record has been answered.
pub(crate) async fn write(
    core: Arc<Core>,
    mut jobs: mpsc::Receiver<Job>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut in_flight = FuturesOrdered::new();
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            biased;
            Some((done, rows, reply)) = in_flight.next(), if !in_flight.is_empty() => {
                answer(&core, done, rows, reply);
            }
            job = jobs.recv(), if open && in_flight.len() < IN_FLIGHT => match job {
                None => open = false,
                Some(job) => {
                    if let Some(pending) = hand_over(&core, &job.payload, &mut stopped).await {
                        let Job { rows, reply, .. } = job;
                        in_flight.push_back(async move { (pending.await, rows, reply) });
                    } else {
                        // The caller may be gone; there is nothing to tell then.
                        drop(job.reply.send(Err(Error::Closed)));
                    }
                }
            },
        }
    }
}

/// Queues a record, waiting for room in a full log; none when the log has stopped, or is full while the store closes:
/// nobody makes room then.
async fn hand_over(
    core: &Core,
    payload: &Bytes,
    stopped: &mut watch::Receiver<bool>,
) -> Option<wardline_log::Pending> {
    loop {
        if core.failed() {
            return None;
        }
        match core.log.append_async(payload.clone()).await {
            Ok(pending) => return Some(pending),
            Err(wardline_log::Error::Full { .. }) => {
                tracing::warn!("the log is full: appends wait for the tables and the rules");
                core.flush_wanted.notify_one();
                tokio::select! {
                    room = core.log.wait_for_room(payload.len()) => if let Err(error) = room {
                        tracing::error!(%error, "the log has stopped");
                        return None;
                    },
                    _ = stopped.wait_for(|stopped| *stopped) => {
                        tracing::warn!("the log is full and the store closes: what waits is not taken");
                        return None;
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "the log has stopped");
                core.fail();
                return None;
            }
        }
    }
}

fn answer(
    core: &Core,
    done: Result<u64, wardline_log::Error>,
    rows: Rows,
    reply: oneshot::Sender<Result<u64, Error>>,
) {
    let outcome = match done {
        Ok(seq) => {
            let mut visible = core.visible();
            let applied = visible.apply(seq, rows);
            let waiting = visible.hot_rows();
            drop(visible);
            if waiting >= core.config.flush_rows {
                core.flush_wanted.notify_one();
            }
            applied.map(|()| seq)
        }
        Err(error) => {
            tracing::error!(%error, "the log has stopped");
            Err(Error::Log(error.to_string()))
        }
    };
    if outcome.is_err() {
        core.fail();
    }
    // The caller may be gone; the record counts all the same.
    drop(reply.send(outcome));
}
