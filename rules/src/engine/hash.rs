//! Hashing of ids: theirs are ours, given by the registry, so that nobody can choose them to collide.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps by id.
pub(crate) type Fast = BuildHasherDefault<Xxh3>;

#[derive(Debug, Default)]
pub(crate) struct Xxh3(u64);

impl Hasher for Xxh3 {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    /// The end of a string: ids are hashed alone.
    fn write_u8(&mut self, byte: u8) {
        self.0 = self.0.rotate_left(5) ^ u64::from(byte);
    }
}
