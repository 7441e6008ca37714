//! Timelines of what people do and what they are told, and properties of the whole.

mod alerts;
mod changes;
mod desk;
mod documents;
mod endings;
mod file;
mod grouping;
mod handover;
mod hours;
mod properties;
mod reroute;
mod silences;
mod who;
