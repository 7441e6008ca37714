//! A simulated pack as SenML.

use wardline_normalize::senml::{self, Record, RecordValue};

use super::reading::{Outcome, Pack};
use crate::cli::Format;

/// The readings as records.
pub(super) fn records(pack: &Pack) -> Vec<Record> {
    let records = pack.readings.iter().map(|reading| {
        let value = match reading.outcome {
            Outcome::Value(value) => RecordValue::Number(value),
            Outcome::Absent(reason) => RecordValue::Absent(reason.to_owned()),
        };
        Record {
            unit: Some(reading.unit.to_owned()),
            ..Record::new(reading.mdc, value, pack.at)
        }
    });
    records.collect()
}

/// Payload and media type.
pub(super) fn encode(pack: &Pack, format: Format) -> (Vec<u8>, &'static str) {
    let pack = senml::Pack {
        device: pack.device.to_string(),
        // The monitors state these times themselves.
        gateway: None,
        records: records(pack),
    };
    match format {
        Format::Json => (pack.to_json(), senml::JSON),
        Format::Cbor => (pack.to_cbor(), senml::CBOR),
    }
}

#[cfg(test)]
mod tests {
    use wardline_normalize::measurement::{Claims, Measurement, Reason, Sink};

    use super::*;
    use crate::simulate::reading::{HEART_RATE, TEMPERATURE};

    fn pack() -> Pack {
        Pack {
            device: "bed-01".into(),
            at: 1_795_348_800_250_000,
            readings: vec![HEART_RATE.absent(), TEMPERATURE.of(37.04)],
        }
    }

    #[test]
    fn a_pack_has_base_name_absolute_time_and_the_digits_of_the_device() {
        let (payload, content_type) = encode(&pack(), Format::Json);
        assert_eq!(content_type, "application/senml+json");
        assert_eq!(
            String::from_utf8(payload).unwrap(),
            concat!(
                r#"[{"bn":"bed-01:","bt":1795348800.25,"n":"MDC_ECG_HEART_RATE","u":"/min","absent_":true,"#,
                r#""vs":"not-performed"},{"n":"MDC_TEMP_BODY","u":"Cel","v":37.0}]"#
            )
        );
    }

    #[derive(Default)]
    struct Taken(Vec<(i64, String)>);

    impl Sink for Taken {
        fn take(&mut self, _: u32, measurement: &Measurement<'_>, _: Option<Claims>) {
            self.0
                .push((measurement.effective, format!("{measurement:?}")));
        }
        fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String) {
            panic!("{record:?} {reason:?} {detail}");
        }
    }

    #[test]
    fn both_forms_are_read_back_alike() {
        let read = |format| {
            let (payload, content_type) = encode(&pack(), format);
            let mut taken = Taken::default();
            let context = senml::Context {
                device: Some("bed-01"),
                received: 1_795_348_801_000_000,
                ..senml::Context::default()
            };
            senml::decode(&payload, Some(content_type), &context, &mut taken);
            taken.0
        };
        let json = read(Format::Json);
        assert_eq!(json.len(), 2);
        assert!(json.iter().all(|(effective, _)| *effective == pack().at));
        assert_eq!(json, read(Format::Cbor));
    }
}
