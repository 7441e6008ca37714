//! The registry: patients, devices, beds, assignments, tokens, audit, alerts, outbox.
//!
//! One interface ([`Registry`]) over one SQLite file. Nothing of SQLite shows in it, so that
//! another database can stand behind the same methods. Every method is short, blocking and
//! takes the time as an argument; async callers use a blocking thread for those that write, since
//! a commit waits for the disk.
//!
//! | file | holds |
//! |---|---|
//! | `db`, `schema/` | the file: opening, pragmas, numbered migrations |
//! | `patient`, `device`, `bed`, `identifier` | who and what there is |
//! | `assignment`, `snapshot` | whose a device was when; the in-memory form for the hot path |
//! | `token` | who may do what |
//! | `gateway`, `command` | the own authority and what it issued to gateways; commands to them |
//! | `audit` | who saw what, hash-chained |
//! | `alert`, `checkpoint` | alert events, the rule engine's state |
//! | `limit`, `silence` | what people set for a ward or patient: limits, times of quiet |
//! | `notification`, `outbox`, `ack` | who is told of alerts, its delivery, links that acknowledge |
//! | `import`, `tables`, `backup`, `setting` | files in, Arrow out, copies, key and value |
//!
//! Promises, each tested under `tests/`:
//! - a method that changed something returns after the change is synced (WAL, `synchronous=FULL`);
//! - at any instant a device, or a user of it, belongs to one patient at most;
//! - a change is in [`Registry::assignments`] and in token checks before its method returns;
//! - an edited, removed or inserted audit row is found;
//! - alert events, alerts and outbox entries change together, and a replay changes nothing.
//!
//! Writers take turns on one connection; readers have their own and never wait for a sync.

mod ack;
mod alert;
mod assignment;
mod audit;
mod backup;
mod bed;
mod checkpoint;
mod command;
mod db;
mod device;
mod error;
mod gateway;
mod id;
mod identifier;
mod import;
mod limit;
mod notification;
mod outbox;
mod page;
mod patient;
mod setting;
mod silence;
mod snapshot;
mod tables;
#[cfg(test)]
mod tests;
mod time;
mod token;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, TransactionBehavior};

pub use ack::{ACK_LIFE, AckToken};
pub use alert::{Alert, AlertEventRecord, AlertFilter, Consequences, StoredAlertEvent};
pub use assignment::{Assignment, AssignmentFilter, NewAssignment};
pub use audit::{AuditEntry, AuditFilter, AuditRecord, AuditReport, Outcome};
pub use bed::{Bed, Occupied, Stay};
pub use checkpoint::Checkpoint;
pub use command::{NewCommand, SentCommand};
pub use device::{Device, DeviceFields, SeenDevice};
pub use error::{Error, Overlap, Result, RowFault};
pub use gateway::{
    EnrolmentCode, Fingerprint, GatewayCertificate, Issued, NewCertificate, RevocationReason,
    StoredAuthority,
};
pub use identifier::Identifier;
pub use import::{ImportFormat, ImportKind, Imported};
pub use limit::{Limit, LimitFilter, LimitScope, NewLimit};
pub use notification::{
    Delivery, NotWatchedRecord, NotificationFilter, NotificationRecord, StoredNotification,
};
pub use outbox::{
    Destination, LONGEST_URGENT_WAIT, LONGEST_WAIT, OutboxCounts, OutboxEntry, OutboxFilter,
    OutboxState, Render,
};
pub use page::{ListFilter, Listed, MAX_PAGE, Page};
pub use patient::{Patient, PatientFields, Sex};
pub use setting::{SETTING_DATA_FORMAT, SETTING_INSTALLATION, SETTING_SITE};
pub use silence::{NewSilence, Silence, SilenceFilter};
pub use snapshot::Assignments;
pub use tables::{
    assignment_schema, device_schema, limit_schema, notification_schema, patient_schema,
};
pub use time::Micros;
pub use token::{NewToken, Role, Secret, Token};

use gateway::GatewayTable;
use token::TokenTable;

/// Connections for reading: as many as lists, streams and the outbox ask at once on a small
/// machine; each is one file handle and a page cache of 2 MB.
const READERS: usize = 4;

