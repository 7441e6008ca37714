//! The live files of a table as a DataFusion plan: files are skipped by date and statistics, row
//! groups and pages by DataFusion's Parquet source.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::config::TableOptions;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use object_store::ObjectMeta;

use super::{Shape, TableFile};

/// Where the tables' store is registered in DataFusion's runtime.
pub(crate) const STORE_URL: &str = "wardline://local";

/// A scan over some files of a table.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) files: &'a [Arc<TableFile>],
}

impl Scan<'_> {
    /// The columns of the files, then `date`: the order in which a scan counts them.
    fn scan_schema(&self) -> SchemaRef {
        let mut fields: Vec<_> = self.shape.file_schema.fields().iter().cloned().collect();
        fields.push(date_field());
        Arc::new(Schema::new(fields))
    }

    fn predicate(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        if filters.is_empty() {
            return Ok(None);
        }
        let schema = DFSchema::try_from(self.scan_schema())?;
        let all = filters
            .iter()
            .map(|f| session.create_physical_expr(f.clone(), &schema))
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(conjunction(all)))
    }

    /// The files that may hold rows that the predicate wants.
    fn pruned(&self, predicate: Option<&Arc<dyn PhysicalExpr>>) -> Vec<Arc<TableFile>> {
        let schema = self.scan_schema();
        let keep = predicate.and_then(|p| {
            let pruning = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&schema))
                .try_build(Arc::clone(p))
                .ok()?;
            pruning
                .prune(&FileStatistics {
                    files: self.files,
                    schema: &schema,
                })
                .ok()
        });
        match keep {
            Some(keep) => self
                .files
                .iter()
                .zip(keep)
                .filter(|(_, keep)| *keep)
                .map(|(file, _)| Arc::clone(file))
                .collect(),
            None => self.files.to_vec(),
        }
    }

    /// The plan; its columns are those of the table (`date` first) or the projection of them.
    /// Filters only skip: the caller applies them to the rows.
    pub(crate) fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = self.predicate(session, filters)?;
        let files = self.pruned(predicate.as_ref());
        let schema = self.scan_schema();
        let table_schema = TableSchema::builder(Arc::clone(&self.shape.file_schema))
            .with_table_partition_cols(vec![date_field()])
            .build();
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let runtime = session.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let mut source = ParquetSource::new(table_schema)
            .with_parquet_file_reader_factory(Arc::new(reader))
            .with_table_parquet_options(
                TableOptions::default_from_session_config(session.config_options()).parquet,
            );
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let statistics =
            Statistics::try_merge_iter(files.iter().map(|f| f.stats.as_ref()), &schema)
                .unwrap_or_else(|_| Statistics::new_unknown(&schema));
        let width = self.shape.file_schema.fields().len();
        let indices = match projection {
            Some(wanted) => wanted
                .iter()
                .map(|&i| if i == 0 { width } else { i - 1 })
                .collect(),
            None => std::iter::once(width).chain(0..width).collect::<Vec<_>>(),
        };
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups(&files, session.config().target_partitions()))
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(Some(indices))?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn date_field() -> Arc<Field> {
    Arc::new(Field::new("date", DataType::Date32, false))
}

/// Files in groups of about the same size, largest first.
fn groups(files: &[Arc<TableFile>], target: usize) -> Vec<FileGroup> {
    let mut files = files.to_vec();
    files.sort_by_key(|f| std::cmp::Reverse(f.size()));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = Vec::new();
    for file in &files {
        let entry = partitioned(file);
        if groups.len() < target.max(1) {
            groups.push((file.size(), vec![entry]));
        } else if let Some(smallest) = groups.iter_mut().min_by_key(|g| g.0) {
            smallest.0 += file.size();
            smallest.1.push(entry);
        }
    }
    groups
        .into_iter()
        .map(|(_, files)| FileGroup::new(files))
        .collect()
}

fn partitioned(file: &TableFile) -> PartitionedFile {
    // `with_statistics` adds those of the partition column itself.
    let mut stats = file.stats.as_ref().clone();
    stats.column_statistics.pop();
    PartitionedFile::new_from_meta(ObjectMeta {
        location: file.location.clone(),
        last_modified: chrono::DateTime::from_timestamp_millis(file.add.modification_time)
            .unwrap_or_default(),
        size: file.size(),
        e_tag: None,
        version: None,
    })
    .with_partition_values(vec![ScalarValue::Date32(Some(file.date))])
    .with_statistics(Arc::new(stats))
}

/// The statistics of many files, one container each.
struct FileStatistics<'a> {
    files: &'a [Arc<TableFile>],
    schema: &'a Schema,
}

impl FileStatistics<'_> {
    fn column(
        &self,
        column: &Column,
        of: impl Fn(&ColumnStatistics) -> &Precision<ScalarValue>,
    ) -> Option<ArrayRef> {
        let at = self.schema.index_of(column.name()).ok()?;
        let unknown = ScalarValue::try_from(self.schema.field(at).data_type()).ok()?;
        ScalarValue::iter_to_array(self.files.iter().map(|f| {
            match f.stats.column_statistics.get(at).map(&of) {
                Some(Precision::Exact(value)) => value.clone(),
                _ => unknown.clone(),
            }
        }))
        .ok()
    }

    fn counts(&self, of: impl Fn(&Statistics) -> Precision<usize>) -> ArrayRef {
        Arc::new(
            self.files
                .iter()
                .map(|f| match of(&f.stats) {
                    Precision::Exact(n) => Some(n as u64),
                    _ => None,
                })
                .collect::<UInt64Array>(),
        )
    }
}

impl PruningStatistics for FileStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(column, |c| &c.min_value)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(column, |c| &c.max_value)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let at = self.schema.index_of(column.name()).ok()?;
        Some(self.counts(|s| {
            s.column_statistics
                .get(at)
                .map_or(Precision::Absent, |c| c.null_count)
        }))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(self.counts(|s| s.num_rows))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
