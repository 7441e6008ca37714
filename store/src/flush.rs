//! Hot rows into the tables, and the log's release.
//!
//! The order, each step durable before the next; a crash after any of them is repaired by doing
//! the rest again on the next start:
//!
//! 1. Parquet files of the new rows, and of old files without the rows that corrections replace.
//! 2. One entry of the Delta log: adds, removes, and the log position as `txn`.
//! 3. Queries see the new files and lose the hot rows, in one instant.
//! 4. The cursor: what every table has, and how far the log will be released.
//! 5. The log's segments.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::compute::{concat_batches, filter_record_batch};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch, StringArray};
use datafusion::common::ScalarValue;
use datafusion::common::stats::Precision;
use datafusion::prelude::{col, lit};
use deltalake::kernel::Add;
use futures::StreamExt;

use crate::core::{Core, Tables, Which};
use crate::layout::LogCursor;
use crate::table::{FileWriter, Purpose, Table, TableFile, file_columns, write_sorted};
use crate::{Error, shapes};

/// Alert events that one commit copies at most.
const ALERT_BATCH: usize = 10_000;

/// Where a flush may be stopped by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushStep {
    Files,
    Commit,
    Swap,
    Cursor,
    Release,
}

impl Core {
    #[cfg(test)]
    fn step(&self, step: FlushStep) -> Result<(), Error> {
        let stop = *self
            .stop_after
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if stop == Some(step) {
            return Err(Error::Closed);
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests stop here"
    )]
    fn step(&self, _: FlushStep) -> Result<(), Error> {
        Ok(())
    }

