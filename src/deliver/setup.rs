//! Receivers as they are configured.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lettre::message::Mailbox;
use wardline_ingest::{BrokerPublisher, Handle};
use wardline_rules::Fault;
use wardline_rules::routing::Routing;

use super::{Email, FhirPush, Outbox, People, Receiver, Teams, Topic, Watchdog, Webhook};
use crate::config::{Config, Events};
use crate::core::Core;
use crate::serve::{TOPIC, broker_topic};

/// Names of all receivers: what routes may send to.
pub(crate) fn names(config: &Config) -> BTreeSet<String> {
    let webhooks = config.webhooks.iter().map(|one| one.name.clone());
    let teams = config.teams.iter().map(|one| one.name.clone());
    let emails = config.emails.iter().map(|one| one.name.clone());
    let brokers = config.brokers.iter().map(|one| broker_topic(&one.name));
    let pushes = config.fhir_pushes.iter().map(|one| one.name.clone());
    let listener = config.mqtt.iter().map(|_| TOPIC.to_owned());
    let others = webhooks.chain(teams).chain(emails).chain(pushes);
    others.chain(brokers).chain(listener).collect()
}

/// Names of the receivers that hear nothing unless a route names them.
pub(crate) fn deaf(config: &Config) -> Vec<&str> {
    // A watchdog's sign of life is reason enough for a webhook.
    let webhooks = config.webhooks.iter().filter(|one| one.watchdog.is_none());
    let webhooks = webhooks.map(|one| (&one.name, one.events));
    let teams = config.teams.iter().map(|one| (&one.name, one.events));
    let emails = config.emails.iter().map(|one| (&one.name, one.events));
    let pushes = config.fhir_pushes.iter().map(|one| (&one.name, one.events));
    let all = webhooks.chain(teams).chain(emails).chain(pushes);
    all.filter(|(_, events)| *events == Events::None)
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Faults of a routing file against the e-mail receivers: a message without an address, or to one that is none, would tell
/// nobody.
pub(crate) fn unaddressed(config: &Config, routing: &Routing) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mention in routing.mentions() {
        let mut emails = config.emails.iter();
        let Some(email) = emails.find(|email| email.name == mention.channel) else {
            continue;
        };
        let problem = match &mention.address {
            None if email.to.is_none() => "needs an `address`: its [[email]] has no `to`",
            Some(address) if address.parse::<Mailbox>().is_err() => {
                "needs an e-mail address as `address`, such as n.ito@hospital.example"
            }
            _ => continue,
        };
        faults.push(Fault {
            line: mention.line,
            column: mention.column,
            message: format!("`{}` {problem}", mention.channel),
        });
    }
    faults
}

/// The outbox's worker with all receivers.
pub(crate) fn outbox(
    config: &Config,
    core: &Core,
    listener: Option<Handle>,
    brokers: Vec<BrokerPublisher>,
) -> anyhow::Result<Outbox> {
    let mut receivers: HashMap<String, Arc<dyn Receiver>> = HashMap::new();
    for webhook in &config.webhooks {
        receivers.insert(webhook.name.clone(), Arc::new(Webhook::new(webhook)?));
    }
    let people = People {
        registry: Arc::clone(&core.registry),
        url: config.http.url.clone(),
    };
    for teams in &config.teams {
        let receiver = Teams::new(teams, people.clone())?;
        receivers.insert(teams.name.clone(), Arc::new(receiver));
    }
    for email in &config.emails {
        let receiver = Email::new(email, people.clone())?;
        receivers.insert(email.name.clone(), Arc::new(receiver));
    }
    for push in &config.fhir_pushes {
        let push = FhirPush::new(push, Arc::clone(&core.registry))?;
        receivers.insert(push.name().to_owned(), Arc::new(push));
    }
    let topic = format!("wardline/v1/{}/alerts", config.site);
    for (broker, publisher) in config.brokers.iter().zip(brokers) {
        let topic = Topic {
            topic: topic.clone(),
            listener: None,
            broker: Some(publisher),
        };
        receivers.insert(broker_topic(&broker.name), Arc::new(topic));
    }
    if listener.is_some() {
        let topic = Topic {
            topic,
            listener,
            broker: None,
        };
        receivers.insert(TOPIC.to_owned(), Arc::new(topic));
    }
    // Before anybody asks whether it stands still.
    core.metrics.delivery.turned.now();
    Ok(Outbox {
        registry: Arc::clone(&core.registry),
        receivers,
        metrics: Arc::clone(&core.metrics),
        wake: Arc::clone(&core.outbox),
    })
}

/// One for each receiver that wants one.
pub(crate) fn watchdogs(config: &Config, core: &Core) -> anyhow::Result<Vec<Watchdog>> {
    let mut watchdogs = Vec::new();
    for webhook in &config.webhooks {
        let Some(every) = webhook.watchdog else {
            continue;
        };
        watchdogs.push(Watchdog {
            name: webhook.name.clone(),
            webhook: Webhook::new(webhook)?,
            every,
            site: config.site.clone(),
            applied: core.applied.clone(),
            tick: config.intake.tick,
            metrics: Arc::clone(&core.metrics),
        });
    }
    Ok(watchdogs)
}
