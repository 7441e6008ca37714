use super::super::*;
use super::check;

#[test]
fn heart_rate() {
    check(0x2A37, "00 48", &["MDC_ECG_HEART_RATE=72 /min"]);
    check(0x2A37, "01 2c01", &["MDC_ECG_HEART_RATE=300 /min"]);
    let both = "[contact-detected contact-supported]";
    check(
        0x2A37,
        "16 48 4003",
        &[
            &format!("MDC_ECG_HEART_RATE=72 /min {both}"),
            &format!("MDC_ECG_TIME_PD_RR_GL=812.5 ms {both}"),
        ],
    );
    check(
        0x2A37,
        "18 3c ffff 0004 0002",
        &[
            "MDC_ECG_HEART_RATE=60 /min",
            "MDC_HF_ENERGY=65535 kJ [energy-at-maximum]",
            "MDC_ECG_TIME_PD_RR_GL=1000 ms -500000us",
            "MDC_ECG_TIME_PD_RR_GL=500 ms",
        ],
    );
    check(
        0x2A37,
        "04 00",
        &["MDC_ECG_HEART_RATE=0 /min [contact-supported] ~unavailable"],
    );
    check(
        0x2A37,
        "04 50",
        &["MDC_ECG_HEART_RATE=80 /min [contact-supported] ~questionable"],
    );
    check(
        0x2A37,
        "10 50 01",
        &["byte 2: expected R-R interval (2 bytes), 1 are left"],
    );
    check(
        0x2A37,
        "00 50 01",
        &["byte 2: expected the end after heart rate, 1 bytes follow"],
    );
    check(
        0x2A37,
        "80 50 01",
        &["MDC_ECG_HEART_RATE=80 /min [reserved-flags]"],
    );
    check(
        0x2A37,
        "",
        &["byte 0: expected flags (1 bytes), 0 are left"],
    );
    let wrist = Quirks {
        sensor_location: Some(2),
        ..Quirks::default()
    };
    assert_eq!(
        said_with(0x2A37, "0048", &wrist),
        ["MDC_PULS_RATE=72 /min (wrist)"]
    );
    check(0x2A38, "01", &["local.body-sensor-location=chest !Setting"]);
    check(
        0x2A38,
        "07",
        &["local.body-sensor-location=reserved !Setting"],
    );
}

#[test]
fn thermometer() {
    check(0x2A1C, "00 6f0100ff", &["MDC_TEMP_BODY=36.7 Cel"]);
    check(
        0x2A1C,
        "07 da0300ff ea070b160a1e0f 06",
        &["MDC_TEMP_ORAL=98.6 [degF] @2026-11-22T10:30:15"],
    );
    check(
        0x2A1C,
        "04 ffff7f00 02",
        &["MDC_TEMP_BODY=<not-a-number> Cel"],
    );
    check(
        0x2A1C,
        "04 6f0100ff 0a",
        &["MDC_TEMP_BODY=36.7 Cel [type-reserved]"],
    );
    check(
        0x2A1C,
        "02 6b0e00fe 00000000173b3b",
        &["MDC_TEMP_BODY=36.91 Cel @0000-00-00T23:59:59"],
    );
    check(
        0x2A1C,
        "02 6b0e00fe ea070d16000000",
        &["byte 7: expected month to be 0 to 12, it is 13"],
    );
    check(
        0x2A1C,
        "02 6b0e00fe ea07021d000000",
        &["byte 8: expected day to be a day of its month, or 0, it is 29"],
    );
    check(
        0x2A1E,
        "04 6f0100ff 01",
        &["MDC_TEMP_AXILLA=36.7 Cel !Telemetry"],
    );
    check(0x2A1D, "09", &["local.temperature-type=tympanum !Setting"]);
    check(
        0x2A21,
        "3c00",
        &["local.measurement-interval=60 s !Setting"],
    );
}

