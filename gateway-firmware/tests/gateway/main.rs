//! The real `wardline-gateway` against a real Mosquitto, against a server that misbehaves, and with Bluetooth devices
//! on a bluetoothd of our own.

mod answers;
mod ble;
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