    /// Commits everything that is durable, then releases the log as far as it may be.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let mut tables = self.tables.lock().await;
        let done = self.flush_tables(&mut tables).await;
        drop(tables);
        self.room.notify_waiters();
        match &done {
            Ok(()) => self.counters.flushes.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.counters.flush_errors.fetch_add(1, Ordering::Relaxed),
        };
        done
    }

    async fn flush_tables(&self, tables: &mut Tables) -> Result<(), Error> {
        for which in Which::ALL {
            self.flush_table(tables.get(which), which).await?;
        }
        self.flush_alerts(&mut tables.alert).await?;
        self.release().await
    }

    async fn flush_table(&self, table: &mut Table, which: Which) -> Result<(), Error> {
        table.settle().await?;
        let (position, batches) = {
            let mut visible = self.visible();
            let position = visible.applied;
            let part = visible.part(which);
            if table.state().position > part.table.position {
                // An earlier commit took effect although it reported an error: its rows are
                // those that were frozen then.
                part.hot.remove_frozen();
                part.table = table.state().clone();
            }
            (position, part.hot.freeze()?)
        };
        if batches.is_empty() {
            let mut visible = self.visible();
            // Blocks whose rows were all replaced by later ones hold nothing any more.
            visible.part(which).hot.remove_frozen();
            return Ok(());
        }
        let rows = concat_batches(&table.schema, &batches)?;
        drop(batches);
        let (adds, removes) = self.files(table, rows).await?;
        self.step(FlushStep::Files)?;
        table
            .commit(adds, &removes, Purpose::Flush { position })
            .await?;
        self.step(FlushStep::Commit)?;
        let mut visible = self.visible();
        let part = visible.part(which);
        part.table = table.state().clone();
        part.hot.remove_frozen();
        drop(visible);
        self.step(FlushStep::Swap)
    }

    /// Writes new rows, and anew the files from which corrections take rows.
    async fn files(
        &self,
        table: &Table,
        rows: RecordBatch,
    ) -> Result<(Vec<Add>, Vec<Arc<TableFile>>), Error> {
        let corrected = corrected_ids(&rows);
        let mut adds = write_sorted(table, rows).await?;
        let mut removes = Vec::new();
        if !corrected.is_empty() {
            for file in table.state().files.iter() {
                if self.holds(table, file, &corrected).await? {
                    adds.extend(self.rewrite_without(table, file, &corrected).await?);
                    removes.push(Arc::clone(file));
                }
            }
        }
        Ok((adds, removes))
    }

    /// Whether a file has a row with one of these ids.
    async fn holds(
        &self,
        table: &Table,
        file: &Arc<TableFile>,
        ids: &HashSet<String>,
    ) -> Result<bool, Error> {
        let likely: Vec<_> = ids.iter().filter(|id| may_hold(table, file, id)).collect();
        // Lists that DataFusion can check against bounds and bloom filters.
        for some in likely.chunks(20) {
            let list = some.iter().map(|id| lit(id.as_str())).collect();
            let filter = col("id").in_list(list, false);
            let mut stream =
                self.scan_files(table, std::slice::from_ref(file), &[filter], Some(&["id"]))?;
            while let Some(batch) = stream.next().await {
                let found = batch?;
                let column = found.column(0).as_string::<i32>();
                if column.iter().flatten().any(|id| ids.contains(id)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The same file without some rows; nothing if none are left. The order stays.
    async fn rewrite_without(
        &self,
        table: &Table,
        file: &Arc<TableFile>,
        ids: &HashSet<String>,
    ) -> Result<Option<Add>, Error> {
        let mut stream = self.scan_files(table, std::slice::from_ref(file), &[], None)?;
        let mut writer = FileWriter::new(&table.shape, file.date, file.rows().unwrap_or(1))?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let keep: BooleanArray = id_column(&batch)
                .ok_or_else(|| Error::Table("a file without ids".into()))?
                .iter()
                .map(|id| Some(!id.is_some_and(|id| ids.contains(id))))
                .collect();
            let kept = filter_record_batch(&batch, &keep)?;
            writer.write(&file_columns(&kept, &table.shape)?)?;
        }
        if writer.rows() == 0 {
            return Ok(None);
        }
        let (bytes, add) = writer.finish()?;
        table.put(&add, bytes).await?;
        Ok(Some(add))
    }

    async fn flush_alerts(&self, table: &mut Table) -> Result<(), Error> {
        loop {
            table.settle().await?;
            let events = self
                .alert_events(table.state().position, ALERT_BATCH)
                .await?;
            let Some(last) = events.last() else {
                break;
            };
            let position =
                u64::try_from(last.rowid).map_err(|_| Error::Table("a negative rowid".into()))?;
            let full = events.len() == ALERT_BATCH;
            let rows = crate::table::with_date(&shapes::alert_rows(&events)?, &table.shape)?;
            let adds = write_sorted(table, rows).await?;
            table.commit(adds, &[], Purpose::Flush { position }).await?;
            self.visible().alert = table.state().clone();
            if !full {
                break;
            }
        }
        self.visible().alert = table.state().clone();
        Ok(())
    }

    /// Writes the cursor and lets the log delete what nobody needs.
    async fn release(&self) -> Result<(), Error> {
        let (upto, cursor) = {
            let visible = self.visible();
            let safe = if self.sabotaged("release-early") {
                visible.applied
            } else {
                visible.safe_position()
            };
            let upto = safe.min(self.rules_position.load(Ordering::SeqCst));
            let cursor = LogCursor {
                released: upto,
                observation: visible.observation.table.position,
                quarantine: visible.quarantine.table.position,
                waveform: visible.waveform.table.position,
            };
            (upto, cursor)
        };
        if self.store.failed() {
            return Err(Error::Table(
                "a sync failed; nothing is released any more".into(),
            ));
        }
        if upto <= self.released.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.layout.write_cursor(&cursor)?;
        self.step(FlushStep::Cursor)?;
        self.log
            .release(upto)
            .map_err(|e| Error::Log(e.to_string()))?;
        self.released.store(upto, Ordering::SeqCst);
        self.step(FlushStep::Release)
    }
}

fn id_column(batch: &RecordBatch) -> Option<&StringArray> {
    batch.column_by_name("id")?.as_string_opt::<i32>()
}

/// Ids of rows that replace earlier versions.
fn corrected_ids(rows: &RecordBatch) -> HashSet<String> {
    let versions = rows
        .column_by_name("version")
        .and_then(|c| c.as_primitive_opt::<Int64Type>());
    match (id_column(rows), versions) {
        (Some(ids), Some(versions)) => ids
            .iter()
            .zip(versions)
            .filter(|(_, version)| version.is_some_and(|v| v > 1))
            .filter_map(|(id, _)| id.map(str::to_owned))
            .collect(),
        _ => HashSet::new(),
    }
}

/// Whether the file's bounds leave room for an id.
fn may_hold(table: &Table, file: &TableFile, id: &str) -> bool {
    let Some(column) = file.column(&table.shape.file_schema, "id") else {
        return true;
    };
    match (&column.min_value, &column.max_value) {
        (
            Precision::Exact(ScalarValue::Utf8(Some(low))),
            Precision::Exact(ScalarValue::Utf8(Some(high))),
        ) => low.as_str() <= id && id <= high.as_str(),
        _ => true,
    }
}
