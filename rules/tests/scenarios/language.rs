//! Timelines: what comes in, line by line, and the transitions that come out.
//!
//! ```text
//! 00:00 assign d1 p1                 12:00 unassign d1 p1
//! 00:00 hr 130                       a reading received and measured at 00:00, of device d1 and patient p1
//! 01:00..05:00/60 hr 130             one every 60 s
//! 02:00 hr 130 at=01:10 d=d2 p=p2 v=2 q=demo s=entered-in-error u=[degF]     p=- is no patient
//! 02:00 oximeter-status 'poor-signal,unconnected'                         words instead of a number
//! 02:00 99504-3 <                    off the scale of the device, without a number: <, >, -inf, +inf; or 40 i=< with one
//! 05:00 wait                         ticks every 10 s until then; `jump` is one tick
//! 05:00 ack, 05:00 silence 10:00     of the alert raised last
//! 05:00 hush s1 10:00 patient=p1 rule=low device=d1 ward=w1 class=technical from=06:00     05:00 unhush s1
//! 05:00 rules 1                      the second rules file is in force
//! 05:00 patient p1 born=1950 tags=copd ward=w1
//! 05:00 limit L Patient/p1 fast above=130 from=04:00 until=09:00    of its rule `fast`; also below, clear-above,
//!                                                    clear-below, unit, off, ended, reviewed; or Ward/w1
//! 05:00 moved d1 p1 00:00 04:00      those readings are not p1's
//! ```
//! Transitions: `time event rule subject state onset=… [ended=…] [page] [reason] [level→to] [by] [x repeats]
//! [latched] [until]`.

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use std::collections::HashMap;
use std::sync::Arc;
use wardline_normalize::columns::{Builder, schema};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary;
use wardline_rules::{
    Action, ActionKind, AlertEvent, Assignment, Class, Engine, EventKind, Input, LimitChange,
    PatientAttributes, Reattributed, RuleSet, Scope, Silence,
};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Micros = 1_767_225_600_000_000;
const SECOND: Micros = 1_000_000;

/// One line.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Row(RecordBatch),
    /// An act on the alert raised last.
    Act {
        at: Micros,
        kind: ActionKind,
    },
    Other(Box<Input<'static>>),
}

impl Step {
    fn of(input: Input<'static>) -> Self {
        Self::Other(Box::new(input))
    }
}

/// `mm:ss` or `h:mm:ss` after the start.
pub(crate) fn time(text: &str) -> Micros {
    let seconds = text.split(':').fold(0, |sum, part| {
        sum * 60 + part.parse::<i64>().expect("a time")
    });
    START + seconds * SECOND
}

pub(crate) fn clock(time: Micros) -> String {
    let seconds = (time - START) / SECOND;
    let hours = if seconds >= 3600 {
        format!("{}:", seconds / 3600)
    } else {
        String::new()
    };
    format!("{hours}{:02}:{:02}", seconds / 60 % 60, seconds % 60)
}

/// A reading with its fields.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'a> {
    pub(crate) metric: &'a str,
    pub(crate) value: Option<f64>,
    pub(crate) word: Option<&'a str>,
    pub(crate) received: Micros,
    pub(crate) effective: Micros,
    pub(crate) device: &'a str,
    pub(crate) patient: Option<&'a str>,
    pub(crate) version: i64,
    pub(crate) quality: Option<&'a str>,
    pub(crate) status: &'a str,
    pub(crate) unit: Option<&'a str>,
    /// `<`, `>`, or `-inf`, `+inf` for a device that says so as its reason.
    pub(crate) off_scale: Option<&'a str>,
}

