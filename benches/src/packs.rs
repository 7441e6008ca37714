//! Native payloads for benchmarks: as a gateway writes them, each with a stamp of its own, so that none is a
//! repeat of another.

use wardline_normalize::decimal::Decimal;
use wardline_normalize::senml::{Gateway, Pack, Record, RecordValue};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::{self, Metric};

/// A stamp whose six decimals are all written out.
const PLACEHOLDER: Micros = 1_795_348_800_111_111;
const PLACEHOLDER_TEXT: &[u8] = b"1795348800.111111";

/// A JSON pack with a place for its stamp.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the stamp stands.
    stamp: usize,
}

impl Template {
    /// A pack of `device` with `records` records of one moment: one record of about 200 bytes, with all that
    /// a gateway adds, or several of about 60, each of another metric.
    pub(crate) fn new(device: &str, records: u16) -> Self {
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
        let bytes = pack.to_json();
        let stamp = find(&bytes, PLACEHOLDER_TEXT).expect("the base time is written in full");
        Self { bytes, stamp }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the stamp stands in [`Self::bytes`].
    pub(crate) fn stamp_at(&self) -> usize {
        self.stamp
    }

    /// The pack of the moment `at`.
    pub(crate) fn at(&self, at: Micros) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        write_stamp(&mut bytes[self.stamp..], at);
        bytes
    }
}

/// Length of a written stamp.
pub(crate) const STAMP_BYTES: usize = PLACEHOLDER_TEXT.len();

/// Writes `seconds.micros` over the first [`STAMP_BYTES`] of `into`; for times from 2001 to 2286.
pub(crate) fn write_stamp(into: &mut [u8], at: Micros) {
    let (mut seconds, mut micros) = (at / 1_000_000, at % 1_000_000);
    for place in (11..STAMP_BYTES).rev() {
        into[place] = b'0' + (micros % 10) as u8;
        micros /= 10;
    }
    into[10] = b'.';
    for place in (0..10).rev() {
        into[place] = b'0' + (seconds % 10) as u8;
        seconds /= 10;
    }
}

/// Metrics with a number and a plausible range.
fn metrics() -> impl Iterator<Item = &'static Metric> + Clone {
    vocabulary::all()
        .iter()
        .filter(|metric| metric.range.is_some() && !metric.mdc.is_empty())
}

pub(crate) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use wardline_normalize::batch::{Format, Guard, Message, normalize};

    use super::*;

    #[test]
    fn every_record_of_a_template_is_taken_and_no_stamp_is_another() {
        for records in [1, 20] {
            let template = Template::new("load-0001", records);
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
        let single = Template::new("load-0001", 1).bytes().len();
        assert!((180..=220).contains(&single), "{single}");
        let twenty = Template::new("load-0001", 20).bytes().len() / 20;
        assert!((50..=70).contains(&twenty), "{twenty}");
    }
}
