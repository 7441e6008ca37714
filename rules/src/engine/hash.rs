//! Hashing and comparing of ids. They are ours, given by the registry, so that nobody can choose them to collide.

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

/// Whether two texts are the same; without a call for the lengths that ids and names have.
#[inline]
pub(crate) fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        4..=7 => ends_are::<4>(a, b),
        8..=15 => ends_are::<8>(a, b),
        16..=32 => ends_are::<16>(a, b),
        _ => a == b,
    }
}

/// Of at most twice `N` bytes the two ends are all.
#[inline]
fn ends_are<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn texts_are_compared_whole_whatever_their_length() {
        let text: String = ('a'..='z').cycle().take(70).collect();
        for length in 0..text.len() {
            let known = text.get(..length).unwrap();
            let copy = known.as_bytes().to_vec();
            assert!(same(known, std::str::from_utf8(&copy).unwrap()));
            assert!(!same(known, text.get(..=length).unwrap()));
            for place in 0..length {
                let mut other = known.to_owned().into_bytes();
                other[place] = b'-';
                assert!(!same(known, std::str::from_utf8(&other).unwrap()));
            }
        }
    }
}
