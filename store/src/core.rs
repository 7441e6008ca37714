//! What the handle, the writer, the flusher and the queries share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use arrow_array::RecordBatch;
use datafusion::execution::context::SessionState;
use tokio::sync::Notify;
use wardline_log::Log;

use crate::hot::{Hot, HotRows};
use crate::layout::Layout;
use crate::sync_store::SyncStore;
use crate::table::{Shape, Table, TableState};
use crate::{AlertFeed, Config, Error, shapes};

/// Makes a registered table anew.
pub(crate) type MakeTable = Arc<dyn Fn() -> Result<RecordBatch, Error> + Send + Sync>;

/// One table and its hot rows, as queries see them.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) table: TableState,
    pub(crate) hot: Hot,
}

/// Everything a query may see, changed under one lock: a commit takes rows out of `hot` and puts
/// their files into `table` in the same instant.
#[derive(Debug)]
pub(crate) struct Visible {
    pub(crate) observation: Part,
    pub(crate) quarantine: Part,
    pub(crate) waveform: Part,
    pub(crate) alert: TableState,
    /// Log position up to which every entry is in `hot` or in its table.
    pub(crate) applied: u64,
}

/// Which of the tables that follow the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Observation,
    Quarantine,
    Waveform,
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::Observation, Self::Quarantine, Self::Waveform];

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Observation => shapes::observation(),
            Self::Quarantine => shapes::quarantine(),
            Self::Waveform => shapes::waveform(),
        }
    }
}

/// What a piece of a waveform, a second of some hundred samples, takes of memory in rows of readings.
const WAVEFORM_ROWS: usize = 16;

impl Visible {
    pub(crate) fn part(&mut self, which: Which) -> &mut Part {
        match which {
            Which::Observation => &mut self.observation,
            Which::Quarantine => &mut self.quarantine,
            Which::Waveform => &mut self.waveform,
        }
    }

    /// Rows of readings, or what takes as much memory.
    pub(crate) fn hot_rows(&self) -> usize {
        let waveforms = self.waveform.hot.len() * WAVEFORM_ROWS;
        self.observation.hot.len() + self.quarantine.hot.len() + waveforms
    }

    /// Log position below which a part needs the log no more.
    fn safe(part: &Part, applied: u64) -> u64 {
        if part.hot.is_empty() {
            applied
        } else {
            part.table.position
        }
    }

    pub(crate) fn safe_position(&self) -> u64 {
        [&self.observation, &self.quarantine, &self.waveform]
            .map(|part| Self::safe(part, self.applied))
            .into_iter()
            .min()
            .unwrap_or(0)
    }
}

/// The writing sides of the tables; whoever holds the lock is the only committer.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) observation: Table,
    pub(crate) quarantine: Table,
    pub(crate) waveform: Table,
    pub(crate) alert: Table,
}

impl Tables {
    pub(crate) fn get(&mut self, which: Which) -> &mut Table {
        match which {
            Which::Observation => &mut self.observation,
            Which::Quarantine => &mut self.quarantine,
            Which::Waveform => &mut self.waveform,
        }
    }
}

/// Counters since start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flushes: AtomicU64,
    pub(crate) compactions: AtomicU64,
    pub(crate) flush_errors: AtomicU64,
}

/// The store behind its handle.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) log: Log,
    pub(crate) store: SyncStore,
    visible: Mutex<Visible>,
    pub(crate) tables: tokio::sync::Mutex<Tables>,
    /// Rows wait: the flusher should not wait for its time.
    pub(crate) flush_wanted: Notify,
    /// A flush has made room for appends.
    pub(crate) room: Notify,
    pub(crate) rules_position: AtomicU64,
    pub(crate) released: AtomicU64,
    pub(crate) feed: RwLock<Option<Arc<dyn AlertFeed>>>,
    pub(crate) registered: RwLock<HashMap<String, MakeTable>>,
    pub(crate) session: std::sync::OnceLock<SessionState>,
    pub(crate) counters: Counters,
    failed: AtomicBool,
    /// The store takes nothing any more.
    closing: AtomicBool,
    /// Where a test wants a flush to stop, as after a crash.
    #[cfg(test)]
    pub(crate) stop_after: Mutex<Option<crate::flush::FlushStep>>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn new(
        config: Config,
        layout: Layout,
        log: Log,
        store: SyncStore,
        visible: Visible,
        tables: Tables,
        released: u64,
    ) -> Self {
        Self {
            config,
            layout,
            log,
            store,
            visible: Mutex::new(visible),
            tables: tokio::sync::Mutex::new(tables),
            flush_wanted: Notify::new(),
            room: Notify::new(),
            rules_position: AtomicU64::new(0),
            released: AtomicU64::new(released),
            feed: RwLock::new(None),
            registered: RwLock::new(HashMap::new()),
            session: std::sync::OnceLock::new(),
            counters: Counters::default(),
            failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            #[cfg(test)]
            stop_after: Mutex::new(None),
        }
    }

    /// Whether acknowledging must stop for good: the log or a sync failed.
    pub(crate) fn failed(&self) -> bool {
        self.log.failed() || self.failed.load(Ordering::SeqCst) || self.store.failed()
    }

    /// Whether nothing is taken any more.
    pub(crate) fn ended(&self) -> bool {
        self.failed() || self.closing.load(Ordering::SeqCst)
    }

    /// Nothing is acknowledged from here on; who waits for room is told.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.room.notify_waiters();
    }

    /// Nothing is taken from here on; who waits for room is told.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.room.notify_waiters();
    }

    pub(crate) fn visible(&self) -> MutexGuard<'_, Visible> {
        self.visible.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One instant's state of a table that follows the log.
    pub(crate) fn snapshot(&self, which: Which) -> Result<(TableState, HotRows), Error> {
        let mut visible = self.visible();
        let part = visible.part(which);
        Ok((part.table.clone(), part.hot.view()?))
    }

    /// Whether a fault was switched on; never without the `sabotage` feature.
    pub(crate) fn sabotaged(&self, what: &str) -> bool {
        sabotaged(&self.config, what)
    }
}

/// Whether a fault was switched on; never without the `sabotage` feature.
pub(crate) fn sabotaged(config: &Config, what: &str) -> bool {
    cfg!(feature = "sabotage") && config.sabotage.iter().any(|s| s == what)
}
