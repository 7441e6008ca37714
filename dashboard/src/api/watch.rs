//! Who watches now.

use serde_json::{Value, json};

use crate::api::when;
use crate::app::Call;
use crate::backend::CalendarState;
use crate::reply::{Failure, Reply};

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let watch = call.app.backend.watch().await?;
    let calendars: Vec<Value> = watch.calendars.iter().map(calendar_json).collect();
    let on_call: Vec<Value> = watch
        .on_call
        .iter()
        .map(|one| json!({ "schedule": one.schedule, "people": one.people }))
        .collect();
    Ok(Reply::json(
        &json!({ "calendars": calendars, "onCall": on_call }),
    ))
}

fn calendar_json(state: &CalendarState) -> Value {
    json!({
        "calendar": state.calendar,
        "open": state.open,
        "since": when(state.since),
        "until": when(state.until),
    })
}
