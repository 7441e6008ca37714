//! Observations, export and SQL for HTTP, out of the store.

use arrow_array::{Array as _, RecordBatch};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use wardline_dashboard::backend::{
    BackendResult, DatePrefix, ExportRequest, Found, ObservationPage, ObservationSearch, Order,
    Position, SqlAnswer, SqlRequest,
};
use wardline_normalize::time::{Micros, format_rfc3339};
use wardline_store::{Bound, Cursor, Search, Sort, Store};

use super::store_fault;

pub(super) async fn search(
    store: &Store,
    search: &ObservationSearch,
) -> BackendResult<ObservationPage> {
    let page = store
        .observations(&translate(search))
        .await
        .map_err(store_fault)?;
    let next = page.next.map(|cursor| Position {
        effective: cursor.effective,
        id: cursor.id,
    });
    Ok(ObservationPage {
        rows: page.rows,
        next,
    })
}

/// Codes, status and times may be met loosely: the caller filters again.
fn translate(search: &ObservationSearch) -> Search {
    Search {
        patients: search.patients.clone(),
        codes: search
            .code
            .as_ref()
            .map(|code| code.flat())
            .unwrap_or_default(),
        effective: search
            .effective
            .iter()
            .flat_map(|date| bounds(date.prefix, date.instant_bounds()))
            .collect(),
        ids: search.ids.clone(),
        devices: search.devices.clone(),
        status: search.statuses.clone(),
        sort: match search.order {
            Order::Descending => Sort::Newest,
            Order::Ascending => Sort::Oldest,
        },
        limit: search.limit,
        after: search.after.as_ref().map(|after| Cursor {
            effective: after.effective,
            id: after.id.clone(),
        }),
        unattributed: false,
    }
}

/// Bounds on the start of an observation. One that lasts may begin before an interval it reaches into, so
/// there is no lower bound where a period could match that an instant does not.
fn bounds(prefix: DatePrefix, (first, last): (Micros, Micros)) -> Vec<Bound> {
    let mut bounds = Vec::new();
    let lasting = matches!(prefix, DatePrefix::Gt | DatePrefix::Ge | DatePrefix::Ap);
    if first != Micros::MIN && !lasting {
        bounds.push(Bound::From(first));
    }
    if last != Micros::MAX {
        bounds.push(Bound::Until(last));
    }
    if first != Micros::MIN && lasting {
        bounds.push(Bound::From(first.saturating_sub(LONGEST_PERIOD)));
    }
    bounds
}

/// Longest period of one row that a date search finds by its end: a day.
const LONGEST_PERIOD: Micros = 86_400_000_000;

pub(super) async fn one(store: &Store, id: &str) -> BackendResult<Found> {
    let by_id = |ids: Vec<String>| Search {
        ids,
        limit: 1,
        ..Search::default()
    };
    let mut page = store
        .observations(&by_id(vec![id.to_owned()]))
        .await
        .map_err(store_fault)?;
    if page.rows.num_rows() == 0 {
        // A component's id leads to its panel.
        let row = store.find(&[id]).await.map_err(store_fault)?;
        if let Some(panel) = row.column_by_name("panel_id").and_then(text_of_first) {
            page = store
                .observations(&by_id(vec![panel]))
                .await
                .map_err(store_fault)?;
        }
    }
    Ok(if page.rows.num_rows() == 0 {
        Found::Missing
    } else {
        Found::Rows(page.rows)
    })
}

fn text_of_first(array: &arrow_array::ArrayRef) -> Option<String> {
    let texts = array.as_any().downcast_ref::<arrow_array::StringArray>()?;
    (!texts.is_empty() && texts.is_valid(0)).then(|| texts.value(0).to_owned())
}

/// A text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A time as an SQL literal.
pub(super) fn instant(at: Micros) -> String {
    format!("TIMESTAMP '{}'", format_rfc3339(at))
}

pub(super) async fn export(
    store: &Store,
    request: &ExportRequest,
    limit: std::time::Duration,
) -> BackendResult<BoxStream<'static, BackendResult<RecordBatch>>> {
    let mut conditions = Vec::new();
    if !request.patients.is_empty() {
        let list = request
            .patients
            .iter()
            .map(|patient| literal(patient))
            .collect::<Vec<_>>()
            .join(", ");
        conditions.push(format!("patient_id IN ({list})"));
    }
    if let Some(from) = request.from {
        conditions.push(format!(
            "effective >= {0} AND date >= CAST({0} AS DATE)",
            instant(from)
        ));
    }
    if let Some(until) = request.until {
        conditions.push(format!(
            "effective < {0} AND date <= CAST({0} AS DATE)",
            instant(until)
        ));
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    let stream = store
        .sql_stream_within(
            &format!("SELECT * FROM observation{filter} ORDER BY received, id"),
            limit,
        )
        .await
        .map_err(store_fault)?;
    Ok(stream.map_err(store_fault).boxed())
}

pub(super) async fn sql(store: &Store, request: &SqlRequest) -> BackendResult<SqlAnswer> {
    let mut stream = store.sql_stream(&request.text).await.map_err(store_fault)?;
    let schema = stream.schema();
    let (mut batches, mut left, mut truncated) = (Vec::new(), request.limit, false);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(store_fault)?;
        if batch.num_rows() > left {
            batches.push(batch.slice(0, left));
            truncated = true;
            break;
        }
        left -= batch.num_rows();
        batches.push(batch);
    }
    Ok(SqlAnswer {
        schema,
        batches,
        truncated,
    })
}
