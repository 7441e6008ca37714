//! Readings through rules: one and 30 on 1,000 and on 100,000 patients, and one beside Bytewax doing the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use arrow_array::RecordBatch;
use serde::Deserialize;
use wardline_normalize::columns::Builder;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::vocabulary;
use wardline_rules::{Engine, EventKind, Input, RuleSet};

use crate::cli::{self, Common};
use crate::compare::{Comparison, Side, alternate};
use crate::machine;
use crate::report::{Report, talk};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;
/// Steps until every buffer is full, and steps at least.
const WARM: usize = 14;
const FEWEST: usize = 20;
/// Rows of a micro-batch.
const BATCH: usize = 1_000;
/// Rows between two looks at the clock, at least: the kernel's account of a thread costs microseconds to read.
const TIMED: usize = 5_000;
/// What pip is asked for, once, into a cache beside this program.
const PEER: &str = "bytewax==0.21.1";
const SCRIPT: &str = include_str!("../bytewax/threshold.py");

/// The rule that Bytewax has too.
const ONE: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "MDC_ECG_HEART_RATE"
above = 120
for = "5m"
max-gap = "2m"
clear = { below = 110, for = "2m" }
priority = "medium"
"#;

/// Metric, value when well, limit above, limit below.
type Vital = (&'static str, f64, f64, f64);

const METRICS: [Vital; 5] = [
    ("MDC_ECG_HEART_RATE", 80.0, 120.0, 45.0),
    ("MDC_PULS_OXIM_SAT_O2", 96.0, 101.0, 90.0),
    ("MDC_TTHOR_RESP_RATE", 16.0, 24.0, 9.0),
    ("MDC_PRESS_BLD_NONINV_SYS", 125.0, 180.0, 90.0),
    ("MDC_TEMP_BODY", 36.9, 39.0, 35.0),
];

/// What is compared: its name, and of how many patients one is beyond the limit for 90 steps of 240.
type Mix = (&'static str, usize);

const MIXES: [Mix; 2] = [
    (
        "one threshold rule, 1,000 patients, one in twenty in and out of alarm",
        20,
    ),
    (
        "one threshold rule, 1,000 patients, every one in and out of alarm",
        1,
    ),
];

pub(crate) fn run(common: &Common) -> anyhow::Result<Report> {
    let mut report = Report::new("rules");
    let thirty = parse(&thirty())?;
    let one = parse(ONE)?;
    for patients in [1_000, 100_000] {
        many(
            ("1 rule", &one, &METRICS[..1]),
            patients,
            common,
            &mut report,
        )?;
        many(
            ("30 rules", &thirty, &METRICS),
            patients,
            common,
            &mut report,
        )?;
    }
    match install()? {
        Some(python) => {
            for mix in MIXES {
                report.add(peer(&python, mix, common)?);
            }
        }
        None => report
            .notes
            .push(format!("{PEER} could not be fetched: not compared")),
    }
    report.notes.push(
        "readings are Arrow batches in memory, 1,000 rows each; Bytewax reads tuples from memory. One thread each, \
         rates by its processor time; resident memory is of patient and device"
            .to_owned(),
    );
    report.write(&common.out)?;
    Ok(report)
}

fn parse(text: &str) -> anyhow::Result<Arc<RuleSet>> {
    RuleSet::parse(text).map(Arc::new).map_err(|faults| {
        anyhow!(
            "{}",
            faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        )
    })
}

/// Six rules a metric: each limit at once, with a duration, and with a longer one.
fn thirty() -> String {
    let mut text = String::new();
    for (metric, _, above, below) in METRICS {
        for (kind, limit) in [("above", above), ("below", below)] {
            for hold in ["0s", "2m", "10m"] {
                text += &format!(
                    "[[rule]]\nid = \"{metric}-{kind}-{hold}\"\nkind = \"threshold\"\nmetric = \"{metric}\"\n\
                     {kind} = {limit:?}\nfor = \"{hold}\"\nmax-gap = \"5m\"\npriority = \"medium\"\n"
                );
            }
        }
    }
    text
}

/// Readings of all patients at one step, five seconds apart, in batches; each device's arrive at a time of their own.
fn step(
    patients: usize,
    step: usize,
    metrics: &[Vital],
    value: impl Fn(usize, f64) -> f64,
) -> Vec<RecordBatch> {
    let at = START + step as i64 * 5_000_000;
    let mut batches = Vec::new();
    let mut builder = Builder::new();
    for patient in 0..patients {
        let (device, id) = (format!("d{patient:06}"), format!("p{patient:06}"));
        for (mdc, usual, ..) in metrics {
            let metric = vocabulary::by_mdc(mdc).expect("the names above are in the vocabulary");
            let number =
                Decimal::from_f64_decimals(value(patient, *usual), 1).expect("a usual value");
            let received = at + patient as i64;
            let reading = Measurement::new(&device, metric, Value::Number(number), at, received);
            builder.push(&reading, Some(&id), None);
            if builder.len() == BATCH {
                batches.push(std::mem::take(&mut builder).finish());
            }
        }
    }
    if !builder.is_empty() {
        batches.push(builder.finish());
    }
    batches
}

/// Rules on many patients: readings a second of one core, and what a patient's state takes.
fn many(
    (name, rules, metrics): (&str, &Arc<RuleSet>, &[Vital]),
    patients: usize,
    common: &Common,
    report: &mut Report,
) -> anyhow::Result<()> {
    let readings = ((10_000_000.0 * common.scale) as usize).max(patients * metrics.len() * FEWEST);
    let steps = readings / patients / metrics.len();
    // What making batches takes is not the engine's.
    drop(step(patients, 0, metrics, |_, usual| usual));
    let before = machine::resident();
    let mut engine = Engine::new();
    let mut events = Vec::new();
    engine.apply(
        1,
        &Input::RuleSet {
            at: START,
            rules: Arc::clone(rules),
        },
        &mut events,
    );
    let (mut rows, mut took) = (0, Duration::ZERO);
    let made = |number: usize| {
        // One patient in twenty is out of every limit, on and off.
        let off = |patient: usize| patient.is_multiple_of(20) && (number / 40) % 2 == 1;
        step(patients, number, metrics, |patient, usual| {
            usual * if off(patient) { 1.6 } else { 1.0 } + (patient + number) as f64 % 7.0 / 10.0
        })
    };
    let together = timed_together(patients * metrics.len());
    for number in (0..steps).step_by(together) {
        let steps = number..steps.min(number + together);
        let batches: Vec<RecordBatch> = steps.flat_map(&made).collect();
        let began = machine::thread_time();
        for (seq, batch) in (2..).zip(&batches) {
            engine.apply(seq, &Input::Readings(batch), &mut events);
            rows += batch.num_rows();
        }
        // The first steps make the state: a minute of readings is kept.
        if number < WARM {
            rows = 0;
        } else {
            took += machine::thread_time() - began;
        }
        events.clear();
    }
    let rate = rows as f64 / took.as_secs_f64();
    let held = machine::resident().saturating_sub(before) as f64 / patients as f64;
    talk(&format!(
        "{name}, {patients} patients: {rate:.0} readings/s, {held:.0} bytes a patient"
    ));
    report.figure(
        format!("{name}, {patients} patients, one core"),
        "readings/s",
        rate,
    );
    report.figure(
        format!("{name}, {patients} patients, resident memory"),
        "bytes/patient",
        held,
    );
    Ok(())
}

/// Steps of so many rows that are timed at once.
fn timed_together(rows: usize) -> usize {
    TIMED.div_ceil(rows)
}

/// What the script prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    per_second: f64,
    raised: u64,
}

fn peer(python: &Path, (name, one_in): Mix, common: &Common) -> anyhow::Result<Comparison> {
    const PATIENTS: usize = 1_000;
    let steps = ((1_000.0 * common.scale) as usize).max(100);
    let script = common.scratch()?.join("threshold.py");
    std::fs::write(&script, SCRIPT).with_context(|| script.display().to_string())?;
    let rules = parse(ONE)?;
    let mut raised = None;
    let rounds = alternate(common.runs(), |side, _| {
        let (rate, count) = match side {
            Side::Ours => ours(&rules, PATIENTS, steps, one_in),
            Side::Limit => {
                let said = theirs(python, &script, [PATIENTS, steps, one_in])?;
                (said.per_second, said.raised)
            }
        };
        ensure!(
            *raised.get_or_insert(count) == count,
            "one raised {count} alerts, the other {raised:?}"
        );
        Ok(rate)
    });
    std::fs::remove_file(&script)?;
    Ok(Comparison::new(
        name,
        "readings/s",
        "Bytewax, the same rule",
        &rounds?,
        Some(20.0),
    ))
}

/// The same values as the script's.
fn ours(rules: &Arc<RuleSet>, patients: usize, steps: usize, one_in: usize) -> (f64, u64) {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    engine.apply(
        1,
        &Input::RuleSet {
            at: START,
            rules: Arc::clone(rules),
        },
        &mut events,
    );
    let (mut rows, mut raised, mut took) = (0, 0, Duration::ZERO);
    let made = |number: usize| {
        step(patients, number, &METRICS[..1], |patient, _| {
            if patient.is_multiple_of(one_in) && (patient * 37 + number) % 240 < 90 {
                130.0
            } else {
                80.0 + ((patient + number) % 20) as f64
            }
        })
    };
    let together = timed_together(patients);
    for number in (0..steps).step_by(together) {
        let steps = number..steps.min(number + together);
        let batches: Vec<RecordBatch> = steps.flat_map(&made).collect();
        let began = machine::thread_time();
        for (seq, batch) in (2..).zip(&batches) {
            engine.apply(seq, &Input::Readings(batch), &mut events);
            rows += batch.num_rows();
        }
        took += machine::thread_time() - began;
        raised += events
            .drain(..)
            .filter(|event| event.event == EventKind::Raised)
            .count() as u64;
    }
    (rows as f64 / took.as_secs_f64(), raised)
}

/// `numbers` are patients, steps and of how many patients one alarms.
fn theirs(python: &Path, script: &Path, numbers: [usize; 3]) -> anyhow::Result<Said> {
    let output = Command::new(python)
        .arg(script)
        .args(numbers.map(|number| number.to_string()))
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The Python that has Bytewax; none when pip cannot get it.
fn install() -> anyhow::Result<Option<PathBuf>> {
    let cache = cli::beside("peer-cache")?.join("bytewax");
    let python = cache.join("bin/python");
    let whole = cache.join("installed");
    if whole.is_file() {
        return Ok(Some(python));
    }
    let quiet = |command: &mut Command| {
        command
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let made = quiet(Command::new("python3").args(["-m", "venv"]).arg(&cache))
        && quiet(Command::new(&python).args(["-m", "pip", "install", "--quiet", PEER]));
    if made {
        std::fs::write(whole, "")?;
    }
    Ok(made.then_some(python))
}
