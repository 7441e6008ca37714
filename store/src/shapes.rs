//! The three tables: columns, order, filters.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BinaryBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use wardline_normalize::columns;

use crate::Error;
use crate::entry::Rejected;
use crate::registry::StoredAlertEvent;
use crate::table::Shape;

fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    Arc::new(Schema::new(
        fields
            .iter()
            .map(|(name, kind, nullable)| Field::new(*name, kind.clone(), *nullable))
            .collect::<Vec<_>>(),
    ))
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

static QUARANTINE: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Binary, Int64, Utf8};
    schema(&[
        ("id", Utf8, false),
        ("received", time(), false),
        ("source", Utf8, false),
        ("topic", Utf8, false),
        ("device_id", Utf8, true),
        ("reason", Utf8, false),
        ("detail", Utf8, false),
        ("record", Int64, true),
        ("content_type", Utf8, true),
        ("properties", Utf8, true),
        ("payload", Binary, false),
        ("seq", Int64, true),
    ])
});

static ALERT: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Float64, Int64, Utf8};
    schema(&[
        ("rowid", Int64, false),
        ("seq", Int64, false),
        ("ordinal", Int64, false),
        ("alert_id", Utf8, false),
        ("rule_id", Utf8, false),
        ("rule_version", Utf8, false),
        ("subject", Utf8, false),
        ("patient_id", Utf8, true),
        ("device_id", Utf8, true),
        ("class", Utf8, false),
        ("priority", Utf8, false),
        ("event", Utf8, false),
        ("state", Utf8, false),
        ("acknowledged_by", Utf8, true),
        ("acknowledged_at", time(), true),
        ("silenced_until", time(), true),
        ("escalation_level", Int64, false),
        ("onset", time(), false),
        ("ended", time(), true),
        ("event_time", time(), false),
        ("processed_time", time(), false),
        ("value", Float64, true),
        ("unit", Utf8, true),
        ("message", Utf8, false),
        ("evidence", Utf8, false),
    ])
});

/// Readings.
pub(crate) fn observation() -> Shape {
    Shape {
        name: "observation",
        file_schema: columns::schema(),
        day_of: "effective",
        sort: &["patient_id", "code", "effective"],
        bloom: &["patient_id", "id"],
    }
}

/// What was rejected, by the day it came.
pub(crate) fn quarantine() -> Shape {
    Shape {
        name: "quarantine",
        file_schema: Arc::clone(&QUARANTINE),
        day_of: "received",
        sort: &["received", "id"],
        bloom: &["id"],
    }
}

/// Alert events, by the day they were computed. `evidence` is a JSON array of observation ids.
pub(crate) fn alert() -> Shape {
    Shape {
        name: "alert",
        file_schema: Arc::clone(&ALERT),
        day_of: "processed_time",
        sort: &["subject", "rowid"],
        bloom: &["alert_id"],
    }
}

fn zoned() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_data_type(time())
}

fn finish(
    schema: &SchemaRef,
    columns: Vec<&mut dyn arrow_array::builder::ArrayBuilder>,
) -> Result<RecordBatch, Error> {
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|c| c.finish()).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
}

/// Rejects as rows. The log position is known only later and is not needed to read them.
pub(crate) fn quarantine_rows(rejects: &[Rejected]) -> Result<RecordBatch, Error> {
    let text = StringBuilder::new;
    let (mut id, mut source, mut topic, mut device) = (text(), text(), text(), text());
    let (mut reason, mut detail, mut content) = (text(), text(), text());
    let mut properties = text();
    let (mut received, mut record, mut seq) = (zoned(), Int64Builder::new(), Int64Builder::new());
    let mut payload = BinaryBuilder::new();
    for r in rejects {
        id.append_value(&r.id);
        received.append_value(r.received);
        source.append_value(&r.source);
        topic.append_value(&r.topic);
        device.append_option(r.device_id.as_deref());
        reason.append_value(&r.reason);
        detail.append_value(&r.detail);
        record.append_option(r.record.map(i64::from));
        content.append_option(r.content_type.as_deref());
        properties.append_option(r.properties.as_deref());
        payload.append_value(&r.payload);
        seq.append_null();
    }
    finish(
        &QUARANTINE,
        vec![
            &mut id,
            &mut received,
            &mut source,
            &mut topic,
            &mut device,
            &mut reason,
            &mut detail,
            &mut record,
            &mut content,
            &mut properties,
            &mut payload,
            &mut seq,
        ],
    )
}

/// Gives the rows of a quarantine batch their log position.
pub(crate) fn with_seq(batch: &RecordBatch, seq: u64) -> Result<RecordBatch, Error> {
    let at = batch.schema().index_of("seq")?;
    let mut columns = batch.columns().to_vec();
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    columns[at] = Arc::new(arrow_array::Int64Array::from_value(seq, batch.num_rows()));
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// Alert events as rows.
pub(crate) fn alert_rows(events: &[StoredAlertEvent]) -> Result<RecordBatch, Error> {
    let (text, int) = (StringBuilder::new, Int64Builder::new);
    let (mut rowid, mut seq, mut ordinal, mut level) = (int(), int(), int(), int());
    let (mut alert, mut rule, mut rule_version, mut subject) = (text(), text(), text(), text());
    let (mut patient, mut device, mut class, mut priority) = (text(), text(), text(), text());
    let (mut event, mut state, mut by, mut unit) = (text(), text(), text(), text());
    let (mut message, mut evidence) = (text(), text());
    let (mut ack, mut silenced, mut onset, mut ended) = (zoned(), zoned(), zoned(), zoned());
    let (mut event_time, mut processed) = (zoned(), zoned());
    let mut value = Float64Builder::new();
    for stored in events {
        let e = &stored.event;
        rowid.append_value(stored.rowid);
        seq.append_value(i64::try_from(e.seq).unwrap_or(i64::MAX));
        ordinal.append_value(i64::from(e.ordinal));
        alert.append_value(&e.alert_id);
        rule.append_value(&e.rule_id);
        rule_version.append_value(&e.rule_version);
        subject.append_value(&e.subject);
        patient.append_option(e.patient());
        device.append_option(e.device_id.as_deref());
        class.append_value(&e.class);
        priority.append_value(&e.priority);
        event.append_value(&e.event);
        state.append_value(&e.state);
        by.append_option(e.acknowledged_by.as_deref());
        ack.append_option(e.acknowledged_at);
        silenced.append_option(e.silenced_until);
        level.append_value(i64::from(e.escalation_level));
        onset.append_value(e.onset);
        ended.append_option(e.ended);
        event_time.append_value(e.event_time);
        processed.append_value(e.processed_time);
        value.append_option(e.value);
        unit.append_option(e.unit.as_deref());
        message.append_value(&e.message);
        evidence.append_value(serde_json::json!(e.evidence).to_string());
    }
    finish(
        &ALERT,
        vec![
            &mut rowid,
            &mut seq,
            &mut ordinal,
            &mut alert,
            &mut rule,
            &mut rule_version,
            &mut subject,
            &mut patient,
            &mut device,
            &mut class,
            &mut priority,
            &mut event,
            &mut state,
            &mut by,
            &mut ack,
            &mut silenced,
            &mut level,
            &mut onset,
            &mut ended,
            &mut event_time,
            &mut processed,
            &mut value,
            &mut unit,
            &mut message,
            &mut evidence,
        ],
    )
}
