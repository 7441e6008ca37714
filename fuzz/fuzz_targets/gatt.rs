//! A characteristic by its place in the list, a byte of quirks, and the bytes of one packet.
#![no_main]

use wardline_gatt::gatt::{CHARACTERISTICS, Crc, Purpose, Quirks, decode, metric};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [place, bits, packet @ ..] = data else {
        return;
    };
    let quirks = Quirks {
        crc: [Crc::Auto, Crc::Present, Crc::Absent][usize::from(bits & 3) % 3],
        cgm_octets_reversed: bits & 4 != 0,
        special_any_exponent: bits & 8 != 0,
        trailing_bytes: bits & 16 != 0,
        sensor_location: (bits & 32 != 0).then_some(*place),
        temperature_type: (bits & 64 != 0).then_some(*place),
        cgm_type: (bits & 128 != 0).then_some(*place),
    };
    let known = CHARACTERISTICS[usize::from(*place) % CHARACTERISTICS.len()];
    match decode(known.number, packet, &quirks) {
        Ok(values) => {
            assert!(values.len() <= 8 * packet.len() + 8);
            for value in values {
                assert!(value.metric.code != 0 || !value.metric.name.is_empty());
                if value.purpose == Purpose::Control {
                    assert_eq!(value.metric, metric::GLUCOSE_CONTROL);
                }
                if let Some(time) = value.time {
                    let _shown = time.to_string();
                }
            }
        }
        Err(fault) => {
            assert!(fault.at <= packet.len(), "{fault} of {}", packet.len());
            assert!(!fault.to_string().is_empty());
        }
    }
});
