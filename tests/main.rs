//! Whole-system tests: they start the real programs and look at them from outside.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod harness;

mod access;
mod attribution;
mod care;
mod commands;
mod contained;
mod crash;
mod delivery;
mod demo;
mod enrol;
mod fhir_push;
mod flow;
mod gateway_alarms;
mod gateway_mllp;
mod mapping;
mod overload;
mod quarantine;
mod recording;
mod refused_rules;
mod rejects;
mod restart;
mod routes;
mod tidy;
mod workspace;
