//! The data directory: format, permissions, lock, cursor.
//!
//! ```text
//! FORMAT            version of this layout
//! lock              held while a process has the directory open; names its holder
//! cursor.json       how far the log was released, and what every table had then
//! log/              segments of the log
//! tables/{name}/    Delta tables
//! registry.sqlite   the registry
//! ```

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Version of the layout that this program writes, and the newest it reads.
///
/// 3 added waveforms, alarms and gateway states to the log, and the table `waveform`; 4 limits, silences and routing to
/// the log. All else is as in 2.
pub(crate) const FORMAT: u32 = 4;

/// The layouts that this program takes over as they are.
const BEFORE: [u32; 2] = [2, 3];

/// A data directory that this process holds.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// What was committed when the log was last released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogCursor {
    pub(crate) released: u64,
    pub(crate) observation: u64,
    pub(crate) quarantine: u64,
    /// Absent in directories of format 2.
    #[serde(default)]
    pub(crate) waveform: u64,
}

impl Layout {
    /// Makes what is missing, refuses what is newer, takes the lock.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let root = std::path::absolute(root).map_err(Error::io("data directory"))?;
        make_private_dir(&root).map_err(Error::io(format!("make {}", root.display())))?;
        let lock = lock(&root)?;
        check_format(&root)?;
        for sub in ["log", "tables"] {
            make_private_dir(&root.join(sub)).map_err(Error::io(format!("make {sub}")))?;
        }
        sync_dir(&root).map_err(Error::io("sync the data directory"))?;
        Ok(Self { root, _lock: lock })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(name)
    }

    pub(crate) fn read_cursor(&self) -> Result<LogCursor, Error> {
        match fs::read(self.root.join("cursor.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::Source {
                what: "cursor.json",
                detail: e.to_string(),
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(LogCursor::default()),
            Err(e) => Err(Error::io("read cursor.json")(e)),
        }
    }

    pub(crate) fn write_cursor(&self, cursor: &LogCursor) -> Result<(), Error> {
        let text = serde_json::to_vec(cursor).expect("plain numbers");
        replace(&self.root.join("cursor.json"), &text).map_err(Error::io("write cursor.json"))
    }
}

fn lock(root: &Path) -> Result<File, Error> {
    let path = root.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("open the lock"))?;
    match file.try_lock() {
        Ok(()) => {
            let write = |file: &mut File| -> io::Result<()> {
                file.set_len(0)?;
                file.rewind()?;
                file.write_all(format!("process {}\n", std::process::id()).as_bytes())
            };
            write(&mut file).map_err(Error::io("write the lock"))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            if file.take(200).read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                holder = "another process".to_owned();
            }
            Err(Error::Locked {
                dir: root.to_path_buf(),
                holder: holder.trim().to_owned(),
            })
        }
        Err(TryLockError::Error(e)) => Err(Error::io("lock the data directory")(e)),
    }
}

fn check_format(root: &Path) -> Result<(), Error> {
    let path = root.join("FORMAT");
    let write =
        || replace(&path, format!("{FORMAT}\n").as_bytes()).map_err(Error::io("write FORMAT"));
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(FORMAT) => Ok(()),
            Ok(before) if BEFORE.contains(&before) => write(),
            _ => Err(Error::Format {
                dir: root.to_path_buf(),
                found: text.trim().chars().take(20).collect(),
                known: FORMAT,
            }),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => write(),
        Err(e) => Err(Error::io("read FORMAT")(e)),
    }
}

/// Writes a small file so that after a crash it is either the old or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&staged)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory that only its owner can enter; an existing one is closed to others.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .map_or(Ok(()), sync_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = Layout::open(dir.path()).unwrap();
        let error = Layout::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(held);
        Layout::open(dir.path()).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_and_those_before_are_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        drop(Layout::open(dir.path()).unwrap());
        for before in ["2\n", "3\n"] {
            fs::write(dir.path().join("FORMAT"), before).unwrap();
            drop(Layout::open(dir.path()).unwrap());
            let format = fs::read_to_string(dir.path().join("FORMAT")).unwrap();
            assert_eq!(format, "4\n");
        }
        fs::write(dir.path().join("FORMAT"), "5\n").unwrap();
        assert!(matches!(
            Layout::open(dir.path()),
            Err(Error::Format { .. })
        ));
    }

    #[test]
    fn directories_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let _held = Layout::open(&root).unwrap();
        for sub in [root.clone(), root.join("log"), root.join("tables")] {
            let mode = fs::metadata(sub).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
