//! Vocabulary, payload codecs and FHIR Observations: pure functions from bytes to measurements.
//!
//! ```text
//! payload ──senml──> Measurement ──columns::Builder──> RecordBatch ──fhir──> Observation (JSON)
//!                        │   └ vocabulary (metric), units (UCUM), time, decimal, id
//!                        └ batch::normalize: many messages in, rows + claims + rejects out
//! ```
//!
//! * [`vocabulary`]: what is measured. One table of metrics: IEEE 11073 id and code, LOINC, UCUM, profile, range.
//! * [`units`]: UCUM by `octofhir-ucum`, after translation of SenML units and the aliases that devices send.
//! * [`senml`]: RFC 8428 packs, JSON and CBOR, with this project's labels; encoder and decoder.
//! * [`hl7v2`]: bedside monitors' messages: reader, normaliser, framing, answers.
//! * [`measurement`]: one decoded reading, claims about the patient, and rejects with stable reason codes.
//! * [`columns`]: the `observation` table as Arrow columns: schema, builder, typed view.
//! * [`id`]: row and panel ids derived from what the device said.
//! * [`batch`]: a micro-batch of messages to columns; time guard and plausibility.
//! * [`fhir`]: FHIR R4 Observations from columns, valid against the vital-signs profiles, and as input; alerts as
//!   DetectedIssue, Flag, Communication and Task.
//! * [`mapping`]: any vendor's JSON through device and FHIR mapping documents (feature `mapping`).
//! * [`time`], [`decimal`]: microseconds since 1970 UTC; decimals that print as they were sent.
//!
//! Invariants:
//! 1. No clock, no I/O, no thread, no randomness: the time of receipt is an argument.
//! 2. A batch cannot fail. What is wrong with a record becomes a [`measurement::Reject`]; its neighbours go on.
//! 3. The id of a row depends on what the device stated and on nothing else: not on the value, the gateway,
//!    the batch, the order or the time of receipt (but for stamps the device left out).
//! 4. A number is a number the device sent: what a device sends for "no value" becomes a data-absent-reason.
//! 5. The table keeps value, decimals and unit as sent (aliases translated); conversion serves comparison.
//!
//! Not here: attribution to patients (the caller has the assignments), deduplication, storage, rules.

#[cfg(feature = "mapping")]
pub mod batch;
pub mod decimal;
pub mod measurement;
pub mod time;
pub mod units;
pub mod vocabulary;

#[cfg(feature = "columnar")]
pub mod columns;
#[cfg(feature = "fhir")]
pub mod fhir;
pub mod hl7v2;
pub mod id;
#[cfg(feature = "mapping")]
pub mod mapping;
mod scan;
pub mod senml;
