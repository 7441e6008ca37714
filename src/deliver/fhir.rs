//! Alerts to a FHIR R4 server: docs/fhir-alerts.md.
//!
//! Every delivery is a transaction that puts what an alert is by now, under ids that are ours: the condition
//! (DetectedIssue or Flag), the work (Task) and the messages (Communication). So it may be repeated, and an entry that is
//! sent late, or again by a person's hand, never brings an old state back. Why PUT and not a conditional create:
//! clinical.md 2.5.

mod answer;
mod bundle;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::Deserialize;
use wardline_normalize::fhir::alert::{References, Style, transaction};
use wardline_store::registry::{OutboxEntry, Registry};

use super::{Failure, Receiver};
use crate::config;

/// Time a server has to answer: transactions of 6 to 12 s are reported of real ones (clinical.md 2.6).
const TIMEOUT: Duration = Duration::from_secs(30);
/// Transactions under way at once to one server: several entries may put the same alert (its events, a notification of it
/// and others), and what was read first must not arrive last.
const CONCURRENT: usize = 1;
/// Entries of one transaction: Medplum takes no more updates in one. A delivery that needs more is several, in order.
const ENTRIES: usize = 50;
const MEDIA_TYPE: &str = "application/fhir+json";

/// A FHIR server.
pub(crate) struct FhirPush {
    name: String,
    url: String,
    token: Option<config::Secret>,
    client: reqwest::Client,
    registry: Arc<Registry>,
    style: Style,
    patient_system: Option<String>,
}

impl FhirPush {
    pub(crate) fn new(push: &config::FhirPush, registry: Arc<Registry>) -> anyhow::Result<Self> {
        Ok(Self {
            name: push.name.clone(),
            url: push.url.clone(),
            token: push.token.clone(),
            client: crate::tls::receiver_client(push.ca.as_deref(), TIMEOUT)?,
            registry,
            style: Style {
                base: String::new(),
                parties: push.references,
                // Readings are not sent there; a reference to what is not there would be refused.
                observations: References::Identifier,
                condition: push.condition,
                meta: false,
            },
            patient_system: push.patient_system.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    async fn put(&self, entry: &OutboxEntry) -> Result<(), Failure> {
        let alerts = alerts(entry).map_err(Failure::permanent)?;
        let resources = tokio::task::block_in_place(|| self.resources(entry, &alerts))
            .map_err(|error| Failure::transient(format!("the registry cannot be read: {error}")))?;
        if resources.is_empty() {
            return Err(Failure::permanent("its alerts are not in the registry"));
        }
        // Conditions go first, so what refers to them finds them in its own transaction or at the server.
        for part in resources.chunks(ENTRIES) {
            let mut request = self
                .client
                .post(&self.url)
                .header("content-type", MEDIA_TYPE)
                .header("accept", MEDIA_TYPE)
                .header("prefer", "return=minimal")
                .body(transaction(part, &self.url));
            if let Some(config::Secret(token)) = &self.token {
                request = request.bearer_auth(token);
            }
            answer::taken(request.send().await, part.len()).await?;
        }
        Ok(())
    }
}

impl Receiver for FhirPush {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.put(entry).boxed()
    }

    fn concurrent(&self) -> usize {
        CONCURRENT
    }
}

/// Which alerts an entry tells of: its own, or those of the notification that it carries.
fn alerts(entry: &OutboxEntry) -> Result<BTreeSet<String>, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        alert_id: String,
    }
    #[derive(Deserialize)]
    struct Body {
        alerts: Vec<Told>,
    }
    if let Some(id) = &entry.alert_id {
        return Ok(BTreeSet::from([id.clone()]));
    }
    let body: Body =
        serde_json::from_slice(&entry.payload).map_err(|_| "its body names no alerts")?;
    Ok(body.alerts.into_iter().map(|told| told.alert_id).collect())
}

#[cfg(test)]
mod tests;
