//! Links by which people acknowledge from a message.

use tokio::task::block_in_place;
use wardline_dashboard::backend::{
    AckLink, AlertAction, AlertActionKind, Backend as _, BackendError, BackendResult, LinkedAlert,
};
use wardline_normalize::time::Micros;
use wardline_store::registry::{AckToken, Error, Registry};

use super::{Adapter, alerts, fault};

/// What a token stands for while it is good; changes nothing.
pub(super) fn find(registry: &Registry, token: &str) -> BackendResult<Option<AckLink>> {
    match known(registry, token)? {
        Some(token) => view(registry, token).map(Some),
        None => Ok(None),
    }
}

/// Acknowledges and uses the token up. In this order, one at a time: a link that was used up by a failure would tell
/// whoever presses the button again that it has been used, and nobody would have acknowledged. A crash between the two
/// leaves a link that acknowledges once more what it acknowledged. It is used up only once each of its alerts is
/// acknowledged or over.
pub(super) async fn acknowledge(adapter: &Adapter, token: &str) -> BackendResult<Option<AckLink>> {
    let _alone = adapter.links.lock().await;
    let Some(found) = block_in_place(|| known(&adapter.registry, token))? else {
        return Ok(None);
    };
    let by = author(&found);
    for alert_id in &found.alerts {
        let action = AlertAction {
            alert_id: alert_id.clone(),
            kind: AlertActionKind::Acknowledge,
            by: by.clone(),
            at: crate::clock::now(),
            note: None,
        };
        match adapter.act(action).await {
            // What the registry no longer has needs nobody; what the rules no longer watch shows in the view.
            Ok(_) | Err(BackendError::NotFound(_) | BackendError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let stands = block_in_place(|| view(&adapter.registry, found.clone()))?;
    if !stands.settled() {
        return Ok(Some(stands));
    }
    block_in_place(
        || match adapter.registry.use_ack(token, crate::clock::now()) {
            Ok(used) => view(&adapter.registry, used).map(Some),
            // It expired while it was acknowledged by.
            Err(Error::Spent) => view(&adapter.registry, found).map(Some),
            Err(error) => Err(fault(error)),
        },
    )
}

fn known(registry: &Registry, token: &str) -> BackendResult<Option<AckToken>> {
    registry
        .ack_token(token, crate::clock::now())
        .map_err(fault)
}

/// The person, else the receiver: whoever reads a channel acknowledges in its name.
fn author(token: &AckToken) -> String {
    let person = token.recipient.as_ref();
    person.unwrap_or(&token.channel).clone()
}

fn view(registry: &Registry, token: AckToken) -> BackendResult<AckLink> {
    let by = author(&token);
    let mut linked = Vec::new();
    for id in &token.alerts {
        let alert = match alerts::one(registry, id) {
            Ok(alert) => alert,
            Err(BackendError::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let bed = alert
            .patient()
            .and_then(|patient| crate::deliver::bed(registry, patient));
        let worse = worsened_since(registry, id, token.created_at)?;
        linked.push(LinkedAlert { alert, bed, worse });
    }
    Ok(AckLink {
        by,
        expires: token.expires_at,
        alerts: linked,
    })
}

fn worsened_since(registry: &Registry, alert: &str, at: Micros) -> BackendResult<bool> {
    let events = crate::core::all(|page| registry.alert_events(alert, page));
    let events = events.map_err(|error| BackendError::Internal(error.to_string()))?;
    let mut worsened = events
        .iter()
        .filter(|stored| stored.event.event == "worsened");
    Ok(worsened.any(|stored| stored.event.processed_time > at))
}
