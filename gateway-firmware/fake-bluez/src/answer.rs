//! Method calls and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use zbus::{Message, OwnedObjectPath, OwnedVariant, Variant};

use crate::link::{connect, disconnect, pair};
use crate::operate::{Operation, operate};
use crate::shared::Shared;
use crate::wire::{self, ADAPTER, DEVICE, Refusal};
use crate::world::{Agent, Call, Node, World};

/// What comes of a call at once.
pub(crate) enum Outcome {
    Reply(Message),
    Refused(Refusal),
    /// Something else answers it, or nothing ever does.
    Later,
}

impl From<Result<Message, Refusal>> for Outcome {
    fn from(result: Result<Message, Refusal>) -> Self {
        match result {
            Ok(message) => Self::Reply(message),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

pub(crate) async fn answer(shared: &Arc<Shared>, call: &Message, epoch: u64) {
    shared
        .act(|world| {
            // A call to a daemon that has gone since.
            if world.epoch != epoch {
                return;
            }
            match outcome(shared, world, call) {
                Outcome::Reply(message) => world.out.push(message),
                Outcome::Refused(refusal) => world.out.push(wire::refuse(call, &refusal)),
                Outcome::Later => {}
            }
        })
        .await;
}

fn outcome(shared: &Arc<Shared>, world: &mut World, call: &Message) -> Outcome {
    let header = call.header();
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let path = text(header.path().map(|path| path.as_str()));
    let interface = text(header.interface().map(|interface| interface.as_str()));
    let member = text(header.member().map(|member| member.as_str()));
    let sender = text(header.sender().map(|sender| sender.as_str()));
    world.calls.push(Call {
        path: path.clone(),
        interface: interface.clone(),
        member: member.clone(),
    });
    let node = world.tree.get(&path).cloned();
    match (interface.as_str(), member.as_str(), node) {
        ("org.freedesktop.DBus.Peer", "Ping", _) => Outcome::Reply(wire::reply(call, &())),
        ("org.freedesktop.DBus.Introspectable", "Introspect", node) => {
            introspect(world, call, &path, node).into()
        }
        ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", _) if path == "/" => {
            let objects: BTreeMap<_, _> = world
                .tree
                .iter()
                .map(|(path, node)| (wire::object(path), world.interfaces(node)))
                .collect();
            Outcome::Reply(wire::reply(call, &objects))
        }
        (_, _, None) => Outcome::Refused(Refusal::bus(
            "UnknownObject",
            &format!(
                "Method \"{member}\" with signature \"\" on interface \"{interface}\" doesn't exist"
            ),
        )),
        ("org.freedesktop.DBus.Properties", member, Some(node)) => {
            properties(world, call, member, &path, &node).into()
        }
        (ADAPTER, member, Some(Node::Adapter(name))) => {
            adapter(world, call, member, &name, &sender).into()
        }
        (DEVICE, "Connect", Some(Node::Device(index))) => connect(shared, world, call, index),
        (DEVICE, "Disconnect", Some(Node::Device(index))) => disconnect(world, call, index).into(),
        (DEVICE, "Pair", Some(Node::Device(index))) => pair(shared, world, call, index),
        (DEVICE, "CancelPairing", Some(Node::Device(index))) => {
            world.devices[index].pairing += 1;
            Outcome::Reply(wire::reply(call, &()))
        }
        (wire::AGENT_MANAGER, member, Some(Node::Manager)) => {
            agents(world, call, member, &sender).into()
        }
        (wire::CHARACTERISTIC, member, Some(Node::Characteristic(index, number))) => {
            match Operation::of(member, call) {
                Some(operation) => operate(shared, world, call, index, number, operation),
                None => Outcome::Refused(unknown_method(member)),
            }
        }
        (wire::DESCRIPTOR, "ReadValue", Some(Node::Descriptor(index, number, place))) => {
            let held = &world.devices[index].characteristics[number];
            Outcome::Reply(wire::reply(call, &held.spec.descriptors[place].1))
        }
        (wire::DESCRIPTOR, "WriteValue", Some(_)) => {
            Outcome::Refused(Refusal::bluez("NotPermitted", "Write not permitted"))
        }
        (_, member, Some(_)) => Outcome::Refused(unknown_method(member)),
    }
}

fn unknown_method(member: &str) -> Refusal {
    Refusal::bus("UnknownMethod", &format!("{member} is not offered here"))
}

fn arguments() -> Refusal {
    Refusal::bluez("InvalidArguments", "Invalid arguments in method call")
}

/// XML with the interfaces of an object and its children.
fn introspect(
    world: &World,
    call: &Message,
    path: &str,
    node: Option<Node>,
) -> Result<Message, Refusal> {
    let below = if path == "/" {
        "/".to_owned()
    } else {
        format!("{path}/")
    };
    let mut children: Vec<&str> = world
        .tree
        .range(below.clone()..)
        .map_while(|(other, _)| other.strip_prefix(below.as_str()))
        .filter_map(|rest| rest.split('/').next())
        .collect();
    children.dedup();
    if node.is_none() && children.is_empty() {
        return Err(Refusal::bus("UnknownObject", "no such object"));
    }
    let mut xml = String::from(
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n\
         \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>",
    );
    if let Some(node) = node {
        for name in world.interfaces(&node).keys() {
            xml.push_str(&format!("<interface name=\"{name}\"></interface>"));
        }
    }
    for child in children {
        xml.push_str(&format!("<node name=\"{child}\"/>"));
    }
    xml.push_str("</node>");
    Ok(wire::reply(call, &xml))
}

fn properties(
    world: &mut World,
    call: &Message,
    member: &str,
    path: &str,
    node: &Node,
) -> Result<Message, Refusal> {
    let body = call.body();
    let unknown = |what: &str| Refusal::bus("UnknownProperty", what);
    match member {
        "GetAll" => {
            let interface: String = body.deserialize().map_err(|_| arguments())?;
            let mut all = world.interfaces(node);
            let found = all.remove(interface.as_str());
            let found = found.ok_or_else(|| unknown("no such interface"))?;
            Ok(wire::reply(call, &found))
        }
        "Get" => {
            let (interface, name): (String, String) =
                body.deserialize().map_err(|_| arguments())?;
            let all = world.interfaces(node);
            let found = all
                .get(interface.as_str())
                .and_then(|properties| properties.get(name.as_str()));
            Ok(wire::reply(
                call,
                found.ok_or_else(|| unknown("no such property"))?,
            ))
        }
        "Set" => {
            let (interface, name, value): (String, String, OwnedVariant) =
                body.deserialize().map_err(|_| arguments())?;
            set(world, node, &name, &value)?;
            let all = world.interfaces(node);
            let now = all
                .get(interface.as_str())
                .and_then(|properties| properties.get_key_value(name.as_str()));
            let (name, now) = now.ok_or_else(|| unknown("no such property"))?;
            let now = now.try_clone().expect("no file descriptor");
            world.changed(path, &interface, [(*name, now)].into(), &[]);
            Ok(wire::reply(call, &()))
        }
        _ => Err(unknown_method(member)),
    }
}

fn set(world: &mut World, node: &Node, name: &str, value: &Variant<'_>) -> Result<(), Refusal> {
    match (node, name, value) {
        (Node::Adapter(adapter), "Powered", Variant::Bool(on)) => {
            let state = world.adapters.get_mut(adapter).ok_or_else(arguments)?;
            if *on && state.blocked {
                return Err(Refusal::bluez("Failed", "Blocked through rfkill"));
            }
            world.power(adapter, *on);
            Ok(())
        }
        (Node::Device(index), "Trusted", Variant::Bool(on)) => {
            world.devices[*index].trusted = *on;
            Ok(())
        }
        (Node::Adapter(_), "Pairable" | "Discoverable" | "Alias", _)
        | (Node::Device(_), "Alias" | "Blocked", _) => Ok(()),
        _ => Err(Refusal::bus("PropertyReadOnly", "this cannot be set")),
    }
}

fn adapter(
    world: &mut World,
    call: &Message,
    member: &str,
    name: &str,
    sender: &str,
) -> Result<Message, Refusal> {
    let adapter = world.adapters.get(name).ok_or_else(arguments)?;
    match member {
        "StartDiscovery" | "StopDiscovery" | "SetDiscoveryFilter" if !adapter.powered => {
            return Err(Refusal::bluez("NotReady", "Resource Not Ready"));
        }
        "StartDiscovery" if adapter.scanning.contains(sender) => {
            return Err(Refusal::bluez(
                "InProgress",
                "Operation already in progress",
            ));
        }
        "StopDiscovery" if !adapter.scanning.contains(sender) => {
            return Err(Refusal::bluez("Failed", "No discovery started"));
        }
        "StartDiscovery" => world.scan(name, sender, true),
        "StopDiscovery" => world.scan(name, sender, false),
        "SetDiscoveryFilter" => {}
        "RemoveDevice" => {
            let path: OwnedObjectPath = call.body().deserialize().map_err(|_| arguments())?;
            match world.tree.get(path.as_str()) {
                Some(Node::Device(index)) => world.forget(*index),
                _ => return Err(Refusal::bluez("DoesNotExist", "Does Not Exist")),
            }
        }
        _ => return Err(unknown_method(member)),
    }
    Ok(wire::reply(call, &()))
}

fn agents(
    world: &mut World,
    call: &Message,
    member: &str,
    sender: &str,
) -> Result<Message, Refusal> {
    let body = call.body();
    let missing = || Refusal::bluez("DoesNotExist", "Does Not Exist");
    match member {
        "RegisterAgent" => {
            let (path, capability): (OwnedObjectPath, String) =
                body.deserialize().map_err(|_| arguments())?;
            if world.agents.contains_key(sender) {
                return Err(Refusal::bluez("AlreadyExists", "Already Exists"));
            }
            let capability = if capability.is_empty() {
                "KeyboardDisplay".to_owned()
            } else {
                capability
            };
            let agent = Agent {
                path: path.to_string(),
                capability,
            };
            world.agents.insert(sender.to_owned(), agent);
            world.default_agent.get_or_insert_with(|| sender.to_owned());
        }
        "RequestDefaultAgent" => {
            if !world.agents.contains_key(sender) {
                return Err(missing());
            }
            world.default_agent = Some(sender.to_owned());
        }
        "UnregisterAgent" => {
            world.agents.remove(sender).ok_or_else(missing)?;
            if world.default_agent.as_deref() == Some(sender) {
                world.default_agent = None;
            }
        }
        _ => return Err(unknown_method(member)),
    }
    Ok(wire::reply(call, &()))
}
