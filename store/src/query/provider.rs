//! One instant's state of a table: its files, without the rows that hot corrections replace, and
//! the hot rows.

use std::sync::Arc;

use arrow_array::StringArray;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, InListExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;

use crate::hot::HotRows;
use crate::table::{Scan, Shape, TableState, table_schema};

#[derive(Debug)]
pub(crate) struct SnapshotTable {
    shape: Shape,
    schema: SchemaRef,
    state: TableState,
    hot: HotRows,
}

impl SnapshotTable {
    pub(crate) fn new(shape: Shape, state: TableState, hot: HotRows) -> Self {
        Self {
            schema: table_schema(&shape.file_schema),
            shape,
            state,
            hot,
        }
    }

    /// The files' rows that no hot row replaces.
    fn cold(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = Scan {
            shape: &self.shape,
            files: &self.state.files,
        };
        let Some(hidden) = &self.hot.hidden else {
            return scan.plan(session, projection, filters, limit);
        };
        let all = (0..self.schema.fields().len()).collect::<Vec<_>>();
        let wanted = projection.unwrap_or(&all);
        let id = self.schema.index_of("id")?;
        let mut columns = wanted.clone();
        let at = wanted.iter().position(|&c| c == id).unwrap_or_else(|| {
            columns.push(id);
            wanted.len()
        });
        let plan = scan.plan(session, Some(&columns), filters, None)?;
        let kept = Arc::new(FilterExec::try_new(not_in(&plan, at, hidden)?, plan)?);
        if columns.len() == wanted.len() {
            return Ok(kept);
        }
        let schema = kept.schema();
        let expressions = (0..wanted.len()).map(|i| {
            let name = schema.field(i).name();
            ProjectionExpr::new(Arc::new(Column::new(name, i)), name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(expressions, kept)?))
    }
}

fn not_in(
    plan: &Arc<dyn ExecutionPlan>,
    at: usize,
    hidden: &Arc<StringArray>,
) -> Result<Arc<dyn PhysicalExpr>> {
    Ok(Arc::new(InListExpr::try_new_from_array(
        Arc::new(Column::new("id", at)),
        Arc::clone(hidden) as _,
        true,
        plan.schema().as_ref(),
    )?))
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // They skip files, row groups and pages; the rows are filtered above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !self.state.files.is_empty() {
            inputs.push(self.cold(session, projection, filters, limit)?);
        }
        if !self.hot.batches.is_empty() {
            inputs.push(MemorySourceConfig::try_new_exec(
                std::slice::from_ref(&self.hot.batches),
                Arc::clone(&self.schema),
                projection.cloned(),
            )?);
        }
        if inputs.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        UnionExec::try_new(inputs)
    }
}
