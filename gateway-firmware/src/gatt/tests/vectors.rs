use super::*;

#[track_caller]
fn check(characteristic: u16, bytes: &str, lines: &[&str]) {
    assert_eq!(
        said(characteristic, bytes),
        lines,
        "{characteristic:04X} {bytes}"
    );
}

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

#[test]
fn glucose() {
    // 90e-5 kg/L is 90 mg/dL; 5.5 mmol/L is 55e-4 mol/L.
    check(
        0x2A18,
        "02 0500 ea070b160a1e0f 5ab0 11",
        &["MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD=90 mg/dL @2026-11-22T10:30:15 #5 (finger)"],
    );
    check(
        0x2A18,
        "07 0600 ea070b160a1e0f c4ff 37c0 28",
        &["MDC_CONC_GLU_UNDETERMINED_PLASMA=5.5 mmol/L @2026-11-22T09:30:15 #6 (alternate site)"],
    );
    check(
        0x2A18,
        "0a 0700 ea070b160a1e0f 5ab0 f9 2100",
        &["MDC_CONC_GLU_ISF=90 mg/dL @2026-11-22T10:30:15 #7 [battery-low result-too-high]"],
    );
    for sample in ["1a", "41"] {
        let lines = said(0x2A18, &format!("02 0800 ea070b160a1e0f 5ab0 {sample}"));
        assert!(
            lines[0].starts_with("MDC_CONC_GLU_CONTROL=90 mg/dL")
                && lines[0].contains("[control-solution] !Control"),
            "{lines:?}"
        );
    }
    check(
        0x2A18,
        "08 0900 000000000a1e0f 0200",
        &[
            "MDC_GLU_METER_DEV_STATUS=\"sensor-malfunction\" @0000-00-00T10:30:15 #9 [sensor-malfunction] ~questionable !Setting",
        ],
    );
    check(
        0x2A18,
        "02 0a00 ea070b160a1e0f ff07 11",
        &[
            "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD=<not-a-number> mg/dL @2026-11-22T10:30:15 #10 (finger)",
        ],
    );
    check(
        0x2A51,
        "0104",
        &["local.glucose-features=1025 [low-battery-detection multiple-bonds] !Setting"],
    );
}

#[test]
fn glucose_context() {
    check(
        0x2A34,
        "5f 0500 01 32d0 02 51 2c01 4b 03 10a0 41f0",
        &[
            "MDC_CTXT_GLU_CARB=0.050 kg #5 (breakfast)",
            "MDC_CTXT_GLU_MEAL=MDC_CTXT_GLU_MEAL_POSTPRANDIAL #5",
            "MDC_CTXT_GLU_TESTER=MDC_CTXT_GLU_TESTER_SELF #5",
            "MDC_CTXT_GLU_HEALTH=MDC_CTXT_GLU_HEALTH_NONE #5",
            "local.exercise-duration=300 s #5",
            "MDC_CTXT_GLU_EXERCISE=75 % #5",
            "MDC_CTXT_MEDICATION=0.000016 kg #5 (intermediate-acting insulin)",
            "MDC_CONC_HBA1C=6.5 % #5",
        ],
    );
    check(
        0x2A34,
        "b8 0500 00 ffff 00 01 02d0",
        &[
            "local.exercise-duration=<positive-infinity> s #5",
            "MDC_CTXT_GLU_EXERCISE=0 % #5",
            "MDC_CTXT_MEDICATION=0.002 L #5 (rapid-acting insulin)",
        ],
    );
    check(
        0x2A34,
        "02 0500 09",
        &["MDC_CTXT_GLU_MEAL=<unknown> #5 [reserved-code]"],
    );
    check(0x2A34, "04 0500 ff", &[]);
}

#[test]
fn record_access() {
    use super::super::racp::{Bound, Outcome, Request, Response, Which};
    check(
        0x2A52,
        "01 03 01 0c00",
        &["local.record-access=report-records !Setting (from)"],
    );
    check(0x2A52, "05 00 f401", &["local.record-count=500 !Setting"]);
    check(
        0x2A52,
        "06 00 01 06",
        &["local.record-access=no-records-found !Setting (report-records)"],
    );
    check(
        0x2A52,
        "01 00",
        &["byte 1: expected operator to be 1 to 6, it is 0"],
    );
    check(
        0x2A52,
        "09",
        &["byte 0: expected op code of a request to be 1 to 4 or 7, it is 9"],
    );
    let resume = Request::Report(Which::From(Bound::Sequence(12)));
    assert_eq!(resume.encode(), hex("0103010c00"));
    assert_eq!(Request::Abort.encode(), hex("0300"));
    assert_eq!(Request::Count(Which::All).encode(), hex("0401"));
    let between = Request::Report(Which::Between(Bound::Record(1), Bound::Record(9)));
    assert_eq!(between.encode(), hex("010401 01000000 09000000"));
    let done = Response::Done {
        request: 1,
        outcome: Outcome::Success,
    };
    assert_eq!(done.encode(), hex("06000101"));
    assert_eq!(
        Response::decode(&hex("0500a0860100"), &Quirks::default()),
        Ok(Response::Count(100_000))
    );
}

