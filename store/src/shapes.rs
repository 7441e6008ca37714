//! The four tables: columns, order, filters.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use wardline_normalize::columns;

use crate::Error;
use crate::entry::{Rejected, Waveform};
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

/// As `list<int32>`: the item's name is Delta's.
fn samples_field() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Int32, false))
}

static WAVEFORM: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Float64, Int64, List, Utf8};
    schema(&[
        ("id", Utf8, false),
        ("patient_id", Utf8, true),
        ("device_id", Utf8, false),
        ("mdc", Utf8, true),
        ("channel", Utf8, true),
        ("start", time(), false),
        ("period_us", Int64, false),
        ("origin", Float64, false),
        ("factor", Float64, false),
        ("unit", Utf8, true),
        ("samples", List(samples_field()), false),
        ("code", Utf8, false),
        ("device_user", Utf8, true),
        ("quality", Utf8, true),
        ("time_source", Utf8, false),
        ("received", time(), false),
        ("version", Int64, false),
    ])
});

static ALERT: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Float64, Int64, Utf8};
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
        // From here on without a value in rows of earlier versions.
        ("page", Boolean, true),
        ("reason", Utf8, true),
        ("limit_low", Float64, true),
        ("limit_high", Float64, true),
        ("limit_source", Utf8, true),
        ("latched", Boolean, true),
        ("silenced_by", Utf8, true),
        ("repeats", Int64, true),
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

/// Pieces of waveforms.
pub(crate) fn waveform() -> Shape {
    Shape {
        name: "waveform",
        file_schema: Arc::clone(&WAVEFORM),
        day_of: "start",
        sort: &["patient_id", "code", "start"],
        bloom: &["patient_id", "id"],
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
    let (mut page, mut latched) = (BooleanBuilder::new(), BooleanBuilder::new());
    let (mut low, mut high) = (Float64Builder::new(), Float64Builder::new());
    let (mut reason, mut source, mut silencer, mut repeats) = (text(), text(), text(), int());
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
        page.append_value(e.page);
        reason.append_option(e.reason.as_deref());
        low.append_option(e.limit_low);
        high.append_option(e.limit_high);
        source.append_option(e.limit_source.as_deref());
        latched.append_value(e.latched);
        silencer.append_option(e.silenced_by.as_deref());
        repeats.append_value(i64::from(e.repeats));
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
            &mut page,
            &mut reason,
            &mut low,
            &mut high,
            &mut source,
            &mut latched,
            &mut silencer,
            &mut repeats,
        ],
    )
}

/// Pieces of waveforms as rows.
pub(crate) fn waveform_rows(pieces: &[Waveform]) -> Result<RecordBatch, Error> {
    let text = |of: fn(&Waveform) -> Option<&str>| -> ArrayRef {
        Arc::new(pieces.iter().map(of).collect::<StringArray>())
    };
    let number = |of: fn(&Waveform) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(pieces.iter().map(of)))
    };
    let float = |of: fn(&Waveform) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(pieces.iter().map(of)))
    };
    let at = |of: fn(&Waveform) -> i64| -> ArrayRef {
        let times = TimestampMicrosecondArray::from_iter_values(pieces.iter().map(of));
        Arc::new(times.with_data_type(time()))
    };
    let mut samples = ListBuilder::new(Int32Builder::new()).with_field(samples_field());
    for piece in pieces {
        samples.values().append_slice(&piece.samples);
        samples.append(true);
    }
    let arrays: Vec<ArrayRef> = vec![
        text(|piece| Some(&piece.id)),
        text(|piece| piece.patient.as_deref()),
        text(|piece| Some(&piece.device)),
        text(|piece| piece.mdc.as_deref()),
        text(|piece| piece.channel.as_deref()),
        at(|piece| piece.start),
        number(|piece| piece.period_us),
        float(|piece| piece.origin),
        float(|piece| piece.factor),
        text(|piece| piece.unit.as_deref()),
        Arc::new(samples.finish()),
        text(|piece| Some(&piece.code)),
        text(|piece| piece.device_user.as_deref()),
        text(|piece| piece.quality.as_deref()),
        text(|piece| Some(&piece.time_source)),
        at(|piece| piece.received),
        number(|piece| piece.version),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&WAVEFORM), arrays)?)
}

/// Rows of the table as pieces.
pub(crate) fn waveforms(batch: &RecordBatch) -> Result<Vec<Waveform>, Error> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| Error::Table(format!("waveforms without {name}")))
    };
    let wrong = |name: &str| Error::Table(format!("waveforms whose {name} is of another type"));
    let text = |name: &str| {
        column(name)?
            .as_string_opt::<i32>()
            .ok_or_else(|| wrong(name))
    };
    let number = |name: &str| {
        column(name)?
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| wrong(name))
    };
    let float = |name: &str| {
        column(name)?
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| wrong(name))
    };
    let at = |name: &str| {
        column(name)?
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| wrong(name))
    };
    let (id, patient, device) = (text("id")?, text("patient_id")?, text("device_id")?);
    let (mdc, code, channel) = (text("mdc")?, text("code")?, text("channel")?);
    let (unit, user, quality) = (text("unit")?, text("device_user")?, text("quality")?);
    let time_source = text("time_source")?;
    let (start, received) = (at("start")?, at("received")?);
    let (period, version) = (number("period_us")?, number("version")?);
    let (origin, factor) = (float("origin")?, float("factor")?);
    let samples = column("samples")?
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong("samples"))?;
    let optional = |column: &StringArray, row: usize| {
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    (0..batch.num_rows())
        .map(|row| {
            let values = samples.value(row);
            let values = values
                .as_primitive_opt::<Int32Type>()
                .ok_or_else(|| wrong("samples"))?;
            Ok(Waveform {
                id: id.value(row).to_owned(),
                version: version.value(row),
                patient: optional(patient, row),
                device: device.value(row).to_owned(),
                mdc: optional(mdc, row),
                code: code.value(row).to_owned(),
                channel: optional(channel, row),
                device_user: optional(user, row),
                start: start.value(row),
                period_us: period.value(row),
                origin: origin.value(row),
                factor: factor.value(row),
                unit: optional(unit, row),
                samples: values.values().to_vec(),
                quality: optional(quality, row),
                time_source: time_source.value(row).to_owned(),
                received: received.value(row),
            })
        })
        .collect()
}
