//! Connecting, disconnecting and pairing.

use std::sync::Arc;
use std::time::Duration;

use zbus::Message;

use crate::answer::Outcome;
use crate::device::{BondLoss, Connect, Pairing};
use crate::shared::{PATIENCE, Shared};
use crate::wire::{self, Refusal};
use crate::world::{Agent, World};

/// How long BlueZ and the kernel try to reach a device that does not advertise.
const REACH: Duration = Duration::from_secs(20);

/// How long BlueZ waits for an agent.
const AGENT: Duration = Duration::from_secs(60);

pub(crate) fn connect(
    shared: &Arc<Shared>,
    world: &mut World,
    call: &Message,
    index: usize,
) -> Outcome {
    let device = &mut world.devices[index];
    let powered = world
        .adapters
        .get(&device.adapter)
        .is_some_and(|adapter| adapter.powered);
    if !powered {
        return Outcome::Refused(Refusal::bluez("NotReady", "Resource Not Ready"));
    }
    if device.connected {
        return Outcome::Reply(wire::reply(call, &()));
    }
    if device.connecting.is_some() {
        return Outcome::Refused(Refusal::bluez("InProgress", "In Progress"));
    }
    let plan = device.connects.pop_front();
    let plan = plan.unwrap_or(Connect::After(device.spec.connect_after));
    device.connecting = Some(call.clone());
    device.link += 1;
    let attempt = Link {
        index,
        link: device.link,
        epoch: world.epoch,
    };
    world.count_connecting(index, true);
    let shared = Arc::clone(shared);
    tokio::spawn(async move { attempt.run(&shared, plan).await });
    Outcome::Later
}

/// One link, or the attempt to have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) index: usize,
    pub(crate) link: u64,
    pub(crate) epoch: u64,
}

impl Link {
    /// Whether it is still the current one.
    pub(crate) fn holds(&self, world: &World) -> bool {
        world.epoch == self.epoch && world.devices[self.index].link == self.link
    }

    /// Does something to the world if it is still the current one.
    async fn act(&self, shared: &Shared, change: impl FnOnce(&mut World)) {
        shared
            .act(|world| {
                if self.holds(world) {
                    change(world);
                }
            })
            .await;
    }

    async fn run(self, shared: &Arc<Shared>, plan: Connect) {
        let index = self.index;
        match plan {
            Connect::Hang => {}
            Connect::Fail(after, text) => {
                tokio::time::sleep(after).await;
                self.act(shared, |world| world.answer_connect(index, Err(text)))
                    .await;
            }
            Connect::After(after) => {
                tokio::time::sleep(after).await;
                if let Some(link) = self.reach(shared).await {
                    link.settle(shared).await;
                }
            }
            Connect::Drop(after) => {
                if let Some(link) = self.reach(shared).await {
                    tokio::time::sleep(after).await;
                    link.act(shared, |world| world.link_down(index, "")).await;
                }
            }
            Connect::Unresolved => {
                self.reach(shared).await;
            }
        }
    }

    /// Waits until the device advertises and takes the link; `None` if nothing comes of it.
    async fn reach(self, shared: &Arc<Shared>) -> Option<Self> {
        let heard = shared
            .wait(REACH, |world| {
                let over = !self.holds(world);
                (over || world.devices[self.index].advertising).then_some(())
            })
            .await;
        shared
            .act(|world| {
                if !self.holds(world) {
                    return None;
                }
                if world.bond_lost(self.index, BondLoss::KeyMissing) {
                    world.answer_connect(self.index, Err("le-connection-key-missing"));
                    return None;
                }
                if heard.is_none() {
                    let text = "le-connection-abort-by-local";
                    world.answer_connect(self.index, Err(text));
                    return None;
                }
                world.link_up(self.index);
                Some(Self {
                    link: world.devices[self.index].link,
                    ..self
                })
            })
            .await
    }

    /// What follows a new link: encryption with the old bond, then the services.
    pub(crate) async fn settle(self, shared: &Arc<Shared>) {
        let resolve_after = shared
            .act(|world| {
                if !self.holds(world) {
                    return None;
                }
                if world.bond_lost(self.index, BondLoss::Dropped) {
                    world.link_down(self.index, "");
                    return None;
                }
                Some(world.devices[self.index].spec.resolve_after)
            })
            .await;
        if let Some(after) = resolve_after {
            tokio::time::sleep(after).await;
            self.act(shared, |world| world.resolve(self.index)).await;
        }
    }
}

pub(crate) fn disconnect(
    world: &mut World,
    call: &Message,
    index: usize,
) -> Result<Message, Refusal> {
    let device = &world.devices[index];
    if !device.connected && device.connecting.is_none() {
        return Err(Refusal::bluez("NotConnected", "Not Connected"));
    }
    world.link_down(index, "Cancelled");
    Ok(wire::reply(call, &()))
}

pub(crate) fn pair(
    shared: &Arc<Shared>,
    world: &mut World,
    call: &Message,
    index: usize,
) -> Outcome {
    let device = &world.devices[index];
    if device.paired {
        return Outcome::Refused(Refusal::bluez("AlreadyExists", "Already Exists"));
    }
    let link = Link {
        index,
        link: device.link,
        epoch: world.epoch,
    };
    let sender = call.header().sender().map(ToString::to_string);
    let (shared, call) = (Arc::clone(shared), call.clone());
    tokio::spawn(async move {
        let mut link = link;
        let connected = shared.act(|world| world.devices[index].connected).await;
        let mut result = Ok(());
        if !connected {
            match link.reach(&shared).await {
                Some(new) => {
                    link = new;
                    link.settle(&shared).await;
                }
                None => {
                    result = Err(Refusal::bluez("ConnectionAttemptFailed", "Page Timeout"));
                }
            }
        }
        if result.is_ok() {
            result = bond(&shared, link, sender.as_deref()).await;
        }
        let answer = match result {
            Ok(()) => wire::reply(&call, &()),
            Err(refusal) => wire::refuse(&call, &refusal),
        };
        shared
            .act(|world| {
                if world.epoch == link.epoch {
                    world.out.push(answer);
                }
            })
            .await;
    });
    Outcome::Later
}

