//! The edge as its clients see it: real clients and raw bytes against a real listener, and a
//! real Mosquitto as the broker.

mod broker;
mod pressure;
mod publish;
mod refuse;
mod subscribe;
mod support;
mod tls;
