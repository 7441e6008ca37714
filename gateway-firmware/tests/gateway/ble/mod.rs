//! Whole-gateway scenarios: devices of a fake `org.bluez` on a private bus, the real gateway, a real broker.
//!
//! Each scenario has a bus, a broker and a gateway of its own and waits for what happens (a message, a call that the
//! fake saw, a metric), never for time to pass.

mod bytes;
mod connecting;
mod gone;
mod list;
mod pairing;
mod records;
mod sensors;
mod silent;
mod spot;
mod streams;
mod tools;
mod ward;
