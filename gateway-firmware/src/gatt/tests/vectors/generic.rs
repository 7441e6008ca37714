use super::super::*;
use super::check;

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
        "03 01 0c00 0100 00000000 2002 62000000",
        &["local.observation=98 262688"],
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