#[test]
fn cgm() {
    // Two captured packets.
    check(
        0x2AA7,
        "0ec3f900f40b000074e00a00e0f1",
        &[
            "MDC_CONC_GLU_ISF=249 mg/dL @PT3060M",
            "MDC_CONC_GLU_TREND=1.16 mg/dL/min @PT3060M",
            "local.cgm-quality=10 % @PT3060M !Setting",
        ],
    );
    check(
        0x2AAA,
        "ea07031c0a1f2a80ff0873",
        &[
            "local.cgm-session-start=\"2026-03-28T10:31:42\" @2026-03-28T10:31:42 [zone-unknown dst-unknown] !Setting",
            "local.time-zone=<unknown> min !Setting",
            "local.dst-offset=<unknown> min !Setting",
        ],
    );
    check(
        0x2AA7,
        "0ec3f900f40b000074e00a00e0f2",
        &["byte 12: expected E2E-CRC 0xF1E0, it is 0xF2E0"],
    );
    check(
        0x2AA7,
        "06 00 7800 0500",
        &["MDC_CONC_GLU_ISF=120 mg/dL @PT5M"],
    );
    check(
        0x2AA7,
        "06 00 7800 0500 06 00 7900 0600",
        &[
            "MDC_CONC_GLU_ISF=120 mg/dL @PT5M",
            "MDC_CONC_GLU_ISF=121 mg/dL @PT6M",
        ],
    );
    let flags = "[battery-low time-synchronization-required above-hyper]";
    check(
        0x2AA7,
        "09 e0 7800 0500 02 01 08",
        &[&format!("MDC_CONC_GLU_ISF=120 mg/dL @PT5M {flags}")],
    );
    let reversed = Quirks {
        cgm_octets_reversed: true,
        ..Quirks::default()
    };
    assert_eq!(
        said_with(0x2AA7, "09 e0 7800 0500 08 01 02", &reversed),
        [format!("MDC_CONC_GLU_ISF=120 mg/dL @PT5M {flags}")]
    );
    check(
        0x2AA7,
        "05 00 7800 05",
        &["byte 0: expected size to be at least 6, it is 5"],
    );
    check(
        0x2AA7,
        "07 00 7800 0500",
        &["byte 0: expected record of the stated size (7 bytes), 6 are left"],
    );
    check(
        0x2AA7,
        "07 00 7800 0500 00",
        &["byte 6: expected the end after time offset, 1 bytes follow"],
    );
    check(
        0x2AA7,
        "06 00 7800 0500 0a 00 7800 0500",
        &["byte 6: expected record of the stated size (10 bytes), 6 are left"],
    );
    let with_crc = Quirks {
        crc: Crc::Present,
        ..Quirks::default()
    };
    assert_eq!(
        said_with(0x2AA7, "06 00 7800 0500", &with_crc),
        ["byte 6: expected E2E-CRC (2 bytes), 0 are left"]
    );
    check(
        0x2AA8,
        "008001 59 ffff",
        &["local.cgm-features=98304 [trend quality] !Setting (subcutaneous tissue)"],
    );
    check(
        0x2AA8,
        "001000 59 ffff",
        &["byte 4: expected E2E-CRC 0x0C7F, it is 0xFFFF"],
    );
    check(
        0x2AA9,
        "0500 010000",
        &["MDC_CGM_DEV_STAT=1 @PT5M [session-stopped] !Setting"],
    );
    check(0x2AAB, "f000", &["MDC_CGM_SENSOR_RUN_TIME=240 h !Setting"]);
    check(
        0x2AAC,
        "1a",
        &["local.cgm-operation=start-session !Setting"],
    );
    check(
        0x2AAC,
        "1c 1a 01",
        &["local.cgm-operation=success !Setting (start-session)"],
    );
    check(
        0x2AAC,
        "03 05",
        &["MDC_CGM_SENSOR_SAMPLE_INTERVAL=5 min !Setting (interval)"],
    );
    check(
        0x2AAC,
        "09 fa00",
        &["MDC_CONC_GLU_PATIENT_THRESHOLD_HIGH=250 mg/dL !Setting (patient-high)"],
    );
    check(
        0x2AAC,
        "06 7800 0a00 11 a005 0100 04",
        &[
            "MDC_CGM_SENSOR_CALIBRATION=120 mg/dL @PT10M #1 [calibration-pending] !Setting (finger) (calibration)",
        ],
    );
}

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

