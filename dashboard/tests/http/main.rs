//! The real router and server over real TCP; only what lies behind the `Backend` trait is in memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod access;
mod api;
mod backend;
mod care;
mod fhir;
mod fhir_alerts;
mod gateways;
mod harness;
mod links;
mod operation;
mod stream;
