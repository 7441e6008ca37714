//! The tasks that commit and merge while the server runs.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::core::Core;

/// Of so many rounds of merging, one looks for files that can be deleted: it lists every file,
/// and what it looks for is a day old at least.
const VACUUM_ROUNDS: u64 = 12;

/// Commits every so often, or sooner when rows wait.
pub(crate) async fn flusher(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(core.config.flush_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = core.flush_wanted.notified() => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = core.flush().await {
            tracing::error!(%error, "rows could not be committed to the tables; they stay in the log");
            // Not at once again: a full disk does not empty in a moment.
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.changed() => return,
            }
        }
    }
}

/// Merges files every so often.
pub(crate) async fn compactor(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    let Some(every) = core.config.compact_every else {
        return;
    };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut round = 0_u64;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let vacuum = round.is_multiple_of(VACUUM_ROUNDS);
        round += 1;
        if let Err(error) = core.compact(vacuum).await {
            tracing::error!(%error, "files could not be merged; they stay as they are");
        }
    }
}
