//! Bytes that nobody meant: nothing panics, and what is taken is in bounds.

use super::*;
use proptest::prelude::*;

fn any_quirks() -> impl Strategy<Value = Quirks> {
    (
        prop::sample::select([Crc::Auto, Crc::Present, Crc::Absent].to_vec()),
        any::<[bool; 3]>(),
        any::<[Option<u8>; 3]>(),
    )
        .prop_map(
            |(crc, [reversed, special, trailing], [place, kind, cgm])| Quirks {
                crc,
                cgm_octets_reversed: reversed,
                special_any_exponent: special,
                trailing_bytes: trailing,
                sensor_location: place,
                temperature_type: kind,
                cgm_type: cgm,
            },
        )
}

/// What holds of any value, and of any fault over `bytes`.
fn sound(outcome: &Result<Vec<Value>, Fault>, bytes: usize) {
    match outcome {
        Ok(values) => {
            // A value takes a bit of its packet at least; texts and samples are no longer than it.
            assert!(values.len() <= 8 * bytes + 8);
            for value in values {
                assert!(!show(value).is_empty());
                assert!(value.metric.code != 0 || !value.metric.name.is_empty());
                if value.purpose == Purpose::Control {
                    assert_eq!(value.metric, metric::GLUCOSE_CONTROL);
                }
            }
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            assert!(fault.at <= bytes, "{fault} of {bytes}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_of_any_characteristic(
        bytes in prop::collection::vec(any::<u8>(), 0..80), quirks in any_quirks(),
    ) {
        for known in CHARACTERISTICS {
            sound(&decode(known.number, &bytes, &quirks), bytes.len());
        }
    }

    #[test]
    fn any_order_of_parts(
        parts in prop::collection::vec(
            (prop::sample::select([0x2A9C_u16, 0x2B36, 0x2B8B, 0x2BDD].to_vec()),
             prop::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(3), any::<u8>()], 0..40)),
            0..40),
        quirks in any_quirks(),
    ) {
        let mut assembler = Assembler::default();
        let mut all = 0;
        for (characteristic, bytes) in parts {
            all += bytes.len();
            sound(&assembler.push(characteristic, &bytes, &quirks), all);
        }
        sound(&Ok(assembler.finish()), all);
        prop_assert_eq!(assembler.open(), None);
    }
}

#[test]
fn segments_without_end_are_given_up() {
    let quirks = Quirks::default();
    let mut assembler = Assembler::default();
    let mut segment = std::vec![0_u8; 241];
    let mut given_up = false;
    for index in 0..1_000_u32 {
        segment[0] = super::segments::Header::new(index == 0, false, (index % 64) as u8).0;
        match assembler.push(0x2B8B, &segment, &quirks) {
            Ok(values) => assert!(values.is_empty()),
            Err(fault) => {
                assert!(
                    index as usize * 240 >= super::segments::LONGEST - 240,
                    "{fault}"
                );
                given_up = true;
                break;
            }
        }
    }
    assert!(given_up);
    assert_eq!(assembler.open(), None);
}
