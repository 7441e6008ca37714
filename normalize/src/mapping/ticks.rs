//! Times of 100 ns since 1970 UTC: the resolution of the original's `DateTime`.

/// Units of 100 ns since 1970-01-01T00:00:00Z; years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);
