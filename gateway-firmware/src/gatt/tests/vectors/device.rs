use super::super::*;
use super::check;

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
