//! Rows as bytes, column by column: a column that is all null is left out, one whose value is the
//! same in every row is written once. A pack of one device is mostly such columns, and Arrow's own
//! IPC form pads each of its buffers: this takes a tenth of the bytes to sync.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float64Type, Int8Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, PrimitiveArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow_schema::DataType;
use wardline_normalize::columns;

use super::bytes::{Input, put_bytes, put_varint};
use super::damaged;
use crate::Error;

/// Rows of one record at most; a bound on what a damaged record can make us reserve.
const ROWS_MAX: usize = 1 << 20;

/// Columns by number. Only ever added to: the numbers are in logs.
const NUMBERS: [&str; 33] = [
    "id",
    "version",
    "patient_id",
    "encounter_id",
    "device_id",
    "gateway_id",
    "site",
    "code",
    "mdc",
    "panel",
    "panel_id",
    "channel",
    "device_user",
    "value",
    "value_text",
    "decimals",
    "unit",
    "effective",
    "effective_end",
    "device_time",
    "time_source",
    "received",
    "status",
    "data_absent_reason",
    "interpretation",
    "body_site",
    "method",
    "quality",
    "source",
    "type_name",
    "value_name",
    "correlation_id",
    "raw",
];

const NULLS: u8 = 1;
const CONSTANT: u8 = 2;

pub(super) fn encode(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), Error> {
    if rows.num_rows() > ROWS_MAX {
        return Err(damaged("more rows than one record may have"));
    }
    put_varint(out, rows.num_rows() as u64);
    let count_at = out.len();
    out.push(0);
    let mut count = 0_u8;
    for field in columns::schema().fields() {
        let array = rows
            .column_by_name(field.name())
            .filter(|a| a.data_type() == field.data_type())
            .ok_or_else(|| damaged(&format!("rows without {}", field.name())))?;
        if array.null_count() == array.len() {
            continue;
        }
        let number = NUMBERS
            .iter()
            .position(|n| n == field.name())
            .ok_or_else(|| damaged(&format!("{} has no number", field.name())))?;
        out.push(number as u8);
        put_column(array, out)?;
        count += 1;
    }
    out[count_at] = count;
    Ok(())
}

fn put_column(array: &ArrayRef, out: &mut Vec<u8>) -> Result<(), Error> {
    let flags_at = out.len();
    out.push(0);
    if let Some(nulls) = array.nulls().filter(|n| n.null_count() > 0) {
        out[flags_at] |= NULLS;
        let mut bits = vec![0_u8; array.len().div_ceil(8)];
        for i in nulls.valid_indices() {
            bits[i / 8] |= 1 << (i % 8);
        }
        out.extend_from_slice(&bits);
    }
    let constant = match array.data_type() {
        DataType::Utf8 => put_texts(
            array
                .as_string::<i32>()
                .iter()
                .map(|v| v.map(str::as_bytes)),
            out,
        ),
        DataType::Binary => put_texts(array.as_binary::<i32>().iter(), out),
        DataType::Int8 => put_numbers::<Int8Type, 1>(array, i8::to_le_bytes, out),
        DataType::Int64 => put_numbers::<Int64Type, 8>(array, i64::to_le_bytes, out),
        DataType::Float64 => put_numbers::<Float64Type, 8>(array, f64::to_le_bytes, out),
        DataType::Timestamp(..) => {
            put_numbers::<TimestampMicrosecondType, 8>(array, i64::to_le_bytes, out)
        }
        other => return Err(damaged(&format!("a column of {other}"))),
    };
    if constant {
        out[flags_at] |= CONSTANT;
    }
    Ok(())
}

/// Writes the values that are not null, once if all are the same; says whether they are.
fn put_texts<'a>(
    values: impl Iterator<Item = Option<&'a [u8]>> + Clone,
    out: &mut Vec<u8>,
) -> bool {
    let mut all = values.flatten();
    let first = all.clone().next();
    let constant = all.clone().all(|v| Some(v) == first);
    if constant {
        put_bytes(out, first.unwrap_or_default());
    } else {
        all.by_ref().for_each(|v| put_bytes(out, v));
    }
    constant
}