#[test]
fn device_information() {
    check(
        0x2A29,
        "41636d6500",
        &["MDC_ID_MODEL_MANUFACTURER=\"Acme\" !Setting"],
    );
    check(0x2A24, "4d2d31", &["MDC_ID_MODEL_NUMBER=\"M-1\" !Setting"]);
    check(0x2A25, "", &["MDC_ID_PROD_SPEC_SERIAL=\"\" !Setting"]);
    check(0x2A26, "31", &["MDC_ID_PROD_SPEC_FW=\"1\" !Setting"]);
    check(0x2A27, "32", &["MDC_ID_PROD_SPEC_HW=\"2\" !Setting"]);
    check(0x2A28, "33ff", &["byte 1: expected text to be UTF-8"]);
    check(
        0x2A23,
        "0102030405 060708",
        &["MDC_ATTR_SYS_ID=\"0807060504030201\" !Setting"],
    );
    check(
        0x2A2A,
        "0a0b",
        &["MDC_ATTR_REG_CERT_DATA_LIST=\"0A0B\" !Setting"],
    );
    check(
        0x2A50,
        "01 5900 0100 1001",
        &["local.pnp-id=\"bluetooth:v0059p0001d0110\" !Setting"],
    );
    check(
        0x2BFF,
        "05 2831302900 322e3136",
        &[
            "local.udi-label=\"(10)\" !Setting",
            "local.udi-issuer=\"2.16\" !Setting",
        ],
    );
    check(
        0x2BFF,
        "03 3100",
        &["byte 3: expected UDI device identifier (1 bytes), 0 are left"],
    );
    check(0x2A19, "64", &["MDC_ATTR_VAL_BATT_CHARGE=100 %"]);
    check(
        0x2A19,
        "65",
        &["byte 0: expected battery level to be 0 to 100, it is 101"],
    );
}

#[test]
fn clocks() {
    check(
        0x2A2B,
        "ea070b160a1e0f 07 80 02",
        &[
            "MDC_ATTR_TIME_ABS=\"2026-11-22T10:30:15\" @2026-11-22T10:30:15 [reference-update] !Setting",
        ],
    );
    check(
        0x2A2B,
        "ea070b160a1e0f 08 80 02",
        &["byte 7: expected day of week to be 0 to 7, it is 8"],
    );
    check(
        0x2A08,
        "ea070b160a1e0f",
        &["MDC_ATTR_TIME_ABS=\"2026-11-22T10:30:15\" @2026-11-22T10:30:15 !Setting"],
    );
    check(
        0x2A08,
        "010000000a1e0f",
        &["byte 0: expected year to be 0 or 1582 to 9999, it is 1"],
    );
    check(
        0x2A08,
        "ea070b160a1e3c",
        &["byte 6: expected seconds to be 0 to 59, it is 60"],
    );
    check(
        0x2A0F,
        "04 04",
        &[
            "local.time-zone=60 min !Setting",
            "local.dst-offset=60 min !Setting",
        ],
    );
    check(0x2A0E, "80", &["local.time-zone=<unknown> min !Setting"]);
    check(
        0x2A0E,
        "39",
        &["byte 0: expected time zone to be -48 to 56 quarters of an hour, or -128, it is 57"],
    );
    check(
        0x2A0D,
        "03",
        &["byte 0: expected DST offset to be 0, 2, 4, 8 or 255, it is 3"],
    );
    check(
        0x2BF2,
        "22 729d2b290000 06 00 01 00",
        &[
            "MDC_ATTR_TIME_ABS=\"2021-11-20T11:50:10Z\" @2021-11-20T11:50:10Z [utc current-timeline needs-setting] !Setting",
        ],
    );
    check(
        0x2BF2,
        "21 0a0000000000 00 00",
        &["MDC_ATTR_TIME_REL=\"PT10S\" @PT10S [tick-counter current-timeline] !Setting"],
    );
}

