//! The charges of a device's batteries.

use futures::FutureExt as _;

use super::super::bluez::watch::{Change, Watch};
use super::super::course::Course;
use super::super::profile::uuid;
use super::super::shared::Stack;

/// The next charge and whose it is; waits for ever when nobody listens.
pub(super) async fn next_of(batteries: &mut Option<Batteries>) -> Option<(usize, Vec<u8>)> {
    match batteries {
        Some(batteries) => batteries.next().await,
        None => std::future::pending().await,
    }
}

/// The batteries of a device, over the side channel: btleplug keeps one characteristic of a number, and which one
/// nobody can tell.
pub(super) struct Batteries {
    watches: Vec<(usize, Watch)>,
}

impl Batteries {
    /// Reads every charge, and listens for the next ones.
    pub(super) async fn new(stack: &Stack, device: &str, course: &mut Course) -> Self {
        let limit = stack.shared.config.operation_timeout;
        let paths = match stack.bus.objects().await {
            Ok(objects) => objects.instances(device, uuid::BATTERY_LEVEL),
            Err(error) => {
                tracing::debug!(device, %error, "the batteries are not known");
                Vec::new()
            }
        };
        let mut watches = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            // Read before listening, or what the read makes BlueZ say would be taken for another charge.
            match stack.bus.read(path, limit).await {
                Ok(charge) => course.battery(number, &charge, stack.shared.clock.now()),
                Err(error) => tracing::debug!(path, %error, "a battery is not readable"),
            }
            let watch = match Watch::values(&stack.bus, path).await {
                Ok(watch) => watch,
                Err(error) => {
                    tracing::debug!(path, %error, "a battery is not watched");
                    continue;
                }
            };
            match stack.bus.subscribe(path, limit).await {
                Ok(()) => watches.push((number, watch)),
                Err(error) => tracing::debug!(path, %error, "a battery does not notify"),
            }
        }
        Self { watches }
    }

    /// The next charge and whose it is; waits for ever when there is nothing to watch. Safe to drop at any time.
    async fn next(&mut self) -> Option<(usize, Vec<u8>)> {
        if self.watches.is_empty() {
            return std::future::pending().await;
        }
        let waits = self
            .watches
            .iter_mut()
            .map(|(number, watch)| async move { (*number, watch.next().await) }.boxed());
        match futures::future::select_all(waits).await.0 {
            (number, Some(Change::Value(_, value))) => Some((number, value)),
            (_, Some(_)) => None,
            // The bus is gone; the stack is built anew for it.
            (_, None) => std::future::pending().await,
        }
    }
}
