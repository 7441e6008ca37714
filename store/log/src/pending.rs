use crate::error::Error;
use crate::shared::Shared;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A record on its way. As a future or by [`wait`](Pending::wait) it gives the record's number once it is durable, or
/// the reason why the log stopped. Dropping it does not take the record back.
#[derive(Debug)]
#[must_use = "the record is durable only when this resolves"]
pub struct Pending {
    shared: Arc<Shared>,
    seq: u64,
}

impl Pending {
    pub(crate) fn new(shared: Arc<Shared>, seq: u64) -> Self {
        Self { shared, seq }
    }

    /// The number the record will have if it becomes durable.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Blocks until the record is durable.
    pub fn wait(self) -> Result<u64, Error> {
        let mut queue = self.shared.queue();
        loop {
            if let Some(outcome) = self.shared.outcome(&queue, self.seq) {
                return outcome;
            }
            queue = self.shared.wait_done(queue);
        }
    }
}

impl Future for Pending {
    type Output = Result<u64, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut queue = self.shared.queue();
        if let Some(outcome) = self.shared.outcome(&queue, self.seq) {
            return Poll::Ready(outcome);
        }
        queue.waiters.insert(self.seq, context.waker().clone());
        Poll::Pending
    }
}
