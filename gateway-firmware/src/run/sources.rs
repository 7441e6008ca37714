//! Every source the gateway has: one entry each.

use std::pin::Pin;
use std::sync::Arc;

use crate::config::Config;
use crate::run::context::Context;

/// A running source.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What `run` knows of a source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// As in logs, metrics and its directory of state.
    pub(crate) name: &'static str,
    /// Commands it answers.
    pub(crate) commands: &'static [&'static str],
    /// Whether the configuration has anything for it; it is started as soon as that is so.
    pub(crate) configured: fn(&Config) -> bool,
    pub(crate) run: fn(Arc<Config>, Context) -> Running,
}

/// One entry a source.
pub(crate) const SOURCES: &[Source] = &[
    Source {
        name: "ble",
        commands: crate::ble::COMMANDS,
        configured: |config| config.ble.wanted(),
        run: |config, context| {
            Box::pin(async move {
                let ended = crate::ble::run(config.ble.clone(), context).await;
                ended.map_err(|error| error.to_string())
            })
        },
    },
    Source {
        name: "mllp",
        commands: &[],
        configured: |config| config.mllp.enabled(),
        run: |config, context| {
            Box::pin(async move {
                let ended = crate::mllp::run(config.mllp.clone(), context).await;
                ended.map_err(|error| error.to_string())
            })
        },
    },
];
