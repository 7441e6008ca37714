//! The real `wardline-gateway` against a real Mosquitto, and against a server that misbehaves.

mod answers;
mod broker;
mod clock;
mod decode;
mod delivery;
mod disk;
mod footprint;
mod link;
mod mllp;
mod outage;
mod program;
mod reconnect;
mod running;
mod unit;
