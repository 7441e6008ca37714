//! What rules take of a reading: small values without a heap allocation of their own.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Characters of a row's id (design 5.4).
const LEN: usize = 26;

/// Id of a row.
#[derive(Clone)]
pub(crate) struct RowId(Text);

#[derive(Clone)]
enum Text {
    Row([u8; LEN]),
    Other(Box<str>),
}

impl RowId {
    #[inline]
    pub(crate) fn new(id: &str) -> Self {
        Self(match <[u8; LEN]>::try_from(id.as_bytes()) {
            Ok(bytes) => Text::Row(bytes),
            Err(_) => Text::Other(id.into()),
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Row(bytes) => bytes,
            Text::Other(text) => text.as_bytes(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

impl PartialEq for RowId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
impl Eq for RowId {}
impl PartialOrd for RowId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for RowId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}
impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}
impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// One reading that counts, in the unit of its rules, on its way through the folds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample<'a> {
    /// Effective time.
    pub(crate) time: Micros,
    /// Place of its feed in the lane.
    pub(crate) input: u8,
    /// Place of its metric in the feed's order of preference, 0 first.
    pub(crate) rank: u8,
    pub(crate) id: &'a RowId,
    pub(crate) version: i64,
    #[serde(with = "exact")]
    pub(crate) value: f64,
    pub(crate) device: &'a Arc<str>,
}

impl Sample<'_> {
    /// Samples have a total order that does not depend on their arrival.
    #[inline]
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        (self.time, self.input, self.rank, self.id).cmp(&(
            other.time,
            other.input,
            other.rank,
            other.id,
        ))
    }
}

/// Numbers by their bits: JSON text need not round-trip.
pub(crate) mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
