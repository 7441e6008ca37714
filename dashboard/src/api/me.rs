//! Who asks.

use serde_json::json;
use wardline_normalize::time::format_rfc3339;

use crate::app::Call;
use crate::reply::{Failure, Reply};

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let principal = call.principal()?;
    Ok(Reply::json(&json!({
        "name": principal.name,
        "role": principal.role.as_str(),
        "now": format_rfc3339(call.app.now()),
        "version": env!("CARGO_PKG_VERSION"),
    })))
}
