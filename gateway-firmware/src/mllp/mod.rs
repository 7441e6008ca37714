//! Bedside monitors: HL7 v2 over MLLP, by a port that they connect to or by calling their gateway.
//!
//! ```text
//! listen ┐                            ┌ frames ─> message: read ─> resend? ─> records ─> Intake::put (synced)
//! call   ┴─> connection (one a peer) ─┤                                                        │
//!            bounded by `budget`      └ answer <── which acknowledgements, in order ───────────┘
//!                                       heartbeat: alarm channels that fall silent ─> an alarm of our own
//! ```
//!
//! * `config`: `[[mllp.listen]]`, `[[mllp.connect]]`. * `origin`: a configured source. * `metrics`: what is counted.
//!
//! What a monitor may rely on:
//! 1. A positive acknowledgement (AA, CA) is written only when what it acknowledges is synced; acknowledgements come in
//!    the order of the messages.
//! 2. AE and CE: not now (the spool is full); the same message may be taken later. AR and CR: never; do not resend.
//! 3. What cannot be read as HL7 at all is kept all the same: its bytes go to the server as a record named `hl7v2` with
//!    the reason and the raw bytes, which is no metric, so that the server quarantines it. Then it is refused (AR, CR).
//!    So are single segments that have no meaning, beside the readings of their message. Queries and messages that are
//!    no readings are refused and not kept: their sender knows. So are messages over `max-message`.
//! 4. A resend is answered as the first time and not published again.
//! 5. An acknowledgement is about numerics and alarms. Waveforms beside them are `Class::Waveform`: when the spool runs
//!    full they are dropped first, counted, rather than that the numerics be refused because of them. A message of
//!    nothing but waveforms is about them: they are confirmed like anything else, or the message is refused.
//! 6. Where the sender wants no acknowledgement, nothing was promised: its readings are a stream that may be dropped
//!    when the spool is full, oldest first, counted.

mod answer;
mod backoff;
mod budget;
mod call;
mod config;
mod connection;
mod frames;
mod heartbeat;
mod keep;
mod listen;
mod message;
mod metrics;
mod origin;
mod peer;
mod resend;
mod supervise;
mod tls;

pub(crate) use config::Config;
pub(crate) use supervise::run;

#[cfg(test)]
mod tests;
