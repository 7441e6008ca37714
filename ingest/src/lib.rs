//! The MQTT edge: our own listener, a broker as source, routes and acknowledgement.
//!
//! ```text
//!  devices ── Listener ─┐                                  ┌─ Sink::submit(batch) -> answers
//!                       ├─ Intake (byte budget) ─ Batcher ─┤     (durable, then resolved)
//!  broker ─ BrokerSource┘                                  └─ answers back, in order of receipt
//!  subscribers <─ Handle::publish        a broker's subscribers <─ BrokerPublisher::publish
//! ```
//!
//! - `message`, `principal`: what a source hands on, the [`Sink`] and [`Authenticate`] it is given.
//! - `topics`, `routes`, `rights`: the built-in topics (design 5.1), which [`Route`] takes a
//!   topic, and what a [`Principal`] may publish, subscribe to and be called.
//! - `batcher`: the byte budget of the whole edge, micro-batches, and answers in order.
//! - `listener`: our MQTT 3.1.1 and 5 endpoint. `protocol` is the state machine without I/O on
//!   `mqtt-protocol-core`, `connection` a client's task, `connect` who may come in, `hub`
//!   sessions, subscriptions and kept messages.
//! - `broker`: rumqttc as subscriber with manual acknowledgement, and as publisher.
//! - [`tls`], `stats`.
//!
//! # What is promised
//!
//! A QoS 1 message is acknowledged when the sink has answered for it, in the order of receipt,
//! and never otherwise. Sessions end with their connection (session present is always 0,
//! session expiry 0 is announced): a publisher repeats what was not acknowledged, which the
//! store knows as a repeat; a subscriber subscribes again and gets the kept status messages.
//! It is no general broker: readings go to the sink and to nobody else.
//!
//! # Memory
//!
//! Held for messages by all sources together: at most [`BatchConfig::buffered_bytes`] (64 MiB),
//! each message charged its packet and 512 bytes from the moment its header is read until the
//! sink has answered. Beside it, for 1,000 devices: 8 MiB of read buffers, at most 64 MiB of
//! output if every one of them takes nothing of what is written to it (usually nothing), and
//! with TLS some 40 MiB; for each subscriber that falls behind at most 1 MiB. A client has at
//! most [`ListenerConfig::connection_bytes`] and one packet of the budget.
//!
//! While the sink stalls, acknowledgements are withheld, PINGREQ is answered, and keep-alive is
//! not enforced on whoever waits for an answer. A client that fills its window (MQTT 5 is told
//! it) can still be heard; one that sends beyond it, or once the budget of the whole edge is
//! used up, is not read until there is room, and so its PINGREQ is not either.

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
    Arrived, BrokerConfig, BrokerConfigError, BrokerPublisher, BrokerSource, Delivery,
    PublishRefused, PublisherTask, Undelivered, broker_publisher,
};
pub use listener::{BindError, Handle, Listener, ListenerConfig, PublishError, Status};
pub use message::{Answer, Closed, Incoming, Micros, Sink};
pub use principal::{Authenticate, ClientCertificate, Principal, Role};
pub use routes::{
    COMMAND_REPLY, DeviceFrom, GATEWAY_STATUS, Principals, Route, RouteError, Routes,
};
pub use stats::{Snapshot, Stats};
