//! The tables by name. Each statement asks once per name, so a statement sees one state of a table.

use std::sync::{Arc, PoisonError, Weak};

use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::error::Result;

use super::provider::SnapshotTable;
use super::views;
use crate::core::{Core, Which};
use crate::hot::HotRows;
use crate::{Error, shapes, table};

const TABLES: [&str; 4] = ["observation", "quarantine", "waveform", "alert"];

/// Alert events that a query reads from the registry at most, over those in the table.
const ALERTS_HOT: usize = 100_000;

pub(super) struct Catalog {
    core: Weak<Core>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

impl Catalog {
    pub(super) fn new(core: Weak<Core>) -> Self {
        Self { core }
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl Core {
    pub(super) fn snapshot_table(&self, which: Which) -> Result<SnapshotTable, Error> {
        let (state, hot) = self.snapshot(which)?;
        Ok(SnapshotTable::new(which.shape(), state, hot))
    }

    async fn alert_table(&self) -> Result<SnapshotTable, Error> {
        let state = self.visible().alert.clone();
        let shape = shapes::alert();
        let mut hot = HotRows::default();
        let events = self.alert_events(state.position, ALERTS_HOT).await?;
        if !events.is_empty() {
            let rows = shapes::alert_rows(&events)?;
            hot.batches.push(table::with_date(&rows, &shape)?);
        }
        Ok(SnapshotTable::new(shape, state, hot))
    }
}

#[async_trait]
impl SchemaProvider for Catalog {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = TABLES.iter().map(|&t| t.to_owned()).collect();
        names.extend(views::NAMES.iter().map(|&t| t.to_owned()));
        if let Some(core) = self.core.upgrade() {
            let registered = core
                .registered
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            names.extend(registered.keys().cloned());
        }
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(core) = self.core.upgrade() else {
            return Ok(None);
        };
        let provider: Arc<dyn TableProvider> = match name {
            "observation" => Arc::new(core.snapshot_table(Which::Observation).map_err(external)?),
            "quarantine" => Arc::new(core.snapshot_table(Which::Quarantine).map_err(external)?),
            "waveform" => Arc::new(core.snapshot_table(Which::Waveform).map_err(external)?),
            "alert" => Arc::new(core.alert_table().await.map_err(external)?),
            view if views::NAMES.contains(&view) => views::provider(&core, view).await?,
            other => {
                let make = core
                    .registered
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(other)
                    .cloned();
                let Some(make) = make else {
                    return Ok(None);
                };
                let rows = tokio::task::spawn_blocking(move || make())
                    .await
                    .map_err(|_| external(Error::Closed))?
                    .map_err(external)?;
                Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)
            }
        };
        Ok(Some(provider))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|n| n == name)
    }
}
