use super::super::crc::ccitt_false;
use super::super::number::{float, is_doubtful, sfloat, to_float, to_sfloat};
use super::*;

fn printed(reading: Reading) -> String {
    match reading {
        Ok(number) => number.to_string(),
        Err(absence) => absence.reason().into(),
    }
}

#[test]
fn sfloats() {
    for (word, text) in [
        (0x0061, "97"),
        (0xF16E, "36.6"),
        (0xB05A, "0.00090"),
        (0xE074, "1.16"),
        (0x0F9C, "-100"),
        (0xFFFE, "-0.2"),
        (0xF014, "2.0"),
        (0xE0C8, "2.00"),
        (0x1002, "20"),
        (0x2003, "300"),
        (0x7001, "10000000"),
        (0x8001, "0.00000001"),
        (0x1000, "0"),
        (0xE000, "0.00"),
        (0x07FD, "2045"),
        (0x0803, "-2045"),
        (0x07FF, "not-a-number"),
        (0x0800, "error"),
        (0x07FE, "positive-infinity"),
        (0x0802, "negative-infinity"),
        (0x0801, "error"),
        // By the letter a number; flagged.
        (0xF7FF, "204.7"),
        (0x1800, "-20480"),
    ] {
        assert_eq!(printed(sfloat(word)), text, "{word:04X}");
        assert_eq!(is_doubtful(word), matches!(word, 0xF7FF | 0x1800));
    }
}

#[test]
fn floats() {
    for (word, text) in [
        (0xFF00_016F, "36.7"),
        (0xFF00_03DA, "98.6"),
        (0x00FF_FB2E, "-1234"),
        (0xFE00_0E6B, "36.91"),
        (0x0200_0001, "100"),
        (0x007F_FFFF, "not-a-number"),
        (0x0080_0000, "error"),
        (0x007F_FFFE, "positive-infinity"),
        (0x0080_0002, "negative-infinity"),
        (0x0080_0001, "error"),
        (0x007F_FFFD, "8388605"),
        (0x0080_0003, "-8388605"),
    ] {
        assert_eq!(printed(float(word)), text, "{word:08X}");
    }
    let tiny = printed(float(0x8000_0001));
    assert!(tiny.starts_with("0.000") && tiny.ends_with('1') && tiny.len() == 130);
    assert_eq!(printed(float(0x7F00_0001)).len(), 128);
}

#[test]
fn every_sfloat_is_its_own_word() {
    for word in 0..=u16::MAX {
        match sfloat(word) {
            Err(Absence::Error) => assert!(matches!(word, 0x0800 | 0x0801)),
            reading => assert_eq!(to_sfloat(reading), Some(word)),
        }
    }
    assert_eq!(to_sfloat(Ok(Number::integer(2_048))), None);
    assert_eq!(to_sfloat(Ok(Number::integer(0x07FF))), None);
    assert_eq!(to_sfloat(Ok(Number::new(1, 8))), None);
    assert_eq!(to_float(Ok(Number::integer(1 << 23))), None);
}

#[test]
fn crcs() {
    assert_eq!(ccitt_false(b"123456789"), 0x29B1);
    assert_eq!(ccitt_false(&hex("0ec3f900f40b000074e00a00")), 0xF1E0);
    assert_eq!(ccitt_false(&hex("ea07031c0a1f2a80ff")), 0x7308);
}

#[test]
fn dates_and_back() {
    let date = |year, month, day| DateTime {
        year,
        month,
        day,
        hours: 1,
        minutes: 2,
        seconds: 3,
    };
    for (stated, seconds) in [
        (date(1970, 1, 1), 0),
        (date(2000, 2, 29), 951_782_400),
        (date(2026, 11, 22), 1_795_305_600),
        (date(1582, 1, 1), -12_244_089_600_i64),
        (date(9999, 12, 31), 253_402_214_400),
    ] {
        let us = (seconds + 3_723) * 1_000_000;
        assert_eq!(stated.as_us(), Some(us), "{stated}");
        assert_eq!(DateTime::from_us(us), Some(stated));
    }
    assert_eq!(date(2026, 0, 22).as_us(), None);
    assert_eq!(date(2026, 12, 31).plus_minutes(1_440), date(2027, 1, 1));
    assert_eq!(date(2024, 3, 1).plus_minutes(-1_440), date(2024, 2, 29));
    assert_eq!(date(0, 3, 1).plus_minutes(60), date(0, 3, 1));
}

#[test]
fn clocks_to_set() {
    use super::super::current_time::CurrentTime;
    // A Sunday.
    let current = CurrentTime::from_local_us(1_795_305_600_500_000).unwrap();
    assert_eq!(current.encode(), hex("ea070b16000000 07 80 02"));
    assert_eq!(current.local_us(), Some(1_795_305_600_500_000));
}

#[test]
fn elapsed_times() {
    use super::super::elapsed_time::ElapsedTime;
    let time = |flags, value, offset| ElapsedTime {
        flags,
        value,
        source: 0,
        offset,
    };
    for (stated, text) in [
        (time(0x22, 690_724_210, 0), "2021-11-20T11:50:10Z"),
        (time(0x20, 690_724_210, 0), "2021-11-20T11:50:10"),
        (time(0x32, 690_724_210, 4), "2021-11-20T12:50:10+01:00"),
        (time(0x30, 690_724_210, -14), "2021-11-20T11:50:10-03:30"),
        (time(0x24, 6_907_242_105, 0), "2021-11-20T11:50:10.5"),
        (time(0x29, 1_500, 0), "PT1.500S"),
        (time(0x2D, 15_001, 0), "PT1.5001S"),
    ] {
        assert_eq!(Stamp::Elapsed(stated).to_string(), text);
    }
    assert_eq!(time(0x32, 0, 4).instant_us(), Some(946_684_800_000_000));
    assert_eq!(time(0x30, 0, 4).instant_us(), Some(946_681_200_000_000));
    assert_eq!(time(0x20, 0, 0).instant_us(), None);
    assert_eq!(time(0x20, 0, 0).local_us(), Some(946_684_800_000_000));
    assert_eq!(time(0x21, 7, 0).local_us(), None);
    let last = time(0x22, (1 << 48) - 1, 0);
    assert!(last.instant_us().is_none() && !last.to_string().is_empty());
}
