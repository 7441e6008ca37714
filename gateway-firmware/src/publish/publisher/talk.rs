//! What goes out beside readings, and the settings of the connection.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use serde_json::Value;
use wardline_log::Error;

use super::{FAREWELL, Link, Parts, Publisher, REPLIES, Sent};
use crate::clock::Clock;
use crate::config::Config;
use crate::publish::pack::Pack;
use crate::publish::session::JSON;
use crate::publish::wire::Settings;
use crate::publish::{mirror, status};

pub(super) fn settings(config: &Config, clock: &Clock) -> Settings {
    let server = &config.server;
    let tls = server.tls();
    let password = server.password_file.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .unwrap_or_else(|error| {
                tracing::error!(%error, file = %file.display(), "cannot read the password");
                String::new()
            })
    });
    let files = [&server.ca, &server.cert, &server.key, &server.password_file];
    let files = files.into_iter().flatten().map(|file| {
        let found = std::fs::metadata(file).ok();
        let changed = found.as_ref().and_then(|found| found.modified().ok());
        (changed, found.map_or(0, |found| found.len()))
    });
    Settings {
        url: server.url.clone(),
        files: files.collect(),
        tls,
        client: config.gateway.clone(),
        credentials: server
            .username
            .clone()
            .zip(password.or_else(|| server.password.clone())),
        status_topic: format!("{}/status", config.prefix()),
        will: status::will(clock),
        window: server.window,
    }
}

impl Link {
    /// Whether the client took it. What it did not take is not in the outbox, or the next PUBACK would stand for it.
    fn give(
        &mut self,
        sent: Sent,
        topic: &str,
        payload: Bytes,
        content_type: &str,
        retain: bool,
    ) -> bool {
        let properties = PublishProperties {
            content_type: Some(content_type.to_owned()),
            ..PublishProperties::default()
        };
        let given = self.client.try_publish_with_properties(
            topic.to_owned(),
            QoS::AtLeastOnce,
            retain,
            payload,
            properties,
        );
        if given.is_err() {
            tracing::debug!("a message found the connection closed or full");
            return false;
        }
        self.outbox.accept(sent);
        self.outbox.submit();
        true
    }
}

impl Publisher {
    /// Whether it is on its way.
    pub(super) fn publish(
        &mut self,
        sent: Sent,
        topic: &str,
        payload: Bytes,
        content_type: &str,
        retain: bool,
    ) -> bool {
        let link = self.link.as_mut();
        link.is_some_and(|link| link.give(sent, topic, payload, content_type, retain))
    }

    pub(super) fn mirror(&mut self, config: &Config, pack: &Pack) {
        let Some(link) = &mut self.link else { return };
        let Some(payload) = mirror::message(pack) else {
            return;
        };
        let topic = format!("{}/BTtoMQTT/{}", config.mirror.base, pack.device);
        if link
            .client
            .try_publish(topic, QoS::AtMostOnce, false, payload)
            .is_ok()
        {
            link.outbox.submitted_unkept();
        }
    }

    pub(super) fn status(&mut self) {
        if self.link.is_none() {
            return;
        }
        let config = Arc::clone(&self.parts.config.borrow());
        let Parts {
            spool,
            figures,
            clock,
            devices,
            damaged,
            renewals,
            ..
        } = &self.parts;
        let mut payload = status::online(&config, spool, figures, clock, devices, *damaged);
        status::certificate(&mut payload, &renewals.health());
        let payload = payload.to_string().into();
        let topic = format!("{}/status", config.prefix());
        if !self.publish(Sent::Other, &topic, payload, JSON, true) {
            tracing::debug!("a status is left out");
        }
    }

    pub(super) fn answer(&mut self, answer: Option<Value>) {
        let Some(answer) = answer else { return };
        let topic = format!("{}/command/reply", self.parts.config.borrow().prefix());
        let payload = answer.to_string().into();
        if !self.publish(Sent::Other, &topic, payload, JSON, false) && self.answers.len() < REPLIES
        {
            self.answers.push(answer);
        }
    }

    /// Says that it ends, if there is anybody to hear it.
    pub(super) async fn farewell(&mut self) -> Result<(), Error> {
        if self.link.is_none() {
            return Ok(());
        }
        let topic = format!("{}/status", self.parts.config.borrow().prefix());
        let payload = status::brief("offline", "stopped", &self.parts.clock);
        if !self.publish(Sent::Other, &topic, payload, JSON, true) {
            return Ok(());
        }
        let until = tokio::time::Instant::now() + FAREWELL;
        while self
            .link
            .as_ref()
            .is_some_and(|link| !link.outbox.is_empty())
        {
            match tokio::time::timeout_at(until, self.news.recv()).await {
                Ok(Some(news)) => self.on_news(news)?,
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::{AsyncClient, MqttOptions};

    use super::*;
    use crate::publish::outbox::Outbox;

    #[test]
    fn what_the_client_did_not_take_is_acknowledged_by_no_answer() {
        let (client, _events) = AsyncClient::new(MqttOptions::new("g", "127.0.0.1", 1), 1);
        let mut link = Link {
            client,
            outbox: Outbox::new(),
            most: 1_000,
            window: 2,
        };
        let mut give = || link.give(Sent::Other, "t", Bytes::new(), JSON, false);
        assert!(give() && !give(), "its channel holds one");
        assert_eq!(link.outbox.len(), 1);
        link.outbox.sent(1);
        link.outbox.sent(2);
        assert!(link.outbox.acknowledged(1).is_some());
        assert!(link.outbox.acknowledged(2).is_none());
    }
}
