//! Load generator and benchmarks, each a ratio to a limit or a peer of the same run
fn main() {}
