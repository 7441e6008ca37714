//! One Delta table on the local disk: its live files, its log position, its commits.
//!
//! We are the table's only writer (the data directory is locked), so the live files are kept in
//! memory and changed by our own commits; `deltalake` keeps the log, its checkpoints and its
//! clean-up. Other programs may read the table at any time.

mod scan;
pub(crate) mod stats;
mod write;

use std::path::Path as FsPath;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics, stats::Precision};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, Remove, StructField, StructType, Transaction};
use deltalake::logstore::LogStoreRef;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::DeltaOperation;
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::TryStreamExt;
use object_store::path::Path;
use url::Url;

use crate::Error;
use crate::sync_store::SyncStore;

pub(crate) use scan::{STORE_URL, Scan};
pub(crate) use write::{FileWriter, checksum_of, file_columns, with_date, write_sorted};

/// What is particular to one of our tables.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Columns without `date`.
    pub(crate) file_schema: SchemaRef,
    /// The time column that gives a row its `date`.
    pub(crate) day_of: &'static str,
    /// Order of rows within a file.
    pub(crate) sort: &'static [&'static str],
    /// Columns with a bloom filter.
    pub(crate) bloom: &'static [&'static str],
}

/// One live file.
#[derive(Debug)]
pub(crate) struct TableFile {
    pub(crate) add: Add,
    /// Days since 1970.
    pub(crate) date: i32,
    /// From the root of the file system.
    pub(crate) location: Path,
    /// Of the file's columns, then of `date`.
    pub(crate) stats: Arc<Statistics>,
}

impl TableFile {
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.add.size).unwrap_or(0)
    }

    pub(crate) fn rows(&self) -> Option<usize> {
        self.stats.num_rows.get_value().copied()
    }

    pub(crate) fn column(&self, schema: &Schema, name: &str) -> Option<&ColumnStatistics> {
        let at = schema.index_of(name).ok()?;
        self.stats.column_statistics.get(at)
    }
}

/// What a query sees of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableState {
    /// Version of the Delta log.
    pub(crate) version: u64,
    /// Log position (or rowid) up to which all is in the table.
    pub(crate) position: u64,
    pub(crate) files: Arc<[Arc<TableFile>]>,
}

/// The writing side; used by one task at a time.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shape: Arc<Shape>,
    /// `date`, then the file's columns: what queries see.
    pub(crate) schema: SchemaRef,
    store: SyncStore,
    root: Path,
    log_store: LogStoreRef,
    delta: DeltaTableState,
    state: TableState,
    /// A commit failed; whether it took effect has to be read from the disk.
    doubtful: bool,
}

/// What a commit does beside its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// New rows, and files rewritten by corrections.
    Flush {
        /// Everything up to here is in the table afterwards.
        position: u64,
    },
    /// The same rows in other files.
    Compact,
}

