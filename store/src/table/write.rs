//! Rows into Parquet files: sorted, split by day, compressed, with bloom filters and statistics.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, Date32Array, RecordBatch};
use arrow_schema::Schema;
use bytes::Bytes;
use deltalake::kernel::Add;
use object_store::ObjectStoreExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use xxhash_rust::xxh3::xxh3_128;

use super::stats::Gatherer;
use super::{Shape, Table, table_schema};
use crate::Error;

const DAY: i64 = 86_400_000_000;

/// Rows of a row group: small enough to be skipped as a whole, large enough to compress.
const ROW_GROUP_ROWS: usize = 512 * 1024;

/// Distinct patients that a bloom filter is sized for.
const PATIENTS: u64 = 4_096;

/// Puts the partition column in front.
pub(crate) fn with_date(batch: &RecordBatch, shape: &Shape) -> Result<RecordBatch, Error> {
    let times = batch
        .column_by_name(shape.day_of)
        .and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| Error::Table(format!("a batch without {}", shape.day_of)))?;
    let dates: Date32Array = times
        .iter()
        .map(|t| t.map(|t| t.div_euclid(DAY) as i32))
        .collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(dates)];
    for field in shape.file_schema.fields() {
        columns.push(Arc::clone(batch.column_by_name(field.name()).ok_or_else(
            || Error::Table(format!("a batch without {}", field.name())),
        )?));
    }
    Ok(RecordBatch::try_new(
        table_schema(&shape.file_schema),
        columns,
    )?)
}

/// The checksum (xxh3, 128 bits) of a file's bytes, which its name ends with.
pub(crate) fn checksum_of(path: &str) -> Option<u128> {
    let stem = path.strip_suffix(".parquet")?;
    let (_, sum) = stem.rsplit_once('-')?;
    u128::from_str_radix(sum, 16).ok()
}

/// One file under way.
pub(crate) struct FileWriter {
    date: i32,
    writer: ArrowWriter<Vec<u8>>,
    gatherer: Gatherer,
}

impl std::fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

impl FileWriter {
    /// `rows` sizes the bloom filters.
    pub(crate) fn new(shape: &Shape, date: i32, rows: usize) -> Result<Self, Error> {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("wardline ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_sorting_columns(Some(sorting(shape)));
        let rows = rows.clamp(1, ROW_GROUP_ROWS) as u64;
        for name in shape.bloom {
            let column = ColumnPath::from(*name);
            let ndv = if *name == "id" {
                rows
            } else {
                rows.min(PATIENTS)
            };
            properties = properties
                .set_column_bloom_filter_enabled(column.clone(), true)
                .set_column_bloom_filter_fpp(column.clone(), 0.01)
                .set_column_bloom_filter_max_ndv(column, ndv);
        }
        Ok(Self {
            date,
            writer: ArrowWriter::try_new(
                Vec::new(),
                Arc::clone(&shape.file_schema),
                Some(properties.build()),
            )?,
            gatherer: Gatherer::new(&shape.file_schema),
        })
    }

    /// Adds rows with the columns of the file, in the file's order.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.gatherer.add(batch);
        Ok(self.writer.write(batch)?)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.gatherer.rows()
    }

    /// Bytes so far, as far as they can be told.
    pub(crate) fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// The file's bytes, and the action that would add it.
    pub(crate) fn finish(self) -> Result<(Bytes, Add), Error> {
        let stats = self.gatherer.to_json();
        let bytes = Bytes::from(self.writer.into_inner()?);
        let day = chrono::NaiveDate::default() + chrono::TimeDelta::days(i64::from(self.date));
        let add = Add {
            path: format!(
                "date={day}/part-{:016x}-{:032x}.parquet",
                rand::random::<u64>(),
                xxh3_128(&bytes)
            ),
            partition_values: HashMap::from([("date".to_owned(), Some(day.to_string()))]),
            size: i64::try_from(bytes.len()).map_err(|_| Error::Table("file size".into()))?,
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(stats),
            ..Add::default()
        };
        Ok((bytes, add))
    }
}

fn sorting(shape: &Shape) -> Vec<SortingColumn> {
    shape
        .sort
        .iter()
        .filter_map(|name| shape.file_schema.index_of(name).ok())
        .filter_map(|at| i32::try_from(at).ok())
        .map(|column_idx| SortingColumn {
            column_idx,
            descending: false,
            nulls_first: true,
        })
        .collect()
}

/// Sorts rows (columns of the table, `date` first) and encodes one file per day.
pub(crate) fn encode(shape: &Shape, batch: &RecordBatch) -> Result<Vec<(Bytes, Add)>, Error> {
    let options = Some(SortOptions {
        descending: false,
        nulls_first: true,
    });
    let columns = ["date"]
        .iter()
        .chain(shape.sort)
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn {
            values: Arc::clone(values),
            options,
        })
        .collect::<Vec<_>>();
    let sorted = take_record_batch(batch, &lexsort_to_indices(&columns, None)?)?;
    let dates = sorted
        .column(0)
        .as_primitive_opt::<arrow_array::types::Date32Type>()
        .ok_or_else(|| Error::Table("rows without date".into()))?
        .clone();
    let rows = file_columns(&sorted, shape)?;
    let mut files = Vec::new();
    let mut start = 0;
    while start < rows.num_rows() {
        let date = dates.value(start);
        let end = (start..rows.num_rows())
            .find(|&i| dates.value(i) != date)
            .unwrap_or(rows.num_rows());
        let mut file = FileWriter::new(shape, date, end - start)?;
        file.write(&rows.slice(start, end - start))?;
        files.push(file.finish()?);
        start = end;
    }
    Ok(files)
}

/// Without the partition column.
pub(crate) fn file_columns(batch: &RecordBatch, shape: &Shape) -> Result<RecordBatch, Error> {
    let columns = batch.columns().iter().skip(1).cloned().collect();
    Ok(RecordBatch::try_new(
        Arc::clone(&shape.file_schema) as Arc<Schema>,
        columns,
    )?)
}

/// Sorts, encodes and stores rows; the files count only once they are committed.
pub(crate) async fn write_sorted(table: &Table, batch: RecordBatch) -> Result<Vec<Add>, Error> {
    let shape = Arc::clone(&table.shape);
    let files = tokio::task::spawn_blocking(move || encode(&shape, &batch))
        .await
        .map_err(|_| Error::Closed)??;
    let mut adds = Vec::new();
    for (bytes, add) in files {
        table.put(&add, bytes).await?;
        adds.push(add);
    }
    Ok(adds)
}

impl Table {
    /// Stores the bytes of a file, synced.
    pub(crate) async fn put(&self, add: &Add, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&self.location(add), bytes.into()).await?;
        Ok(())
    }
}
