//! Opening a data directory: checks, tables, and the hot rows back from the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wardline_log::{Log, Options, RealDisk};

use crate::append::{Shapes, rows_of};
use crate::core::{Core, Part, Tables, Visible, sabotaged};
use crate::entry::Entry;
use crate::hot::Hot;
use crate::layout::Layout;
use crate::query::session_state;
use crate::sync_store::SyncStore;
use crate::table::Table;
use crate::{Config, Error, shapes};

fn log_error(error: wardline_log::Error) -> Error {
    Error::Log(error.to_string())
}

fn log_options(config: &Config) -> Options {
    #[allow(unused_mut)]
    let mut options = Options {
        segment_bytes: config.segment_bytes,
        max_total_bytes: config.log_bytes_max,
        ..Options::default()
    };
    #[cfg(feature = "sabotage")]
    {
        use wardline_log::Sabotage;
        options.sabotage = [
            ("ack-before-write", Sabotage::AckBeforeWrite),
            ("skip-data-sync", Sabotage::SkipDataSync),
            ("skip-dir-sync", Sabotage::SkipDirSync),
            ("release-newest-first", Sabotage::ReleaseNewestFirst),
            ("skip-crc-check", Sabotage::SkipCrcCheck),
        ]
        .into_iter()
        .find(|(name, _)| sabotaged(config, name))
        .map(|(_, kind)| kind);
    }
    options
}

/// Opens everything and brings the hot rows back; nothing runs in the background yet.
pub(crate) async fn open(config: Config) -> Result<Arc<Core>, Error> {
    let layout = Layout::open(&config.data_dir)?;
    let cursor = layout.read_cursor()?;
    let store = SyncStore::new(!sabotaged(&config, "skip-table-sync"));
    let open = |shape: crate::table::Shape| {
        let dir = layout.table(shape.name);
        let store = store.clone();
        async move {
            let mut table = Table::open(&dir, shape, store).await?;
            table.widen().await?;
            Ok::<_, Error>(table)
        }
    };
    let tables = Tables {
        observation: open(shapes::observation()).await?,
        quarantine: open(shapes::quarantine()).await?,
        waveform: open(shapes::waveform()).await?,
        alert: open(shapes::alert()).await?,
    };
    for (table, at) in [
        (&tables.observation, cursor.observation),
        (&tables.quarantine, cursor.quarantine),
        (&tables.waveform, cursor.waveform),
    ] {
        if table.state().position < at {
            return Err(Error::Behind {
                table: table.shape.name,
                table_at: table.state().position,
                released: cursor.released,
            });
        }
    }
    let options = log_options(&config);
    let dir = layout.log();
    let (log, recovered) =
        tokio::task::spawn_blocking(move || Log::open(Arc::new(RealDisk), &dir, options))
            .await
            .map_err(|_| Error::Closed)?
            .map_err(log_error)?;
    if let Some(cut) = &recovered.truncated {
        tracing::warn!(
            bytes = cut.bytes,
            "the torn end of the log was cut off; it was never acknowledged"
        );
    }
    let committed = tables
        .observation
        .state()
        .position
        .max(tables.quarantine.state().position)
        .max(tables.waveform.state().position)
        .max(cursor.released);
    if recovered.last < committed {
        return Err(Error::LogBehind {
            last: recovered.last,
            committed,
        });
    }
    let part = |table: &Table| Part {
        table: table.state().clone(),
        hot: Hot::new(sabotaged(&config, "skip-dedup")),
    };
    let visible = Visible {
        observation: part(&tables.observation),
        quarantine: part(&tables.quarantine),
        waveform: part(&tables.waveform),
        alert: tables.alert.state().clone(),
        applied: 0,
    };
    let core = Arc::new(Core::new(
        config,
        layout,
        log,
        store.clone(),
        visible,
        tables,
        recovered.first.saturating_sub(1),
    ));
    let state = session_state(&core, Arc::new(store))?;
    drop(core.session.set(state));
    replay(&core, recovered.last).await?;
    Ok(core)
}

/// Brings back what the tables do not have, committing on the way when it is much.
async fn replay(core: &Core, last: u64) -> Result<(), Error> {
    let from = {
        let visible = core.visible();
        [&visible.observation, &visible.quarantine, &visible.waveform]
            .map(|part| part.table.position)
            .into_iter()
            .min()
            .unwrap_or(0)
            + 1
    };
    let shapes = Shapes::new();
    let from = from.max(core.log.first());
    core.visible().applied = from.saturating_sub(1);
    let mut rows = 0_u64;
    for record in core.log.read_from(from) {
        let (seq, bytes) = record.map_err(log_error)?;
        let entry = Entry::decode(&bytes).map_err(|e| match e {
            Error::Record { detail, .. } => Error::Record { seq, detail },
            other => other,
        })?;
        let taken = rows_of(entry, &shapes)?;
        rows += taken
            .observation
            .as_ref()
            .map_or(0, |b| b.num_rows() as u64);
        core.visible().apply(seq, taken)?;
        if core.visible().hot_rows() >= core.config.flush_rows {
            core.flush().await?;
        }
    }
    let applied = core.visible().applied;
    if applied < last {
        return Err(Error::Log(format!(
            "the log ends at {applied} although it holds {last}"
        )));
    }
    if rows > 0 {
        tracing::info!(rows, "rows brought back from the log");
    }
    core.counters.flushes.store(0, Ordering::Relaxed);
    Ok(())
}
