//! What gateways told last, for people. The rules have their own memory of it.
//!
//! It follows the log: the registry has it as of the rules' checkpoint, and the records after that bring it up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wardline_normalize::time::Micros;
use wardline_store::GatewayEntry;
use wardline_store::registry::Registry;

/// Settings that keep it, one a gateway.
const KEPT: &str = "gateway-state/";

/// One gateway.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gateway {
    /// `online` or `offline`, as told.
    pub(crate) state: String,
    /// Since when.
    pub(crate) since: Micros,
    /// Why it is offline.
    pub(crate) reason: Option<String>,
    /// When it spoke itself last.
    pub(crate) heard: Option<Micros>,
    /// All that it said then.
    pub(crate) health: Map<String, Value>,
}

#[derive(Debug, Default)]
struct State {
    gateways: BTreeMap<String, Gateway>,
    changed: BTreeSet<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<State>);

impl Told {
    /// As of the last checkpoint.
    pub(crate) fn recall(registry: &Registry) -> anyhow::Result<Self> {
        let mut state = State::default();
        for (key, value) in registry.settings()? {
            if let Some(id) = key.strip_prefix(KEPT)
                && let Ok(told) = serde_json::from_str(&value)
            {
                state.gateways.insert(id.to_owned(), told);
            }
        }
        Ok(Self(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self, entry: &GatewayEntry) {
        let mut state = self.lock();
        state.changed.insert(entry.gateway.clone());
        let Some(status) = &entry.status else {
            state.gateways.remove(&entry.gateway);
            return;
        };
        let status: Map<String, Value> = serde_json::from_str(status).unwrap_or_default();
        let told = state.gateways.entry(entry.gateway.clone()).or_default();
        let word = |name: &str| status.get(name).and_then(Value::as_str).map(str::to_owned);
        let now = word("state").unwrap_or_else(|| "online".to_owned());
        if now != told.state {
            told.since = entry.at;
        }
        told.reason = word("reason");
        if now == "offline" {
            told.state = now;
            return;
        }
        told.state = now;
        told.heard = Some(entry.at);
        // What a birth does not tell, the health before it did.
        told.health.extend(status);
    }

    /// Keeps what has changed, before the checkpoint that stands for it.
    pub(crate) fn save(&self, registry: &Registry) -> wardline_store::registry::Result<()> {
        let changed: Vec<(String, Option<Gateway>)> = {
            let mut state = self.lock();
            let ids = std::mem::take(&mut state.changed);
            let told = |id: String| {
                let told = state.gateways.get(&id).cloned();
                (id, told)
            };
            ids.into_iter().map(told).collect()
        };
        for (id, told) in changed {
            let text = told.map_or(Ok(String::new()), |told| serde_json::to_string(&told));
            let text = text.unwrap_or_default();
            registry.set_setting(&format!("{KEPT}{id}"), &text)?;
        }
        Ok(())
    }

    /// All, by id.
    pub(crate) fn all(&self) -> Vec<(String, Gateway)> {
        let state = self.lock();
        let gateways = state.gateways.iter();
        gateways
            .map(|(id, told)| (id.clone(), told.clone()))
            .collect()
    }
}