impl Reading<'_> {
    pub(crate) fn batch(&self) -> RecordBatch {
        let alias = match self.metric {
            "hr" => "heart-rate",
            "pulse" => "MDC_PULS_OXIM_PULS_RATE",
            "temp" => "8310-5",
            "rr" => "9279-1",
            other => other,
        };
        let found = vocabulary::resolve(alias);
        let metric = found
            .first()
            .copied()
            .unwrap_or_else(|| panic!("no metric {alias}"));
        let value = self
            .value
            .and_then(Decimal::shortest)
            .map(Value::Number)
            .or(self.word.map(Value::Text))
            .unwrap_or(Value::Absent(match self.off_scale {
                Some("-inf") => "negative-infinity",
                Some("+inf") => "positive-infinity",
                _ => "unknown",
            }));
        let mut measurement =
            Measurement::new(self.device, metric, value, self.effective, self.received);
        measurement.quality = self.quality;
        measurement.status = self.status;
        measurement.interpretation = self.off_scale.filter(|said| said.len() == 1);
        if self.unit.is_some() {
            measurement.unit = self.unit;
        }
        let mut builder = Builder::new();
        builder.push(&measurement, self.patient, None);
        let batch = builder.finish();
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[1] = Arc::new(Int64Array::from(vec![self.version]));
        RecordBatch::try_new(schema(), columns).expect("same columns")
    }
}

fn reading(received: Micros, words: &[&str]) -> Reading<'static> {
    let words: Vec<&'static str> = words.iter().map(|word| &*word.to_string().leak()).collect();
    let mut reading = Reading {
        metric: words[0],
        value: words[1]
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite()),
        word: words[1]
            .strip_prefix('\'')
            .and_then(|word| word.strip_suffix('\'')),
        received,
        effective: received,
        device: "d1",
        patient: Some("p1"),
        version: 1,
        quality: None,
        status: "final",
        unit: None,
        off_scale: ["<", ">", "-inf", "+inf"]
            .into_iter()
            .find(|said| *said == words[1]),
    };
    for word in &words[2..] {
        let (key, value) = word
            .split_once('=')
            .unwrap_or_else(|| panic!("{word}: not key=value"));
        match key {
            "at" => reading.effective = time(value),
            "d" => reading.device = value,
            "p" => reading.patient = (value != "-").then_some(value),
            "v" => reading.version = value.parse().expect("a version"),
            "q" => reading.quality = Some(value),
            "s" => reading.status = value,
            "u" => reading.unit = Some(value),
            "i" => reading.off_scale = Some(value),
            _ => panic!("{key}: unknown"),
        }
    }
    reading
}

/// `L Patient/p1 fast above=130 …`; from now on and until further notice, unless it says otherwise.
pub(crate) fn limit(at: Micros, words: &[&str]) -> LimitChange {
    let find = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let number = |key: &str| find(key).map(|text| text.parse().expect("a number"));
    let (kind, id) = words[1].split_once('/').expect("a scope");
    LimitChange {
        id: words[0].into(),
        scope: match kind {
            "Patient" => Scope::Patient(id.into()),
            "Ward" => Scope::Ward(id.into()),
            _ => panic!("{kind}: unknown"),
        },
        rule: words[2].into(),
        off: words.contains(&"off"),
        above: number("above="),
        below: number("below="),
        clear_above: number("clear-above="),
        clear_below: number("clear-below="),
        unit: find("unit=").map(str::to_owned),
        from: find("from=").map_or(at, time),
        until: find("until=").map(time),
        author: "nurse1".into(),
        reviewed: words.contains(&"reviewed").then_some(at),
        ended: words.contains(&"ended"),
        at,
    }
}

