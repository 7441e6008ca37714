//! Commands to gateways: kept, published, answered.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use wardline_dashboard::backend::{
    BackendError, BackendResult, CommandNew, GatewayCommand, Principal,
};
use wardline_ingest::{BrokerPublisher, Handle};
use wardline_normalize::time::format_rfc3339;
use wardline_store::registry::{NewCommand, SentCommand};

use super::{Gateways, fault, micros};

/// How long a broker may take to acknowledge a command.
const PATIENCE: Duration = Duration::from_secs(5);
/// The argument that is a secret.
const PASSKEY: &str = "passkey";

/// How commands get to gateways, and whether by TLS.
pub(crate) struct Ways {
    pub(crate) listener: Option<(Handle, bool)>,
    pub(crate) brokers: Vec<(BrokerPublisher, bool)>,
}

impl Ways {
    fn private(&self) -> bool {
        self.listener.iter().all(|(_, tls)| *tls) && self.brokers.iter().all(|(_, tls)| *tls)
    }
}

/// Takes a waiter away however the wait ends.
struct Waiting<'a> {
    gateways: &'a Gateways,
    id: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self
            .gateways
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.remove(self.id);
    }
}

impl Gateways {
    /// Sends a command and waits for its answer as long as asked.
    pub(crate) async fn command(
        &self,
        new: CommandNew,
        by: &Principal,
    ) -> BackendResult<GatewayCommand> {
        let Some(ways) = &self.ways else {
            return Err(BackendError::Conflict(
                "a command goes through the running server: give --url".to_owned(),
            ));
        };
        let mut kept_args = new.args.clone();
        if let Some(passkey) = kept_args.get_mut(PASSKEY) {
            if !(new.private && ways.private()) {
                return Err(BackendError::Conflict(
                    "a passkey travels by TLS alone, to the server and on to the gateway"
                        .to_owned(),
                ));
            }
            *passkey = json!("******");
        }
        let now = crate::clock::now();
        let kept = NewCommand {
            gateway: new.gateway,
            command: new.command,
            args: kept_args.to_string(),
            author: by.name.clone(),
            expires_at: now + micros(new.life),
        };
        let site = self.site()?;
        let sent = block_in_place(|| self.registry.keep_command(&kept, now)).map_err(fault)?;
        let told = Arc::clone(
            self.waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(sent.id.clone())
                .or_default(),
        );
        let _waiting = Waiting {
            gateways: self,
            id: &sent.id,
        };
        let topic = format!("wardline/v1/{site}/{}/command", kept.gateway);
        let payload = json!({
            "id": sent.id,
            "expires": format_rfc3339(kept.expires_at),
            "command": kept.command,
            "args": new.args,
        });
        publish(ways, &topic, payload.to_string().into(), new.life).await?;
        if !new.wait.is_zero()
            && tokio::time::timeout(new.wait, told.notified())
                .await
                .is_err()
        {
            tracing::debug!(id = sent.id, "no answer yet");
        }
        self.commanded(&kept.gateway, &sent.id)
    }

    /// A command and its answer.
    pub(crate) fn commanded(&self, gateway: &str, id: &str) -> BackendResult<GatewayCommand> {
        self.registry.command(gateway, id).map(view).map_err(fault)
    }
}

/// To whoever listens here, and by way of the brokers: a gateway runs each command once, however often it hears it.
async fn publish(ways: &Ways, topic: &str, payload: Bytes, life: Duration) -> BackendResult<()> {
    let mut reached = false;
    if let Some((listener, _)) = &ways.listener {
        let heard = listener
            .publish(topic, payload.clone(), false, Some(life))
            .map_err(|error| BackendError::Invalid(error.to_string()))?;
        reached = heard > 0;
    }
    let mut trouble = None;
    for (broker, _) in &ways.brokers {
        let delivery = match broker.publish(topic, payload.clone(), false, Some(PATIENCE.min(life)))
        {
            Ok(delivery) => delivery,
            Err(error) => {
                trouble = Some(error.to_string());
                continue;
            }
        };
        match tokio::time::timeout(PATIENCE, delivery.confirmed()).await {
            Ok(Ok(_)) => reached = true,
            Ok(Err(error)) => trouble = Some(error.to_string()),
            Err(_) => trouble = Some("the broker did not acknowledge in time".to_owned()),
        }
    }
    match (reached, trouble) {
        (true, _) => Ok(()),
        (false, Some(trouble)) => Err(BackendError::Unavailable(trouble)),
        (false, None) => Err(BackendError::Conflict(
            "the gateway is not connected".to_owned(),
        )),
    }
}

fn view(sent: SentCommand) -> GatewayCommand {
    let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    GatewayCommand {
        id: sent.id,
        gateway: sent.new.gateway,
        command: sent.new.command,
        args: parse(&sent.new.args),
        by: sent.new.author,
        sent: sent.sent_at,
        expires: sent.new.expires_at,
        reply: sent.reply.map(|(at, reply)| (at, parse(&reply))),
    }
}
