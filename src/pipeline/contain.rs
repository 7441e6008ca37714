//! What one message does to the code must not befall the others.
//!
//! A batch that cannot be decoded or looked up (a panic, an unexpected error) is halved until the message behind it
//! stands alone; that one goes to quarantine with its bytes and the reason `internal-error`, the others go on.
//! Nothing of a batch is in the log before all of it has been through here.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::FutureExt as _;
use wardline_ingest::Incoming;
use wardline_store::{AlarmEntry, Classified, Error, Waveform};

use super::decode::{Decoder, Parts};

/// Reason of what the code could not process.
pub(crate) const INTERNAL_ERROR: &str = "internal-error";
/// What people are told of it. The cause is in the log, by place: its words may be a payload's.
pub(super) const DETAIL: &str =
    "this version could not process the message; it is kept, and can be replayed with a later one";

/// How often parts of one batch are taken up again: enough to find five culprits among 4,096 messages. A fault of the
/// system and not of a message meets every part, and must not hold up the intake for long.
const HALVINGS: u32 = 64;

/// Index of the message, of the record in it (none: all of it), reason and detail.
pub(super) type Refused = (usize, Option<u32>, &'static str, String);

/// What a batch, or a stretch of it, comes to before anything of it is in the log.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) rows: Vec<RecordBatch>,
    /// While these live, their rows count as seen.
    pub(super) held: Vec<Classified>,
    pub(super) refused: Vec<Refused>,
    /// Attributed.
    pub(super) alarms: Vec<AlarmEntry>,
    /// Attributed; not yet known to be new.
    pub(super) waveforms: Vec<Waveform>,
    pub(super) waveforms_ignored: u64,
    pub(super) unattributed: u64,
    pub(super) duplicates: u64,
    pub(super) corrections: u64,
    pub(super) internal_errors: u64,
}

impl Prepared {
    fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.held.extend(other.held);
        self.refused.extend(other.refused);
        self.alarms.extend(other.alarms);
        self.waveforms.extend(other.waveforms);
        self.waveforms_ignored += other.waveforms_ignored;
        self.unattributed += other.unattributed;
        self.duplicates += other.duplicates;
        self.corrections += other.corrections;
        self.internal_errors += other.internal_errors;
    }

    pub(super) fn stored(&self) -> u64 {
        self.rows.iter().map(|rows| rows.num_rows() as u64).sum()
    }

    /// Refuses these messages as beyond this version.
    pub(super) fn refuse(&mut self, messages: Range<usize>) {
        self.internal_errors += messages.len() as u64;
        self.refused
            .extend(messages.map(|index| (index, None, INTERNAL_ERROR, DETAIL.to_owned())));
    }
}

/// Why a stretch of a batch could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The store has ended: nothing can be taken.
    #[error("{0}")]
    Ended(Error),
    /// Earlier rows could not be looked up in time, whatever the message.
    #[error("earlier rows could not be looked up in time")]
    Slow,
    /// Something that a message may have caused.
    #[error("{0}")]
    Unexpected(String),
}

impl Fault {
    /// Where it was is in the log.
    pub(super) fn panic() -> Self {
        Self::Unexpected("panicked".to_owned())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Closed | Error::Log(_) => Self::Ended(error),
            Error::Timeout(_) => Self::Slow,
            error => Self::Unexpected(error.to_string()),
        }
    }
}

impl From<arrow::error::ArrowError> for Fault {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::from(Error::from(error))
    }
}

/// Decodes a stretch; a panic is a fault of the stretch alone.
pub(super) fn decode(
    decoder: &Decoder,
    messages: &[Incoming],
    stretch: &Range<usize>,
) -> Result<Parts, Fault> {
    let messages = messages.get(stretch.clone()).unwrap_or_default();
    let work = || {
        crate::sabotage::decode(messages);
        decoder.decode(messages)
    };
    let mut parts = catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault::panic())?;
    for (places, _) in &mut parts {
        for place in places {
            *place += stretch.start;
        }
    }
    Ok(parts)
}

/// Prepares a batch: `decoded` is all of it, `prepare` takes the parts of one stretch.
pub(super) async fn each<F>(
    messages: &Arc<Vec<Incoming>>,
    decoded: Result<Parts, Fault>,
    decoder: &Arc<Decoder>,
    prepare: impl Fn(Parts) -> F,
) -> Result<Prepared, Error>
where
    F: Future<Output = Result<Prepared, Fault>>,
{
    let mut prepared = Prepared::default();
    let mut decoded = Some(decoded);
    let mut halvings = 0;
    // What is still to be taken, the first last.
    let mut stretches: Vec<Range<usize>> = std::iter::once(0..messages.len()).collect();
    while let Some(stretch) = stretches.pop() {
        let parts = match decoded.take() {
            Some(parts) => parts,
            None => again(decoder, messages, &stretch).await,
        };
        let outcome = match parts {
            Ok(parts) => AssertUnwindSafe(prepare(parts))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Fault::panic())),
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(part) => prepared.join(part),
            Err(Fault::Ended(error)) => return Err(error),
            Err(Fault::Unexpected(_)) if stretch.len() > 1 && halvings < HALVINGS => {
                halvings += 1;
                let middle = stretch.start + stretch.len() / 2;
                stretches.push(middle..stretch.end);
                stretches.push(stretch.start..middle);
            }
            Err(fault) => {
                tracing::error!(
                    messages = stretch.len(),
                    %fault,
                    "messages could not be processed; they go to quarantine"
                );
                prepared.refuse(stretch);
            }
        }
    }
    Ok(prepared)
}

async fn again(
    decoder: &Arc<Decoder>,
    messages: &Arc<Vec<Incoming>>,
    stretch: &Range<usize>,
) -> Result<Parts, Fault> {
    let decoder = Arc::clone(decoder);
    let (messages, stretch) = (Arc::clone(messages), stretch.clone());
    tokio::task::spawn_blocking(move || decode(&decoder, &messages, &stretch))
        .await
        .unwrap_or_else(|_| Err(Fault::panic()))
}
