//! A disk that fails once, with the system's real errors, or stalls.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use wardline_log::{Disk, DiskFile, Lock};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Write,
    Sync,
    SyncDir,
    Remove,
}

/// "No space left on device".
pub(crate) const ENOSPC: i32 = 28;
/// "Input/output error".
pub(crate) const EIO: i32 = 5;

#[derive(Debug, Default)]
struct State {
    /// Which operation fails after how many that do not, with which error. It fails once: the disk is fine afterwards.
    fault: Option<(Op, u64, i32)>,
    stalled: bool,
    /// Syncs that wait for the stall to end.
    waiting: u64,
    syncs: u64,
    writes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fail(&self, op: Op, after: u64, errno: i32) {
        self.state().fault = Some((op, after, errno));
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(crate) fn writes(&self) -> u64 {
        self.state().writes
    }

    /// From now on syncs do not return until [`resume`](Faults::resume).
    pub(crate) fn stall(&self) {
        self.state().stalled = true;
    }

    pub(crate) fn resume(&self) {
        self.state().stalled = false;
        self.changed.notify_all();
    }

    /// Waits until a sync stalls.
    pub(crate) fn until_stalled(&self) {
        let mut state = self.state();
        while state.waiting == 0 {
            state = self.changed.wait(state).unwrap();
        }
    }

    fn meet(&self, op: Op) -> io::Result<()> {
        let mut state = self.state();
        match op {
            Op::Sync => state.syncs += 1,
            Op::Write => state.writes += 1,
            _ => {}
        }
        if op == Op::Sync && state.stalled {
            state.waiting += 1;
            self.changed.notify_all();
            while state.stalled {
                state = self.changed.wait(state).unwrap();
            }
            state.waiting -= 1;
        }
        match &mut state.fault {
            Some((which, 0, errno)) if *which == op => {
                let errno = *errno;
                state.fault = None;
                Err(io::Error::from_raw_os_error(errno))
            }
            Some((which, after, _)) if *which == op => {
                *after -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct FaultyDisk<D> {
    pub(crate) inner: D,
    pub(crate) faults: Arc<Faults>,
}

impl<D> FaultyDisk<D> {
    pub(crate) fn new(inner: D) -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        let disk = Self {
            inner,
            faults: Arc::clone(&faults),
        };
        (Arc::new(disk), faults)
    }

    fn wrap(&self, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile {
            inner,
            faults: Arc::clone(&self.faults),
        })
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl<D: Disk> Disk for FaultyDisk<D> {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn lock(&self, dir: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.inner.lock(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.faults.meet(Op::Create)?;
        Ok(self.wrap(self.inner.create(path)?))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.wrap(self.inner.open(path, write)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.meet(Op::Remove)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.faults.meet(Op::SyncDir)?;
        self.inner.sync_dir(dir)
    }
}

impl DiskFile for FaultyFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(into, offset)
    }

    /// A failing write leaves its first half behind, as a full disk does.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let met = self.faults.meet(Op::Write);
        let written = if met.is_ok() {
            bytes
        } else {
            &bytes[..bytes.len() / 2]
        };
        self.inner.write_all_at(written, offset)?;
        met
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.meet(Op::Sync)?;
        self.inner.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.inner.truncate(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }
}
