//! Tables and log at one consistent point, copied and synced.
//!
//! What was appended is committed first; then, while no commit can happen and so nothing is
//! released, the tables are copied and after them the log. Records that are appended meanwhile
//! are above the tables' positions: opening the copy brings them into its hot rows. A record that
//! is only half in the copy is a torn tail, which opening cuts off.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::core::Core;
use crate::layout::{make_private_dir, sync_dir};

/// What a backup of the store consists of, in the order in which it has to be copied.
const PARTS: [&str; 4] = ["FORMAT", "cursor.json", "tables", "log"];

pub(crate) async fn backup(core: &Arc<Core>, dest: &Path) -> Result<(), Error> {
    core.flush().await?;
    let tables = core.tables.lock().await;
    let (root, dest) = (core.layout.root.clone(), dest.to_path_buf());
    let done = tokio::task::spawn_blocking(move || {
        empty_dir(&dest)?;
        for part in PARTS {
            copy(&root.join(part), &dest.join(part)).map_err(Error::io(format!("copy {part}")))?;
        }
        sync_dir(&dest).map_err(Error::io("sync the copy"))
    })
    .await
    .map_err(|_| Error::Closed)?;
    drop(tables);
    done
}

/// Copies a backup, registry included, to a new data directory, synced.
///
/// # Errors
/// `src` is no data directory, `dest` is not empty, or the file system.
pub fn restore(src: &Path, dest: &Path) -> Result<(), Error> {
    if !src
        .join("FORMAT")
        .try_exists()
        .map_err(Error::io("look for FORMAT"))?
    {
        return Err(Error::Source {
            what: "backup",
            detail: format!("{} has no FORMAT file", src.display()),
        });
    }
    empty_dir(dest)?;
    let entries = fs::read_dir(src).map_err(Error::io("list the backup"))?;
    for entry in entries {
        let entry = entry.map_err(Error::io("list the backup"))?;
        let name = entry.file_name();
        if name != "lock" && name != "spill" {
            copy(&entry.path(), &dest.join(&name))
                .map_err(Error::io(format!("copy {}", name.display())))?;
        }
    }
    sync_dir(dest).map_err(Error::io("sync the data directory"))
}

fn empty_dir(dest: &Path) -> Result<(), Error> {
    make_private_dir(dest).map_err(Error::io(format!("make {}", dest.display())))?;
    let mut entries = fs::read_dir(dest).map_err(Error::io("list the destination"))?;
    if entries.next().is_some() {
        return Err(Error::Source {
            what: "destination",
            detail: format!("{} is not empty", dest.display()),
        });
    }
    Ok(())
}

/// Copies a file or a directory and syncs what it made. A file that is gone was temporary.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(from) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if meta.is_dir() {
        make_private_dir(to)?;
        let mut names = fs::read_dir(from)?
            .map(|entry| entry.map(|e| e.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        for name in names {
            copy(&from.join(&name), &to.join(&name))?;
        }
        return sync_dir(to);
    }
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}
