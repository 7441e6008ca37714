//! Ctrl-C and SIGTERM: what was started is ended, what was written is removed, and we go.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What a sudden end must not leave behind.
#[derive(Debug)]
struct Left {
    children: Vec<Pid>,
    directory: Option<PathBuf>,
}

static LEFT: Mutex<Left> = Mutex::new(Left {
    children: Vec::new(),
    directory: None,
});

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that ends with us.
pub(crate) fn ends(child: &Child) {
    left().children.push(Pid::from_child(child));
}

/// It has ended already: its number may be another's by now.
pub(crate) fn ended(child: &Child) {
    let pid = Pid::from_child(child);
    left().children.retain(|known| *known != pid);
}

/// A directory for all that a benchmark writes, removed with what it holds however we end.
pub(crate) fn scratch(under: &Path) -> anyhow::Result<TempDir> {
    std::fs::create_dir_all(under)?;
    let directory = tempfile::Builder::new()
        .prefix("wardline-bench-")
        .tempdir_in(under)?;
    left().directory = Some(directory.path().to_owned());
    Ok(directory)
}

/// Watches for signals on a thread of its own until the process ends.
pub(crate) fn watch() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let signals = runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        anyhow::Ok((
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ))
    });
    let (mut interrupt, mut terminate) = signals?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let code = runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = terminate.recv() => 143,
                }
            });
            // Held until the end, so that nothing is started meanwhile.
            let left = left();
            for child in &left.children {
                // Fails when it has ended, which is as good.
                kill_process(*child, Signal::KILL).ok();
            }
            if let Some(directory) = &left.directory {
                drop(std::fs::remove_dir_all(directory));
            }
            std::process::exit(code);
        })?;
    Ok(())
}
