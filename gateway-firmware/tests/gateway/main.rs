//! The real `wardline-gateway` against a real Mosquitto, and against a server that misbehaves.

mod broker;
mod delivery;
mod program;
mod reconnect;
