//! Micro-batches: every source feeds one byte-bounded intake, the sink gets batches pipelined,
//! and answers go back to the source in the order of receipt.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stats::Stats;
use crate::{Answer, Closed, Incoming, Sink};

/// What a message costs beside its packet: `Incoming`, its strings and queue entries. Charging
/// it keeps a flood of empty messages inside the byte budget.
pub(crate) const MESSAGE_OVERHEAD: usize = 512;

/// Size and pace of batches, and the memory the edge may hold.
#[derive(Debug, Clone)]
pub struct BatchConfig {
    /// Most messages in a batch.
    pub max_messages: usize,
    /// Most bytes in a batch (a single larger message makes its own).
    pub max_bytes: usize,
    /// How long a first message waits for company.
    pub linger: Duration,
    /// Batches at the sink at a time: enough that the next is ready when a sync ends.
    pub pipelined: usize,
    /// Bytes all sources together may hold: packets under assembly and messages in flight, each
    /// message charged its packet and [512 bytes](Self::default). Beyond it sources stop reading.
    pub buffered_bytes: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_messages: 4_096,
            max_bytes: 4 << 20,
            linger: Duration::from_millis(2),
            pipelined: 4,
            buffered_bytes: 64 << 20,
        }
    }
}

/// The sources' end: admits bytes, then takes messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    tx: mpsc::Sender<Vec<Item>>,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
    stats: Arc<Stats>,
    closed: CancellationToken,
}

/// Budget held for one message, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    _permit: OwnedSemaphorePermit,
    bytes: u64,
    stats: Arc<Stats>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        Stats::sub(&self.stats.bytes_buffered, self.bytes);
    }
}

impl Ticket {
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

/// Answers waiting for their source; as many as the source has messages in flight.
#[derive(Debug)]
pub(crate) struct Acks {
    resolved: Mutex<Vec<Answer>>,
    wake: Arc<Notify>,
}

impl Acks {
    pub(crate) fn new(wake: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            resolved: Mutex::new(Vec::new()),
            wake,
        })
    }

    /// The answers since the last call, in order of receipt.
    pub(crate) fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut *self.resolved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn resolve(&self, answer: Answer) {
        self.resolved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(answer);
        self.wake.notify_one();
    }
}

/// One message on its way to the sink.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) incoming: Incoming,
    /// Where the answer goes; a will has nobody to answer to.
    pub(crate) acks: Option<Arc<Acks>>,
    pub(crate) ticket: Ticket,
}

impl Intake {
    /// Budget for a packet of `packet` bytes; waits its turn when the budget is used up.
    pub(crate) async fn admit(&self, packet: usize) -> Result<Ticket, Closed> {
        let permits = self.permits(packet);
        let permit = self
            .budget
            .clone()
            .acquire_many_owned(permits)
            .await
            .map_err(|_| Closed)?;
        Ok(self.ticket(permit, permits))
    }

    /// The same without waiting; none if the budget is used up.
    pub(crate) fn try_admit(&self, packet: usize) -> Option<Ticket> {
        let permits = self.permits(packet);
        let permit = self.budget.clone().try_acquire_many_owned(permits).ok()?;
        Some(self.ticket(permit, permits))
    }

    /// A packet larger than the whole budget takes all of it, or it could never pass.
    fn permits(&self, packet: usize) -> u32 {
        u32::try_from(
            packet
                .saturating_add(MESSAGE_OVERHEAD)
                .min(self.budget_bytes),
        )
        .unwrap_or(u32::MAX)
    }

    fn ticket(&self, permit: OwnedSemaphorePermit, permits: u32) -> Ticket {
        self.stats.hold(u64::from(permits));
        Ticket {
            _permit: permit,
            bytes: u64::from(permits),
            stats: self.stats.clone(),
        }
    }

    /// Hands over admitted messages, in order. Never waits: the queue holds as many parcels as
    /// the budget can admit messages, and a parcel has at least one.
    pub(crate) fn push(&self, items: Vec<Item>) -> Result<(), Closed> {
        if items.is_empty() {
            return Ok(());
        }
        let count = items.len() as u64;
        let bytes = items
            .iter()
            .map(|item| item.incoming.payload.len() as u64)
            .sum();
        Stats::add(&self.stats.in_flight, count);
        self.tx.try_send(items).map_err(|_| {
            Stats::sub(&self.stats.in_flight, count);
            Closed
        })?;
        Stats::add(&self.stats.received, count);
        Stats::add(&self.stats.received_bytes, bytes);
        Ok(())
    }

    /// Cancelled when the sink has closed: sources stop and acknowledge nothing more.
    #[must_use]
    pub fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// The edge's counters.
    #[must_use]
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }
}