/// A device asks to pair of its own accord; whether the agent let it.
pub(crate) async fn asked(shared: &Arc<Shared>, index: usize) -> bool {
    let (agent, path, connection) = shared
        .act(|world| {
            let name = world.default_agent.clone();
            let agent =
                name.and_then(|name| Some((name.clone(), world.agents.get(&name)?.clone())));
            let path = world.devices[index].path.clone();
            (agent, path, world.connection.clone())
        })
        .await;
    let Some(agent) = agent else {
        return false;
    };
    let answer = ask(
        connection.as_ref(),
        &agent,
        "RequestAuthorization",
        &path,
        None,
    );
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.expect("the agent answers").is_ok()
}

/// Pairs a connected device, asking the caller's agent, else the default one.
pub(crate) async fn bond(
    shared: &Arc<Shared>,
    link: Link,
    caller: Option<&str>,
) -> Result<(), Refusal> {
    let index = link.index;
    let failed = || Refusal::bluez("AuthenticationFailed", "Authentication Failed");
    let (pairing, number, agent, path, connection) = shared
        .act(|world| {
            let own = caller.filter(|caller| world.agents.contains_key(*caller));
            let name = own
                .map(ToOwned::to_owned)
                .or_else(|| world.default_agent.clone());
            let agent =
                name.and_then(|name| Some((name.clone(), world.agents.get(&name)?.clone())));
            let device = &mut world.devices[index];
            device.pairing += 1;
            device.asking = true;
            (
                device.spec.pairing,
                device.pairing,
                agent,
                device.path.clone(),
                world.connection.clone(),
            )
        })
        .await;
    let agreed = async {
        match pairing {
            Pairing::Refused => Err(failed()),
            Pairing::Silent => std::future::pending().await,
            Pairing::JustWorks => match &agent {
                Some(agent) if agent.1.capability != "NoInputNoOutput" => ask(
                    connection.as_ref(),
                    agent,
                    "RequestAuthorization",
                    &path,
                    None,
                )
                .await
                .map(drop),
                _ => Ok(()),
            },
            Pairing::Passkey(shown) => match &agent {
                Some(agent) if agent.1.capability.starts_with("Keyboard") => {
                    let entered =
                        ask(connection.as_ref(), agent, "RequestPasskey", &path, None).await?;
                    if entered == Some(shown) {
                        Ok(())
                    } else {
                        Err(failed())
                    }
                }
                _ => Err(failed()),
            },
            Pairing::Compare(shown) => match &agent {
                Some(agent) if agent.1.capability != "NoInputNoOutput" => ask(
                    connection.as_ref(),
                    agent,
                    "RequestConfirmation",
                    &path,
                    Some(shown),
                )
                .await
                .map(drop),
                _ => Err(failed()),
            },
        }
    };
    let over = shared.wait(AGENT, |world| {
        let current = world.epoch == link.epoch && world.devices[index].pairing == number;
        (!current).then_some(())
    });
    let result = tokio::select! {
        result = agreed => result,
        cancelled = over => Err(match cancelled {
            Some(()) => Refusal::bluez("AuthenticationCanceled", "Authentication Canceled"),
            None => Refusal::bluez("AuthenticationTimeout", "Authentication Timeout"),
        }),
    };
    shared
        .act(|world| {
            world.devices[index].asking = false;
            result?;
            if world.epoch != link.epoch || !world.devices[index].connected {
                return Err(failed());
            }
            world.set_paired(index, true);
            Ok(())
        })
        .await
}

/// Asks an agent; a passkey if that is what it answers.
async fn ask(
    connection: Option<&zbus::Connection>,
    (client, agent): &(String, Agent),
    method: &str,
    device: &str,
    shown: Option<u32>,
) -> Result<Option<u32>, Refusal> {
    let gone = || Refusal::bluez("AuthenticationFailed", "Authentication Failed");
    let connection = connection.ok_or_else(gone)?;
    let (client, path) = (client.as_str(), agent.path.as_str());
    let interface = Some("org.bluez.Agent1");
    let device = wire::object(device);
    let answer = match shown {
        Some(shown) => {
            connection
                .call_method(Some(client), path, interface, method, &(device, shown))
                .await
        }
        None => {
            connection
                .call_method(Some(client), path, interface, method, &device)
                .await
        }
    };
    match answer {
        Ok(answer) => Ok(answer.body().deserialize::<u32>().ok()),
        Err(zbus::Error::MethodError(name, ..)) if name.as_str() == "org.bluez.Error.Rejected" => {
            Err(Refusal::bluez(
                "AuthenticationRejected",
                "Authentication Rejected",
            ))
        }
        Err(zbus::Error::MethodError(name, ..)) if name.as_str() == "org.bluez.Error.Canceled" => {
            Err(Refusal::bluez(
                "AuthenticationCanceled",
                "Authentication Canceled",
            ))
        }
        Err(_) => Err(gone()),
    }
}
