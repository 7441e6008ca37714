//! What was rejected and why.

use bytes::Bytes;

use super::Micros;

/// A rejected message or record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineItem {
    /// Opaque id.
    pub id: String,
    /// When it came.
    pub received: Micros,
    /// The route.
    pub source: String,
    /// The topic as sent.
    pub topic: String,
    /// The device, when known.
    pub device_id: Option<String>,
    /// Stable code of the cause, as `unknown-metric`.
    pub reason: String,
    /// One sentence.
    pub detail: String,
    /// Which record of the pack; `None` for the whole message.
    pub record: Option<u32>,
    /// Content type as sent.
    pub content_type: Option<String>,
    /// MQTT 5 user properties in order.
    pub properties: Vec<(String, String)>,
    /// Size of the payload.
    pub bytes: u64,
    /// When a replay last took it.
    pub replayed: Option<Micros>,
}

/// A rejected message with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineDetail {
    /// What is listed.
    pub item: QuarantineItem,
    /// The payload as sent.
    pub payload: Bytes,
    /// The patient it claims or is assigned to, for the audit record.
    pub patients: Vec<String>,
}

/// Which rejected messages, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineSearch {
    /// Of this device.
    pub device: Option<String>,
    /// For this reason.
    pub reason: Option<String>,
    /// Received at or after.
    pub since: Option<Micros>,
    /// Received before.
    pub until: Option<Micros>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// What to send through again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuarantineReplay {
    /// These.
    Ids(Vec<String>),
    /// All that match; `after` and `limit` are ignored.
    Matching(QuarantineSearch),
}

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages taken up.
    pub messages: u64,
    /// Rows stored.
    pub stored: u64,
    /// Rows that were there already.
    pub duplicates: u64,
    /// Records rejected again.
    pub rejected: u64,
    /// Messages that could not be taken up, as their route is not configured any more; they stay.
    pub skipped: u64,
    /// The first of those: id and reason.
    pub skips: Vec<(String, String)>,
}

impl Replayed {
    /// Entries named in [`Replayed::skips`] at most; all are counted.
    pub const SKIPS_MAX: usize = 100;
}
