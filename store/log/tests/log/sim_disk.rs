//! The log's disk over turmoil's simulated file system, which forgets what was not synced when its host crashes.
//!
//! Each write goes to the simulated file in pieces that end at sector boundaries, so that after a crash any of the
//! unsynced sectors may be there and any not, as when a page cache writes back in its own order. The power can fail
//! before any single operation; from then on every operation fails.

use crate::mem_disk::MemDisk;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use turmoil::fs::shim::std::fs;
use wardline_log::{Disk, DiskFile, Lock};

pub(crate) const SECTOR: u64 = 512;

#[derive(Debug, Clone)]
pub(crate) struct SimDisk {
    /// Operations until the power fails.
    left: Arc<AtomicU64>,
    /// Stands in for flock, which the simulation lacks: held by a process, gone with it.
    locks: MemDisk,
}

impl SimDisk {
    pub(crate) fn with_power_for(operations: u64) -> Self {
        Self {
            left: Arc::new(AtomicU64::new(operations)),
            locks: MemDisk::default(),
        }
    }

    fn spend(&self) -> io::Result<()> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .map(|_| ())
            .map_err(|_| io::Error::other("the power is gone"))
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: fs::File,
}

impl Disk for SimDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.spend()?;
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !fs::exists(dir) => {
                return Err(error);
            }
            _ => {}
        }
        self.spend()?;
        fs::sync_dir(dir.parent().unwrap())
    }

    fn lock(&self, dir: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.locks.lock(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.spend()?;
        let names = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().unwrap()));
        names.collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.spend()?;
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            file,
        }))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Box<dyn DiskFile>> {
        self.spend()?;
        let file = fs::OpenOptions::new().read(true).write(write).open(path)?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            file,
        }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.spend()?;
        fs::sync_dir(dir)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.spend()?;
        self.file.read_at(into, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            self.disk.spend()?;
            let piece = ((SECTOR - at % SECTOR) as usize).min(rest.len());
            self.file.write_all_at(&rest[..piece], at)?;
            at += piece as u64;
            rest = &rest[piece..];
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.spend()?;
        self.file.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.spend()?;
        self.file.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.disk.spend()?;
        Ok(self.file.metadata()?.len())
    }
}