/// The registry of one installation; share it behind an `Arc`.
#[derive(Debug)]
pub struct Registry {
    path: PathBuf,
    /// Orders all writers, so that what is published below follows the order of commits.
    writer: Mutex<Connection>,
    readers: Vec<Mutex<Connection>>,
    /// Which reader is next.
    turn: AtomicUsize,
    assignments: RwLock<Arc<Assignments>>,
    tokens: RwLock<Arc<TokenTable>>,
    gateways: RwLock<Arc<GatewayTable>>,
}

/// Which in-memory forms a change makes stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Touch {
    patients: bool,
    devices: bool,
    assignments: bool,
    beds: bool,
    tokens: bool,
    gateways: bool,
}

impl Touch {
    const NOTHING: Self = Self {
        patients: false,
        devices: false,
        assignments: false,
        beds: false,
        tokens: false,
        gateways: false,
    };
    const PATIENTS: Self = Self {
        patients: true,
        ..Self::NOTHING
    };
    const DEVICES: Self = Self {
        devices: true,
        ..Self::NOTHING
    };
    const ASSIGNMENTS: Self = Self {
        assignments: true,
        ..Self::NOTHING
    };
    const BEDS: Self = Self {
        beds: true,
        ..Self::NOTHING
    };
    const TOKENS: Self = Self {
        tokens: true,
        ..Self::NOTHING
    };
    const GATEWAYS: Self = Self {
        gateways: true,
        ..Self::NOTHING
    };
}

/// A panic under a lock leaves no half-done work behind: the transaction is rolled back when it
/// is dropped, and what is published is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shared<T>(slot: &RwLock<Arc<T>>) -> Arc<T> {
    Arc::clone(&slot.read().unwrap_or_else(PoisonError::into_inner))
}

fn publish<T>(slot: &RwLock<Arc<T>>, value: T) {
    *slot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
}

impl Registry {
    /// Opens the registry, or makes it (mode 0600). The directory must exist.
    ///
    /// # Errors
    /// [`Error::Newer`] and [`Error::Foreign`] for files that are not to be touched.
    pub fn open(path: &Path) -> Result<Self> {
        let writer = db::open_writer(path)?;
        setting::ensure_installation(&writer)?;
        let readers = (0..READERS)
            .map(|_| db::open_reader(path).map(Mutex::new))
            .collect::<Result<_>>()?;
        let assignments = Assignments::load(&writer)?;
        let tokens = TokenTable::load(&writer, None)?;
        let gateways = GatewayTable::load(&writer)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers,
            turn: AtomicUsize::new(0),
            assignments: RwLock::new(Arc::new(assignments)),
            tokens: RwLock::new(Arc::new(tokens)),
            gateways: RwLock::new(Arc::new(gateways)),
        })
    }

    /// Writes what is held in memory only (`last_used`) and closes the file.
    ///
    /// # Errors
    /// The last write failed.
    pub fn close(self) -> Result<()> {
        self.store_last_used(0)?;
        drop(self.readers);
        let writer = self
            .writer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        writer.close().map_err(|(_, error)| error.into())
    }

    /// Reads one consistent state, beside writers and other readers.
    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
        let mut conn = lock(&self.readers[turn]);
        let tx = conn.transaction()?;
        f(&tx)
    }

    /// Changes in one transaction: all of it is durable and published, or none of it.
    fn write<T>(&self, touch: Touch, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut conn = lock(&self.writer);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = f(&tx)?;
        // Read before the commit: if that fails nothing has changed.
        let assignments = shared(&self.assignments).reload(&tx, touch)?;
        let tokens = if touch.tokens {
            Some(TokenTable::load(&tx, Some(&shared(&self.tokens)))?)
        } else {
            None
        };
        let gateways = if touch.gateways {
            Some(GatewayTable::load(&tx)?)
        } else {
            None
        };
        tx.commit()?;
        if let Some(assignments) = assignments {
            publish(&self.assignments, assignments);
        }
        if let Some(tokens) = tokens {
            publish(&self.tokens, tokens);
        }
        if let Some(gateways) = gateways {
            publish(&self.gateways, gateways);
        }
        Ok(value)
    }
}
