//! What is remembered of streams.

use arrow_array::{Array, StringArray};
use wardline_normalize::columns::Columns;
use xxhash_rust::xxh3::xxh3_128;

use super::superseded::Superseded;
use crate::keyed::Keyed;

/// Gaps kept per stream: a reconnecting gateway fills one; more are rare.
const GAPS: usize = 4;

/// Whether a reading can have come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is newer than all of its stream, or in a stretch of which nothing came.
    New,
    /// It has to be looked up.
    Unsure,
}

/// One stream: nothing came after `high`, nor strictly within a gap.
#[derive(Clone, Debug)]
struct Stream {
    high: i64,
    gaps: [(i64, i64); GAPS],
    used: u64,
}

impl Stream {
    fn new(high: i64) -> Self {
        Self {
            high,
            gaps: [(0, 0); GAPS],
            used: 0,
        }
    }

    fn see(&mut self, at: i64) -> Known {
        if at > self.high {
            self.add_gap((self.high, at));
            self.high = at;
            return Known::New;
        }
        for i in 0..GAPS {
            let (low, high) = self.gaps[i];
            if low < at && at < high {
                self.gaps[i] = (low, at);
                self.add_gap((at, high));
                return Known::New;
            }
        }
        Known::Unsure
    }

    /// Keeps the largest gaps.
    fn add_gap(&mut self, gap: (i64, i64)) {
        let size = |g: &(i64, i64)| g.1.saturating_sub(g.0);
        if let Some(smallest) = self.gaps.iter_mut().min_by_key(|g| size(g))
            && size(smallest) < size(&gap)
        {
            *smallest = gap;
        }
    }
}

/// All streams, as many as are remembered.
#[derive(Debug)]
pub(super) struct Streams {
    streams: Keyed<Stream>,
    /// Of a stream that is not remembered, nothing came after this.
    floor: i64,
    capacity: usize,
    clock: u64,
    tickets: u64,
    scratch: Vec<u8>,
    pub(super) superseded: Superseded,
}

impl Streams {
    pub(super) fn new(floor: i64, capacity: usize) -> Self {
        Self {
            streams: Keyed::default(),
            floor,
            capacity,
            clock: 0,
            tickets: 0,
            scratch: Vec::new(),
            superseded: Superseded::default(),
        }
    }

    pub(super) fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Says what a stream has had, from the table.
    pub(super) fn seed(&mut self, key: u128, high: i64) {
        self.streams.insert(key, Stream::new(high.max(self.floor)));
    }

    /// Judges a row by its time and remembers it.
    pub(super) fn see(&mut self, columns: &Columns<'_>, i: usize) -> Known {
        let Some(at) = source_millis(columns.id.value(i)) else {
            return Known::Unsure;
        };
        let key = stream_key(
            &mut self.scratch,
            columns.device_id.value(i),
            columns.metric(i),
            optional(columns.channel, i),
            optional(columns.device_user, i),
        );
        self.clock += 1;
        let floor = self.floor;
        let stream = self
            .streams
            .entry(key)
            .or_insert_with(|| Stream::new(floor));
        stream.used = self.clock;
        let known = stream.see(at);
        if self.streams.len() > self.capacity {
            self.forget();
        }
        known
    }

    /// Forgets the streams that were idle longest; what they had is below the floor from then on.
    fn forget(&mut self) {
        let mut used: Vec<u64> = self.streams.values().map(|s| s.used).collect();
        let some = (used.len() / 8).clamp(1, used.len() - 1);
        let (_, last, _) = used.select_nth_unstable(some - 1);
        let last = *last;
        let mut floor = self.floor;
        self.streams.retain(|_, stream| {
            let keep = stream.used > last;
            if !keep {
                floor = floor.max(stream.high);
            }
            keep
        });
        self.floor = floor;
    }
}

fn optional(column: &StringArray, i: usize) -> Option<&str> {
    column.is_valid(i).then(|| column.value(i))
}

pub(super) fn stream_key(
    scratch: &mut Vec<u8>,
    device: &str,
    metric: &str,
    channel: Option<&str>,
    user: Option<&str>,
) -> u128 {
    scratch.clear();
    for part in [Some(device), Some(metric), channel, user] {
        let len = part.map_or(0, |p| p.len() as u64 + 1);
        scratch.extend_from_slice(&len.to_le_bytes());
        scratch.extend_from_slice(part.unwrap_or_default().as_bytes());
    }
    xxh3_128(scratch)
}

/// The source time that an id begins with: 48 bits of milliseconds in its first ten characters
/// (Crockford base32, design 5.4).
pub(super) fn source_millis(id: &str) -> Option<i64> {
    let head = id.as_bytes().get(..10)?;
    let mut value = 0_i64;
    for byte in head {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'H' => byte - b'A' + 10,
            b'J' | b'K' => byte - b'J' + 18,
            b'M' | b'N' => byte - b'M' + 20,
            b'P'..=b'T' => byte - b'P' + 22,
            b'V'..=b'Z' => byte - b'V' + 27,
            _ => return None,
        };
        value = (value << 5) | i64::from(digit);
    }
    (id.len() == 26).then_some(value)
}

/// The least id with a source time.
pub(super) fn least_id(millis: i64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let head = (0..10)
        .rev()
        .map(|i| char::from(DIGITS[((millis.max(0) >> (5 * i)) & 31) as usize]));
    head.chain(std::iter::repeat_n('0', 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_give_their_time_back() {
        for micros in [0, 1_795_352_400_123_456, 4_000_000_000_000_000] {
            let id = wardline_normalize::id::row_id(micros, "d", "m", None, None, None);
            assert_eq!(source_millis(&id), Some(micros / 1_000));
            assert!(least_id(micros / 1_000) <= id);
            assert!(id < least_id(micros / 1_000 + 1));
        }
        assert_eq!(source_millis("short"), None);
        assert_eq!(source_millis("01234567IU0000000000000000"), None);
    }

    #[test]
    fn a_gap_is_filled_without_a_look_up_and_only_once() {
        let mut stream = Stream::new(100);
        assert_eq!(stream.see(100), Known::Unsure);
        assert_eq!(stream.see(1_000), Known::New);
        for at in [101, 500, 102, 999] {
            assert_eq!(stream.see(at), Known::New, "{at}");
            assert_eq!(stream.see(at), Known::Unsure, "{at}");
        }
        assert_eq!(stream.see(50), Known::Unsure);
    }
}
