//! Alert events and notifications by HTTP POST.
//!
//! `Wardline-Signature: t={unix seconds},v1={hex HMAC-SHA256 of "{t}.{body}"}` lets the receiver know who
//! sent it and when; `Idempotency-Key` is the same on every attempt for one event.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wardline_store::registry::OutboxEntry;

use super::{Failure, Receiver, answer};
use crate::config;

/// Time a receiver has to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Webhook {
    client: reqwest::Client,
    url: String,
    secret: config::Secret,
}

impl Webhook {
    pub(crate) fn new(webhook: &config::Webhook) -> anyhow::Result<Self> {
        Ok(Self {
            client: crate::tls::receiver_client(webhook.ca.as_deref(), TIMEOUT)?,
            url: webhook.url.clone(),
            secret: webhook.secret.clone(),
        })
    }

    /// Posts a body, signed now.
    pub(super) async fn post(&self, body: Vec<u8>, key: &str) -> Result<(), Failure> {
        let seconds = crate::clock::now() / 1_000_000;
        let signature = sign(self.secret.0.as_bytes(), seconds, &body);
        let sent = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("wardline-signature", format!("t={seconds},v1={signature}"))
            .header("idempotency-key", key)
            .body(body)
            .send()
            .await;
        answer::taken(sent).map(drop)
    }
}

impl Receiver for Webhook {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.post(entry.payload.clone(), &entry.idempotency_key)
            .boxed()
    }
}

fn sign(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_signature_is_hmac_sha256_of_time_and_body() {
        // Computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`.
        let expected = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(super::sign(b"key", 1_700_000_000, b"{}"), expected);
    }
}
