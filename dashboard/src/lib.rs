//! HTTP: FHIR API, alert API, live stream, ward screen; access control and audit around all of it.
//!
//! ```text
//! serve ─ accept, TLS, time limits ─> routes (one table) ─> dispatch ─> api::*, fhir::*, assets
//!                                                             │ token, role, handler, audit, answer
//! durable rows, alert events ──> Live ──> api::stream (SSE)   └─> Backend (the composition root's)
//! ```
//!
//! # Layout
//! * [`server`]: the listener; no bind off loopback without TLS, orderly end.
//! * `routes`: every route with its method, role and audit action; the router, OpenAPI and the access tests
//!   come from this table.
//! * `dispatch`: the one way through. Nothing is answered before its audit record is durable; what no
//!   route serves is denied without a token and 404 or 405 with one.
//! * [`backend`]: what this crate needs from the rest of Wardline, as one trait and plain types.
//! * [`live`]: latest values and open alerts, for streams that never queue.
//! * `fhir`: FHIR R4 search and read; resources are written by `wardline_normalize::fhir`.
//! * `api`: `/api/v1`, one module per resource.
//! * [`json`]: alert events, and rows as NDJSON and CSV; shared with the command line.
//! * `ack`: the page behind the link of a message, by which people acknowledge.
//! * `assets`: the ward screen, embedded files with no inline script.
//!
//! # Invariants
//! 1. Every route but health and the screen's files needs a token, or proves itself (an enrolment code, a link's token);
//!    unknown means denied.
//! 2. One audit record per request or stream, written before the first byte of the answer; a stream that
//!    comes to hold further patients writes a record that continues its first one.
//! 3. Every client is bounded: connections, requests, streams, body, headers, time, bytes not taken.
//! 4. A slow stream costs no memory: it is given the latest state when it asks; what it missed is counted.
//! 5. Tokens and personal data appear in no log; ids in URLs are opaque; searches that may hold names are
//!    POSTs.
//!
//! Not here: storage, rules, MQTT, and who the users are (tokens come from the registry).

mod ack;
mod api;
mod app;
mod assets;
mod audit;
pub mod backend;
pub mod config;
mod dispatch;
mod fhir;
pub mod json;
pub mod live;
mod metrics;
mod openapi;
mod params;
mod reply;
mod routes;
pub mod server;
pub mod throttle;

pub use config::{Config, Limits};
pub use live::Live;
pub use server::{ServeError, router, serve};