#[test]
fn generic_health_sensor() {
    check(
        0x2B8B,
        "03 01 1b00 6300 b84b0200 22 729d2b290000 06 00 01 01 3c4c0200 2002 62000000",
        &["MDC_PULS_OXIM_SAT_O2=98 262688 @2021-11-20T11:50:10Z u1 (spot)"],
    );
    // Stored, compound: status questionable, id, three components.
    let tail = "#7 [questionable] ~questionable";
    check(
        0x2BDD,
        "03 07000000 07 2c00 1900 044a0200 0200 40e20100 03 054a0200 01 200f 64000000 064a0200 01 200f ffff7f00 074a0200 02 50000000",
        &[
            &format!("MDC_PRESS_BLD_NONINV_SYS=100 266016 {tail}"),
            &format!("MDC_PRESS_BLD_NONINV_DIA=<not-a-number> 266016 {tail}"),
            &format!("MDC_PRESS_BLD_NONINV_MEAN=\"80\" {tail}"),
        ],
    );
    check(
        0x2B8B,
        "03 03 0700 0000 0300 4d616e",
        &["local.observation=\"Man\""],
    );
    check(
        0x2B8B,
        "03 02 0a00 0100 f0558000 f0000300",
        &["MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS=\"196848\""],
    );
    check(
        0x2B8B,
        "03 04 2000 0000 b210 4c0600fd 00080000 0a0000fd 01 01 0a000000 f907fb07f507ff070c08",
        &[
            "local.observation=[249, 7, 251, 7, 245, 7, 255, 7, 12, 8]*1.612+2048 every 10000 us 266418",
        ],
    );
    check(
        0x2B8B,
        "03 05 1400 8100 f0558000 01 40e20100 02 f0000300 ae010300",
        &["MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS=\"196848 197038\""],
    );
    check(
        0x2B8B,
        "03 06 1800 8100 f0558000 01 40e20100 04 ffffffff 01000000 f0000300",
        &["MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS=\"00000001 196848\""],
    );
    check(
        0x2B8B,
        "03 08 0d00 0000 01 b84b0200 0300 04 620000",
        &["MDC_PULS_OXIM_SAT_O2=\"620000\""],
    );
    check(
        0x2B8B,
        "03 ff 2f00 4200 22 729d2b290000 06 00 01 3c4c0200 02 01 0c00 0100 b84b0200 2002 62000000 01 0c00 0100 1a480200 a00a 62000000",
        &[
            "MDC_PULS_OXIM_SAT_O2=98 262688 @2021-11-20T11:50:10Z (spot)",
            "MDC_PULS_OXIM_PULS_RATE=98 264864 @2021-11-20T11:50:10Z (spot)",
        ],
    );
    // A control solution by its code, a demonstration of none, and a code nobody here knows.
    check(
        0x2B8B,
        "03 01 0c00 0100 d0710200 5208 5a000000",
        &["MDC_CONC_GLU_CONTROL=90 264274 !Control"],
    );
    check(
        0x2B8B,
        "03 01 0e00 0900 40420f00 1000 2002 01000000",
        &["1000000=1 262688 [test] !Test"],
    );
    check(
        0x2B8B,
        "03 09 0200 0000",
        &["byte 0: expected observation class to be 1 to 8 or 255, it is 9"],
    );
    check(
        0x2B8B,
        "03 01 0b00 0100 b84b0200 2002 620000",
        &["byte 11: expected value (4 bytes), 3 are left"],
    );
    check(
        0x2B8B,
        "03 01 0c00 0100 b84b0200",
        &["byte 3: expected observation of the stated length (12 bytes), 6 are left"],
    );
    check(
        0x2BF3,
        "01 01 b84b0200 01 0710 01",
        &[
            "local.health-sensor-features=150456 !Setting (observation-type)",
            "local.health-sensor-features=528391 !Setting (specialization)",
        ],
    );
    check(
        0x2BF4,
        "01",
        &["local.health-sensor-operation=start-live !Setting"],
    );
    check(
        0x2BF1,
        "b84b0200 0a0000ff 0a000000",
        &[
            "local.observation-schedule=1.0 s !Setting (MDC_PULS_OXIM_SAT_O2)",
            "local.observation-interval=10 s !Setting (MDC_PULS_OXIM_SAT_O2)",
        ],
    );
}
