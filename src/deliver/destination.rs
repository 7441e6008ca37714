//! Which alert events go where without a routing file, and beside one.

use std::sync::Arc;

use wardline_store::registry::{AlertEventRecord, Destination};

use crate::config::{Config, Events};
use crate::serve::{TOPIC, broker_topic};

/// Ends the line of a destination that hears only what may call people; no name has it.
const PAGES: &str = "\tpages";

/// Where alert events go, as the registry enters them into the outbox. The body says by `page` whether the event may
/// call people: it is false for what came too late, and for what only tells of an alert.
fn destination(name: &str, pages: bool) -> Destination {
    let render = Arc::new(|_: i64, event: &AlertEventRecord| {
        let mut body = wardline_dashboard::json::alert(&crate::backend::view(event));
        if let Some(fields) = body.as_object_mut() {
            fields.insert("page".to_owned(), event.page.into());
        }
        body.to_string().into_bytes()
    });
    Destination {
        name: name.to_owned(),
        pages,
        render,
    }
}

/// Those that the configuration asks for.
pub(crate) fn destinations(config: &Config) -> Vec<Destination> {
    let mut wanted: Vec<(String, Events)> = Vec::new();
    let webhooks = config.webhooks.iter();
    wanted.extend(webhooks.map(|webhook| (webhook.name.clone(), webhook.events)));
    let teams = config.teams.iter();
    wanted.extend(teams.map(|teams| (teams.name.clone(), teams.events)));
    let emails = config.emails.iter();
    wanted.extend(emails.map(|email| (email.name.clone(), email.events)));
    let pushes = config.fhir_pushes.iter();
    wanted.extend(pushes.map(|push| (push.name.clone(), push.events)));
    if config.alert_topic {
        let listener = config.mqtt.iter();
        wanted.extend(listener.map(|_| (TOPIC.to_owned(), config.alert_topic_events)));
        let brokers = config.brokers.iter();
        wanted
            .extend(brokers.map(|broker| (broker_topic(&broker.name), config.alert_topic_events)));
    }
    let wanted = wanted.iter().filter_map(|(name, events)| match events {
        Events::All => Some(destination(name, false)),
        Events::Pages => Some(destination(name, true)),
        Events::None => None,
    });
    wanted.collect()
}

/// A destination as a line of text.
pub(crate) fn remembered(destination: &Destination) -> String {
    let pages = if destination.pages { PAGES } else { "" };
    format!("{}{pages}", destination.name)
}

/// The way back.
pub(crate) fn recalled(line: &str) -> Destination {
    match line.strip_suffix(PAGES) {
        Some(name) => destination(name, true),
        None => destination(line, false),
    }
}

#[cfg(test)]
mod tests {
    use super::{destination, recalled, remembered};

    #[test]
    fn a_destination_is_remembered_with_what_it_hears() {
        for pages in [false, true] {
            let known = recalled(&remembered(&destination("ward pager", pages)));
            assert_eq!((known.name.as_str(), known.pages), ("ward pager", pages));
        }
    }
}
