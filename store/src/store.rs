//! The handle that the rest of the server holds.

use std::collections::HashSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_array::RecordBatch;
use bytes::Bytes;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{Expr, SessionContext, col, lit};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use wardline_normalize::time::Micros;

use crate::append::{self, Job};
use crate::core::{Core, Which};
use crate::query::read_only;
use crate::{AlertFeed, Config, Entry, Error, Page, RowStream, Search, Waveform, background};

/// Tables, hot rows and log of one data directory. Clones share it. When the last clone is
/// dropped without [`Store::close`], it stops as in a crash: nothing durable is lost.
#[derive(Clone, Debug)]
pub struct Store {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    queries: Option<Runtime>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
        if let Some(queries) = self.queries.take() {
            queries.shutdown_background();
        }
    }
}

/// An entry on its way into the log.
#[derive(Debug)]
#[must_use = "the entry is durable only when this says so"]
pub struct Queued(oneshot::Receiver<Result<u64, Error>>);

impl Queued {
    /// Its position, once it is durable and visible to queries.
    ///
    /// # Errors
    /// The log failed or the store is closed: nothing may be acknowledged any more.
    pub async fn durable(self) -> Result<u64, Error> {
        self.0.await.map_err(|_| Error::Closed)?
    }
}

/// Figures for `/metrics` and `doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows in memory that are not committed to a table yet.
    pub hot_rows: usize,
    /// Log position up to which everything is visible to queries.
    pub appended: u64,
    /// Log position up to which `observation` is committed.
    pub committed: u64,
    /// Log position up to which the log may be deleted.
    pub released: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Group commits of the log since start.
    pub log_syncs: u64,
    /// Live files of `observation`.
    pub files: usize,
    /// Their bytes.
    pub table_bytes: u64,
    /// Commits since start.
    pub flushes: u64,
    /// Commits since start that failed and will be tried again.
    pub flush_errors: u64,
    /// Merges of files since start.
    pub compactions: u64,
    /// Whether the log or a sync failed; nothing is acknowledged any more.
    pub failed: bool,
}

