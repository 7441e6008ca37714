//! Messages to Microsoft Teams: an Adaptive Card, posted to a workflow ("When a Teams webhook request is received").
//!
//! The URL is a secret: it is in no log and no failure. Texts that come from elsewhere stand in `RichTextBlock`s, which
//! read no Markdown, so that none can become a link.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use wardline_store::registry::OutboxEntry;

use super::message::{Alert, Message};
use super::{Failure, People, Receiver, answer};
use crate::config::{self, Secret, Show};

/// Bytes of a message. Teams takes about 28 KB, and what it counts is more than what was sent: some have seen 21 KB refused.
const MOST: usize = 20_000;
/// Time Teams has to answer: a workflow is slower than a pager.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Alerts that a card names; of more it says how many.
const NAMED: usize = 20;
/// Characters of one text.
const TEXT: usize = 300;
/// The answer that a workflow of the old kind gives with 200 when Teams did not take the card.
const FAILED: &str = "Webhook message delivery failed";

pub(crate) struct Teams {
    client: reqwest::Client,
    url: Secret,
    show: Show,
    people: People,
}

impl Teams {
    pub(crate) fn new(teams: &config::Teams, people: People) -> anyhow::Result<Self> {
        Ok(Self {
            client: crate::tls::receiver_client(teams.ca.as_deref(), TIMEOUT)?,
            url: teams.url.clone(),
            show: teams.show.clone(),
            people,
        })
    }

    async fn send(&self, entry: &OutboxEntry) -> Result<(), Failure> {
        let message = self.people.read(entry)?;
        let link = self.people.link(entry, &message);
        let sent = self
            .client
            .post(&self.url.0)
            .header("content-type", "application/json")
            .body(fitting(&message, &self.show, link.as_deref()))
            .send()
            .await;
        let mut answer = answer::taken(sent)?;
        if beginning(&mut answer).await.starts_with(FAILED.as_bytes()) {
            return Err(Failure::transient("Teams did not take the card"));
        }
        Ok(())
    }
}

impl Receiver for Teams {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.send(entry).boxed()
    }

    /// Teams takes four requests in a second.
    fn concurrent(&self) -> usize {
        2
    }
}

/// As much of an answer as tells whether it says [`FAILED`], whatever its length is and whether it names it.
async fn beginning(answer: &mut reqwest::Response) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < FAILED.len() {
        match answer.chunk().await {
            Ok(Some(chunk)) => text.extend_from_slice(&chunk),
            // By its status it was taken.
            Ok(None) | Err(_) => break,
        }
    }
    text
}

/// The message, with as many alerts named as it has room for.
fn fitting(message: &Message, show: &Show, link: Option<&str>) -> Vec<u8> {
    let mut named = message.alerts.len().min(NAMED);
    loop {
        let text = posted(message, named, show, link).to_string();
        if text.len() <= MOST || named == 0 {
            return text.into_bytes();
        }
        named /= 2;
    }
}

fn posted(message: &Message, named: usize, show: &Show, link: Option<&str>) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card(message, named, show, link),
        }],
    })
}

fn card(message: &Message, named: usize, show: &Show, link: Option<&str>) -> Value {
    let heading = cut(&format!("Wardline: {}", message.heading(show)));
    let mut body = vec![rich(
        &[(&heading, true)],
        json!({"size": "Large", "color": colour(message)}),
    )];
    body.push(rich(
        &[(&message.as_of(), false)],
        json!({"isSubtle": true}),
    ));
    let alerts = message.alerts.iter().take(named);
    body.extend(alerts.map(|alert| described(alert, show)));
    let more = message.alerts.len() - named;
    if more > 0 {
        let text = format!("and {more} more");
        body.push(rich(&[(&text, false)], json!({})));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": heading,
        "body": body,
    });
    if let (Some(link), Some(fields)) = (link, card.as_object_mut()) {
        let action = json!({"type": "Action.OpenUrl", "title": "Acknowledge …", "url": link});
        fields.insert("actions".to_owned(), json!([action]));
    }
    card
}

/// Colour is not alone: the heading says the priority.
fn colour(message: &Message) -> &'static str {
    match (message.kind.as_str(), message.priority.as_str()) {
        ("resolved", _) => "Good",
        (_, "high") => "Attention",
        (_, "medium") => "Warning",
        _ => "Default",
    }
}

fn described(alert: &Alert, show: &Show) -> Value {
    let facts: Vec<Value> = alert
        .facts(show)
        .iter()
        .map(|(name, value)| {
            rich(
                &[(&format!("{name}: "), true), (&cut(value), false)],
                json!({}),
            )
        })
        .collect();
    json!({"type": "Container", "separator": true, "spacing": "Medium", "items": facts})
}

/// Runs of text, each bold or not, all in one style.
fn rich(runs: &[(&str, bool)], style: Value) -> Value {
    let inlines: Vec<Value> = runs
        .iter()
        .map(|(text, bold)| {
            let mut run = json!({"type": "TextRun", "text": text});
            if let (Some(run), Some(style)) = (run.as_object_mut(), style.as_object()) {
                run.extend(style.clone());
                if *bold {
                    run.insert("weight".to_owned(), json!("Bolder"));
                }
            }
            run
        })
        .collect();
    json!({"type": "RichTextBlock", "inlines": inlines})
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(TEXT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::message::tests::{alert, notification};
    use super::{MOST, fitting};
    use crate::config::{Part, Show};

    #[test]
    fn a_card_shows_no_more_than_it_may() {
        let message = notification("page", &[alert("a1", Some("12"))]);
        let text = String::from_utf8(fitting(&message, &Show::default(), Some("https://w/ack/t")));
        let text = text.unwrap();
        for personal in ["p1", "tachycardia", "131", "evil"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        let card: Value = serde_json::from_str(&text).unwrap();
        let content = &card["attachments"][0]["content"];
        assert_eq!(content["actions"][0]["url"], "https://w/ack/t");
        let text = String::from_utf8(fitting(&message, &Show::default(), None)).unwrap();
        assert!(!text.contains("actions"));
    }

    #[test]
    fn a_card_of_many_alerts_fits() {
        let mut alerts = Vec::new();
        for number in 0..500 {
            let mut alert = alert(&format!("a{number}"), Some("é".repeat(400).as_str()));
            alert["message"] = "ü".repeat(2_000).into();
            alerts.push(alert);
        }
        let show = Show([Part::Message, Part::Bed, Part::Id].into());
        let body = fitting(
            &notification("page", &alerts),
            &show,
            Some("https://w/ack/t"),
        );
        assert!(body.len() <= MOST, "{}", body.len());
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains(" more\"") && text.contains("https://w/ack/t"));
    }
}
