//! What is remembered of an alert that is open or may still change.

use super::fold::Episode;
use super::limits::{InForce, Used};
use super::row::exact;
use super::silence::Hush;
use crate::State;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::sync::Arc;
use wardline_normalize::time::Micros;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// Empty until it is reported.
    pub(crate) id: String,
    /// The onset the id derives from.
    pub(crate) first_onset: Micros,
    pub(crate) onset: Micros,
    pub(crate) ended: Option<Micros>,
    pub(crate) state: State,
    /// Held back by an inhibiting rule, as long as it is false.
    pub(crate) reported: bool,
    /// Resolved although no episode says so: late readings took its ground away.
    pub(crate) withdrawn: bool,
    /// Event time of the last sample that changed it; once that is settled, nothing can.
    pub(crate) last_change: Micros,
    /// It was over, until late or corrected readings showed that it was not.
    #[serde(default)]
    pub(crate) reopened: bool,
    /// Log clock when somebody was to be told, from which on the ladder counts.
    pub(crate) paged: Option<Micros>,
    pub(crate) acknowledged: Option<(String, Micros)>,
    pub(crate) silenced_until: Option<Micros>,
    pub(crate) level: u32,
    pub(crate) repeats: u32,
    #[serde(with = "exact_option")]
    pub(crate) value: Option<f64>,
    pub(crate) device: Option<Arc<str>>,
    pub(crate) evidence: Vec<String>,
    /// What the value is made of, for people.
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// The condition is over since then, and nobody has acknowledged it.
    #[serde(default)]
    pub(crate) latched: Option<Micros>,
    /// Value and event time when people were last told.
    #[serde(default)]
    pub(crate) told: Option<Told>,
    #[serde(default)]
    pub(crate) hush: Hush,
    /// What the value was held against; none for the rule's own limit.
    #[serde(default)]
    pub(crate) limits: Option<Box<Used>>,
}

/// What people were told last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    #[serde(with = "exact")]
    pub(crate) value: f64,
    pub(crate) time: Micros,
}

impl Alert {
    pub(crate) fn new(onset: Micros) -> Self {
        Self {
            id: String::new(),
            first_onset: onset,
            onset,
            ended: None,
            state: State::Active,
            reported: false,
            withdrawn: false,
            last_change: onset,
            reopened: false,
            paged: None,
            acknowledged: None,
            silenced_until: None,
            level: 0,
            repeats: 0,
            value: None,
            device: None,
            evidence: Vec::new(),
            note: None,
            latched: None,
            told: None,
            hush: Hush::default(),
            limits: None,
        }
    }

    pub(crate) fn of(episode: &Episode, limits: &InForce) -> Self {
        let mut alert = Self::new(episode.onset);
        alert.take(episode, limits);
        alert
    }

    /// Takes over what the episode says of readings. Onset, end and state are the caller's to compare.
    pub(crate) fn take(&mut self, episode: &Episode, limits: &InForce) {
        let last = &episode.evidence.last;
        self.last_change = last.time;
        self.repeats = episode.repeats;
        self.value = Some(last.value);
        self.limits = limits.used(last.time);
        self.device = Some(Arc::clone(&last.device));
        self.evidence = episode.evidence.ids();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state != State::Resolved
    }

    /// It waits for a reading: held back, or found in data too late to page if its rule `pages` at all.
    pub(crate) fn waits(&self, pages: bool) -> bool {
        let untold = pages && self.is_untold() && self.latched.is_none();
        self.is_open() && (!self.reported || self.hush.by_device || untold)
    }

    /// Nobody was told of it, nor will be by the end of a silence.
    pub(crate) fn is_untold(&self) -> bool {
        self.paged.is_none() && !self.hush.held && self.acknowledged.is_none()
    }

    /// Open, and people know of it.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_open() && self.reported
    }
}

/// Id of an alert: 128 bits of hash as Crockford base32.
pub(crate) fn alert_id(rule: &str, subject: &impl Display, onset: Micros) -> String {
    hash_id(&format!("{rule}\n{subject}\n{onset}"))
}

/// 26 characters (Crockford base32) from a text.
pub(crate) fn hash_id(text: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let hash = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
    (0..26)
        .rev()
        .map(|digit| char::from(DIGITS[((hash >> (5 * digit)) & 31) as usize]))
        .collect()
}

/// Numbers by their bits.
pub(crate) mod exact_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(f64::to_bits).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Option::<u64>::deserialize(deserializer).map(|bits| bits.map(f64::from_bits))
    }
}
