//! `wardline-gateway run`: sources, spool and publisher together, until a signal.

pub(crate) mod context;
pub(crate) mod sources;
