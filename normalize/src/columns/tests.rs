use super::*;
use crate::decimal::Decimal;
use crate::measurement::{Measurement, TimeSource, Value};
use crate::vocabulary;
use arrow_array::{Array, RecordBatch};
use proptest::prelude::*;

#[test]
fn the_schema_is_the_tables() {
    let names: Vec<_> = schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        names.join(" "),
        "id version patient_id encounter_id device_id gateway_id site code mdc panel panel_id channel device_user value \
         value_text decimals unit effective effective_end device_time time_source received status data_absent_reason \
         interpretation body_site method quality source type_name value_name correlation_id raw"
    );
    let required: Vec<_> = schema()
        .fields()
        .iter()
        .filter(|f| !f.is_nullable())
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(
        required.join(" "),
        "id version device_id code effective time_source received status"
    );
}

#[test]
fn a_builder_starts_again() {
    let mut builder = Builder::new();
    assert_eq!(builder.finish().num_rows(), 0);
    let metric = vocabulary::by_alias("spo2").unwrap();
    let mut reading = Measurement::new("d", metric, Value::Number(Decimal::integer(97)), 0, 0);
    reading.raw = Some(&[0, 255]);
    builder.push(&reading, None, None);
    assert_eq!((builder.len(), builder.finish().num_rows()), (1, 1));
    assert!(builder.is_empty());
    reading.raw = None;
    builder.push(&reading, Some("p"), Some("e"));
    let batch = builder.finish();
    let columns = Columns::new(&batch).unwrap();
    assert_eq!(
        (columns.raw.null_count(), text(columns.patient_id, 0)),
        (1, Some("p"))
    );
    assert_eq!(columns.metric(0), "MDC_PULS_OXIM_SAT_O2");
}

#[test]
fn a_missing_column_is_named() {
    let batch = Builder::new().finish();
    let without = batch.project(&[0, 1]).unwrap();
    assert_eq!(Columns::new(&without).unwrap_err().name, "patient_id");
    // Order and company do not matter.
    let reversed: Vec<usize> = (0..batch.num_columns()).rev().collect();
    assert!(Columns::new(&batch.project(&reversed).unwrap()).is_ok());
    let empty = RecordBatch::new_empty(schema());
    assert!(Columns::new(&empty).unwrap().is_empty());
}

fn word() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some(""),
        Some("a"),
        Some("é\u{1F600}"),
        Some("longer than the rest"),
    ])
}

prop_compose! {
    fn any_measurement()(
        metric in 0..vocabulary::all().len(),
        mantissa in any::<i64>(), exponent in -20_i8..5, kind in 0..3,
        words in prop::collection::vec(word(), 13),
        times in prop::collection::vec(any::<i64>(), 5),
        some in prop::collection::vec(any::<bool>(), 3),
    ) -> Measurement<'static> {
        let value = match kind {
            0 => Value::Number(Decimal { mantissa, exponent }),
            1 => Value::Text(words[0].unwrap_or("x")),
            _ => Value::Absent("error"),
        };
        let mut m = Measurement::new("dev-1", &vocabulary::all()[metric], value, times[0], times[1]);
        (m.gateway, m.site, m.channel, m.device_user) = (words[1], words[2], words[3], words[4]);
        (m.interpretation, m.body_site, m.method, m.quality) = (words[5], words[6], words[7], words[8]);
        (m.source, m.type_name, m.value_name, m.correlation_id) = (words[9], words[10], words[11], words[12]);
        m.effective_end = some[0].then_some(times[2]);
        m.device_time = some[1].then_some(times[3]);
        m.sequence = some[2].then_some(times[4]);
        m.raw = words[3].map(str::as_bytes);
        m.time_source = if some[0] { TimeSource::Gateway } else { TimeSource::Server };
        m
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(rows in prop::collection::vec(any_measurement(), 0..20)) {
        let mut builder = Builder::new();
        rows.iter().for_each(|row| builder.push(row, row.channel, row.site));
        let batch = builder.finish();
        let c = Columns::new(&batch).unwrap();
        prop_assert_eq!(c.len(), rows.len());
        for (i, m) in rows.iter().enumerate() {
            let id = crate::id::row_id(m.source_time, m.device, m.metric(), m.channel, m.device_user, m.sequence);
            prop_assert_eq!((c.id.value(i), c.version.value(i), c.metric(i)), (id.as_str(), 1, m.metric()));
            let panel = m.panel.map(|p| crate::id::panel_id(m.source_time, m.device, p.mdc, m.channel, m.device_user));
            prop_assert_eq!(text(c.panel_id, i), panel.as_deref());
            prop_assert_eq!(text(c.panel, i), m.panel.map(|p| p.loinc));
            for (column, expected) in [
                (c.patient_id, m.channel), (c.encounter_id, m.site), (c.device_id, Some(m.device)), (c.gateway_id, m.gateway),
                (c.site, m.site), (c.code, Some(m.code)), (c.mdc, m.mdc), (c.channel, m.channel), (c.device_user, m.device_user),
                (c.unit, m.unit), (c.time_source, Some(m.time_source.as_str())), (c.status, Some(m.status)),
                (c.interpretation, m.interpretation), (c.body_site, m.body_site), (c.method, m.method), (c.quality, m.quality),
                (c.source, m.source), (c.type_name, m.type_name), (c.value_name, m.value_name), (c.correlation_id, m.correlation_id),
            ] {
                prop_assert_eq!(text(column, i), expected);
            }
            for (column, expected) in [
                (c.effective, Some(m.effective)), (c.received, Some(m.received)), (c.effective_end, m.effective_end),
                (c.device_time, m.device_time),
            ] {
                prop_assert_eq!(column.is_valid(i).then(|| column.value(i)), expected);
            }
            let number = if let Value::Number(d) = m.value { Some((d.to_f64().to_bits(), d.decimals())) } else { None };
            prop_assert_eq!(c.value.is_valid(i).then(|| (c.value.value(i).to_bits(), c.decimals.value(i))), number);
            prop_assert_eq!(text(c.value_text, i), if let Value::Text(t) = m.value { Some(t) } else { None });
            prop_assert_eq!(text(c.data_absent_reason, i), if let Value::Absent(r) = m.value { Some(r) } else { None });
            prop_assert_eq!(c.raw.is_valid(i).then(|| c.raw.value(i)), m.raw);
        }
    }
}
