//! Searches as queries: first the keys of one page of resources, then their rows.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_schema::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::cast;
use datafusion::prelude::{DataFrame, Expr, SessionContext, col, lit};
use wardline_normalize::time::Micros;

use super::provider::SnapshotTable;
use crate::core::{Core, Which};
use crate::hot::HotRows;
use crate::search::{Bound, Cursor, Page, Search, Sort};
use crate::table::table_schema;
use crate::{Error, Waveform, shapes};

/// Ids that DataFusion holds against bounds and bloom filters.
const BLOOM: usize = 20;
/// Up to here several queries with bloom filters are quicker than one without.
const FEW: usize = 200;
/// Ids of one query without.
const MANY: usize = 5_000;

/// The finest stretch of time in which rows are counted: ten minutes.
const SLOT: Micros = 600_000_000;
const DAY: Micros = 86_400_000_000;

fn time(at: Micros) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(
        Some(at),
        Some(Arc::from("UTC")),
    ))
}

fn any_of(column: &str, values: &[String]) -> Expr {
    col(column).in_list(values.iter().map(|v| lit(v.as_str())).collect(), false)
}

/// The id of the resource that a row belongs to.
fn resource() -> Expr {
    coalesce(vec![col("panel_id"), col("id")])
}

fn conditions(search: &Search) -> Vec<Expr> {
    let mut all = Vec::new();
    if !search.unattributed {
        all.push(col("patient_id").is_not_null());
    }
    for (column, values) in [
        ("patient_id", &search.patients),
        ("device_id", &search.devices),
        ("status", &search.status),
    ] {
        if !values.is_empty() {
            all.push(any_of(column, values));
        }
    }
    if !search.codes.is_empty() {
        let [code, mdc, panel] = ["code", "mdc", "panel"].map(|c| any_of(c, &search.codes));
        all.push(code.or(mdc).or(panel));
    }
    if !search.ids.is_empty() {
        all.push(any_of("id", &search.ids).or(any_of("panel_id", &search.ids)));
    }
    for bound in &search.effective {
        all.push(match *bound {
            Bound::From(at) => col("effective").gt_eq(time(at)),
            Bound::After(at) => col("effective").gt(time(at)),
            Bound::Until(at) => col("effective").lt_eq(time(at)),
            Bound::Before(at) => col("effective").lt(time(at)),
        });
    }
    all
}

impl Core {
    fn observation_frame(&self) -> Result<DataFrame, Error> {
        let table = self.snapshot_table(Which::Observation)?;
        Ok(self.context().read_table(Arc::new(table))?)
    }

    fn empty_rows(&self) -> RecordBatch {
        let schema = table_schema(&wardline_normalize::columns::schema());
        RecordBatch::new_empty(schema)
    }

    /// Rows that meet a condition, in one batch.
    pub(crate) async fn rows_where(&self, condition: Expr) -> Result<RecordBatch, Error> {
        let batches = self
            .observation_frame()?
            .filter(condition)?
            .collect()
            .await?;
        self.one_batch(&batches)
    }

    /// Pieces of waveforms that meet a condition.
    pub(crate) async fn waveforms_where(&self, condition: Expr) -> Result<Vec<Waveform>, Error> {
        let table = self.snapshot_table(Which::Waveform)?;
        let frame = self.context().read_table(Arc::new(table))?;
        let mut rows = Vec::new();
        for batch in frame.filter(condition)?.collect().await? {
            rows.extend(shapes::waveforms(&batch)?);
        }
        Ok(rows)
    }

    /// Which of these ids there are.
    pub(crate) async fn known_waveforms(&self, ids: &[String]) -> Result<HashSet<String>, Error> {
        let mut known = HashSet::new();
        for some in ids.chunks(BLOOM) {
            let table = self.snapshot_table(Which::Waveform)?;
            let found = self
                .picking_context()
                .read_table(Arc::new(table))?
                .filter(any_of("id", some))?
                .select_columns(&["id"])?
                .collect()
                .await?;
            for batch in &found {
                let ids = batch.column(0).as_string::<i32>().iter().flatten();
                known.extend(ids.map(str::to_owned));
            }
        }
        Ok(known)
    }

