//! Whether the system's clock is synchronised.
//!
//! The kernel knows (adjtimex: its error bound below 16 s, cleared when somebody sets the clock). It is asked through
//! systemd-timedated's property `NTPSynchronized`, which is that very state, whichever daemon disciplines the clock.
//! Without D-Bus there is the marker file; systemd-timesyncd makes one, others can be told to. A marker counts anew
//! after a jump of the clock only when it has been touched since.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Clock;
use crate::config::{Sync, Time};

/// systemd-timedated is started by the question; it has this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often sleep and jumps are looked for between questions.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the clock told, until stopped.
pub(crate) async fn watch(clock: Clock, settings: Time, stop: CancellationToken) {
    let mut asker = Asker {
        settings,
        bus: None,
        marker: None,
        steps: 0,
    };
    loop {
        asker.steps = clock.steps();
        let synchronized = asker.ask(&clock).await;
        clock.set_synchronized(synchronized);
        let again = tokio::time::Instant::now() + asker.settings.every;
        while tokio::time::Instant::now() < again {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK.min(asker.settings.every)) => {}
            }
            if let Err(error) = clock.count_sleep() {
                tracing::warn!(%error, "cannot read the time since boot");
            }
            clock.now();
            if clock.steps() != asker.steps {
                break;
            }
        }
    }
}

struct Asker {
    settings: Time,
    bus: Option<zbus::Connection>,
    /// Of the marker when it last counted, and the jumps seen until then.
    marker: Option<(SystemTime, u64)>,
    steps: u64,
}

impl Asker {
    async fn ask(&mut self, clock: &Clock) -> bool {
        match self.settings.synchronized {
            Sync::Assume => true,
            Sync::File => self.marked(clock),
            Sync::Auto => self.marked(clock) || self.kernel().await.unwrap_or(false),
        }
    }

    fn marked(&mut self, clock: &Clock) -> bool {
        let Some(touched) = touched(&self.settings.marker) else {
            self.marker = None;
            return false;
        };
        let steps = clock.steps();
        match self.marker {
            // Of before the jump.
            Some((known, at)) if known == touched && at != steps => false,
            _ => {
                self.marker = Some((touched, steps));
                true
            }
        }
    }

    async fn kernel(&mut self) -> Option<bool> {
        let asked = timeout(PATIENCE, async {
            let bus = match &self.bus {
                Some(bus) => bus.clone(),
                None => zbus::Connection::system().await?,
            };
            let message = bus
                .call_method(
                    Some("org.freedesktop.timedate1"),
                    "/org/freedesktop/timedate1",
                    Some("org.freedesktop.DBus.Properties"),
                    "Get",
                    &("org.freedesktop.timedate1", "NTPSynchronized"),
                )
                .await?;
            let value: zbus::OwnedVariant = message.body().deserialize()?;
            Ok::<_, zbus::Error>((bus, bool::try_from(value).unwrap_or(false)))
        });
        match asked.await {
            Ok(Ok((bus, synchronized))) => {
                self.bus = Some(bus);
                Some(synchronized)
            }
            Ok(Err(error)) => {
                self.bus = None;
                tracing::debug!(%error, "systemd-timedated does not answer");
                None
            }
            Err(_) => {
                self.bus = None;
                None
            }
        }
    }
}

fn touched(marker: &Path) -> Option<SystemTime> {
    std::fs::metadata(marker).and_then(|m| m.modified()).ok()
}
