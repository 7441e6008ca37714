//! Rules and routing read again while the service runs, on SIGHUP: they take effect as a record of the log, as at a
//! start. Files with faults change nothing; those before stay in force, and log, `/readyz` and metrics say so.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wardline_rules::RuleSet;
use wardline_store::Entry;

use crate::config::Config;
use crate::core::Core;
use crate::files::{self, Files};
use crate::follow::Asker;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;

pub(crate) struct Reload {
    config: Config,
    pipeline: Pipeline,
    asker: Asker,
    metrics: Arc<Metrics>,
    /// Text of the routing in force.
    routing: String,
    hangup: Signal,
}

impl Reload {
    /// From now on the signal ends nothing; `routing` is the text in force.
    pub(crate) fn new(config: &Config, core: &Core, routing: String) -> anyhow::Result<Self> {
        Ok(Self {
            config: config.clone(),
            pipeline: core.pipeline.clone(),
            asker: core.asker.clone(),
            metrics: Arc::clone(&core.metrics),
            routing,
            hangup: signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?,
        })
    }

    /// Until the log or the rules take nothing any more.
    pub(crate) async fn run(mut self) {
        while let Some(()) = self.hangup.recv().await {
            let files = files::check(&self.config);
            if !files.faults.is_empty() {
                self.refuse(&files.faults);
                continue;
            }
            for warning in &files.warnings {
                tracing::warn!(warning, "configuration");
            }
            if self.put_in_force(files).await.is_none() {
                return;
            }
            self.metrics.rules.clear();
            tracing::info!("rules and routing were read again and are in force");
        }
    }

    fn refuse(&self, faults: &[String]) {
        for fault in faults {
            tracing::error!(fault, "rules and routing were read again and are not used");
        }
        self.metrics.rules.refuse(format!(
            "the files read again have {} fault(s), the first {}: those before stay in force",
            faults.len(),
            faults.first().map(String::as_str).unwrap_or_default()
        ));
    }

    /// Logs what is not in force yet.
    async fn put_in_force(&mut self, files: Files) -> Option<()> {
        let at = crate::clock::now();
        let rules = RuleSet::parse(&files.rules).ok()?;
        if rules.version() != self.asker.rules().await?.version() {
            let text = files.rules;
            self.pipeline
                .entry(Entry::RuleSet { at, text })
                .await
                .ok()?;
        }
        if files.routing != self.routing {
            let text = files.routing.clone();
            self.pipeline
                .entry(Entry::Routing { at, text })
                .await
                .ok()?;
            self.routing = files.routing;
        }
        Some(())
    }
}