/// Reads a timeline.
pub(crate) fn timeline(rules: &[Arc<RuleSet>], text: &str) -> Vec<Step> {
    let mut steps = vec![Step::of(Input::RuleSet {
        at: START,
        rules: Arc::clone(&rules[0]),
    })];
    let mut stays: HashMap<(String, String), Micros> = HashMap::new();
    let mut silences: HashMap<String, Silence> = HashMap::new();
    let mut last = START;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((from, rest)) = words[0].split_once("..") {
            let (to, step) = rest.split_once('/').expect("from..to/seconds");
            let step = step.parse::<i64>().expect("seconds") * SECOND;
            let mut at = time(from);
            while at <= time(to) {
                steps.push(Step::Row(reading(at, &words[1..]).batch()));
                last = at;
                at += step;
            }
            continue;
        }
        let at = time(words[0]);
        let stay = |from, until| {
            Step::of(Input::Assignment(Assignment {
                device: words[2].into(),
                device_user: None,
                patient: words[3].into(),
                from,
                until,
                at,
            }))
        };
        match words[1] {
            "assign" => {
                stays.insert((words[2].into(), words[3].into()), at);
                steps.push(stay(at, None));
            }
            "unassign" => steps.push(stay(stays[&(words[2].into(), words[3].into())], Some(at))),
            "wait" => {
                while last + 10 * SECOND < at {
                    last += 10 * SECOND;
                    steps.push(Step::of(Input::Tick { at: last }));
                }
                steps.push(Step::of(Input::Tick { at }));
            }
            "jump" => steps.push(Step::of(Input::Tick { at })),
            "ack" => steps.push(Step::Act {
                at,
                kind: ActionKind::Acknowledge,
            }),
            "silence" => {
                let until = at + time(words[2]) - START;
                steps.push(Step::Act {
                    at,
                    kind: ActionKind::Silence { until },
                });
            }
            "rules" => {
                let rules = Arc::clone(&rules[words[2].parse::<usize>().expect("a number")]);
                steps.push(Step::of(Input::RuleSet { at, rules }));
            }
            "hush" => {
                let find = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
                let owned = |key: &str| find(key).map(str::to_owned);
                let silence = Silence {
                    id: words[2].into(),
                    patient: owned("patient="),
                    rule: owned("rule="),
                    device: owned("device="),
                    ward: owned("ward="),
                    class: find("class=").and_then(Class::from_word),
                    from: find("from=").map_or(at, time),
                    until: at + time(words[3]) - START,
                    author: "nurse2".into(),
                    ended: false,
                    at,
                };
                silences.insert(words[2].into(), silence.clone());
                steps.push(Step::of(Input::Silence(silence)));
            }
            "unhush" => steps.push(Step::of(Input::Silence(Silence {
                ended: true,
                at,
                ..silences[words[2]].clone()
            }))),
            "patient" => {
                let find = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
                steps.push(Step::of(Input::Patient(PatientAttributes {
                    id: words[2].into(),
                    birth_date: find("born=").map(str::to_owned),
                    ward: find("ward=").map(str::to_owned),
                    tags: find("tags=").map(|tags| tags.split(',').map(str::to_owned).collect()),
                    at,
                    ..PatientAttributes::default()
                })));
            }
            "limit" => steps.push(Step::of(Input::Limit(limit(at, &words[2..])))),
            "moved" => steps.push(Step::of(Input::Reattributed(Reattributed {
                device: words[2].into(),
                former: words[3].into(),
                from: time(words[4]),
                until: Some(time(words[5])),
                at,
            }))),
            _ => steps.push(Step::Row(reading(at, &words[1..]).batch())),
        }
        last = at;
    }
    steps
}

/// Applies one step.
pub(crate) fn apply(engine: &mut Engine, seq: u64, step: &Step, out: &mut Vec<AlertEvent>) {
    match step {
        Step::Row(batch) => engine.apply(seq, &Input::Readings(batch), out),
        Step::Other(input) => engine.apply(seq, input, out),
        Step::Act { at, kind } => {
            let raised = out
                .iter()
                .rev()
                .find(|event| event.event == EventKind::Raised);
            let alert_id = raised.expect("an alert to act on").alert_id.clone();
            let action = Action {
                alert_id,
                kind: *kind,
                by: "nurse1".into(),
                at: *at,
                note: None,
            };
            engine.apply(seq, &Input::Action(action), out);
        }
    }
}

