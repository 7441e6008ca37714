//! Talk goes to stderr: messages, and progress as a line that redraws itself or as a line now and then.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::task::AbortHandle;

use crate::publish::{Counters, Snapshot};

/// How often progress is told where it cannot be redrawn.
const TELL_EVERY: Duration = Duration::from_secs(10);
const REDRAW_EVERY: Duration = Duration::from_millis(250);

/// The line that redraws itself, if there is one: messages must go around it.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// One line on stderr.
pub(crate) fn talk(text: &str) {
    match BAR.get() {
        Some(bar) => bar.suspend(|| line(text)),
        None => line(text),
    }
}

#[expect(clippy::print_stderr, reason = "the one place that talks")]
fn line(text: &str) {
    eprintln!("{text}");
}

/// Shows the counters until aborted.
pub(crate) fn progress(counters: Arc<Counters>) -> AbortHandle {
    tokio::spawn(async move {
        if std::io::stderr().is_terminal() {
            let bar = BAR.get_or_init(ProgressBar::new_spinner);
            bar.set_style(ProgressStyle::default_spinner());
            loop {
                bar.set_message(summary(&counters.snapshot()));
                bar.tick();
                tokio::time::sleep(REDRAW_EVERY).await;
            }
        }
        loop {
            tokio::time::sleep(TELL_EVERY).await;
            talk(&summary(&counters.snapshot()));
        }
    })
    .abort_handle()
}

/// Takes the redrawn line away.
pub(crate) fn progress_done(progress: &AbortHandle) {
    progress.abort();
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}

/// The counters in words.
pub(crate) fn summary(counters: &Snapshot) -> String {
    let Snapshot {
        accepted,
        acknowledged,
        refused,
        readings,
        connections,
        connected,
    } = *counters;
    let mut text = format!(
        "{} packs acknowledged ({} readings)",
        HumanCount(acknowledged),
        HumanCount(readings)
    );
    let waiting = accepted.saturating_sub(acknowledged + refused);
    if waiting > 0 {
        text += &format!(", {} waiting", HumanCount(waiting));
    }
    if refused > 0 {
        text += &format!(", {} refused", HumanCount(refused));
    }
    if connections > 1 {
        text += &format!(", {} reconnects", connections - 1);
    }
    if !connected && waiting > 0 {
        text += ", not connected";
    }
    text
}
