//! What is known of streams when the server starts.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};

use super::streams::{Streams, least_id, source_millis, stream_key};
use crate::core::Which;
use crate::{Error, Store};

/// How far ahead of the present stored times may be before they are treated one by one. The time
/// guard lets 5 minutes pass; a device whose clock is years ahead is stored under its own time.
const AHEAD_MILLIS: i64 = 10 * 60 * 1_000;

/// The floor is the highest time stored. Devices whose clock is far ahead would lift it above
/// everything that is to come, so their streams are read from the table instead.
pub(super) async fn streams(store: &Store, capacity: usize) -> Result<Streams, Error> {
    let now = chrono::Utc::now().timestamp_millis();
    let highest = highest_millis(store)?;
    let limit = now + AHEAD_MILLIS;
    if highest <= limit {
        return Ok(Streams::new(highest, capacity));
    }
    let mut streams = Streams::new(limit, capacity);
    let query = format!(
        "SELECT device_id, coalesce(mdc, code) AS metric, channel, device_user, max(id) AS id
         FROM observation WHERE id >= '{}' GROUP BY 1, 2, 3, 4",
        least_id(limit)
    );
    let mut scratch = Vec::new();
    for batch in store.sql(&query).await? {
        let column = |i: usize| batch.column(i).as_string::<i32>();
        let optional = |i: usize, row: usize| {
            let column: &StringArray = column(i);
            column.is_valid(row).then(|| column.value(row))
        };
        for row in 0..RecordBatch::num_rows(&batch) {
            let key = stream_key(
                &mut scratch,
                column(0).value(row),
                column(1).value(row),
                optional(2, row),
                optional(3, row),
            );
            let high = source_millis(column(4).value(row)).unwrap_or(i64::MAX);
            streams.seed(key, high);
        }
    }
    Ok(streams)
}

/// The highest source time of a stored row; rows without one in their id count as newest.
fn highest_millis(store: &Store) -> Result<i64, Error> {
    let schema = wardline_normalize::columns::schema();
    let mut visible = store.core().visible();
    let part = visible.part(Which::Observation);
    let mut highest = match part.hot.greatest_id()? {
        Some(id) => source_millis(&id).unwrap_or(i64::MAX),
        None => 0,
    };
    for file in part.table.files.iter() {
        let id = file
            .column(&schema, "id")
            .and_then(|c| c.max_value.get_value())
            .and_then(|v| match v {
                datafusion::common::ScalarValue::Utf8(id) => id.as_deref(),
                _ => None,
            });
        highest = highest.max(id.and_then(source_millis).unwrap_or(i64::MAX));
    }
    Ok(highest)
}
