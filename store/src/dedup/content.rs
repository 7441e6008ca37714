//! What makes two statements under one id the same.

use arrow_array::Array;
use wardline_normalize::columns::Columns;
use xxhash_rust::xxh3::xxh3_64;

/// Value, unit and status of a row, folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    hash: u64,
    status: Status,
}

/// FHIR statuses as far as they make a difference: a stored correction (`corrected`) is the same
/// as the `final` statement that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Preliminary,
    Final,
    Error,
    Other(u64),
}

impl Content {
    /// `bytes` is overwritten: room that rows share.
    pub(super) fn of(columns: &Columns<'_>, i: usize, bytes: &mut Vec<u8>) -> Self {
        bytes.clear();
        if columns.value.is_valid(i) {
            // Zero has one form and NaN too: bits would call equal numbers different.
            let value = columns.value.value(i) + 0.0;
            let bits = if value.is_nan() {
                u64::MAX
            } else {
                value.to_bits()
            };
            bytes.extend_from_slice(&bits.to_le_bytes());
        }
        for text in [columns.value_text, columns.data_absent_reason, columns.unit] {
            bytes.push(0xff);
            if text.is_valid(i) {
                bytes.push(0xfe);
                bytes.extend_from_slice(text.value(i).as_bytes());
            }
        }
        let status = match columns.status.value(i) {
            "registered" | "preliminary" => Status::Preliminary,
            "final" | "amended" | "corrected" => Status::Final,
            "entered-in-error" => Status::Error,
            other => Status::Other(xxh3_64(other.as_bytes())),
        };
        Self {
            hash: xxh3_64(bytes),
            status,
        }
    }

    pub(super) fn is_preliminary(self) -> bool {
        self.status == Status::Preliminary
    }
}
