//! A query's batches as they come, computed on the query threads.
//!
//! Whoever reads slowly makes the query wait, not the other way round: a bounded channel lies between
//! the query threads and the reader. Dropping the stream stops the query.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::core::Core;
use crate::query::read_only;

/// Batches computed ahead of the reader: one to read, one to have ready.
const AHEAD: usize = 2;

/// The batches of one query.
#[derive(Debug)]
pub struct RowStream {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, Error>>,
    /// Aborted when dropped.
    _work: JoinSet<()>,
}

impl RowStream {
    /// Plans a query on the query threads and starts it there; `limit` is for all of it.
    pub(crate) async fn start(
        core: std::sync::Arc<Core>,
        queries: &Handle,
        query: String,
        limit: Duration,
    ) -> Result<Self, Error> {
        let (planned, plan) = oneshot::channel();
        let (sender, batches) = mpsc::channel(AHEAD);
        let mut work = JoinSet::new();
        work.spawn_on(run(core, query, limit, planned, sender), queries);
        Ok(Self {
            schema: plan.await.map_err(|_| Error::Closed)??,
            batches,
            _work: work,
        })
    }

    /// Columns of every batch, known before the first.
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Stream for RowStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}

async fn run(
    core: std::sync::Arc<Core>,
    query: String,
    limit: Duration,
    planned: oneshot::Sender<Result<SchemaRef, Error>>,
    sender: mpsc::Sender<Result<RecordBatch, Error>>,
) {
    let end = Instant::now() + limit;
    let plan = async {
        let frame = core.context().sql_with_options(&query, read_only()).await?;
        Ok(frame.execute_stream().await?)
    };
    let opened = timeout_at(end, plan)
        .await
        .unwrap_or(Err(Error::Timeout(limit)));
    let mut stream = match opened {
        Ok(stream) => {
            if planned.send(Ok(stream.schema())).is_err() {
                return;
            }
            stream
        }
        Err(error) => {
            // The reader may be gone; there is nobody to tell then.
            drop(planned.send(Err(error)));
            return;
        }
    };
    let hand_out = async {
        while let Some(batch) = stream.next().await {
            if sender.send(Ok(batch?)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    if let Err(error) = timeout_at(end, hand_out)
        .await
        .unwrap_or(Err(Error::Timeout(limit)))
    {
        drop(sender.send(Err(error)).await);
    }
}
