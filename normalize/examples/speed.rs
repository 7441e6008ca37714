//! Speed of normalising native JSON packs against parsing the same bytes and nothing else.
//!
//! `cargo run --release -p wardline-normalize --example speed`

#![expect(clippy::print_stdout, reason = "prints its measurement")]

use serde::Deserialize;
use std::hint::black_box;
use std::time::Instant;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::senml::{Pack, Record, RecordValue};

/// What a reader that only parses would fill.
#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the yardstick")]
struct Parsed<'a> {
    #[serde(borrow, default)]
    bn: Option<&'a str>,
    bt: Option<f64>,
    n: &'a str,
    u: Option<&'a str>,
    v: Option<f64>,
    vs: Option<&'a str>,
    t: Option<f64>,
}

const NOW: i64 = 1_795_352_400_000_000;
const METRICS: [(&str, &str, i64, i8); 8] = [
    ("MDC_ECG_HEART_RATE", "/min", 72, 0),
    ("MDC_PULS_OXIM_PULS_RATE", "/min", 73, 0),
    ("MDC_PULS_OXIM_SAT_O2", "%", 970, -1),
    ("MDC_TTHOR_RESP_RATE", "/min", 16, 0),
    ("MDC_PRESS_BLD_ART_SYS", "mm[Hg]", 121, 0),
    ("MDC_PRESS_BLD_ART_DIA", "mm[Hg]", 78, 0),
    ("MDC_PRESS_BLD_ART_MEAN", "mm[Hg]", 92, 0),
    ("MDC_TEMP", "Cel", 3720, -2),
];

fn pack(device: usize, records: usize) -> Vec<u8> {
    let record = |i: usize| {
        let (name, unit, mantissa, exponent) = METRICS[i % METRICS.len()];
        let value = RecordValue::Number(Decimal {
            mantissa: mantissa + (i / 8 % 7) as i64,
            exponent,
        });
        Record {
            unit: Some(unit.to_owned()),
            ..Record::new(name, value, NOW - 60_000_000 + (i / 8) as i64 * 1_000_000)
        }
    };
    Pack {
        device: format!("monitor-{device:03}"),
        gateway: None,
        records: (0..records).map(record).collect(),
    }
    .to_json()
}

/// Best times of both, run in turns, so that other work on the machine disturbs them alike.
fn seconds(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..40).fold((f64::INFINITY, f64::INFINITY), |(first, second), _| {
        (first.min(time(&mut one)), second.min(time(&mut other)))
    })
}

fn main() {
    for records in [1, 8, 80, 800] {
        let count = 16_000 / records;
        let payloads: Vec<Vec<u8>> = (0..count).map(|device| pack(device, records)).collect();
        let bytes: usize = payloads.iter().map(Vec::len).sum();
        let messages: Vec<Message<'_>> = payloads
            .iter()
            .map(|payload| Message {
                format: Format::Senml,
                site: Some("site-1"),
                gateway: Some("gateway-1"),
                device: None,
                fallback_device: None,
                content_type: None,
                payload,
                received: NOW,
                source: "native",
                keep_raw: false,
            })
            .collect();
        let parse_only = || {
            for payload in &payloads {
                let parsed: Vec<Parsed<'_>> =
                    sonic_rs::from_slice(payload).expect("our own pack parses");
                black_box(parsed);
            }
        };
        let (parse, normal) = seconds(parse_only, || {
            for batch in messages.chunks((1_000 / records).max(1)) {
                black_box(normalize(batch, &Guard::default()));
            }
        });
        let total = (count * records) as f64;
        println!(
            "{records:4} records a pack, {:3} bytes each: parse only {:5.1} ns, normalize {:5.1} ns a record; ratio {:.2}",
            bytes / (count * records),
            parse * 1e9 / total,
            normal * 1e9 / total,
            parse / normal
        );
    }
}
