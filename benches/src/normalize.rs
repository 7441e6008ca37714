//! Payloads to columns, held against parsing the same bytes and doing nothing with them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Deserialize;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::time::Micros;

use crate::cli::Common;
use crate::compare::{Comparison, take_turns};
use crate::packs::pack;
use crate::report::Report;
use crate::template::Template;

/// Messages of a micro-batch: what 2 ms bring at half a million a second.
const BATCH: usize = 1_000;
/// Messages of a pass: more than the caches hold.
const MESSAGES: usize = 50_000;
const DEVICES: usize = 500;
/// How long one side of a round takes at least.
const ROUND: Duration = Duration::from_secs(1);
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

pub(crate) fn run(arguments: &Common) -> anyhow::Result<Report> {
    let mut report = Report::new("normalize");
    for records in [1, 20] {
        let payloads = payloads(records, arguments.scale);
        let bytes: usize = payloads.iter().map(|(_, payload)| payload.len()).sum();
        let least = ROUND.mul_f64(arguments.scale);
        let sides = [Side::Ours, Side::Structs, Side::Tree];
        let rounds = take_turns(arguments.runs(), &sides, |side, _| {
            let started = Instant::now();
            let mut passes = 0_u32;
            while passes == 0 || started.elapsed() < least {
                match side {
                    Side::Ours => ours(&payloads, usize::from(records))?,
                    Side::Structs => structs(&payloads, usize::from(records))?,
                    Side::Tree => tree(&payloads)?,
                }
                passes += 1;
            }
            Ok(f64::from(passes) * bytes as f64 / 1e6 / started.elapsed().as_secs_f64())
        })?;
        let size = bytes / payloads.len();
        let name = format!("JSON packs of {records} ({size} bytes), one thread");
        let against = |column: usize| -> Vec<(f64, f64)> {
            rounds
                .iter()
                .map(|round| (round[0], round[column]))
                .collect()
        };
        let main = Comparison::new(
            name.clone(),
            "MB/s",
            "sonic-rs, parse only, borrowed structs",
            &against(1),
            Some(0.5),
        );
        let readings = main.ours.median * 1e6 / size as f64 * f64::from(records);
        report.add(main);
        report.add(Comparison::new(
            name.clone(),
            "MB/s",
            "sonic-rs, parse only, into a tree",
            &against(2),
            None,
        ));
        report.figure(format!("{name}: readings"), "1/s per core", readings);
    }
    report.notes.push(format!(
        "Ours: `normalize::batch::normalize` in batches of {BATCH} messages: decode, vocabulary, units, time guard, \
         plausibility, ids, Arrow columns. Limits: `sonic_rs::from_slice` of the same bytes, result discarded: into structs \
         that borrow their texts, and into `sonic_rs::Value`, which copies the payload once and borrows from that."
    ));
    report.write(&arguments.out)?;
    Ok(report)
}

/// Device and payload.
fn payloads(records: u16, scale: f64) -> Vec<(String, Vec<u8>)> {
    let devices: Vec<(String, Template)> = (0..DEVICES)
        .map(|n| {
            let device = format!("load-{n:04}");
            let template = pack(&device, records);
            (device, template)
        })
        .collect();
    let messages = (MESSAGES as f64 * scale.min(1.0)) as usize / usize::from(records).min(10);
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

#[derive(Debug, Clone, Copy)]
enum Side {
    Ours,
    Structs,
    Tree,
}

fn tree(payloads: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    for (_, payload) in payloads {
        let value: sonic_rs::Value = sonic_rs::from_slice(payload)?;
        black_box(value);
    }
    Ok(())
}

fn structs(payloads: &[(String, Vec<u8>)], records: usize) -> anyhow::Result<()> {
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
            let payloads = payloads(records, 0.3);
            ours(&payloads, usize::from(records)).unwrap();
            structs(&payloads, usize::from(records)).unwrap();
            tree(&payloads).unwrap();
        }
    }
}
