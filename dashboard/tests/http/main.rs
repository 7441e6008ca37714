//! The real router and server over real TCP; only what lies behind the `Backend` trait is in memory.

mod access;
mod api;
mod backend;
mod fhir;
mod harness;
mod operation;
mod stream;
