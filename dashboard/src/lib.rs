//! HTTP: FHIR API, alert API, live stream, access control and audit.

pub mod backend;
pub mod config;
pub mod live;
