//! What goes out beside readings, and the settings of the connection.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use serde_json::Value;
use wardline_log::Error;

use super::{FAREWELL, Parts, Publisher, REPLIES, Sent};
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

impl Publisher {
    pub(super) fn publish(
        &mut self,
        sent: Sent,
        topic: &str,
        payload: Bytes,
        content_type: &str,
        retain: bool,
    ) {
        let Some(link) = &mut self.link else { return };
        link.outbox.accept(sent);
        link.outbox.submit();
        let properties = PublishProperties {
            content_type: Some(content_type.to_owned()),
            ..PublishProperties::default()
        };
        let given = link.client.try_publish_with_properties(
            topic.to_owned(),
            QoS::AtLeastOnce,
            retain,
            payload,
            properties,
        );
        if given.is_err() {
            // Only when the connection is ending: its end makes everything unacknowledged be read again.
            tracing::debug!("a message found the connection closed");
        }
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
        self.publish(Sent::Other, &topic, payload, JSON, true);
    }

    pub(super) fn answer(&mut self, answer: Option<Value>) {
        let Some(answer) = answer else { return };
        if self.link.is_none() {
            if self.answers.len() < REPLIES {
                self.answers.push(answer);
            }
            return;
        }
        let topic = format!("{}/command/reply", self.parts.config.borrow().prefix());
        self.publish(Sent::Other, &topic, answer.to_string().into(), JSON, false);
    }

    /// Says that it ends, if there is anybody to hear it.
    pub(super) async fn farewell(&mut self) -> Result<(), Error> {
        if self.link.is_none() {
            return Ok(());
        }
        let topic = format!("{}/status", self.parts.config.borrow().prefix());
        let payload = status::brief("offline", "stopped", &self.parts.clock);
        self.publish(Sent::Other, &topic, payload, JSON, true);
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
