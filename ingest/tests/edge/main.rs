//! The edge as its clients see it: real clients and raw bytes against a real listener, and a
//! real Mosquitto as the broker.

// Helpers of tests; clippy knows only the tests themselves.
#![allow(clippy::unwrap_used)]

mod broker;
mod pressure;
mod publish;
mod refuse;
mod subscribe;
mod support;
mod tls;
