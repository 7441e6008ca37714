//! What Bluetooth health devices say, decoded: pure functions over bytes, without `std`.
//!
//! The gateway itself is the binary of this package; [`gatt`] is what it, its tests and its fuzz targets share.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod gatt;
