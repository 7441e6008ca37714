//! The log through its public interface: over a simulated disk that loses power, a failing one, one in memory, and the
//! real one.

// The lint knows test functions only, not what they share.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod acknowledge;
mod bounds;
mod damage;
mod failures;
mod faulty_disk;
mod mem_disk;
mod model;
mod power_loss;
mod release;
mod sim_disk;
mod support;
