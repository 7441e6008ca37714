//! Operations on characteristics: read, write, subscribe, and what a control point then sends.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zbus::{Message, OwnedVariant};

use crate::answer::Outcome;
use crate::device::BondLoss;
use crate::gatt::{Answer, Fault, att_error};
use crate::link::{Link, bond};
use crate::pdu;
use crate::records::Step;
use crate::shared::Shared;
use crate::wire::{self, CHARACTERISTIC, Properties, Refusal};
use crate::world::World;

/// CCCD improperly configured (Core specification supplement, common profile error codes).
const NOT_CONFIGURED: u8 = 0xFD;
/// Procedure already in progress.
const ALREADY_RUNNING: u8 = 0xFE;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write(Vec<u8>),
    Subscribe,
    Unsubscribe,
}

impl Operation {
    pub(crate) fn of(member: &str, call: &Message) -> Option<Self> {
        type Options = std::collections::HashMap<String, OwnedVariant>;
        match member {
            "ReadValue" => Some(Self::Read),
            "WriteValue" => {
                let body = call.body();
                let (value, _): (Vec<u8>, Options) = body.deserialize().ok()?;
                Some(Self::Write(value))
            }
            "StartNotify" => Some(Self::Subscribe),
            "StopNotify" => Some(Self::Unsubscribe),
            _ => None,
        }
    }
}

/// Answers now if nothing stands in the way, else when it no longer does.
pub(crate) fn operate(
    shared: &Arc<Shared>,
    world: &mut World,
    call: &Message,
    device: usize,
    number: usize,
    operation: Operation,
) -> Outcome {
    let state = &mut world.devices[device];
    if !state.connected {
        return Outcome::Refused(Refusal::bluez("Failed", "Not connected"));
    }
    let fault = state.characteristics[number].faults.pop_front();
    let closed = state.characteristics[number].spec.encrypted && !state.paired;
    let link = Link {
        index: device,
        link: state.link,
        epoch: world.epoch,
    };
    if fault.is_none() && !closed {
        return perform(shared, world, call, link, number, operation).into();
    }
    let (shared, call) = (Arc::clone(shared), call.clone());
    tokio::spawn(async move {
        let result = delayed(&shared, &call, link, number, operation, fault, closed).await;
        shared
            .act(|world| {
                if world.epoch == link.epoch {
                    world.out.push(match result {
                        Ok(message) => message,
                        Err(refusal) => wire::refuse(&call, &refusal),
                    });
                }
            })
            .await;
    });
    Outcome::Later
}

async fn delayed(
    shared: &Arc<Shared>,
    call: &Message,
    link: Link,
    number: usize,
    operation: Operation,
    fault: Option<Fault>,
    closed: bool,
) -> Result<Message, Refusal> {
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Unlinked) => return Err(Refusal::bluez("Failed", "Not connected")),
        Some(Fault::Att(code)) => return Err(att_error(code)),
        Some(Fault::Late(after)) => tokio::time::sleep(after).await,
        None => {}
    }
    if closed {
        // Without an agent the security request is never answered.
        if shared.act(|world| world.default_agent.is_none()).await {
            std::future::pending::<()>().await;
        }
        if bond(shared, link, None).await.is_err() {
            return Err(att_error(0x05));
        }
    }
    let act = |world: &mut World| {
        if link.holds(world) {
            perform(shared, world, call, link, number, operation)
        } else {
            Err(Refusal::bluez("Failed", "Not connected"))
        }
    };
    shared.act(act).await
}

