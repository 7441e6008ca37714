//! HL7 v2 as bedside monitors send it: a tolerant reader, a strict normaliser, every repair counted.
//!
//! ```text
//! bytes ──frame::Splitter──> one message ──Message::parse──> segments ──readings──> SenML records ──> Measurement
//!                                             └ ack::build (answers)        └ alarms (PCD-04), waveforms
//! ```
//!
//! * [`frame`]: MLLP frames, plain messages and batch files out of a stream of bytes, whatever its pieces.
//! * [`Message`]: text, encoding characters, segments, header. Reads what senders send, not what they should.
//! * [`Profile`]: what must be known of a source that the messages do not say: zone, sentinels, status of raw values.
//! * [`readings`]: ORU^R01 (IHE PCD-01), ORU^R40 (PCD-04) and ORU^W01 as records of [`crate::senml`].
//! * [`ack`]: answers in original and enhanced mode, and PCD-05.
//! * [`Repeats`]: a window that knows what was said before, for monitors that repeat a cuff reading every cycle.
//!
//! The same records serve the gateway, which publishes them, and the server's `hl7v2` route: one message becomes the
//! same rows either way. Names of persons are never read: of PID only PID-3 is looked at.
//!
//! Why our own reader: the kept crates of this language (`hl7-parser` 0.3, `rust-hl7` 0.5) take a whole, valid UTF-8
//! text that begins with MSH, fail on the first fault, and know no framing, no character sets and no repairs.

pub mod ack;
mod alarm;
mod code;
mod device;
mod flags;
pub mod frame;
mod message;
mod profile;
mod readings;
mod repair;
mod repeats;
mod split;
mod text;
mod time;
mod tree;
mod unit;
mod value;
mod wave;

pub use alarm::Heartbeat;
pub use message::{Condition, Fault, Field, Kind, Message, Segment};
pub use profile::{Profile, RawIs, Sentinel, Zone};
pub use readings::{DeviceReadings, Rejected};
pub use repair::{Repair, Repairs};
pub use repeats::{Repeats, Statement};
pub use split::decode;

#[cfg(test)]
mod tests;
