//! Parts of what comes in several: each a byte that chooses the characteristic, a byte of length, and its bytes.
#![no_main]

use wardline_gatt::gatt::{Assembler, Crc, Quirks};

const IN_PARTS: [u16; 4] = [0x2A9C, 0x2B36, 0x2B8B, 0x2BDD];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut assembler = Assembler::default();
    let mut rest = data;
    let mut taken = 0;
    while let [choice, length, tail @ ..] = rest {
        let length = usize::from(*length).min(tail.len());
        let (part, after) = tail.split_at(length);
        rest = after;
        taken += length;
        let quirks = Quirks {
            crc: [Crc::Auto, Crc::Present, Crc::Absent][usize::from(choice >> 2) % 3],
            ..Quirks::default()
        };
        match assembler.push(IN_PARTS[usize::from(choice & 3)], part, &quirks) {
            Ok(values) => assert!(values.len() <= 8 * taken + 8),
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
    assembler.finish();
    assert_eq!(assembler.open(), None);
});
