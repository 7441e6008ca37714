//! A disk in memory: for tests that open a log thousands of times, or want to see the order of operations.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use wardline_log::{Disk, DiskFile, Lock};

type Contents = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Default, Clone)]
pub(crate) struct MemDisk {
    files: Arc<Mutex<BTreeMap<PathBuf, Contents>>>,
    locks: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// Every changing operation, in order.
    pub(crate) trace: Arc<Mutex<Vec<String>>>,
}

impl MemDisk {
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn get(&self, path: &Path) -> Vec<u8> {
        self.files.lock().unwrap()[path].lock().unwrap().clone()
    }

    pub(crate) fn put(&self, path: &Path, bytes: Vec<u8>) {
        let contents = Arc::new(Mutex::new(bytes));
        self.files.lock().unwrap().insert(path.into(), contents);
    }

    /// A disk with the same files that shares nothing.
    pub(crate) fn copy(&self) -> Arc<Self> {
        let other = Self::default();
        for path in self.paths() {
            other.put(&path, self.get(&path));
        }
        Arc::new(other)
    }

    fn note(&self, what: String) {
        self.trace.lock().unwrap().push(what);
    }
}

#[derive(Debug)]
struct MemFile {
    contents: Contents,
    disk: MemDisk,
    name: String,
}

#[derive(Debug)]
struct MemLock(MemDisk, PathBuf);

impl Lock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.0.locks.lock().unwrap().remove(&self.1);
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

impl MemDisk {
    fn file(&self, path: &Path, contents: Contents) -> Box<dyn DiskFile> {
        Box::new(MemFile {
            contents,
            disk: self.clone(),
            name: name(path),
        })
    }
}

impl Disk for MemDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, dir: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let free = self.locks.lock().unwrap().insert(dir.into());
        Ok(free.then(|| Box::new(MemLock(self.clone(), dir.into())) as Box<dyn Lock>))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(self.paths().iter().map(|path| name(path)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.note(format!("create {}", name(path)));
        self.put(path, Vec::new());
        self.open(path, true)
    }

    fn open(&self, path: &Path, _: bool) -> io::Result<Box<dyn DiskFile>> {
        let files = self.files.lock().unwrap();
        let contents = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(path, Arc::clone(contents)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(format!("remove {}", name(path)));
        self.files.lock().unwrap().remove(path);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.note("sync dir".into());
        Ok(())
    }
}

impl DiskFile for MemFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let contents = self.contents.lock().unwrap();
        let rest = contents.get(offset as usize..).unwrap_or_default();
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.disk
            .note(format!("write {} {start}..{end}", self.name));
        let mut contents = self.contents.lock().unwrap();
        if contents.len() < end {
            contents.resize(end, 0);
        }
        contents[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.note(format!("sync {}", self.name));
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.note(format!("truncate {} {len}", self.name));
        self.contents.lock().unwrap().truncate(len as usize);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.contents.lock().unwrap().len() as u64)
    }
}
