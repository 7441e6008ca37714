//! Quarantine for HTTP: listed by query, replayed through the pipeline.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{TimestampMicrosecondType, UInt32Type};
use arrow_array::{Array as _, RecordBatch};
use wardline_dashboard::backend::{
    BackendError, BackendResult, ListPage, QuarantineDetail, QuarantineItem, QuarantineReplay,
    QuarantineSearch, Replayed,
};
use wardline_ingest::{Incoming, Route, Routes};
use wardline_store::Store;

use super::observations::{instant, literal};
use super::{Adapter, closed, fault, store_fault};

/// Messages replayed in one go.
const REPLAY_BATCH: usize = 100;
/// Setting that remembers when an entry was taken up again.
const REPLAYED: &str = "quarantine-replayed/";
/// For how long: a quarter.
const REMEMBERED: i64 = 92 * 86_400_000_000;

fn conditions(search: &QuarantineSearch) -> String {
    let mut all = vec!["true".to_owned()];
    if let Some(device) = &search.device {
        all.push(format!("device_id = {}", literal(device)));
    }
    if let Some(reason) = &search.reason {
        all.push(format!("reason = {}", literal(reason)));
    }
    if let Some(since) = search.since {
        all.push(format!("received >= {}", instant(since)));
    }
    if let Some(until) = search.until {
        all.push(format!("received < {}", instant(until)));
    }
    all.join(" AND ")
}

async fn fetch(store: &Store, rest: &str) -> BackendResult<Vec<(QuarantineItem, Vec<u8>)>> {
    let query = format!(
        "SELECT id, received, source, topic, device_id, reason, detail, record, content_type, payload, properties \
         FROM quarantine {rest}"
    );
    let mut items = Vec::new();
    for batch in store.sql(&query).await.map_err(store_fault)? {
        items.extend(rows(&batch)?);
    }
    Ok(items)
}

fn rows(batch: &RecordBatch) -> BackendResult<Vec<(QuarantineItem, Vec<u8>)>> {
    let text =
        |index: usize| arrow::compute::cast(batch.column(index), &arrow::datatypes::DataType::Utf8);
    let wrong = |error: arrow::error::ArrowError| BackendError::Internal(error.to_string());
    let texts = [0, 2, 3, 4, 5, 6, 8, 10].map(text);
    let [
        id,
        source,
        topic,
        device,
        reason,
        detail,
        content,
        properties,
    ] = texts;
    let (id, source, topic, device) = (
        id.map_err(wrong)?,
        source.map_err(wrong)?,
        topic.map_err(wrong)?,
        device.map_err(wrong)?,
    );
    let (reason, detail, content, properties) = (
        reason.map_err(wrong)?,
        detail.map_err(wrong)?,
        content.map_err(wrong)?,
        properties.map_err(wrong)?,
    );
    let record = arrow::compute::cast(batch.column(7), &arrow::datatypes::DataType::UInt32)
        .map_err(wrong)?;
    let payload = arrow::compute::cast(batch.column(9), &arrow::datatypes::DataType::Binary)
        .map_err(wrong)?;
    let received = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let own =
        |array: &arrow_array::ArrayRef, row: usize| array.as_string::<i32>().value(row).to_owned();
    let maybe =
        |array: &arrow_array::ArrayRef, row: usize| array.is_valid(row).then(|| own(array, row));
    Ok((0..batch.num_rows())
        .map(|row| {
            let bytes = payload.as_binary::<i32>().value(row).to_vec();
            let item = QuarantineItem {
                id: own(&id, row),
                received: received.value(row),
                source: own(&source, row),
                topic: own(&topic, row),
                device_id: maybe(&device, row),
                reason: own(&reason, row),
                detail: own(&detail, row),
                record: record
                    .is_valid(row)
                    .then(|| record.as_primitive::<UInt32Type>().value(row)),
                content_type: maybe(&content, row),
                properties: maybe(&properties, row)
                    .and_then(|list| serde_json::from_str(&list).ok())
                    .unwrap_or_default(),
                bytes: bytes.len() as u64,
                replayed: None,
            };
            (item, bytes)
        })
        .collect())
}

fn with_replay(adapter: &Adapter, mut item: QuarantineItem) -> BackendResult<QuarantineItem> {
    let setting = adapter
        .registry
        .setting(&format!("{REPLAYED}{}", item.id))
        .map_err(fault)?;
    item.replayed = setting.and_then(|at| at.parse().ok());
    Ok(item)
}