fn put_numbers<T: ArrowPrimitiveType, const N: usize>(
    array: &ArrayRef,
    to_bytes: fn(T::Native) -> [u8; N],
    out: &mut Vec<u8>,
) -> bool {
    let values = array.as_primitive::<T>();
    let mut all = values.iter().flatten().map(to_bytes);
    let first = all.clone().next();
    let constant = all.clone().all(|v| Some(v) == first);
    if constant {
        out.extend_from_slice(&first.unwrap_or([0; N]));
    } else {
        all.by_ref().for_each(|v| out.extend_from_slice(&v));
    }
    constant
}

pub(super) fn decode(input: &mut Input<'_>) -> Result<RecordBatch, Error> {
    let rows = input.len()?;
    if rows > ROWS_MAX {
        return Err(damaged("more rows than one record may have"));
    }
    let schema = columns::schema();
    let mut found: Vec<Option<ArrayRef>> = vec![None; schema.fields().len()];
    for _ in 0..input.u8()? {
        let name = NUMBERS
            .get(usize::from(input.u8()?))
            .ok_or_else(|| damaged("an unknown column"))?;
        let at = schema
            .index_of(name)
            .map_err(|_| damaged("a column that is no more"))?;
        found[at] = Some(take_column(input, rows, schema.field(at).data_type())?);
    }
    let arrays = found
        .into_iter()
        .zip(schema.fields())
        .map(|(array, field)| array.unwrap_or_else(|| new_null_array(field.data_type(), rows)))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

fn take_column(input: &mut Input<'_>, rows: usize, kind: &DataType) -> Result<ArrayRef, Error> {
    let flags = input.u8()?;
    let valid: Option<&[u8]> = if flags & NULLS == 0 {
        None
    } else {
        Some(input.take(rows.div_ceil(8))?)
    };
    let is_valid = |i: usize| valid.is_none_or(|bits| bits[i / 8] & (1 << (i % 8)) != 0);
    let constant = flags & CONSTANT != 0;
    macro_rules! numbers {
        ($kind:ty, $native:ty) => {
            take_numbers::<$kind, { size_of::<$native>() }>(
                input,
                rows,
                is_valid,
                constant,
                <$native>::from_le_bytes,
            )?
        };
    }
    Ok(match kind {
        DataType::Utf8 => {
            let mut out = StringBuilder::with_capacity(rows, 0);
            let text = |v| std::str::from_utf8(v).map_err(|_| damaged("a text that is not UTF-8"));
            let fixed = if constant {
                Some(text(input.bytes()?)?)
            } else {
                None
            };
            for i in 0..rows {
                match (is_valid(i), fixed) {
                    (false, _) => out.append_null(),
                    (true, Some(v)) => out.append_value(v),
                    (true, None) => out.append_value(text(input.bytes()?)?),
                }
            }
            Arc::new(out.finish())
        }
        DataType::Binary => {
            let mut out = BinaryBuilder::with_capacity(rows, 0);
            let fixed = if constant { Some(input.bytes()?) } else { None };
            for i in 0..rows {
                match (is_valid(i), fixed) {
                    (false, _) => out.append_null(),
                    (true, Some(v)) => out.append_value(v),
                    (true, None) => out.append_value(input.bytes()?),
                }
            }
            Arc::new(out.finish())
        }
        DataType::Int8 => Arc::new(numbers!(Int8Type, i8)),
        DataType::Int64 => Arc::new(numbers!(Int64Type, i64)),
        DataType::Float64 => Arc::new(numbers!(Float64Type, f64)),
        DataType::Timestamp(..) => {
            Arc::new(numbers!(TimestampMicrosecondType, i64).with_timezone("UTC"))
        }
        other => return Err(damaged(&format!("a column of {other}"))),
    })
}

fn take_numbers<T: ArrowPrimitiveType, const N: usize>(
    input: &mut Input<'_>,
    rows: usize,
    is_valid: impl Fn(usize) -> bool,
    constant: bool,
    from_bytes: fn([u8; N]) -> T::Native,
) -> Result<PrimitiveArray<T>, Error> {
    let mut next = || -> Result<T::Native, Error> {
        let bytes = input.take(N)?.try_into().expect("N bytes were taken");
        Ok(from_bytes(bytes))
    };
    let fixed = if constant { Some(next()?) } else { None };
    (0..rows)
        .map(|i| match (is_valid(i), fixed) {
            (false, _) => Ok(None),
            (true, Some(v)) => Ok(Some(v)),
            (true, None) => next().map(Some),
        })
        .collect()
}
