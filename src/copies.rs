//! Backups: registry, tables and log as one consistent point, while all of them are in use.
//!
//! The registry is copied first and the log last, so everything that the registry knows of the log is in
//! the log's copy: opening the copy takes the records after the registry's checkpoint through the rules
//! again. Until both are copied no new checkpoint is saved, so nothing of the log that the copy of the
//! registry still needs is released.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Mutex;
use wardline_store::Store;
use wardline_store::registry::Registry;

/// Makes backups, one at a time.
#[derive(Debug, Clone)]
pub(crate) struct Copies {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    /// Held while a backup is made, and while a checkpoint is saved.
    pub(crate) checkpoints: Arc<Mutex<()>>,
}

impl Copies {
    /// Copies everything to a directory that does not exist yet; what a failed copy left is removed.
    pub(crate) async fn make(&self, to: &Path) -> anyhow::Result<()> {
        let _saved = self.checkpoints.lock().await;
        let part =
            beside(to).with_context(|| format!("{} is no place for a backup", to.display()))?;
        let copied = self.copy(&part, to).await;
        if copied.is_err() {
            for removed in [std::fs::remove_file(&part), std::fs::remove_dir_all(to)] {
                if let Err(error) = removed.or_else(absent) {
                    tracing::warn!(%error, "what is left of a failed backup could not be removed");
                }
            }
        }
        copied
    }

    async fn copy(&self, part: &Path, to: &Path) -> anyhow::Result<()> {
        let (registry, file) = (Arc::clone(&self.registry), part.to_owned());
        tokio::task::spawn_blocking(move || registry.backup(&file)).await??;
        self.store.backup(to).await?;
        let (part, to) = (part.to_owned(), to.to_owned());
        tokio::task::spawn_blocking(move || {
            std::fs::rename(part, wardline_store::registry_path(&to))?;
            std::fs::File::open(to)?.sync_all()
        })
        .await?
        .context("put the copy of the registry in its place")
    }
}

/// Where the registry's copy waits: the store makes the directory itself, and wants it empty.
fn beside(to: &Path) -> Option<PathBuf> {
    let name = to.file_name()?.to_str()?;
    Some(to.with_file_name(format!(".{name}.registry")))
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}
