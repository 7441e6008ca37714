//! What Bluetooth health devices say, decoded: pure functions over bytes, without `std`.
//!
//! The gateway itself is the binary of this package.
#![no_std]