impl Store {
    /// Opens or makes a data directory, takes its lock and brings the hot rows back from the log.
    ///
    /// # Errors
    /// Locked by another process, newer format, damaged log or table, or the file system.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let core = crate::open::open(config).await?;
        let queries = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(core.config.query_threads.max(1))
            .thread_name("wardline-query")
            .enable_all()
            .build()
            .map_err(Error::io("start the query threads"))?;
        let (jobs, queue) = mpsc::channel(append::QUEUE);
        let (stop, stopped) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(append::write(Arc::clone(&core), queue, stopped.clone())),
            tokio::spawn(background::flusher(Arc::clone(&core), stopped.clone())),
            tokio::spawn(background::compactor(Arc::clone(&core), stopped)),
        ];
        Ok(Self {
            handle: Arc::new(Handle {
                core,
                jobs: Mutex::new(Some(jobs)),
                stop,
                tasks: Mutex::new(tasks),
                queries: Some(queries),
            }),
        })
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// Makes an entry durable; on return it is also visible to queries. Waits while too many rows
    /// are uncommitted. Once begun it runs to its end even if the caller goes away.
    ///
    /// # Errors
    /// The log failed or the store is closed: nothing may be acknowledged any more.
    pub async fn append(&self, entry: Entry) -> Result<u64, Error> {
        self.enqueue(entry).await?.durable().await
    }

    /// Hands an entry to the log and gives the promise of its position. Entries stand in the log in
    /// the order of these calls; as with [`Store::append`] each runs to its end whoever waits.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn enqueue(&self, entry: Entry) -> Result<Queued, Error> {
        let core = self.core();
        let payload = Bytes::from(entry.encode()?);
        if payload.len() > wardline_log::MAX_RECORD_BYTES {
            return Err(Error::Record {
                seq: 0,
                detail: format!("{} bytes are more than one record may have", payload.len()),
            });
        }
        let rows = append::rows_of(entry, &append::Shapes::new())?;
        self.room().await?;
        let sender = self
            .handle
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (reply, answer) = oneshot::channel();
        let job = Job {
            payload,
            rows,
            reply,
        };
        let Some(sender) = sender.filter(|_| !core.ended()) else {
            return Err(Error::Closed);
        };
        sender.send(job).await.map_err(|_| Error::Closed)?;
        Ok(Queued(answer))
    }

    /// Waits until there is room for more uncommitted rows; in vain once the log has failed or the store closes.
    async fn room(&self) -> Result<(), Error> {
        let core = self.core();
        loop {
            let mut room = std::pin::pin!(core.room.notified());
            // From here on, so that what happens between the look and the wait is not missed.
            room.as_mut().enable();
            if core.ended() {
                return Err(Error::Closed);
            }
            if core.visible().hot_rows() < core.config.hot_rows_max {
                return Ok(());
            }
            core.flush_wanted.notify_one();
            room.await;
        }
    }

    /// The entries of the log from a position on, as far as they have not been released; ends at
    /// what is durable now.
    pub fn replay_from(
        &self,
        seq: u64,
    ) -> impl Iterator<Item = Result<(u64, Entry), Error>> + Send + use<> {
        let core = self.core();
        core.log.read_from(seq.max(core.log.first())).map(|record| {
            let (seq, bytes) = record.map_err(|e| Error::Log(e.to_string()))?;
            Ok((seq, Entry::decode(&bytes)?))
        })
    }

    /// First log position that [`Store::replay_from`] can still give.
    pub fn first_position(&self) -> u64 {
        self.core().log.first()
    }

    /// A session with the tables `observation`, `quarantine`, `waveform`, `alert`, the views `latest`,
    /// `observation_1m`, `observation_1h` and the registered ones. Long-lived sessions see new
    /// rows: every statement plans against the state of its time. Give foreign statements to
    /// `sql_with_options` with [`Store::read_only`].
    pub fn session(&self) -> SessionContext {
        self.core().context()
    }

    /// Lets statements read and nothing else.
    pub fn read_only() -> SQLOptions {
        read_only()
    }

    /// Runs one query on the query threads.
    ///
    /// # Errors
    /// Not a query, a fault in it, out of memory or time.
    pub async fn sql(&self, query: &str) -> Result<Vec<RecordBatch>, Error> {
        let core = Arc::clone(self.core());
        let query = query.to_owned();
        self.on_query_threads(async move { core.collect(&query).await })
            .await
    }

    /// Plans one query and hands out its batches as they come; they are computed on the query threads.
    ///
    /// # Errors
    /// As [`Store::sql`].
    pub async fn sql_stream(&self, query: &str) -> Result<RowStream, Error> {
        self.sql_stream_within(query, self.core().config.query_timeout)
            .await
    }

    /// The same with a time limit of its own, for all of the query and its reader.
    ///
    /// # Errors
    /// As [`Store::sql`].
    pub async fn sql_stream_within(
        &self,
        query: &str,
        limit: Duration,
    ) -> Result<RowStream, Error> {
        let Some(queries) = &self.handle.queries else {
            return Err(Error::Closed);
        };
        let core = Arc::clone(self.core());
        RowStream::start(core, queries.handle(), query.to_owned(), limit).await
    }

    async fn on_query_threads<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let limit = self.core().config.query_timeout;
        let Some(queries) = &self.handle.queries else {
            return Err(Error::Closed);
        };
        // Dropped with the caller, so an abandoned query stops.
        let mut task = tokio::task::JoinSet::new();
        task.spawn_on(work, queries.handle());
        match tokio::time::timeout(limit, task.join_next()).await {
            Ok(Some(Ok(done))) => done,
            Ok(_) => Err(Error::Closed),
            Err(_) => Err(Error::Timeout(limit)),
        }
    }

    /// Existing rows by id, highest version of each, with the columns of `observation`.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn find<S: AsRef<str> + Sync>(&self, ids: &[S]) -> Result<RecordBatch, Error> {
        let core = Arc::clone(self.core());
        let ids: Vec<String> = ids.iter().map(|id| id.as_ref().to_owned()).collect();
        self.on_query_threads(async move {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            core.find(&ids).await
        })
        .await
    }

    /// One page of a search.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn observations(&self, search: &Search) -> Result<Page, Error> {
        let core = Arc::clone(self.core());
        let search = search.clone();
        self.on_query_threads(async move { core.page(&search).await })
            .await
    }

    /// Rows of a device with `from <= effective < until`, for late attribution; see [`Store::stretches_of_device`].
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn rows_of_device(
        &self,
        device: &str,
        from: Micros,
        until: Option<Micros>,
    ) -> Result<RecordBatch, Error> {
        let core = Arc::clone(self.core());
        let wanted = of_device(device, "effective", from, until);
        self.on_query_threads(async move { core.rows_where(wanted).await })
            .await
    }

    /// Pieces of waveforms of a device with `from <= start < until`; see [`Store::waveform_stretches_of_device`].
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn waveforms_of_device(
        &self,
        device: &str,
        from: Micros,
        until: Option<Micros>,
    ) -> Result<Vec<Waveform>, Error> {
        let core = Arc::clone(self.core());
        let wanted = of_device(device, "start", from, until);
        self.on_query_threads(async move { core.waveforms_where(wanted).await })
            .await
    }

    /// [`Store::stretches_of_device`] of waveforms, with about `most` pieces each.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn waveform_stretches_of_device(
        &self,
        device: &str,
        from: Micros,
        until: Option<Micros>,
        most: u64,
    ) -> Result<Vec<(Micros, Micros)>, Error> {
        let core = Arc::clone(self.core());
        let wanted = of_device(device, "start", from, until);
        let until = until.unwrap_or(Micros::MAX);
        self.on_query_threads(async move {
            core.stretches(Which::Waveform, wanted, (from, until), most)
                .await
        })
        .await
    }

    /// Which of these ids the table `waveform` has.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn known_waveforms(&self, ids: Vec<String>) -> Result<HashSet<String>, Error> {
        let core = Arc::clone(self.core());
        self.on_query_threads(async move { core.known_waveforms(&ids).await })
            .await
    }

    /// Stretches of time, each within one day, in which a device has rows with `from <= effective < until`: `(from,
    /// until)` of each in order, with about `most` rows each, so that nobody has to hold all of them at once.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn stretches_of_device(
        &self,
        device: &str,
        from: Micros,
        until: Option<Micros>,
        most: u64,
    ) -> Result<Vec<(Micros, Micros)>, Error> {
        let core = Arc::clone(self.core());
        let wanted = of_device(device, "effective", from, until);
        let until = until.unwrap_or(Micros::MAX);
        self.on_query_threads(async move {
            core.stretches(Which::Observation, wanted, (from, until), most)
                .await
        })
        .await
    }

    /// Adds a table that is made anew for each query, such as the registry's `patient`.
    pub fn register(
        &self,
        name: &str,
        table: impl Fn() -> Result<RecordBatch, Error> + Send + Sync + 'static,
    ) {
        self.core()
            .registered
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Arc::new(table));
    }

    /// Says where alert events come from.
    pub fn set_alert_feed(&self, feed: Arc<dyn AlertFeed>) {
        *self
            .core()
            .feed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(feed);
    }

    /// The rule engine no longer needs log records up to this position. Until the first call
    /// nothing is released.
    pub fn set_rules_position(&self, seq: u64) {
        self.core().rules_position.fetch_max(seq, Ordering::SeqCst);
    }

    /// Commits all that is durable to the tables now.
    ///
    /// # Errors
    /// A table could not be written.
    pub async fn flush(&self) -> Result<(), Error> {
        self.core().flush().await
    }

    /// Merges small files and removes files that nobody needs.
    ///
    /// # Errors
    /// A table could not be read or written.
    pub async fn compact(&self) -> Result<(), Error> {
        self.core().compact(true).await
    }

    /// Copies tables and log at one consistent point to a new directory, synced. The registry is
    /// the caller's, *before* this call: all that its copy knows of the log is then in the log's copy, and the
    /// records after its checkpoint go through the rules again when the copy is opened. Copied after this call it
    /// could know of log positions that the copy does not have.
    ///
    /// # Errors
    /// The destination is not empty, or the file system.
    pub async fn backup(&self, dest: &Path) -> Result<(), Error> {
        crate::backup::backup(self.core(), dest).await
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let core = self.core();
        let log = core.log.stats();
        let visible = core.visible();
        let files = &visible.observation.table.files;
        Stats {
            hot_rows: visible.hot_rows(),
            appended: visible.applied,
            committed: visible.observation.table.position,
            released: core.released.load(Ordering::SeqCst),
            log_bytes: log.bytes,
            log_syncs: log.syncs,
            files: files.len(),
            table_bytes: files.iter().map(|f| f.size()).sum(),
            flushes: core.counters.flushes.load(Ordering::Relaxed),
            flush_errors: core.counters.flush_errors.load(Ordering::Relaxed),
            compactions: core.counters.compactions.load(Ordering::Relaxed),
            failed: core.failed(),
        }
    }

    /// Whether acknowledging must stop for good: the log or a sync failed.
    pub fn failed(&self) -> bool {
        self.core().failed()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.core().layout.root.clone()
    }

    /// Takes no more appends, commits what is left and lets go of the directory. Other clones
    /// answer with [`Error::Closed`] from then on.
    ///
    /// # Errors
    /// The last commit failed; the log still has the rows.
    pub async fn close(self) -> Result<(), Error> {
        self.stop().await;
        self.core().flush().await
    }

    /// Ends the tasks: the writer after its last answer, the others where they are safe to end.
    async fn stop(&self) {
        drop(
            self.handle
                .jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        self.handle.stop.send_replace(true);
        self.core().close();
        let tasks: Vec<_> = self
            .handle
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect();
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the store ended badly");
            }
        }
    }

    /// Tasks on the query threads.
    #[cfg(test)]
    pub(crate) fn queries_under_way(&self) -> usize {
        let queries = self.handle.queries.as_ref();
        queries.map_or(0, |queries| queries.metrics().num_alive_tasks())
    }

    /// Stops without a last commit, as a crash would, and waits until the directory is free.
    #[cfg(test)]
    pub(crate) async fn crash(self) {
        self.stop().await;
    }
}

/// Rows of a device with `from <= column < until`.
fn of_device(device: &str, column: &str, from: Micros, until: Option<Micros>) -> Expr {
    let time = |at| {
        lit(datafusion::common::ScalarValue::TimestampMicrosecond(
            Some(at),
            Some(Arc::from("UTC")),
        ))
    };
    let since = col("device_id")
        .eq(lit(device))
        .and(col(column).gt_eq(time(from)));
    match until {
        Some(until) => since.and(col(column).lt(time(until))),
        None => since,
    }
}
