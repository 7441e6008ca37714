//! Bluetooth health devices: found, connected to, read, and supervised.

pub(crate) mod address;
pub(crate) mod bluez;
pub(crate) mod config;
pub(crate) mod profile;

pub(crate) use config::Config;
