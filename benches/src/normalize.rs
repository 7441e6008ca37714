//! Payloads to columns, held against parsing the same bytes and doing nothing with them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Deserialize;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::time::Micros;

use crate::cli::Common;
use crate::compare::{Comparison, Side, alternate};
use crate::packs::Template;
use crate::report::Report;

/// Messages of a micro-batch: what 2 ms bring at half a million a second.
const BATCH: usize = 1_000;
/// Messages of a pass: more than the caches hold.
const MESSAGES: usize = 50_000;
const DEVICES: usize = 500;
/// How long one side of a round takes at least.
const ROUND: Duration = Duration::from_secs(2);
const START: Micros = 1_795_348_800_000_000;

/// A SenML record as far as it can be had without copying or judging.
#[derive(Debug, Deserialize)]
struct Parsed<'a> {
    #[serde(borrow)]
    bn: Option<&'a str>,
    bt: Option<f64>,
    n: Option<&'a str>,
    u: Option<&'a str>,
    v: Option<f64>,
    vs: Option<&'a str>,
    vb: Option<bool>,
    t: Option<f64>,
    sq: Option<i64>,
    ch: Option<&'a str>,
    absent_: Option<bool>,
}

pub(crate) fn run(arguments: &Common) -> anyhow::Result<()> {
    let mut report = Report::new("normalize");
    for records in [1, 20] {
        let payloads = payloads(records);
        let bytes: usize = payloads.iter().map(|(_, payload)| payload.len()).sum();
        let least = ROUND.mul_f64(arguments.scale);
        let rounds = alternate(arguments.runs, |side, _| {
            let passed = Instant::now();
            let mut passes = 0_u32;
            while passes == 0 || passed.elapsed() < least {
                match side {
                    Side::Ours => ours(&payloads, usize::from(records))?,
                    Side::Limit => limit(&payloads, usize::from(records))?,
                }
                passes += 1;
            }
            Ok(f64::from(passes) * bytes as f64 / 1e6 / passed.elapsed().as_secs_f64())
        })?;
        let size = bytes / payloads.len();
        let name = format!("JSON packs of {records} ({size} bytes), one thread");
        report.add(Comparison::new(
            name,
            "MB/s",
            "sonic-rs, parse only",
            &rounds,
            Some(0.5),
        ));
    }
    report.notes.push(format!(
        "Ours: `normalize::batch::normalize` in batches of {BATCH} messages: decode, vocabulary, units, time guard, \
         plausibility, ids, Arrow columns. Limit: `sonic_rs::from_slice` into borrowed structs, result discarded."
    ));
    report.write(&arguments.out)
}

/// Device and payload.
fn payloads(records: u16) -> Vec<(String, Vec<u8>)> {
    let devices: Vec<(String, Template)> = (0..DEVICES)
        .map(|n| {
            let device = format!("load-{n:04}");
            let template = Template::new(&device, records);
            (device, template)
        })
        .collect();
    let messages = MESSAGES / usize::from(records).min(10);
    (0..)
        .zip(devices.iter().cycle())
        .take(messages)
        .map(|(n, (device, template))| (device.clone(), template.at(START + n * 137)))
        .collect()
}

fn ours(payloads: &[(String, Vec<u8>)], records: usize) -> anyhow::Result<()> {
    let guard = Guard::default();
    for batch in payloads.chunks(BATCH) {
        let messages: Vec<Message<'_>> = batch
            .iter()
            .map(|(device, payload)| Message {
                format: Format::Senml,
                site: Some("bench"),
                gateway: Some("bench"),
                device: Some(device),
                fallback_device: None,
                content_type: Some("application/senml+json"),
                payload,
                received: START + 60_000_000,
                source: "native",
                keep_raw: false,
            })
            .collect();
        let normalized = black_box(normalize(&messages, &guard));
        ensure!(
            normalized.rows.num_rows() == batch.len() * records,
            "{} rows of {} messages: {:?}",
            normalized.rows.num_rows(),
            batch.len(),
            normalized.rejects.first()
        );
    }
    Ok(())
}

fn limit(payloads: &[(String, Vec<u8>)], records: usize) -> anyhow::Result<()> {
    for (_, payload) in payloads {
        let parsed: Vec<Parsed<'_>> = black_box(sonic_rs::from_slice(payload)?);
        ensure!(parsed.len() == records, "{} records", parsed.len());
        // Read once, so that no field is left out.
        for record in &parsed {
            let Parsed {
                bn,
                bt,
                n,
                u,
                v,
                vs,
                vb,
                t,
                sq,
                ch,
                absent_,
            } = record;
            black_box((bn, bt, n, u, v, vs, vb, t, sq, ch, absent_));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_every_record() {
        for records in [1, 20] {
            let mut payloads = payloads(records);
            payloads.truncate(1500);
            ours(&payloads, usize::from(records)).unwrap();
            limit(&payloads, usize::from(records)).unwrap();
        }
    }
}
