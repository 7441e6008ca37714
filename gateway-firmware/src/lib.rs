//! What Bluetooth health devices say, decoded: pure functions over bytes, without `std`.
//!
//! The gateway itself is the binary of this package; [`gatt`] is what it, its tests and its fuzz targets share.
//!
//! ```text
//! bytes of a characteristic ──gatt::decode──> values: metric, number or absence, unit, time, flags, purpose
//!     segments, second packets ──Assembler──┘
//! what a collector writes ──encode──> bytes: record access, current time, session start
//! ```
//!
//! Invariants:
//! 1. `core` and `alloc` alone: no clock, no I/O, no float where a device sent a decimal.
//! 2. A number keeps the digits the device sent; what stands for "no value" becomes an absence with its reason.
//! 3. Bytes that no device of the standard sends are a fault that says what was expected at which byte; nothing panics.
//! 4. Control solution, tests and demonstrations are marked, so that they can never become a result.
//!
//! Not here: Bluetooth itself, models' departures from the standard as data (`decode/quirks.toml` of the binary), the
//! names of metrics (`wardline_normalize::vocabulary`).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod gatt;
