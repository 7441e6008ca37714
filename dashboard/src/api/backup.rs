//! A copy of everything, made by the server.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use crate::app::Call;
use crate::reply::{Failure, Reply, Touched};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BackupIn {
    /// A directory of the server's machine that does not exist yet.
    to: PathBuf,
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: BackupIn = call.json().await?;
    if !body.to.is_absolute() {
        let detail = "to must be an absolute path: the server does not know where you stand";
        return Err(Failure::invalid(detail));
    }
    call.app.backend.backup(&body.to, call.principal()?).await?;
    let to = body.to.to_string_lossy().into_owned();
    // The copy holds everybody's data.
    let touched = Touched {
        any: true,
        ..Touched::default()
    };
    let mut reply = Reply::created(&json!({ "to": to })).touching(touched);
    reply.asked = Some(to);
    Ok(reply)
}
