//! `wardline backup` and `restore`.

use anyhow::bail;
use serde_json::json;

use crate::cli::{Backup, Restore};
use crate::client::Client;
use crate::exit::Exit;
use crate::output;

/// Registry, tables and log as one point: the registry first, so that what it knows is in the log too.
pub(super) async fn backup(backup: &Backup) -> anyhow::Result<Exit> {
    if backup.to.try_exists()? {
        bail!("{} exists; a backup makes a new directory", backup.to.display());
    }
    let client = Client::connect(&backup.target).await?;
    let done = match client.core() {
        Some(core) => core.backup(&backup.to).await,
        None => {
            let body = json!({"to": std::path::absolute(&backup.to)?}).to_string();
            client.post("/api/v1/backup", body).await.map(|_| ())
        }
    };
    client.close().await?;
    done?;
    output::talk(&format!("backed up to {}", backup.to.display()));
    Ok(Exit::Done)
}

pub(super) async fn restore(restore: &Restore) -> anyhow::Result<Exit> {
    if restore.data_dir.try_exists()? {
        bail!("{} exists; a restore makes a new data directory", restore.data_dir.display());
    }
    wardline_store::restore(&restore.from, &restore.data_dir)?;
    output::talk(&format!("restored to {}", restore.data_dir.display()));
    Ok(Exit::Done)
}
