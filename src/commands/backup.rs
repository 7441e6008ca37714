//! `wardline backup` and `restore`.

use anyhow::bail;
use serde_json::json;

use crate::cli::{Backup, Restore};
use crate::client::Client;
use crate::exit::Exit;
use crate::output;

/// Where the data is, a path means the same here and there only if it is absolute.
pub(super) async fn backup(backup: &Backup) -> anyhow::Result<Exit> {
    let to = std::path::absolute(&backup.to)?;
    let client = Client::patient(&backup.target).await?;
    let answer = client
        .post("/api/v1/backup", json!({"to": to}).to_string())
        .await;
    client.close().await?;
    answer?;
    output::talk(&format!("backed up to {}", to.display()));
    Ok(Exit::Done)
}

pub(super) async fn restore(restore: &Restore) -> anyhow::Result<Exit> {
    if restore.data_dir.try_exists()? {
        bail!(
            "{} exists; a restore makes a new data directory",
            restore.data_dir.display()
        );
    }
    wardline_store::restore(&restore.from, &restore.data_dir)?;
    output::talk(&format!("restored to {}", restore.data_dir.display()));
    Ok(Exit::Done)
}
