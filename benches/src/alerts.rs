//! What a rule pack would have told people: alerts per patient-day, and the share of planted events that it caught,
//! with and without durations, clear limits and suppression.
//!
//! Two recordings of real monitors and a simulated ward with planted deteriorations (`ward`). The ward is a model of
//! ours, so its shares say how packs compare, not how a pack will do on a ward.

mod recording;
mod ward;

use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use arrow_array::RecordBatch;
use wardline_normalize::time::Micros;
use wardline_rules::{Engine, Input, Label, Labelled, Observed, RuleSet, Summary, episodes};

use crate::cli::Alerts;
use crate::report;

const PACK: &str = include_str!("../../rules/packs/ward-adult.toml");
/// An alert up to so long before an event counts as its warning.
const HORIZON: Micros = 12 * 3_600_000_000;

/// Keys that make a rule wait, clear later, or be held back.
const PATIENCE: [&str; 3] = ["for", "clear", "inhibited-by"];

/// Figures of one pack on one recording.
struct Figures {
    patient_days: f64,
    alerts: usize,
    pages: usize,
    high: usize,
    labelled: Labelled,
}

pub(crate) fn run(arguments: &Alerts) -> anyhow::Result<()> {
    let text = match &arguments.rules {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => PACK.to_owned(),
    };
    let bare = without_patience(&text);
    let packs = [
        ("as shipped", parse(&text)?),
        ("without durations and suppression", parse(&bare)?),
    ];
    let mut table = String::from(
        "| recording | rules | patient-days | alerts per patient-day | pages per patient-day | high priority per patient-day | events caught | PPV | median lead |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, rules) in &packs {
        for recording in recording::ALL {
            let rows = recording.rows()?;
            let figures = judge(rules, [Ok(rows)], &[])?;
            line(&mut table, recording.name, name, &figures);
        }
        let ward = ward::Ward::new(arguments.patients, arguments.days, arguments.seed);
        let labels = ward.labels();
        let figures = judge(rules, ward.batches().map(Ok), &labels)?;
        ensure!(figures.patient_days > 0.0, "the ward has no readings");
        line(&mut table, "simulated ward", name, &figures);
        report::talk(&format!("{name}: done"));
    }
    report::print(table.trim_end());
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Arc<RuleSet>> {
    RuleSet::parse(text).map(Arc::new).map_err(|faults| {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("the rules have faults: {}", all.join("; "))
    })
}

/// The rules as bedside monitors have them: every value beyond a limit counts at once.
fn without_patience(text: &str) -> String {
    let impatient = text.lines().filter(|line| {
        let key = line.split('=').next().unwrap_or_default().trim();
        !PATIENCE.contains(&key)
    });
    let lines: Vec<&str> = impatient.collect();
    lines.join("\n") + "\n"
}

/// Rows through rules; the clock follows the time of receipt.
fn judge(
    rules: &Arc<RuleSet>,
    batches: impl IntoIterator<Item = anyhow::Result<RecordBatch>>,
    labels: &[Label],
) -> anyhow::Result<Figures> {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut observed = Observed::default();
    engine.apply(
        1,
        &Input::RuleSet {
            at: 1,
            rules: Arc::clone(rules),
        },
        &mut events,
    );
    for (seq, batch) in (2..).zip(batches) {
        let batch = batch?;
        observed.add(&batch)?;
        engine.apply(seq, &Input::Readings(&batch), &mut events);
    }
    let days = observed.patient_days();
    let summary = Summary::new(&events, days, engine.clock());
    let high = summary
        .rules
        .iter()
        .filter(|rule| rule.priority.as_str() == "high");
    // Technical alerts are no warning of a patient's getting worse, and `info` asks for nobody.
    let warnings: Vec<_> = episodes(&events)
        .into_iter()
        .filter(|episode| episode.priority.as_str() != "info")
        .collect();
    Ok(Figures {
        patient_days: days,
        alerts: summary.rules.iter().map(|rule| rule.alerts).sum(),
        pages: summary.rules.iter().map(|rule| rule.pages).sum(),
        high: high.map(|rule| rule.alerts).sum(),
        labelled: Labelled::new(&warnings, labels, HORIZON),
    })
}

fn line(table: &mut String, recording: &str, rules: &str, figures: &Figures) {
    let per_day = |count: usize| count as f64 / figures.patient_days;
    let labelled = &figures.labelled;
    let share = |share: Option<f64>| {
        share.map_or("–".to_owned(), |share| format!("{:.0} %", share * 100.0))
    };
    let caught = labelled.sensitivity().map_or("–".to_owned(), |_| {
        format!(
            "{} of {} ({})",
            labelled.caught,
            labelled.events,
            share(labelled.sensitivity())
        )
    });
    let ppv = if labelled.events == 0 {
        None
    } else {
        labelled.ppv()
    };
    let lead = labelled.median_lead().map_or("–".to_owned(), |lead| {
        format!("{} min", lead / 60_000_000)
    });
    table.push_str(&format!(
        "| {recording} | {rules} | {:.1} | {:.2} | {:.2} | {:.2} | {caught} | {} | {lead} |\n",
        figures.patient_days,
        per_day(figures.alerts),
        per_day(figures.pages),
        per_day(figures.high),
        share(ppv),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pack_without_patience_is_still_a_pack_and_tells_more() {
        let ward = || ward::Ward::new(6, 0.25, 1);
        let calm = judge(
            &parse(PACK).unwrap(),
            ward().batches().map(Ok),
            &ward().labels(),
        )
        .unwrap();
        let bare = parse(&without_patience(PACK)).unwrap();
        let loud = judge(&bare, ward().batches().map(Ok), &ward().labels()).unwrap();
        assert!(
            loud.alerts > 5 * calm.alerts,
            "{} {}",
            loud.alerts,
            calm.alerts
        );
        assert!(
            (1.4..=1.6).contains(&calm.patient_days),
            "{}",
            calm.patient_days
        );
    }
}
