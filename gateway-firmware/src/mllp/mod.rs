//! Bedside monitors: HL7 v2 over MLLP.

mod config;

pub(crate) use config::Config;
