//! The MQTT edge: our own listener, a broker as source, routes and acknowledgement.
mod batcher;
mod broker;
mod listener;
mod message;
mod principal;
mod rights;
mod routes;
mod stats;
pub mod tls;
mod topics;

pub use batcher::{BatchConfig, Batcher, Intake, batcher};
pub use broker::{
    BrokerConfig, BrokerPublisher, BrokerSource, Delivery, PublishRefused, PublisherTask,
    Undelivered, broker_publisher,
};
pub use listener::{BindError, Handle, Listener, ListenerConfig, PublishError, Status};
pub use message::{Answer, Closed, Incoming, Micros, Sink};
pub use principal::{Authenticate, Principal, Role};
pub use routes::{COMMAND_REPLY, DeviceFrom, Principals, Route, RouteError, Routes};
pub use stats::{Snapshot, Stats};
