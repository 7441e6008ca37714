//! The DataFusion side: sessions, catalogue, limits.

mod catalog;
mod provider;
mod search;
mod views;

use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::catalog::CatalogProvider;
use datafusion::catalog::memory::MemoryCatalogProvider;
use datafusion::execution::context::{SQLOptions, SessionState};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use url::Url;

use crate::core::Core;
use crate::registry::StoredAlertEvent;
use crate::table::{STORE_URL, Scan, Table, TableFile};
use crate::{Config, Error};

/// Name of the catalogue and of its one schema.
const CATALOG: &str = "wardline";
const SCHEMA: &str = "public";

/// Bytes of Parquet footers kept in memory.
const METADATA_CACHE: usize = 64 << 20;

/// Memory, spill files and stores that all queries share.
fn runtime(config: &Config, store: Arc<dyn ObjectStore>) -> Result<Arc<RuntimeEnv>, Error> {
    let spill = config.data_dir.join("spill");
    // What a killed process left behind.
    match std::fs::remove_dir_all(&spill) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("clear the spill directory")(e));
        }
        _ => {}
    }
    crate::layout::make_private_dir(&spill).map_err(Error::io("make the spill directory"))?;
    let pool = TrackConsumersPool::new(
        FairSpillPool::new(config.query_memory),
        std::num::NonZeroUsize::MIN.saturating_add(4),
    );
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_temp_file_path(spill)
        .with_metadata_cache_limit(METADATA_CACHE)
        .build_arc()?;
    let url = Url::parse(STORE_URL).expect("a constant URL");
    runtime.register_object_store(&url, store);
    Ok(runtime)
}

/// The state that every session is a copy of.
pub(crate) fn session_state(
    core: &Arc<Core>,
    store: Arc<dyn ObjectStore>,
) -> Result<SessionState, Error> {
    let config = SessionConfig::new()
        .with_target_partitions(core.config.query_threads.max(1))
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA);
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime(&core.config, store)?)
        .build();
    let catalog = MemoryCatalogProvider::new();
    let schema = catalog::Catalog::new(Arc::downgrade(core));
    catalog.register_schema(SCHEMA, Arc::new(schema))?;
    state
        .catalog_list()
        .register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    Ok(state)
}

/// What a statement may do: read.
pub(crate) fn read_only() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

impl Core {
    pub(crate) fn context(&self) -> SessionContext {
        let state = self
            .session
            .get()
            .expect("set before the store is handed out");
        SessionContext::new_with_state(state.clone())
    }

    /// Runs a query to its end.
    pub(crate) async fn collect(&self, query: &str) -> Result<Vec<RecordBatch>, Error> {
        let frame = self.context().sql_with_options(query, read_only()).await?;
        Ok(frame.collect().await?)
    }

    fn scan_plan(
        &self,
        table: &Table,
        files: &[Arc<TableFile>],
        filters: &[Expr],
        columns: Option<&[&str]>,
    ) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>), Error> {
        let context = self.context();
        let state = context.state();
        let projection = columns
            .map(|names| {
                names
                    .iter()
                    .map(|name| table.schema.index_of(name))
                    .collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        let scan = Scan {
            shape: &table.shape,
            files,
        };
        let plan = scan.plan(&state, projection.as_ref(), filters, None)?;
        Ok((plan, context.task_ctx()))
    }

    /// Rows of some files; filters only skip. With one file, in the file's order.
    pub(crate) fn scan_files(
        &self,
        table: &Table,
        files: &[Arc<TableFile>],
        filters: &[Expr],
        columns: Option<&[&str]>,
    ) -> Result<SendableRecordBatchStream, Error> {
        let (plan, task) = self.scan_plan(table, files, filters, columns)?;
        let plan: Arc<dyn ExecutionPlan> = match plan.output_partitioning().partition_count() {
            1 => plan,
            _ => Arc::new(CoalescePartitionsExec::new(plan)),
        };
        if plan.output_partitioning().partition_count() == 0 {
            return Ok(Box::pin(
                datafusion::physical_plan::EmptyRecordBatchStream::new(plan.schema()),
            ));
        }
        Ok(plan.execute(0, task)?)
    }

    /// All rows of some files in the table's order, spilling to disk where memory is short.
    pub(crate) fn scan_sorted(
        &self,
        table: &Table,
        files: &[Arc<TableFile>],
    ) -> Result<SendableRecordBatchStream, Error> {
        let (plan, task) = self.scan_plan(table, files, &[], None)?;
        let order = LexOrdering::new(
            table
                .shape
                .sort
                .iter()
                .filter_map(|name| table.schema.index_of(name).ok().map(|at| (name, at)))
                .map(|(name, at)| {
                    PhysicalSortExpr::new(
                        Arc::new(Column::new(name, at)),
                        arrow::compute::SortOptions {
                            descending: false,
                            nulls_first: true,
                        },
                    )
                }),
        )
        .ok_or_else(|| Error::Table("a table without order".into()))?;
        let sorted = SortExec::new(order.clone(), plan).with_preserve_partitioning(true);
        let merged = SortPreservingMergeExec::new(order, Arc::new(sorted));
        Ok(merged.execute(0, task)?)
    }

    /// Alert events that are not in the table yet.
    pub(crate) async fn alert_events(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<StoredAlertEvent>, Error> {
        let feed = self
            .feed
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let Some(feed) = feed else {
            return Ok(Vec::new());
        };
        let after = i64::try_from(position).unwrap_or(i64::MAX);
        tokio::task::spawn_blocking(move || feed.after(after, limit))
            .await
            .map_err(|_| Error::Closed)?
            .map_err(|e| Error::Source {
                what: "alert events",
                detail: e.to_string(),
            })
    }
}