/// An event as a line.
pub(crate) fn render(event: &AlertEvent) -> String {
    let mut line = format!(
        "{} {} {} {} {} onset={}",
        clock(event.processed_time),
        event.event,
        event.rule_id,
        event.subject,
        event.state,
        clock(event.onset)
    );
    if let Some(ended) = event.ended {
        line.push_str(&format!(" ended={}", clock(ended)));
    }
    if let Some(reason) = event.reason {
        line.push_str(&format!(" {reason}"));
    }
    if let Some(to) = &event.escalate_to {
        line.push_str(&format!(" {}→{to}", event.escalation_level));
    }
    if event.event == EventKind::Acknowledged {
        line.push_str(&format!(
            " by {}",
            event.acknowledged_by.as_deref().unwrap_or("?")
        ));
    }
    if event.latched {
        line.push_str(" latched");
    }
    if let (EventKind::Silenced | EventKind::Raised, Some(until)) =
        (event.event, event.silenced_until)
    {
        line.push_str(&format!(" until {}", clock(until)));
    }
    if event.repeats > 0 {
        line.push_str(&format!(" x{}", event.repeats));
    }
    if event.page {
        line.push_str(" page");
    }
    line
}

pub(crate) fn parse(text: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::parse(text).unwrap_or_else(|faults| panic!("{faults:?}")))
}

/// The transitions are as expected; also with all neighbouring rows in one batch, and with a restart before every
/// step; and the checkpoints of both ways are the same.
pub(crate) fn check_all(rules: &[&str], text: &str, expected: &str) -> Vec<AlertEvent> {
    let rules: Vec<Arc<RuleSet>> = rules.iter().map(|text| parse(text)).collect();
    let steps = timeline(&rules, text);
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (seq, step) in (1..).zip(&steps) {
        apply(&mut engine, seq, step, &mut events);
    }
    let lines: Vec<String> = events.iter().map(render).collect();
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));

    let mut restarted = Engine::new();
    let mut again = Vec::new();
    for (seq, step) in (1..).zip(&steps) {
        restarted = Engine::restore(&restarted.checkpoint()).expect("own checkpoint");
        apply(&mut restarted, seq, step, &mut again);
    }
    assert_eq!(events, again, "with a restart before every step");
    assert_eq!(engine.checkpoint(), restarted.checkpoint());

    assert_eq!(
        without_position(&events),
        without_position(&in_large_batches(&steps)),
        "in large batches"
    );
    for event in &events {
        assert!(event.evidence.len() <= 10 && !event.message.is_empty());
    }
    events
}

fn in_large_batches(steps: &[Step]) -> Vec<AlertEvent> {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut rows: Vec<RecordBatch> = Vec::new();
    let mut seq = 0;
    let mut flush =
        |rows: &mut Vec<RecordBatch>, engine: &mut Engine, events: &mut Vec<AlertEvent>| {
            if !rows.is_empty() {
                seq += 1;
                engine.apply(seq, &Input::Readings(&concat(rows)), events);
                rows.clear();
            }
            seq += 1;
            seq
        };
    for step in steps {
        if let Step::Row(batch) = step {
            rows.push(batch.clone());
            continue;
        }
        let seq = flush(&mut rows, &mut engine, &mut events);
        apply(&mut engine, seq, step, &mut events);
    }
    flush(&mut rows, &mut engine, &mut events);
    events
}

pub(crate) fn concat(rows: &[RecordBatch]) -> RecordBatch {
    arrow_select::concat::concat_batches(&schema(), rows).expect("one schema")
}

/// Events as they are however the log is batched: all but their place in it.
pub(crate) fn without_position(events: &[AlertEvent]) -> Vec<AlertEvent> {
    let bare = |event: &AlertEvent| AlertEvent {
        seq: 0,
        ordinal: 0,
        ..event.clone()
    };
    events.iter().map(bare).collect()
}

pub(crate) fn check(rules: &str, text: &str, expected: &str) -> Vec<AlertEvent> {
    check_all(&[rules], text, expected)
}
