//! The real `wardline-gateway` against a real Mosquitto, and against a server that misbehaves.

mod broker;
mod decode;
mod delivery;
mod link;
mod mllp;
mod outage;
mod program;
mod reconnect;
