//! Quarantine: what was rejected and why, and another try.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{page, when};
use crate::app::Call;
use crate::backend::{QuarantineItem, QuarantineReplay, QuarantineSearch};
use crate::params::{is_id, time};
use crate::reply::{Failure, Reply, Touched};

/// Most ids of one replay; more is what a search is for.
const MAX_IDS: usize = 10_000;

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let search = QuarantineSearch {
        device: query.owned("device")?,
        reason: query.owned("reason")?,
        since: query.time("since")?,
        until: query.time("until")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.quarantine(&search).await?;
    Ok(Reply::json(&page(&found, item_json)))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let found = call.app.backend.quarantined(&call.id()?).await?;
    let mut body = item_json(&found.item);
    if let Some(fields) = body.as_object_mut() {
        let text = std::str::from_utf8(&found.payload).ok();
        fields.insert("payload".into(), json!(STANDARD.encode(&found.payload)));
        fields.insert("payloadText".into(), json!(text));
        fields.insert("properties".into(), json!(found.item.properties));
    }
    let mut touched: Touched = found.patients.iter().collect();
    // Bytes that could not be read may be about anybody.
    touched.any = touched.patients.is_empty();
    Ok(Reply::json(&body).touching(touched))
}

/// `ids`, or any of the other fields; `all: true` for everything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplayIn {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    all: bool,
}

impl ReplayIn {
    fn request(self) -> Result<QuarantineReplay, Failure> {
        let search = QuarantineSearch {
            device: self.device,
            reason: self.reason,
            since: self.since.map(|text| time("since", &text)).transpose()?,
            until: self.until.map(|text| time("until", &text)).transpose()?,
            ..QuarantineSearch::default()
        };
        let bare = search == QuarantineSearch::default();
        match self.ids {
            Some(ids) if bare && !self.all => {
                if ids.is_empty() || ids.len() > MAX_IDS || !ids.iter().all(|id| is_id(id)) {
                    return Err(Failure::invalid(format!(
                        "ids must be 1 to {MAX_IDS} quarantine ids"
                    )));
                }
                Ok(QuarantineReplay::Ids(ids))
            }
            None if bare != self.all => Err(Failure::invalid("say ids, or a search, or all: true")),
            None => Ok(QuarantineReplay::Matching(search)),
            Some(_) => Err(Failure::invalid("say ids, or a search, or all: true")),
        }
    }
}

pub(crate) async fn replay(mut call: Call) -> Result<Reply, Failure> {
    let bytes = call.json::<ReplayIn>().await?;
    let asked = format!("{bytes:?}");
    let done = call
        .app
        .backend
        .replay_quarantine(bytes.request()?, call.principal()?)
        .await?;
    let mut reply = Reply::json(&json!({
        "messages": done.messages,
        "stored": done.stored,
        "duplicates": done.duplicates,
        "rejected": done.rejected,
        "skipped": done.skipped,
        "skips": done.skips.iter().map(|(id, reason)| json!({"id": id, "reason": reason})).collect::<Vec<_>>(),
    }));
    reply.asked = Some(asked);
    Ok(reply)
}

fn item_json(item: &QuarantineItem) -> Value {
    json!({
        "id": item.id,
        "received": format_rfc3339(item.received),
        "source": item.source,
        "topic": item.topic,
        "deviceId": item.device_id,
        "reason": item.reason,
        "detail": item.detail,
        "record": item.record,
        "contentType": item.content_type,
        "bytes": item.bytes,
        "replayed": when(item.replayed),
    })
}
