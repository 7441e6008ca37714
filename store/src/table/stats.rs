//! Minimum, maximum and null count of the columns of a file: gathered while it is written, kept
//! in the Delta log, used to skip files.

use std::collections::HashMap;

use arrow::compute::{max, max_string, min, min_string};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float64Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::{Map, Value, json};

/// Texts longer than this have no bounds; ids and codes are shorter.
const TEXT_MAX: usize = 64;

/// Bounds of one column.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bounds {
    nulls: u64,
    /// Absent when there is no value, or none that bounds can be stated for.
    range: Option<(ScalarValue, ScalarValue)>,
    /// A value came that has no place in an order that all readers share (NaN, long text).
    unordered: bool,
}

/// Statistics of one file under way.
#[derive(Debug)]
pub(crate) struct Gatherer {
    rows: u64,
    columns: Vec<(String, Bounds)>,
}

impl Gatherer {
    pub(crate) fn new(schema: &Schema) -> Self {
        Self {
            rows: 0,
            columns: schema
                .fields()
                .iter()
                .map(|f| (f.name().clone(), Bounds::default()))
                .collect(),
        }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for ((_, bounds), array) in self.columns.iter_mut().zip(batch.columns()) {
            bounds.nulls += array.null_count() as u64;
            if array.null_count() == array.len() || bounds.unordered {
                continue;
            }
            match range(array) {
                Some((low, high)) => {
                    bounds.range = Some(match bounds.range.take() {
                        Some((a, b)) => (
                            if low < a { low } else { a },
                            if high > b { high } else { b },
                        ),
                        None => (low, high),
                    });
                }
                None => {
                    bounds.unordered = true;
                    bounds.range = None;
                }
            }
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// As the Delta log has it.
    pub(crate) fn to_json(&self) -> String {
        let (mut lows, mut highs, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (name, bounds) in &self.columns {
            nulls.insert(name.clone(), json!(bounds.nulls));
            if let Some((low, high)) = &bounds.range
                && let (Some(low), Some(high)) = (to_value(low), to_value(high))
            {
                lows.insert(name.clone(), low);
                highs.insert(name.clone(), high);
            }
        }
        json!({
            "numRecords": self.rows,
            "minValues": lows,
            "maxValues": highs,
            "nullCount": nulls,
        })
        .to_string()
    }
}

fn range(array: &dyn Array) -> Option<(ScalarValue, ScalarValue)> {
    macro_rules! primitive {
        ($kind:ty, $scalar:expr) => {{
            let a = array.as_primitive::<$kind>();
            Some(($scalar(min(a)), $scalar(max(a))))
        }};
    }
    match array.data_type() {
        DataType::Utf8 => {
            let a = array.as_string::<i32>();
            let (low, high) = (min_string(a)?, max_string(a)?);
            (low.len() <= TEXT_MAX && high.len() <= TEXT_MAX).then(|| {
                (
                    ScalarValue::Utf8(Some(low.to_owned())),
                    ScalarValue::Utf8(Some(high.to_owned())),
                )
            })
        }
        DataType::Int8 => primitive!(Int8Type, ScalarValue::Int8),
        DataType::Int32 => primitive!(Int32Type, ScalarValue::Int32),
        DataType::Int64 => primitive!(Int64Type, ScalarValue::Int64),
        DataType::UInt32 => primitive!(UInt32Type, ScalarValue::UInt32),
        DataType::Float64 => {
            let a = array.as_primitive::<Float64Type>();
            let (low, high) = (min(a)?, max(a)?);
            (low.is_finite() && high.is_finite()).then(|| {
                (
                    ScalarValue::Float64(Some(low)),
                    ScalarValue::Float64(Some(high)),
                )
            })
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let a = array.as_primitive::<TimestampMicrosecondType>();
            let scalar = |v| ScalarValue::TimestampMicrosecond(v, zone.clone());
            Some((scalar(min(a)), scalar(max(a))))
        }
        _ => None,
    }
}

fn to_value(scalar: &ScalarValue) -> Option<Value> {
    match scalar {
        ScalarValue::Utf8(Some(v)) => Some(json!(v)),
        ScalarValue::Int8(Some(v)) => Some(json!(v)),
        ScalarValue::Int32(Some(v)) => Some(json!(v)),
        ScalarValue::UInt32(Some(v)) => Some(json!(v)),
        ScalarValue::Int64(Some(v)) => Some(json!(v)),
        ScalarValue::Float64(Some(v)) => Some(json!(v)),
        ScalarValue::TimestampMicrosecond(Some(v), _) => {
            let time = chrono::DateTime::from_timestamp_micros(*v)?;
            Some(json!(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()))
        }
        _ => None,
    }
}

fn from_value(value: &Value, kind: &DataType) -> Option<ScalarValue> {
    Some(match kind {
        DataType::Utf8 => ScalarValue::Utf8(Some(value.as_str()?.to_owned())),
        DataType::Int8 => ScalarValue::Int8(Some(i8::try_from(value.as_i64()?).ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(u32::try_from(value.as_u64()?).ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(value.as_i64()?)),
        DataType::Float64 => ScalarValue::Float64(Some(value.as_f64()?)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), zone.clone())
        }
        _ => return None,
    })
}

/// The statistics of a file as DataFusion wants them: for the columns of the file, in order. What
/// is missing or does not parse is unknown.
pub(crate) fn parse(stats: Option<&str>, schema: &Schema) -> Statistics {
    let mut out = Statistics::new_unknown(schema);
    let Some(all) = stats.and_then(|s| serde_json::from_str::<HashMap<String, Value>>(s).ok())
    else {
        return out;
    };
    let count = |v: Option<&Value>| {
        v.and_then(Value::as_u64)
            .and_then(|v| usize::try_from(v).ok())
            .map_or(Precision::Absent, Precision::Exact)
    };
    out.num_rows = count(all.get("numRecords"));
    let of = |group: &str, name: &str| all.get(group).and_then(|g| g.get(name));
    out.column_statistics = schema
        .fields()
        .iter()
        .map(|field| {
            let bound = |group: &str| {
                of(group, field.name())
                    .and_then(|v| from_value(v, field.data_type()))
                    .map_or(Precision::Absent, Precision::Exact)
            };
            ColumnStatistics {
                null_count: count(of("nullCount", field.name())),
                min_value: bound("minValues"),
                max_value: bound("maxValues"),
                ..ColumnStatistics::new_unknown()
            }
        })
        .collect();
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    #[test]
    fn bounds_survive_the_log_and_nan_has_none() {
        let batch = RecordBatch::try_from_iter([
            (
                "id",
                Arc::new(StringArray::from(vec!["b", "a"])) as ArrayRef,
            ),
            (
                "v",
                Arc::new(Float64Array::from(vec![Some(1.5), None])) as ArrayRef,
            ),
            (
                "n",
                Arc::new(Float64Array::from(vec![1.0, f64::NAN])) as ArrayRef,
            ),
        ])
        .unwrap();
        let mut gatherer = Gatherer::new(&batch.schema());
        gatherer.add(&batch);
        let stats = parse(Some(&gatherer.to_json()), &batch.schema());
        assert_eq!(stats.num_rows, Precision::Exact(2));
        let id = &stats.column_statistics[0];
        assert_eq!(
            id.min_value,
            Precision::Exact(ScalarValue::Utf8(Some("a".into())))
        );
        assert_eq!(stats.column_statistics[1].null_count, Precision::Exact(1));
        assert_eq!(stats.column_statistics[2].max_value, Precision::Absent);
    }
}
