//! The outbox: what is to be delivered, what was given up, and another try.

use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{page, patients, when};
use crate::app::Call;
use crate::backend::{Notification, OutboxItem, OutboxSearch};
use crate::reply::{Failure, Reply};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let state = query.words("state", &["pending", "delivered", "dead"])?;
    if state.len() > 1 {
        return Err(Failure::invalid("state is one of pending, delivered, dead"));
    }
    let search = OutboxSearch {
        state: state.into_iter().next(),
        destination: query.owned("destination")?,
        alert: query.owned("alert")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.outbox(&search).await?;
    let touched = patients(found.items.iter().flat_map(|one| &one.subjects));
    Ok(Reply::json(&page(&found, item_json)).touching(touched))
}

pub(crate) async fn retry(call: Call) -> Result<Reply, Failure> {
    let by = call.principal()?;
    let item = call.app.backend.retry(&call.id()?, by).await?;
    Ok(Reply::json(&item_json(&item)).touching(patients(&item.subjects)))
}

fn item_json(item: &OutboxItem) -> Value {
    json!({
        "id": item.id,
        "destination": item.destination,
        "notification": item.notification,
        "recipient": item.recipient,
        "alerts": item.alerts,
        "subjects": item.subjects,
        "state": item.state,
        "attempts": item.attempts,
        "nextAttempt": when(item.next_attempt),
        "lastError": item.last_error,
        "created": format_rfc3339(item.created),
    })
}

pub(crate) fn notification_json(one: &Notification) -> Value {
    json!({
        "id": one.id,
        "at": format_rfc3339(one.at),
        "kind": one.kind,
        "channel": one.channel,
        "recipient": one.recipient,
        "priority": one.priority,
        "route": one.route,
        "alerts": one.alerts,
        "state": one.state,
        "attempts": one.attempts,
        "lastError": one.last_error,
        "deliveredAt": when(one.delivered_at),
    })
}