#[test]
fn oximeter() {
    check(
        0x2A5E,
        "00 6100 48f0",
        &[
            "MDC_PULS_OXIM_SAT_O2=97 % (spot)",
            "MDC_PULS_OXIM_PULS_RATE=7.2 /min (spot)",
        ],
    );
    let tail = "@2026-11-22T10:30:15 [demo poor-signal clock-not-set] !Demo (spot)";
    check(
        0x2A5E,
        "1f 6200 4800 ea070b160a1e0f 0004 100000 0cf0",
        &[
            &format!("MDC_PULS_OXIM_SAT_O2=98 % {tail}"),
            &format!("MDC_PULS_OXIM_PULS_RATE=72 /min {tail}"),
            &format!("MDC_PULS_OXIM_PERF_REL=1.2 % {tail}"),
        ],
    );
    check(
        0x2A5F,
        "03 6100 4800 6000 4700 5f00 4600",
        &[
            "MDC_PULS_OXIM_SAT_O2=97 %",
            "MDC_PULS_OXIM_PULS_RATE=72 /min",
            "MDC_PULS_OXIM_SAT_O2=96 % (fast) (fast)",
            "MDC_PULS_OXIM_PULS_RATE=71 /min (fast) (fast)",
            "MDC_PULS_OXIM_SAT_O2=95 % (slow) (slow)",
            "MDC_PULS_OXIM_PULS_RATE=70 /min (slow) (slow)",
        ],
    );
    let tail = "[invalid sensor-unconnected-to-user] ~invalid";
    check(
        0x2A5F,
        "0c ff07 fe07 0080 000800",
        &[
            &format!("MDC_PULS_OXIM_SAT_O2=<not-a-number> % {tail}"),
            &format!("MDC_PULS_OXIM_PULS_RATE=<positive-infinity> /min {tail}"),
        ],
    );
    check(
        0x2A5F,
        "00 fff7 4800",
        &[
            "MDC_PULS_OXIM_SAT_O2=204.7 % [special-mantissa]",
            "MDC_PULS_OXIM_PULS_RATE=72 /min [special-mantissa]",
        ],
    );
    let loose = Quirks {
        special_any_exponent: true,
        ..Quirks::default()
    };
    assert_eq!(
        said_with(0x2A5F, "00 fff7 4800", &loose)[0],
        "MDC_PULS_OXIM_SAT_O2=<not-a-number> %"
    );
    check(
        0x2A60,
        "0300 2000 010000",
        &[
            "local.pulse-oximeter-features=3 [measurement-status device-and-sensor-status measurement-ongoing display-update-ongoing] !Setting",
        ],
    );
}

#[test]
fn blood_pressure() {
    let tail = "@2026-11-22T10:30:15 u2 [cuff-too-loose irregular-pulse pulse-rate-above-range] ~questionable";
    check(
        0x2A35,
        "1e 7c00 5000 5d00 ea070b160a1e0f 4800 02 0e00",
        &[
            &format!("MDC_PRESS_BLD_NONINV_SYS=124 mm[Hg] {tail}"),
            &format!("MDC_PRESS_BLD_NONINV_DIA=80 mm[Hg] {tail}"),
            &format!("MDC_PRESS_BLD_NONINV_MEAN=93 mm[Hg] {tail}"),
            &format!("MDC_PULS_RATE_NON_INV=72 /min {tail}"),
        ],
    );
    check(
        0x2A35,
        "09 a5f0 6bf0 ff07 ff",
        &[
            "MDC_PRESS_BLD_NONINV_SYS=16.5 kPa",
            "MDC_PRESS_BLD_NONINV_DIA=10.7 kPa",
            "MDC_PRESS_BLD_NONINV_MEAN=<not-a-number> kPa",
        ],
    );
    check(
        0x2A35,
        "00 ff07 ff07 ff07",
        &[
            "MDC_PRESS_BLD_NONINV_SYS=<not-a-number> mm[Hg]",
            "MDC_PRESS_BLD_NONINV_DIA=<not-a-number> mm[Hg]",
            "MDC_PRESS_BLD_NONINV_MEAN=<not-a-number> mm[Hg]",
        ],
    );
    check(
        0x2A36,
        "00 9600 ff07 ff07",
        &["MDC_PRESS_CUFF=150 mm[Hg] !Telemetry"],
    );
    check(
        0x2B34,
        "7e 7c00 5000 5d00 00000000 4800 01 0000 100e0000",
        &[
            "MDC_PRESS_BLD_NONINV_SYS=124 mm[Hg] @2000-01-01T01:00:00 u1",
            "MDC_PRESS_BLD_NONINV_DIA=80 mm[Hg] @2000-01-01T01:00:00 u1",
            "MDC_PRESS_BLD_NONINV_MEAN=93 mm[Hg] @2000-01-01T01:00:00 u1",
            "MDC_PULS_RATE_NON_INV=72 /min @2000-01-01T01:00:00 u1",
        ],
    );
    check(
        0x2B35,
        "02 9600 80510100",
        &["MDC_PRESS_CUFF=150 mm[Hg] @1900-01-02T00:00:00 !Telemetry"],
    );
    check(
        0x2B36,
        "03 0500 352a 00 7c00 5000 5d00",
        &[
            "MDC_PRESS_BLD_NONINV_SYS=124 mm[Hg] #5",
            "MDC_PRESS_BLD_NONINV_DIA=80 mm[Hg] #5",
            "MDC_PRESS_BLD_NONINV_MEAN=93 mm[Hg] #5",
        ],
    );
    check(
        0x2B36,
        "01 0500 352a 00",
        &["byte 6: expected the next segment (1 bytes), 0 are left"],
    );
    check(
        0x2B36,
        "02 0500",
        &["byte 0: expected segment header to be that of a first segment, it is 2"],
    );
    check(
        0x2A49,
        "4300",
        &[
            "local.blood-pressure-features=67 [body-movement-detection cuff-fit-detection e2e-crc] !Setting",
        ],
    );
}