pub(super) async fn list(
    adapter: &Adapter,
    search: &QuarantineSearch,
) -> BackendResult<ListPage<QuarantineItem>> {
    let mut filter = conditions(search);
    if let Some(after) = &search.after {
        let (time, id) = after
            .split_once('.')
            .ok_or_else(|| BackendError::Invalid("bad page mark".to_owned()))?;
        let time = time
            .parse()
            .map_err(|_| BackendError::Invalid("bad page mark".to_owned()))?;
        filter.push_str(&format!(
            " AND (received < {0} OR (received = {0} AND id > {1}))",
            instant(time),
            literal(id)
        ));
    }
    let rest = format!(
        "WHERE {filter} ORDER BY received DESC, id LIMIT {}",
        search.limit + 1
    );
    let mut found = fetch(&adapter.store, &rest).await?;
    let more = found.len() > search.limit;
    found.truncate(search.limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(item, _)| format!("{}.{}", item.received, item.id));
    let items = found
        .into_iter()
        .map(|(item, _)| with_replay(adapter, item))
        .collect::<BackendResult<_>>()?;
    Ok(ListPage { items, next })
}

pub(super) async fn one(adapter: &Adapter, id: &str) -> BackendResult<QuarantineDetail> {
    let found = fetch(
        &adapter.store,
        &format!("WHERE id = {} ORDER BY received LIMIT 1", literal(id)),
    )
    .await?;
    let Some((item, payload)) = found.into_iter().next() else {
        return Err(BackendError::NotFound("quarantine entry".to_owned()));
    };
    let assignments = adapter.registry.assignments();
    let patient = item
        .device_id
        .as_deref()
        .and_then(|device| assignments.resolve(device, None, item.received));
    let patients = patient.map(str::to_owned).into_iter().collect();
    Ok(QuarantineDetail {
        item: with_replay(adapter, item)?,
        payload: payload.into(),
        patients,
    })
}

pub(super) async fn replay(adapter: &Adapter, replay: QuarantineReplay) -> BackendResult<Replayed> {
    let filter = match &replay {
        QuarantineReplay::Ids(ids) => {
            let ids = ids
                .iter()
                .map(|id| literal(id))
                .collect::<Vec<_>>()
                .join(", ");
            format!("id IN ({ids})")
        }
        QuarantineReplay::Matching(search) => conditions(search),
    };
    // A marker that a quota is used up stands for no message.
    let marker = literal(crate::pipeline::QUOTA_REASON);
    let mut done = Replayed::default();
    let now = crate::clock::now();
    let mut after = String::new();
    loop {
        // A part at a time: all of it together, with the payloads, has no bound.
        let rest = format!(
            "WHERE {filter} AND reason <> {marker} AND received <= {}{after} ORDER BY received, id LIMIT {REPLAY_BATCH}",
            instant(now)
        );
        let chunk = fetch(&adapter.store, &rest).await?;
        let Some((last, _)) = chunk.last() else { break };
        after = format!(
            " AND (received > {0} OR (received = {0} AND id > {1}))",
            instant(last.received),
            literal(&last.id)
        );
        let mut messages = Vec::with_capacity(chunk.len());
        let mut taken = Vec::with_capacity(chunk.len());
        for (item, bytes) in &chunk {
            match message(&adapter.routes, item, bytes) {
                Ok(message) => {
                    messages.push(message);
                    taken.push(&item.id);
                }
                Err(reason) => {
                    done.skipped += 1;
                    if done.skips.len() < Replayed::SKIPS_MAX {
                        done.skips.push((item.id.clone(), reason));
                    }
                }
            }
        }
        if messages.is_empty() {
            continue;
        }
        let outcome = adapter.pipeline.replay(messages).await.map_err(closed)?;
        done.messages += taken.len() as u64;
        done.stored += outcome.stored;
        done.duplicates += outcome.duplicates;
        done.rejected += outcome.rejected;
        tokio::task::block_in_place(|| {
            taken.iter().try_for_each(|id| {
                adapter
                    .registry
                    .set_setting(&format!("{REPLAYED}{id}"), &now.to_string())
            })
        })
        .map_err(fault)?;
    }
    tokio::task::block_in_place(|| adapter.registry.prune_times(REPLAYED, now - REMEMBERED))
        .map_err(fault)?;
    if done.messages + done.skipped == 0 && matches!(replay, QuarantineReplay::Ids(_)) {
        return Err(BackendError::NotFound("quarantine entry".to_owned()));
    }
    Ok(done)
}

/// The message as it came, on the route of today with the same name; or why not.
fn message(routes: &Routes, item: &QuarantineItem, payload: &[u8]) -> Result<Incoming, String> {
    let route: Arc<Route> = routes
        .iter()
        .find(|route| route.name == item.source)
        .cloned()
        .ok_or_else(|| format!("route {:?} is not configured any more", item.source))?;
    let level = |index: usize| item.topic.split('/').nth(index).map(str::to_owned);
    let native = item.topic.starts_with("wardline/v1/");
    Ok(Incoming {
        route,
        topic: item.topic.clone(),
        site: native.then(|| level(2)).flatten(),
        gateway: native.then(|| level(3)).flatten(),
        device: item.device_id.clone(),
        payload: payload.to_vec().into(),
        content_type: item.content_type.clone(),
        user_properties: item.properties.clone(),
        principal: None,
        received: item.received,
    })
}