/// `date`, then the columns of a file.
pub(crate) fn table_schema(file_schema: &Schema) -> SchemaRef {
    let mut fields = vec![Arc::new(Field::new("date", DataType::Date32, false))];
    fields.extend(file_schema.fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

impl Table {
    /// Opens the table, or makes it.
    pub(crate) async fn open(dir: &FsPath, shape: Shape, store: SyncStore) -> Result<Self, Error> {
        let schema = table_schema(&shape.file_schema);
        crate::layout::make_private_dir(dir).map_err(Error::io("make a table directory"))?;
        let dir = std::fs::canonicalize(dir).map_err(Error::io("table directory"))?;
        let root = Path::from_absolute_path(&dir).map_err(object_store::Error::from)?;
        let url = Url::from_directory_path(&dir).map_err(|()| Error::Source {
            what: "table directory",
            detail: "not an absolute path".into(),
        })?;
        let mut table = DeltaTableBuilder::from_url(url.clone())?
            .with_storage_backend(Arc::new(store.clone()), url)
            .build()?;
        if table.verify_deltatable_existence().await? {
            table.load().await?;
        } else {
            table = create(&table, &schema).await?;
        }
        let log_store = table.log_store();
        let delta = table.snapshot()?.clone();
        let mut this = Self {
            state: TableState {
                version: 0,
                position: 0,
                files: Arc::new([]),
            },
            shape: Arc::new(shape),
            schema,
            store,
            root,
            log_store,
            delta,
            doubtful: false,
        };
        this.read_state().await?;
        Ok(this)
    }

    /// Gives the table the columns that this version knows and it does not, as a table of an earlier version. Rows that
    /// are there have no value in them.
    pub(crate) async fn widen(&mut self) -> Result<(), Error> {
        let known = self.delta.schema();
        let wanted = kernel_schema(&self.schema)?;
        let missing: Vec<StructField> = wanted
            .fields()
            .filter(|field| known.field(field.name()).is_none())
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut table = DeltaTable::new(Arc::clone(&self.log_store));
        table.load().await?;
        let after = table.add_columns().with_fields(missing).await?;
        self.delta = after.snapshot()?.clone();
        self.state.version = self.delta.version();
        Ok(())
    }

    fn location(&self, add: &Add) -> Path {
        let mut location = self.root.clone();
        for part in add.path.split('/') {
            location = location.join(part);
        }
        location
    }

    pub(crate) fn state(&self) -> &TableState {
        &self.state
    }

    /// Our name in the table's `txn` actions.
    fn app_id(&self) -> String {
        format!("wardline/{}", self.shape.name)
    }

    async fn read_state(&mut self) -> Result<(), Error> {
        let snapshot = self.delta.snapshot();
        let position = snapshot
            .transaction_version(self.log_store.as_ref(), self.app_id())
            .await?
            .and_then(|v| u64::try_from(v).ok())
            .unwrap_or(0);
        let adds: Vec<Add> = snapshot
            .file_views(self.log_store.as_ref(), None)
            .map_ok(|view| Add {
                path: view.path().into_owned(),
                partition_values: view.partition_values_map(),
                size: view.size(),
                modification_time: view.modification_time(),
                stats: view.stats(),
                ..Add::default()
            })
            .try_collect()
            .await?;
        let files = adds
            .into_iter()
            .map(|add| self.file(add))
            .collect::<Result<Vec<_>, _>>()?;
        self.state = TableState {
            version: self.delta.version(),
            position,
            files: files.into(),
        };
        Ok(())
    }

    fn file(&self, add: Add) -> Result<Arc<TableFile>, Error> {
        let date = add
            .partition_values
            .get("date")
            .and_then(Option::as_deref)
            .and_then(|d| d.parse::<chrono::NaiveDate>().ok())
            .map(days)
            .ok_or_else(|| Error::Table(format!("{}: a file without date", self.shape.name)))?;
        let mut stats = stats::parse(add.stats.as_deref(), &self.shape.file_schema);
        let value = || Precision::Exact(ScalarValue::Date32(Some(date)));
        stats.column_statistics.push(ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: value(),
            max_value: value(),
            ..ColumnStatistics::new_unknown()
        });
        let location = self.location(&add);
        Ok(Arc::new(TableFile {
            add,
            date,
            location,
            stats: Arc::new(stats),
        }))
    }

    /// Commits files that were written. A flush whose position the table already has is skipped.
    pub(crate) async fn commit(
        &mut self,
        adds: Vec<Add>,
        removes: &[Arc<TableFile>],
        purpose: Purpose,
    ) -> Result<(), Error> {
        self.settle().await?;
        let mut properties = CommitProperties::default();
        let mut position = self.state.position;
        let operation = match purpose {
            Purpose::Flush { position: to } if to <= position => return Ok(()),
            Purpose::Flush { position: to } => {
                let version = i64::try_from(to).map_err(|_| Error::Table("position".into()))?;
                properties = properties
                    .with_application_transaction(Transaction::new(self.app_id(), version));
                position = to;
                if removes.is_empty() {
                    DeltaOperation::Write {
                        mode: deltalake::protocol::SaveMode::Append,
                        partition_by: Some(vec!["date".into()]),
                        predicate: None,
                    }
                } else {
                    DeltaOperation::Update { predicate: None }
                }
            }
            Purpose::Compact => DeltaOperation::Optimize {
                predicate: None,
                target_size: 0,
            },
        };
        let data_change = purpose != Purpose::Compact;
        let mut actions: Vec<Action> = adds
            .iter()
            .map(|add| {
                let mut add = add.clone();
                add.data_change = data_change;
                Action::Add(add)
            })
            .collect();
        actions.extend(
            removes
                .iter()
                .map(|file| Action::Remove(remove(&file.add, data_change))),
        );
        self.doubtful = true;
        let done = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(&self.delta), Arc::clone(&self.log_store), operation)
            .await?;
        self.delta = done.snapshot();
        let gone: std::collections::HashSet<&str> =
            removes.iter().map(|f| f.add.path.as_str()).collect();
        let mut files: Vec<_> = self
            .state
            .files
            .iter()
            .filter(|f| !gone.contains(f.add.path.as_str()))
            .cloned()
            .collect();
        for add in adds {
            files.push(self.file(add)?);
        }
        self.state = TableState {
            version: done.version(),
            position,
            files: files.into(),
        };
        self.doubtful = false;
        Ok(())
    }

    /// After a commit that failed, reads what is really there.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        if self.doubtful {
            let mut table = DeltaTable::new(Arc::clone(&self.log_store));
            table.load().await?;
            self.delta = table.snapshot()?.clone();
            self.read_state().await?;
            self.doubtful = false;
        }
        Ok(())
    }

    /// Deletes files that no version younger than the retention (a day) uses, and files that no
    /// version ever used. The caller keeps every other writer out, so the full mode is safe.
    pub(crate) async fn vacuum(&mut self) -> Result<usize, Error> {
        self.settle().await?;
        let mut table = DeltaTable::new(Arc::clone(&self.log_store));
        table.load().await?;
        let plan = |dry| {
            let mode = deltalake::operations::vacuum::VacuumMode::Full;
            table.clone().vacuum().with_mode(mode).with_dry_run(dry)
        };
        let (_, found) = plan(true).await?;
        if found.files_deleted.is_empty() {
            return Ok(0);
        }
        let (after, done) = plan(false).await?;
        self.delta = after.snapshot()?.clone();
        self.state.version = self.delta.version();
        Ok(done.files_deleted.len())
    }

    /// Protocol versions that a reader and a writer need.
    #[cfg(test)]
    pub(crate) fn protocol(&self) -> (i32, i32) {
        let protocol = self.delta.protocol();
        (protocol.min_reader_version(), protocol.min_writer_version())
    }
}

