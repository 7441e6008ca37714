use super::super::*;
use super::check;

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
    use crate::gatt::racp::{Bound, Outcome, Request, Response, Which};
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
    let control = Quirks {
        cgm_type: Some(0x4A),
        ..Quirks::default()
    };
    assert_eq!(
        said_with(0x2AA7, "08 01 7800 0500 74e0", &control),
        [
            "MDC_CONC_GLU_CONTROL=120 mg/dL @PT5M !Control",
            "MDC_CONC_GLU_TREND=1.16 mg/dL/min @PT5M !Test",
        ]
    );
}
