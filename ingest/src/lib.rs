//! The MQTT edge: our own listener, a broker as source, routes and acknowledgement

mod message;
mod principal;
mod routes;

pub use message::{Answer, Closed, Incoming, Micros, Sink};
pub use principal::{Authenticate, Principal, Role};
pub use routes::{COMMAND_REPLY, DeviceFrom, Principals, Route, Routes};