    /// When there are rows that meet a condition: see [`crate::Store::stretches_of_device`].
    pub(crate) async fn stretches(
        &self,
        which: Which,
        condition: Expr,
        (from, until): (Micros, Micros),
        most: u64,
    ) -> Result<Vec<(Micros, Micros)>, Error> {
        let slot = cast(col(which.shape().day_of), DataType::Int64) / lit(SLOT);
        let table = self.snapshot_table(which)?;
        let counted = self
            .context()
            .read_table(Arc::new(table))?
            .filter(condition)?
            .aggregate(vec![slot.alias("slot")], vec![count(lit(1)).alias("rows")])?
            .sort(vec![col("slot").sort(true, false)])?
            .collect()
            .await?;
        let mut stretches: Vec<(Micros, Micros)> = Vec::new();
        let mut held = 0;
        for batch in &counted {
            let slots = batch.column(0).as_primitive::<Int64Type>();
            let rows = batch.column(1).as_primitive::<Int64Type>();
            for (slot, rows) in slots.values().iter().zip(rows.values()) {
                let rows = rows.unsigned_abs();
                let (begins, ends) = (slot * SLOT, (slot + 1) * SLOT);
                match stretches.last_mut() {
                    Some((first, last))
                        if held + rows <= most
                            && first.div_euclid(DAY) == begins.div_euclid(DAY) =>
                    {
                        *last = ends;
                        held += rows;
                    }
                    _ => {
                        stretches.push((begins, ends));
                        held = rows;
                    }
                }
            }
        }
        for (first, last) in &mut stretches {
            (*first, *last) = ((*first).max(from), (*last).min(until));
        }
        Ok(stretches)
    }

