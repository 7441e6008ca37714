//! Few large sorted files instead of many small ones: for days that are over, and for a day under
//! way once it has too many. The rows stay the same, so `dataChange` is false.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use deltalake::kernel::Add;
use futures::StreamExt;

use crate::Error;
use crate::core::{Core, Tables, Which};
use crate::table::{FileWriter, Purpose, Table, TableFile, file_columns};

/// Files that one merge reads at most: a bound on open files and sort runs.
const MERGE_FILES: usize = 256;

impl Core {
    /// Merges small files of every table, then, if asked, deletes files that no version needs.
    pub(crate) async fn compact(&self, vacuum: bool) -> Result<(), Error> {
        let mut tables = self.tables.lock().await;
        let Tables {
            observation,
            quarantine,
            waveform,
            alert,
        } = &mut *tables;
        for table in [observation, quarantine, waveform, alert] {
            for files in self.due(table, today()) {
                let adds = self.merge(table, &files).await?;
                table.commit(adds, &files, Purpose::Compact).await?;
                self.show(table);
                self.counters.compactions.fetch_add(1, Ordering::Relaxed);
            }
            if vacuum {
                table.vacuum().await?;
                self.show(table);
            }
        }
        Ok(())
    }

    /// Lets queries see the table's files as they are now; its rows are the same.
    fn show(&self, table: &Table) {
        let mut visible = self.visible();
        let state = table.state().clone();
        match table.shape.name {
            "observation" => visible.part(Which::Observation).table = state,
            "quarantine" => visible.part(Which::Quarantine).table = state,
            "waveform" => visible.part(Which::Waveform).table = state,
            _ => visible.alert = state,
        }
    }

    /// Groups of files to merge, each of one day.
    fn due(&self, table: &Table, today: i32) -> Vec<Vec<Arc<TableFile>>> {
        let mut days: BTreeMap<i32, Vec<Arc<TableFile>>> = BTreeMap::new();
        for file in table.state().files.iter() {
            // A file of more than half the target gains nothing by another merge.
            if file.size() < self.config.target_file_bytes / 2 {
                days.entry(file.date).or_default().push(Arc::clone(file));
            }
        }
        days.into_iter()
            .filter(|(day, files)| {
                let enough = if *day < today {
                    2
                } else {
                    self.config.compact_files.max(2)
                };
                files.len() >= enough
            })
            .map(|(_, mut files)| {
                files.truncate(MERGE_FILES);
                files
            })
            .collect()
    }

    /// Reads files in order and writes them anew, as large as wanted.
    async fn merge(&self, table: &Table, files: &[Arc<TableFile>]) -> Result<Vec<Add>, Error> {
        let Some(date) = files.first().map(|f| f.date) else {
            return Ok(Vec::new());
        };
        let rows: usize = files.iter().filter_map(|f| f.rows()).sum();
        let mut stream = self.scan_sorted(table, files)?;
        let mut adds = Vec::new();
        let mut writer: Option<FileWriter> = None;
        while let Some(batch) = stream.next().await {
            let batch = file_columns(&batch?, &table.shape)?;
            let file = match &mut writer {
                Some(file) => file,
                none => none.insert(FileWriter::new(&table.shape, date, rows)?),
            };
            file.write(&batch)?;
            if file.bytes() >= self.config.target_file_bytes
                && let Some(full) = writer.take()
            {
                let (bytes, add) = full.finish()?;
                table.put(&add, bytes).await?;
                adds.push(add);
            }
        }
        if let Some(last) = writer.filter(|w| w.rows() > 0) {
            let (bytes, add) = last.finish()?;
            table.put(&add, bytes).await?;
            adds.push(add);
        }
        Ok(adds)
    }
}

fn today() -> i32 {
    crate::table::days(chrono::Utc::now().date_naive())
}
