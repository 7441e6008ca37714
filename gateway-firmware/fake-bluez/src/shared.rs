//! The world behind its lock, and the life of the daemon's connection.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{Mutex, watch};
use zbus::message::Type;
use zbus::{Connection, Message, MessageStream};

use crate::world::World;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two advertisements of a device.
const ADVERTISING_INTERVAL: Duration = Duration::from_millis(250);

/// Method calls that may wait for the daemon before the bus's own queues fill.
const QUEUE: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Counts changes of the world.
    turns: watch::Sender<u64>,
    /// Whether the daemon takes calls.
    pub(crate) awake: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        let shared = Arc::new(Self {
            world: Mutex::default(),
            turns: watch::Sender::new(0),
            awake: watch::Sender::new(true),
        });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(ADVERTISING_INTERVAL);
            loop {
                ticks.tick().await;
                let Some(shared) = weak.upgrade() else {
                    return;
                };
                if *shared.awake.borrow() {
                    shared.act(advertise).await;
                }
            }
        });
        shared
    }

    /// Changes the world and sends the signals of that change before anybody else may change it.
    pub(crate) async fn act<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.world.lock().await;
        let result = change(&mut world);
        let out = std::mem::take(&mut world.out);
        if let Some(connection) = &world.connection {
            // A bus that was killed takes nothing more; nobody is left to be told.
            drop(connection.send_all(&out).await);
        }
        drop(world);
        self.turns.send_modify(|turns| *turns += 1);
        result
    }

    /// Waits until `ready` gives something; `None` when `patience` has passed first.
    pub(crate) async fn wait<R>(
        &self,
        patience: Duration,
        mut ready: impl FnMut(&mut World) -> Option<R>,
    ) -> Option<R> {
        let mut turns = self.turns.subscribe();
        let waiting = async {
            loop {
                turns.borrow_and_update();
                if let Some(result) = ready(&mut *self.world.lock().await) {
                    return Some(result);
                }
                // The sender lives as long as this.
                turns.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, waiting).await.ok().flatten()
    }

    /// The daemon comes up on the bus at `address`.
    pub(crate) async fn start(self: &Arc<Self>, address: &str) {
        let connection = zbus::connection::Builder::address(address)
            .max_queued(QUEUE.try_into().expect("not zero"))
            .build()
            .await
            .expect("a connection to the private bus");
        let stream = MessageStream::from(&connection);
        let epoch = self
            .act(|world| {
                world.begin();
                world.connection = Some(connection.clone());
                world.epoch
            })
            .await;
        tokio::spawn(serve(Arc::clone(self), stream, epoch));
        let rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'";
        connection
            .call_method(
                Some("org.freedesktop.DBus"),
                "/org/freedesktop/DBus",
                Some("org.freedesktop.DBus"),
                "AddMatch",
                &rule,
            )
            .await
            .expect("the bus tells who leaves");
        connection
            .request_name("org.bluez")
            .await
            .expect("the name is free");
    }

    /// The daemon is gone, as if killed.
    pub(crate) async fn end(&self) {
        let connection: Option<Connection> = self
            .act(|world| {
                let connection = world.connection.take();
                world.end();
                connection
            })
            .await;
        if let Some(connection) = connection {
            // An error says that the bus has gone first.
            drop(connection.close().await);
        }
    }
}

fn advertise(world: &mut World) {
    for index in 0..world.devices.len() {
        world.report(index);
    }
}

async fn serve(shared: Arc<Shared>, mut stream: MessageStream, epoch: u64) {
    let mut awake = shared.awake.subscribe();
    while let Some(Ok(message)) = stream.next().await {
        if awake.wait_for(|awake| *awake).await.is_err() {
            return;
        }
        match message.message_type() {
            Type::MethodCall => crate::answer::answer(&shared, &message, epoch).await,
            Type::Signal => {
                if let Some(client) = gone(&message) {
                    shared.act(|world| world.client_gone(&client)).await;
                }
            }
            _ => {}
        }
    }
}

/// The client that a NameOwnerChanged says has left.
fn gone(message: &Message) -> Option<String> {
    let body = message.body();
    let (name, _, new): (String, String, String) = body.deserialize().ok()?;
    (name.starts_with(':') && new.is_empty()).then_some(name)
}
