use super::super::*;
use super::check;

#[test]
fn scales() {
    check(0x2A9D, "00 f03c", &["MDC_MASS_BODY_ACTUAL=78.000 kg"]);
    check(
        0x2A9D,
        "0f 1027 ea070b160a1e0f 03 e100 ac02",
        &[
            "MDC_MASS_BODY_ACTUAL=100.00 [lb_av] @2026-11-22T10:30:15 u3",
            "MDC_RATIO_MASS_BODY_LEN_SQ=22.5 kg/m2 @2026-11-22T10:30:15 u3",
            "MDC_LEN_BODY_ACTUAL=68.4 [in_i] @2026-11-22T10:30:15 u3",
        ],
    );
    check(
        0x2A9D,
        "04 ffff ff",
        &["MDC_MASS_BODY_ACTUAL=<error> kg [measurement-unsuccessful]"],
    );
    check(
        0x2A9E,
        "b9010000",
        &[
            "local.weight-scale-features=441 [time-stamp weight-resolution-0.005-kg height-resolution-0.001-m] !Setting",
        ],
    );
    check(
        0x2A9C,
        "f80f 0501 e803 9001 401f 803e 0040 7017 8813 f03c d606",
        &[
            "MDC_BODY_FAT=26.1 %",
            "MDC_BASAL_METABOLISM=1000 kJ",
            "MDC_BODY_MUSCLE=40.0 %",
            "MDC_MASS_BODY_MUSCLE=40.000 kg",
            "MDC_MASS_BODY_FAT_FREE=80.000 kg",
            "MDC_MASS_BODY_SOFT_LEAN=81.920 kg",
            "MDC_BODY_WATER=30.000 kg",
            "MDC_BODY_ELECTRICAL_IMPEDANCE=500.0 Ohm",
            "MDC_MASS_BODY_ACTUAL=78.000 kg",
            "MDC_LEN_BODY_ACTUAL=1.750 m",
        ],
    );
    check(
        0x2A9C,
        "0000 ffff",
        &["MDC_BODY_FAT=<error> % [measurement-unsuccessful]"],
    );
    check(
        0x2A9B,
        "01080000",
        &["local.body-composition-features=2049 [time-stamp weight-resolution-0.5-kg] !Setting"],
    );
}

#[test]
fn parts_of_a_body_composition_come_together() {
    let quirks = Quirks::default();
    let mut assembler = Assembler::default();
    let mut push = |bytes: &str| -> Vec<String> {
        let values = assembler.push(0x2A9C, &hex(bytes), &quirks).unwrap();
        values.iter().map(show).collect()
    };
    assert_eq!(push("0c10 0501 01 e803"), [""; 0]);
    assert_eq!(
        push("0414 0501 01 f03c"),
        [
            "MDC_BODY_FAT=26.1 % u1",
            "MDC_BASAL_METABOLISM=1000 kJ u1",
            "MDC_MASS_BODY_ACTUAL=78.000 kg u1"
        ]
    );
    // Another user's measurement: the first part stands alone.
    assert_eq!(push("0410 0501 01"), [""; 0]);
    assert_eq!(push("0410 0601 02"), ["MDC_BODY_FAT=26.1 % u1"]);
    assert_eq!(
        push("0400 0701 02"),
        ["MDC_BODY_FAT=26.2 % u2", "MDC_BODY_FAT=26.3 % u2"]
    );
    assert_eq!(push("0410 0601 02"), [""; 0]);
    assert_eq!(assembler.open(), Some(Part::Composition));
    assert_eq!(
        assembler.finish().iter().map(show).collect::<Vec<_>>(),
        ["MDC_BODY_FAT=26.2 % u2"]
    );
    assert_eq!(assembler.open(), None);
}
