//! Anything at all, and what was rendered comes back.

use super::*;
use crate::measurement::{Claims, Measurement, Reason, Sink};
use crate::senml::{self, Context};
use proptest::prelude::*;

#[derive(Default)]
struct Count {
    rows: usize,
    refused: usize,
}

impl Sink for Count {
    fn take(&mut self, _: u32, _: &Measurement<'_>, _: Option<Claims>) {
        self.rows += 1;
    }

    fn refuse(&mut self, _: Option<u32>, _: Reason, _: String) {
        self.refused += 1;
    }
}

fn read(bytes: &[u8]) -> Count {
    let mut count = Count::default();
    let context = Context {
        received: received(),
        ..Context::default()
    };
    decode(bytes, &zoned("Europe/Berlin"), &context, &mut count);
    if let Ok(message) = Message::parse(bytes, &Profile::default()) {
        let _ = (message.kind(), message.heartbeats(&Profile::default()));
        for code in [ack::AckCode::AA, ack::AckCode::CR] {
            let answer = ack::build(&message, code, "x|y", received());
            let again = Message::parse(&answer, &Profile::default()).unwrap();
            assert_eq!(again.kind(), Kind::Ack);
        }
    }
    count
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("196616^MDC_EVT_ALARM^MDC".to_owned()),
        Just("150456^MDC_PULS_OXIM_SAT_O2^MDC".to_owned()),
        Just("0^MDC_ATTR_SAMP_RATE^MDC".to_owned()),
        Just("264864^MDC_DIM_BEAT_PER_MIN^MDC".to_owned()),
        Just("20261122115000+0100".to_owned()),
        Just("1.1.1.1.1".to_owned()),
        Just("1.1.1.0".to_owned()),
        Just("NA".to_owned()),
        Just("NM".to_owned()),
        "[0-9.,^~&-]{0,8}",
        "[ -~é\u{1F600}]{0,10}",
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
        let mut message = b"MSH|^~\\&|M||||1||ORU^R01|1\rOBX|".to_vec();
        message.extend(bytes);
        read(&message);
    }

    /// What a monitor renders is what is read, and the gateway's way (as SenML) and the server's own agree.
    #[test]
    fn rendered_readings_come_back(
        values in prop::collection::vec((0_usize..4, -99_i64..9_999, 0_i8..3), 1..20),
        seconds in 0_u32..86_400,
    ) {
        const METRICS: [(&str, &str, &str); 4] = [
            ("147842", "MDC_ECG_HEART_RATE", "264864"),
            ("150344", "MDC_TEMP", "268192"),
            ("150087", "MDC_PRESS_BLD_VEN_CENT_MEAN", "266016"),
            ("151712", "MDC_CONC_AWAY_CO2_EXP", "266016"),
        ];
        let profile = Profile { sentinels: Vec::new(), ..Profile::default() };
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let mut text = format!("MSH|^~\\&|M^0102030405060708^EUI-64||||20261121{hour:02}{minute:02}{second:02}.250+0000||ORU^R01|1|P|2.6\rOBR|1\r");
        for (index, (metric, mantissa, decimals)) in values.iter().enumerate() {
            let (code, name, unit) = METRICS[*metric];
            let number = crate::decimal::Decimal { mantissa: *mantissa, exponent: -decimals };
            text.push_str(&format!("OBX|{index}|NM|{code}^{name}^MDC|1.1.{}.1|{number}|{unit}^^MDC|||||F\r", index + 1));
        }
        let message = Message::parse(text.as_bytes(), &profile).unwrap();
        let mut repairs = Repairs::default();
        let readings = message.readings(&profile, received(), &mut repairs);
        prop_assert_eq!(readings.len(), 1);
        let records = &readings[0].records;
        prop_assert_eq!(records.len(), values.len());
        for (record, (metric, mantissa, decimals)) in records.iter().zip(&values) {
            prop_assert_eq!(record.name.as_str(), METRICS[*metric].1);
            let sent = crate::decimal::Decimal { mantissa: *mantissa, exponent: -decimals };
            prop_assert_eq!(&record.value, &RecordValue::Number(sent));
            prop_assert_eq!((record.time - parse_rfc3339("2026-11-21T00:00:00.25Z").unwrap()) / 1_000_000, i64::from(seconds));
        }
        let (mut own, mut pack) = (Lines::default(), Lines::default());
        let context = Context { received: received(), ..Context::default() };
        decode(text.as_bytes(), &profile, &context, &mut own);
        let records = records.clone();
        let sent = senml::Pack { device: readings[0].device.clone(), gateway: None, records };
        senml::decode(&sent.to_cbor(), None, &context, &mut pack);
        prop_assert_eq!(own.0, pack.0);
    }
}

/// Rows as text, without their place.
#[derive(Default)]
struct Lines(Vec<String>);

impl Sink for Lines {
    fn take(&mut self, _: u32, measurement: &Measurement<'_>, claims: Option<Claims>) {
        self.0.push(format!("{measurement:?} {claims:?}"));
    }

    fn refuse(&mut self, _: Option<u32>, reason: Reason, detail: String) {
        self.0.push(format!("{reason:?} {detail}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_fields_are_survived(
        kind in prop::sample::select(vec!["ORU^R01", "ORU^R40", "ORU^W01", "", "ADT^A01"]),
        rows in prop::collection::vec((prop::sample::select(vec!["OBX", "OBR", "PID", "PV1", "MSH", "ZZZ"]), prop::collection::vec(word(), 0..22)), 0..12),
    ) {
        let mut text = format!("MSH|^~\\&|M^0102030405060708^EUI-64||||20261122||{kind}|1|P|2.6\r");
        for (name, fields) in rows {
            text.push_str(name);
            text.push('|');
            text.push_str(&fields.join("|"));
            text.push('\r');
        }
        read(text.as_bytes());
    }
}
