//! Vectors of every characteristic, and the other way round.
