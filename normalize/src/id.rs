//! Row and panel ids (design 5.4): 48 bits of source time in milliseconds, then 80 bits of a hash of what the
//! device stated, written as 26 characters of Crockford base32. Same statement, same id: redelivery is a no-op.

use crate::time::Micros;
use xxhash_rust::xxh3::xxh3_128;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Two characters for every ten bits.
const PAIRS: [[u8; 2]; 1024] = {
    let mut pairs = [[0; 2]; 1024];
    let mut bits = 0;
    while bits < pairs.len() {
        pairs[bits] = [ALPHABET[bits >> 5], ALPHABET[bits & 31]];
        bits += 1;
    }
    pairs
};

/// Length of an id in characters.
pub const LEN: usize = 26;

/// FHIR's rule for ids, which topics use too: `[A-Za-z0-9.-]{1,64}` (FHIR R4, datatype `id`).
#[must_use]
pub fn is_fhir_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// The id of one reading. `metric` is the MDC reference id, else the row's own code.
#[must_use]
pub fn row_id(
    source_time: Micros,
    device: &str,
    metric: &str,
    channel: Option<&str>,
    device_user: Option<&str>,
    device_seq: Option<i64>,
) -> String {
    text(&row_id_bytes(
        &mut Vec::new(),
        source_time,
        device,
        metric,
        channel,
        device_user,
        device_seq,
    ))
}

/// The id of the Observation that the rows of one device, MDC panel, channel, user and source time form.
#[must_use]
pub fn panel_id(
    source_time: Micros,
    device: &str,
    panel_mdc: &str,
    channel: Option<&str>,
    device_user: Option<&str>,
) -> String {
    text(&panel_id_bytes(
        &mut Vec::new(),
        source_time,
        device,
        panel_mdc,
        channel,
        device_user,
    ))
}

/// [`row_id`] without an allocation once `scratch` has grown.
pub(crate) fn row_id_bytes(
    scratch: &mut Vec<u8>,
    source_time: Micros,
    device: &str,
    metric: &str,
    channel: Option<&str>,
    device_user: Option<&str>,
    device_seq: Option<i64>,
) -> [u8; LEN] {
    scratch.clear();
    scratch.push(b'R');
    stream(scratch, device, metric, channel, device_user);
    if let Some(seq) = device_seq {
        scratch.push(1);
        scratch.extend_from_slice(&seq.to_le_bytes());
    } else {
        scratch.push(0);
    }
    scratch.extend_from_slice(&source_time.to_le_bytes());
    encode(source_time, xxh3_128(scratch))
}

/// [`panel_id`] without an allocation once `scratch` has grown.
pub(crate) fn panel_id_bytes(
    scratch: &mut Vec<u8>,
    source_time: Micros,
    device: &str,
    panel_mdc: &str,
    channel: Option<&str>,
    device_user: Option<&str>,
) -> [u8; LEN] {
    scratch.clear();
    scratch.push(b'P');
    stream(scratch, device, panel_mdc, channel, device_user);
    scratch.extend_from_slice(&source_time.to_le_bytes());
    encode(source_time, xxh3_128(scratch))
}

/// Fields with their lengths, so that no two different statements give the same bytes.
fn stream(
    out: &mut Vec<u8>,
    device: &str,
    metric: &str,
    channel: Option<&str>,
    device_user: Option<&str>,
) {
    for field in [Some(device), Some(metric), channel, device_user] {
        // 0 for "not stated": an empty name differs from none.
        let len = field.map_or(0, |text| text.len() as u64 + 1);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(field.unwrap_or_default().as_bytes());
    }
}

/// The 48 low bits of the millisecond (enough to the year 10889; earlier than 1970 counts as 1970), then 80 bits.
fn encode(source_time: Micros, hash: u128) -> [u8; LEN] {
    let millis = u128::from(source_time.div_euclid(1_000).max(0).unsigned_abs() & 0xFFFF_FFFF_FFFF);
    let bits = (millis << 80) | (hash >> 48);
    let mut out = [0; LEN];
    // 2 + 12 + 12 characters, so that all but the cuts is 64-bit arithmetic.
    let (head, tail) = out.split_at_mut(2);
    let (middle, tail) = tail.split_at_mut(12);
    for (part, shift) in [(head, 120), (middle, 60), (tail, 0)] {
        let mut word = (bits >> shift) as u64;
        for pair in part.rchunks_exact_mut(2) {
            pair.copy_from_slice(&PAIRS[(word & 1023) as usize]);
            word >>= 10;
        }
    }
    out
}

pub(crate) fn as_str(id: &[u8; LEN]) -> &str {
    std::str::from_utf8(id).expect("the alphabet is ASCII")
}

fn text(id: &[u8; LEN]) -> String {
    as_str(id).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_stable_and_ordered_by_time() {
        let id = row_id(
            1_795_352_400_000_000,
            "dev-1",
            "MDC_ECG_HEART_RATE",
            None,
            None,
            None,
        );
        assert_eq!(id.len(), LEN);
        assert_eq!(
            id,
            row_id(
                1_795_352_400_000_000,
                "dev-1",
                "MDC_ECG_HEART_RATE",
                None,
                None,
                None
            )
        );
        assert!(
            id < row_id(
                1_795_352_400_001_000,
                "dev-1",
                "MDC_ECG_HEART_RATE",
                None,
                None,
                None
            )
        );
        // Pinned: a change of this value would give every stored reading a second row.
        assert_eq!(id, "01M81NF440RSY98ZAP2V7EW9FD");
    }

    #[test]
    fn every_part_counts() {
        let t = 1_795_352_400_000_000;
        let ids: HashSet<String> = [
            row_id(t, "d", "m", None, None, None),
            row_id(t + 1, "d", "m", None, None, None),
            row_id(t, "dm", "", None, None, None),
            row_id(t, "", "dm", None, None, None),
            row_id(t, "d", "m", Some(""), None, None),
            row_id(t, "d", "m", Some("u"), None, None),
            row_id(t, "d", "m", None, Some("u"), None),
            row_id(t, "d", "m", None, None, Some(0)),
            row_id(t, "d", "m", None, None, Some(1)),
            panel_id(t, "d", "m", None, None),
        ]
        .into();
        assert_eq!(ids.len(), 10);
        let _ = (
            row_id(i64::MIN, "", "", None, None, None),
            row_id(i64::MAX, "", "", None, None, None),
        );
    }
}
