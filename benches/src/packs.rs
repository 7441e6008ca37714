//! Native payloads for benchmarks: as a gateway writes them, each with a stamp of its own, so that none is a
//! repeat of another.

use wardline_normalize::decimal::Decimal;
use wardline_normalize::senml::{Gateway, Pack, Record, RecordValue};
use wardline_normalize::vocabulary::{self, Metric};

use crate::template::{PLACEHOLDER, Stamp, Template};

/// A pack of `device` with `records` records of one moment: one record of about 200 bytes, with all that
/// a gateway adds, or several of 45 to 70, each of another metric.
pub(crate) fn pack(device: &str, records: u16) -> Template {
    let single = records == 1;
    let readings = metrics().cycle().zip(0..records).map(|(metric, number)| {
        let (low, high) = metric.range.unwrap_or((0.0, 100.0));
        let value = Decimal::from_f64_decimals((low + high) / 2.0, 1);
        let value = RecordValue::Number(value.unwrap_or(Decimal::integer(1)));
        Record {
            unit: Some(metric.unit.to_owned()),
            sequence: single.then_some(123_456),
            // The vocabulary has more metrics than a pack has records, but be sure.
            channel: (usize::from(number) >= metrics().count()).then(|| number.to_string()),
            ..Record::new(metric.mdc, value, PLACEHOLDER)
        }
    });
    let pack = Pack {
        device: device.to_owned(),
        gateway: single.then(|| Gateway {
            boot: "0191f3c2-7d5e-7c41".to_owned(),
            clock: "synchronized".to_owned(),
            offset: Some(1_250),
            config: Some("3f9a1c".to_owned()),
        }),
        records: readings.collect(),
    };
    Template::new(pack.to_json(), Stamp::Seconds).expect("the base time is written in full")
}

/// Metrics with a number and a plausible range.
fn metrics() -> impl Iterator<Item = &'static Metric> + Clone {
    vocabulary::all()
        .iter()
        .filter(|metric| metric.range.is_some() && !metric.mdc.is_empty())
}

#[cfg(test)]
mod tests {
    use wardline_normalize::batch::{Format, Guard, Message, normalize};

    use super::*;

    #[test]
    fn every_record_of_a_template_is_taken_and_no_stamp_is_another() {
        for records in [1, 20] {
            let template = pack("load-0001", records);
            let received = PLACEHOLDER + 5_000_000;
            let packs: Vec<Vec<u8>> = (0..3)
                .map(|n| template.at(PLACEHOLDER + n * 999_999))
                .collect();
            let messages: Vec<Message<'_>> = packs
                .iter()
                .map(|payload| Message {
                    format: Format::Senml,
                    site: None,
                    gateway: None,
                    device: Some("load-0001"),
                    fallback_device: None,
                    content_type: None,
                    payload,
                    received,
                    source: "bench",
                    keep_raw: false,
                })
                .collect();
            let normalized = normalize(&messages, &Guard::default());
            assert!(normalized.rejects.is_empty(), "{:?}", normalized.rejects);
            assert_eq!(normalized.rows.num_rows(), 3 * usize::from(records));
        }
    }

    #[test]
    fn sizes_are_those_of_the_plan() {
        let single = pack("load-0001", 1).bytes().len();
        assert!((180..=220).contains(&single), "{single}");
        let twenty = pack("load-0001", 20).bytes().len() / 20;
        assert!((45..=70).contains(&twenty), "{twenty}");
    }
}