fn perform(
    shared: &Arc<Shared>,
    world: &mut World,
    call: &Message,
    link: Link,
    number: usize,
    operation: Operation,
) -> Result<Message, Refusal> {
    let device = link.index;
    if world.devices[device].characteristics[number].spec.encrypted
        && world.bond_lost(device, BondLoss::Refused)
    {
        return Err(Refusal::bluez(
            "AuthenticationFailed",
            "Authentication Failed",
        ));
    }
    let held = &mut world.devices[device].characteristics[number];
    let sender = call
        .header()
        .sender()
        .map(ToString::to_string)
        .unwrap_or_default();
    let path = held.path.clone();
    match operation {
        Operation::Read => {
            if !held.spec.flags.contains(&"read") {
                return Err(att_error(0x02));
            }
            held.reads += 1;
            let value = match held.spec.answer {
                Answer::Clock(ahead) => current_time(ahead),
                _ => held.spec.value.clone(),
            };
            // BlueZ tells everybody of what one client read.
            world.value_changed(&path, &value);
            Ok(wire::reply(call, &value))
        }
        Operation::Subscribe => {
            if !held.spec.sends() {
                return Err(Refusal::bluez("NotSupported", "Operation is not supported"));
            }
            let first = held.subscribers.is_empty();
            held.subscribers.insert(sender);
            held.subscriptions += 1;
            if first {
                let notifying = Properties::from([("Notifying", true.into())]);
                world.changed(&path, CHARACTERISTIC, notifying, &[]);
            }
            Ok(wire::reply(call, &()))
        }
        Operation::Unsubscribe => {
            if !held.subscribers.remove(&sender) {
                return Err(Refusal::bluez("Failed", "No notify session started"));
            }
            if held.subscribers.is_empty() {
                let notifying = Properties::from([("Notifying", false.into())]);
                world.changed(&path, CHARACTERISTIC, notifying, &[]);
            }
            Ok(wire::reply(call, &()))
        }
        Operation::Write(value) => {
            if !held.spec.flags.iter().any(|flag| flag.starts_with("write")) {
                return Err(att_error(0x03));
            }
            let steps = written(world, device, number, &value)?;
            let held = &mut world.devices[device].characteristics[number];
            held.writes.push(value);
            if !steps.is_empty() {
                held.procedure += 1;
                held.busy = true;
                let procedure = held.procedure;
                let shared = Arc::clone(shared);
                tokio::spawn(async move { play(&shared, link, number, procedure, steps).await });
            }
            Ok(wire::reply(call, &()))
        }
    }
}

/// What follows from a write.
fn written(
    world: &mut World,
    device: usize,
    number: usize,
    value: &[u8],
) -> Result<Vec<Step>, Refusal> {
    let held = &mut world.devices[device].characteristics[number];
    let configured = !held.subscribers.is_empty();
    match &mut held.spec.answer {
        Answer::Value => {
            held.spec.value = value.to_vec();
            Ok(Vec::new())
        }
        Answer::Clock(ahead) => {
            *ahead = ahead_of(value).ok_or_else(|| att_error(0x80))?;
            Ok(Vec::new())
        }
        _ if !configured => Err(att_error(NOT_CONFIGURED)),
        Answer::Records(_) if held.busy && value.first() != Some(&3) => {
            Err(att_error(ALREADY_RUNNING))
        }
        Answer::Records(records) => Ok(records.write(value)),
        Answer::Control(control) => {
            let sent = control(value);
            Ok(sent
                .into_iter()
                .map(|(uuid, bytes)| Step::Send(uuid, bytes))
                .collect())
        }
    }
}

/// Sends what a control point sends, one value at a time, until the link or the procedure ends.
async fn play(shared: &Arc<Shared>, link: Link, number: usize, procedure: u64, steps: Vec<Step>) {
    for step in steps {
        let goes_on = shared
            .act(|world| {
                let held = &world.devices[link.index].characteristics[number];
                if !link.holds(world) || held.procedure != procedure {
                    return false;
                }
                match step {
                    Step::Send(uuid, bytes) => {
                        let source = world.characteristic(link.index, uuid, 0);
                        world.send_value(link.index, source, &bytes);
                        true
                    }
                    Step::Drop => {
                        world.link_down(link.index, "");
                        false
                    }
                    Step::Silence => false,
                }
            })
            .await;
        if !goes_on {
            return;
        }
        // Others have their turn between two values.
        tokio::task::yield_now().await;
    }
    shared
        .act(|world| {
            let held = &mut world.devices[link.index].characteristics[number];
            if held.procedure == procedure {
                held.busy = false;
            }
        })
        .await;
}

fn milliseconds_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or(Duration::ZERO).as_millis()).unwrap_or(i64::MAX)
}

/// Current Time (0x2A2B, 10 bytes), in UTC.
fn current_time(ahead: i64) -> Vec<u8> {
    let now = milliseconds_now() + ahead;
    let when = pdu::when(now.div_euclid(1_000));
    let fractions = u8::try_from(now.rem_euclid(1_000) * 256 / 1_000).unwrap_or(u8::MAX);
    [&pdu::date_time(when)[..], &[0, fractions, 0]].concat()
}

/// How far a clock that was set to these bytes is ahead.
fn ahead_of(value: &[u8]) -> Option<i64> {
    let [low, high, month, day, hour, minute, second, _, fractions, _] = value else {
        return None;
    };
    let year = u16::from_le_bytes([*low, *high]);
    let seconds = pdu::seconds((year, *month, *day, *hour, *minute, *second));
    Some(seconds * 1_000 + i64::from(*fractions) * 1_000 / 256 - milliseconds_now())
}
