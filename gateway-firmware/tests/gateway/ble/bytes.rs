//! The bytes that the fake devices send, through the decoders: put together by hand from the layouts, they check the
//! decoders, and these check them.

use wardline_fake_bluez::pdu;
use wardline_gateway::gatt::{Content, Quirks, Value, decode};

/// `name value`, in the order of the values.
fn decoded(characteristic: u16, bytes: &[u8]) -> Vec<String> {
    let values = decode(characteristic, bytes, &Quirks::default()).expect("decodable");
    values.iter().map(shown).collect()
}

fn shown(value: &Value) -> String {
    let content = match &value.content {
        Content::Number(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    format!("{} {content}", value.metric.name)
}

#[test]
fn both_sides_read_the_layouts_alike() {
    let when = (2026, 11, 22, 12, 0, 0);
    for (characteristic, bytes, expected) in [
        (0x2A37, pdu::heart_rate(72), vec!["MDC_ECG_HEART_RATE 72"]),
        (
            0x2A5F,
            pdu::continuous(97, 72),
            vec!["MDC_PULS_OXIM_SAT_O2 97", "MDC_PULS_OXIM_PULS_RATE 72"],
        ),
        (0x2A1C, pdu::temperature(366), vec!["MDC_TEMP_TYMP 36.6"]),
        (
            0x2A35,
            pdu::blood_pressure(128, 84, 99, 66, 2, when),
            vec![
                "MDC_PRESS_BLD_NONINV_SYS 128",
                "MDC_PRESS_BLD_NONINV_DIA 84",
                "MDC_PRESS_BLD_NONINV_MEAN 99",
                "MDC_PULS_RATE_NON_INV 66",
            ],
        ),
        (
            0x2A9D,
            pdu::weight(14_000, 1),
            vec!["MDC_MASS_BODY_ACTUAL 70.000"],
        ),
        (
            0x2A18,
            pdu::glucose(7, when, 112, true),
            vec!["MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD 112"],
        ),
        (0x2AA7, pdu::cgm(60, 140), vec!["MDC_CONC_GLU_ISF 140"]),
    ] {
        let got = decoded(characteristic, &bytes);
        for one in expected {
            assert!(got.iter().any(|other| other == one), "{one} of {got:?}");
        }
    }
}