/// The sink's end; [`Batcher::run`] until every [`Intake`] is gone or the sink closes.
#[derive(Debug)]
pub struct Batcher {
    rx: mpsc::Receiver<Vec<Item>>,
    config: BatchConfig,
    stats: Arc<Stats>,
    closed: CancellationToken,
    /// However the batcher ends, sources must learn that nobody takes their messages.
    _guard: DropGuard,
}

/// Makes the two ends.
#[must_use]
pub fn batcher(config: BatchConfig, stats: Arc<Stats>) -> (Intake, Batcher) {
    // Semaphore permits are asked for as u32; 4 GiB is more than any edge should hold.
    let budget_bytes = config
        .buffered_bytes
        .clamp(MESSAGE_OVERHEAD, u32::MAX as usize);
    let (tx, rx) = mpsc::channel(budget_bytes / MESSAGE_OVERHEAD);
    let closed = CancellationToken::new();
    let intake = Intake {
        tx,
        budget: Arc::new(Semaphore::new(budget_bytes)),
        budget_bytes,
        stats: stats.clone(),
        closed: closed.clone(),
    };
    let guard = closed.clone().drop_guard();
    (
        intake,
        Batcher {
            rx,
            config,
            stats,
            closed,
            _guard: guard,
        },
    )
}

/// A message at the sink: where the answer goes, and the budget it holds until then.
type Held = (Option<Arc<Acks>>, Ticket);

impl Batcher {
    /// Feeds `sink` until every intake is dropped (then drains) or the sink closes. The sink's
    /// futures are polled here, in order; CPU-heavy work belongs on threads of the sink's own.
    pub async fn run(mut self, sink: Arc<dyn Sink>) -> Result<(), Closed> {
        let mut waiting: VecDeque<Item> = VecDeque::new();
        let mut waiting_bytes = 0usize;
        let mut due = Instant::now();
        let mut open = true;
        let mut in_flight = FuturesOrdered::new();
        let pipelined = self.config.pipelined.max(1);
        loop {
            let full =
                waiting.len() >= self.config.max_messages || waiting_bytes >= self.config.max_bytes;
            if in_flight.len() < pipelined
                && !waiting.is_empty()
                && (full || !open || due <= Instant::now())
            {
                let (batch, held) = self.cut(&mut waiting, &mut waiting_bytes);
                Stats::add(&self.stats.batches, 1);
                Stats::add(&self.stats.batched_messages, batch.len() as u64);
                Stats::add(&self.stats.batches_in_flight, 1);
                let answer = sink.submit(batch);
                in_flight.push_back(async move { (answer.await, held) });
                continue;
            }
            if !open && waiting.is_empty() && in_flight.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some((answers, held)) = in_flight.next(), if !in_flight.is_empty() => {
                    Stats::sub(&self.stats.batches_in_flight, 1);
                    if let Err(closed) = self.release(answers, held) {
                        self.closed.cancel();
                        return Err(closed);
                    }
                }
                parcel = self.rx.recv(), if open && !full => match parcel {
                    Some(parcel) => {
                        if waiting.is_empty() {
                            due = Instant::now() + self.config.linger;
                        }
                        waiting_bytes += parcel.iter().map(|item| item.ticket.bytes()).sum::<usize>();
                        waiting.extend(parcel);
                    }
                    None => open = false,
                },
                () = tokio::time::sleep_until(due), if in_flight.len() < pipelined && !waiting.is_empty() => {}
            }
        }
    }

    /// The next batch: a prefix of what waits, bounded by count and bytes.
    fn cut(
        &self,
        waiting: &mut VecDeque<Item>,
        waiting_bytes: &mut usize,
    ) -> (Vec<Incoming>, Vec<Held>) {
        let most = waiting.len().min(self.config.max_messages.max(1));
        let (mut batch, mut held) = (Vec::with_capacity(most), Vec::with_capacity(most));
        let mut bytes = 0;
        while batch.len() < most
            && let Some(item) = waiting.pop_front()
        {
            bytes += item.ticket.bytes();
            batch.push(item.incoming);
            held.push((item.acks, item.ticket));
            if bytes >= self.config.max_bytes {
                break;
            }
        }
        *waiting_bytes -= bytes;
        (batch, held)
    }

    fn release(&self, answers: Result<Vec<Answer>, Closed>, held: Vec<Held>) -> Result<(), Closed> {
        let count = held.len();
        Stats::sub(&self.stats.in_flight, count as u64);
        let answers = answers?;
        if answers.len() != count {
            tracing::error!(
                messages = count,
                answers = answers.len(),
                "the sink answered the wrong number of messages"
            );
            return Err(Closed);
        }
        for ((acks, ticket), answer) in held.into_iter().zip(answers) {
            drop(ticket);
            if let Some(acks) = acks {
                acks.resolve(answer);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