fn kernel_schema(schema: &Schema) -> Result<StructType, Error> {
    let converted: Result<StructType, arrow_schema::ArrowError> = schema.try_into_kernel();
    converted.map_err(|e| Error::Table(e.to_string()))
}

async fn create(table: &DeltaTable, schema: &Schema) -> Result<DeltaTable, Error> {
    let columns = kernel_schema(schema)?;
    Ok(CreateBuilder::new()
        .with_log_store(table.log_store())
        .with_columns(columns.fields().cloned())
        .with_partition_columns(["date"])
        .with_configuration(
            [
                ("delta.checkpointInterval", "10"),
                ("delta.logRetentionDuration", "interval 1 days"),
                ("delta.deletedFileRetentionDuration", "interval 1 days"),
                ("delta.dataSkippingNumIndexedCols", "40"),
            ]
            .map(|(k, v)| (k, Some(v))),
        )
        .await?)
}

fn remove(add: &Add, data_change: bool) -> Remove {
    Remove {
        path: add.path.clone(),
        data_change,
        deletion_timestamp: Some(chrono::Utc::now().timestamp_millis()),
        extended_file_metadata: Some(true),
        partition_values: Some(add.partition_values.clone()),
        size: Some(add.size),
        ..Remove::default()
    }
}

/// Days since 1970.
pub(crate) fn days(date: chrono::NaiveDate) -> i32 {
    date.signed_duration_since(chrono::NaiveDate::default())
        .num_days() as i32
}