    fn one_batch(&self, batches: &[RecordBatch]) -> Result<RecordBatch, Error> {
        if batches.is_empty() {
            return Ok(self.empty_rows());
        }
        let schema = table_schema(&wardline_normalize::columns::schema());
        let batches = batches
            .iter()
            .map(|b| RecordBatch::try_new(Arc::clone(&schema), b.columns().to_vec()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    }

    pub(crate) async fn page(&self, search: &Search) -> Result<Page, Error> {
        let limit = match search.limit {
            0 => Search::DEFAULT_LIMIT,
            limit => limit.min(Search::MAX_LIMIT),
        };
        let mut frame = self.observation_frame()?;
        let base = frame.clone();
        for condition in conditions(search) {
            frame = frame.filter(condition)?;
        }
        let newest = search.sort == Sort::Newest;
        let mut keys = frame.aggregate(
            vec![resource().alias("resource")],
            vec![
                max(col("effective")).alias("at"),
                min(col("effective")).alias("first"),
            ],
        )?;
        if let Some(Cursor { effective, id }) = &search.after {
            let (at, resource) = (col("at"), col("resource"));
            let same = at.clone().eq(time(*effective));
            keys = keys.filter(if newest {
                at.lt(time(*effective))
                    .or(same.and(resource.lt(lit(id.as_str()))))
            } else {
                at.gt(time(*effective))
                    .or(same.and(resource.gt(lit(id.as_str()))))
            })?;
        }
        let keys = keys
            .sort(vec![
                col("at").sort(!newest, false),
                col("resource").sort(!newest, false),
            ])?
            .limit(0, Some(limit + 1))?
            .collect()
            .await?;
        let mut found: Vec<(Cursor, Micros)> = Vec::new();
        for batch in &keys {
            let ids = batch.column(0).as_string::<i32>();
            let at = batch.column(1).as_primitive::<TimestampMicrosecondType>();
            let first = batch.column(2).as_primitive::<TimestampMicrosecondType>();
            found.extend((0..batch.num_rows()).map(|i| {
                let cursor = Cursor {
                    effective: at.value(i),
                    id: ids.value(i).to_owned(),
                };
                (cursor, first.value(i))
            }));
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let Some(next) = found.last().map(|f| f.0.clone()) else {
            return Ok(Page {
                rows: self.empty_rows(),
                next: None,
            });
        };
        let rows = self.resource_rows(base, search, &found, newest).await?;
        Ok(Page {
            rows,
            next: more.then_some(next),
        })
    }

    /// All rows of the given resources, also those of a panel that the search did not name.
    async fn resource_rows(
        &self,
        frame: DataFrame,
        search: &Search,
        found: &[(Cursor, Micros)],
        newest: bool,
    ) -> Result<RecordBatch, Error> {
        let (own, mapped): (Vec<String>, Vec<String>) = found
            .iter()
            .map(|f| f.0.id.clone())
            .partition(|id| id.len() == wardline_normalize::id::LEN);
        let from = found.iter().map(|f| f.1).min().unwrap_or(i64::MIN);
        let until = found
            .iter()
            .map(|f| f.0.effective)
            .max()
            .unwrap_or(i64::MAX);
        let mut wanted = col("effective")
            .between(time(from), time(until))
            .and(any_of("id", &own).or(any_of("panel_id", &own)));
        if !mapped.is_empty() {
            // The Observation of a mapping is of a period: what the search named is not all of it.
            wanted = wanted.or(any_of("panel_id", &mapped));
        }
        let mut frame = frame.filter(wanted)?;
        if !search.patients.is_empty() {
            frame = frame.filter(any_of("patient_id", &search.patients))?;
        } else if !search.unattributed {
            frame = frame.filter(col("patient_id").is_not_null())?;
        }
        let batches = frame
            .sort(vec![
                col("effective").sort(!newest, false),
                resource().sort(!newest, false),
                col("id").sort(true, false),
            ])?
            .collect()
            .await?;
        self.one_batch(&batches)
    }

    /// Rows by id: hot ones from memory, the rest from the table.
    pub(crate) async fn find(&self, ids: &[&str]) -> Result<RecordBatch, Error> {
        let (state, hot) = {
            let visible = self.visible();
            (
                visible.observation.table.clone(),
                visible.observation.hot.find(ids)?,
            )
        };
        let mut found = hot;
        let known: HashSet<String> = found
            .iter()
            .filter_map(|b| b.column_by_name("id"))
            .flat_map(|c| c.as_string::<i32>().iter().flatten().map(str::to_owned))
            .collect();
        let mut cold: Vec<&str> = ids
            .iter()
            .copied()
            .filter(|id| !known.contains(*id))
            .collect();
        cold.sort_unstable();
        cold.dedup();
        if state.files.is_empty() {
            cold.clear();
        }
        // A short list is checked against bloom filters; a long one (a gateway's backlog sent
        // again) is one stretch of time, which the files' bounds narrow down.
        let chunk = if cold.len() <= FEW { BLOOM } else { MANY };
        for some in cold.chunks(chunk) {
            let table =
                SnapshotTable::new(shapes::observation(), state.clone(), HotRows::default());
            let list = some.iter().map(|id| lit(*id)).collect();
            let (first, last) = (some[0], some[some.len() - 1]);
            let batches = self
                .picking_context()
                .read_table(Arc::new(table))?
                .filter(col("id").in_list(list, false))?
                .filter(col("id").between(lit(first), lit(last)))?
                .collect()
                .await?;
            found.extend(batches);
        }
        self.one_batch(&found)
    }

    /// A session that reads the other columns of a row only once its id fits.
    fn picking_context(&self) -> SessionContext {
        let context = self.context();
        let state = context.state_ref();
        state
            .write()
            .config_mut()
            .options_mut()
            .execution
            .parquet
            .pushdown_filters = true;
        context
    }
}
