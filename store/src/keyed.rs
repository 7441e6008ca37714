//! Maps by keys that are hashes already.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A map from the 128-bit hash of an id or a stream.
pub(crate) type Keyed<V> = HashMap<u128, V, KeyState>;

/// Secrets of a map: senders choose what ids are made of, and must not be able to aim at one bucket.
#[derive(Clone, Debug)]
pub(crate) struct KeyState(u64, u64);

impl Default for KeyState {
    fn default() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(0), random.hash_one(1))
    }
}

impl BuildHasher for KeyState {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher {
            state: (self.0, self.1),
            hash: 0,
        }
    }
}

/// One multiplication a key, instead of the rounds that keys which are no hashes would need.
#[derive(Debug)]
pub(crate) struct KeyHasher {
    state: (u64, u64),
    hash: u64,
}

impl Hasher for KeyHasher {
    #[inline]
    fn write_u128(&mut self, key: u128) {
        let (low, high) = (key as u64, (key >> 64) as u64);
        let product = u128::from(low ^ self.state.0) * u128::from(high ^ self.state.1);
        self.hash ^= product as u64 ^ (product >> 64) as u64;
    }

    /// Not the way of a `u128`, and right all the same.
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(16) {
            let mut key = [0; 16];
            key[..part.len()].copy_from_slice(part);
            self.write_u128(u128::from_le_bytes(key));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_spread_over_low_and_high_bits_and_differ_from_map_to_map() {
        let (one, other) = (KeyState::default(), KeyState::default());
        let hashes: Vec<u64> = (0..10_000_u128)
            .map(|n| one.hash_one(xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes())))
            .collect();
        for shift in [0, 48, 57] {
            let buckets: HashSet<u64> = hashes.iter().map(|hash| (hash >> shift) & 127).collect();
            assert_eq!(buckets.len(), 128, "bits from {shift}");
        }
        assert_ne!(one.hash_one(7_u128), other.hash_one(7_u128));
        assert_eq!(one.hash_one(7_u128), one.clone().hash_one(7_u128));
    }
}
