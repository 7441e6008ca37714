//! Our own bytes of every characteristic, read by a person; and the captured ones.

mod body;
mod device;
mod generic;
mod glucose;
mod vital;

use super::*;

#[track_caller]
fn check(characteristic: u16, bytes: &str, lines: &[&str]) {
    assert_eq!(
        said(characteristic, bytes),
        lines,
        "{characteristic:04X} {bytes}"
    );
}
