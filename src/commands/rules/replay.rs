//! `wardline rules replay` and `wardline rules diff`: recorded rows through rules.

use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use wardline_dashboard::backend::Alert;
use wardline_rules::{
    AlertEvent, Assignment, Engine, Input, LimitChange, Observed, PatientAttributes, RuleSet,
};
use wardline_store::Entry;
use wardline_store::registry::{AssignmentFilter, LimitFilter, ListFilter, Page, Registry};

use super::{figures, sound};
use crate::cli::Recording;
use crate::commands::{read, time};
use crate::exit::Exit;
use crate::follow::people;
use crate::output;

/// Rows given to the engine at once.
const BATCH: usize = 1_000;

/// The events, or with `summary` or labels the figures of them.
pub(super) fn replay(
    rules: &Path,
    recording: &Recording,
    summary: bool,
    labels: Option<&Path>,
) -> anyhow::Result<Exit> {
    let labels = labels.map(figures::labels).transpose()?;
    let Some(mut run) = Run::new(rules)? else {
        return Ok(Exit::Usage);
    };
    let figures = summary || labels.is_some();
    run.keep = figures;
    let observed = play(recording, std::slice::from_mut(&mut run))?;
    if figures {
        let end = run.engine.clock();
        let text = figures::summary(&run.events, &observed, end, labels.as_deref());
        output::line(&text.to_string())?;
    }
    Ok(Exit::Done)
}

/// What the second rules would have said that the first did not, and the other way round.
pub(super) fn diff(former: &Path, latter: &Path, recording: &Recording) -> anyhow::Result<Exit> {
    let (Some(former), Some(latter)) = (Run::new(former)?, Run::new(latter)?) else {
        return Ok(Exit::Usage);
    };
    let mut runs = [former, latter];
    for run in &mut runs {
        run.keep = true;
    }
    let observed = play(recording, &mut runs)?;
    let [former, latter] = &runs;
    let end = former.engine.clock().max(latter.engine.clock());
    for line in figures::difference(&former.events, &latter.events, &observed, end) {
        output::line(&line.to_string())?;
    }
    Ok(Exit::Done)
}

/// One set of rules and what it said.
struct Run {
    engine: Engine,
    seq: u64,
    events: Vec<AlertEvent>,
    /// Keep the events instead of printing them.
    keep: bool,
}

impl Run {
    /// `None` when the rules have faults, which are shown.
    fn new(rules: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(in_force) = RuleSet::parse(&read(rules)?) else {
            sound(rules)?;
            return Ok(None);
        };
        let mut run = Self {
            engine: Engine::new(),
            seq: 0,
            events: Vec::new(),
            keep: false,
        };
        run.apply(&Input::RuleSet {
            at: 0,
            rules: Arc::new(in_force),
        })?;
        Ok(Some(run))
    }

    fn apply(&mut self, input: &Input<'_>) -> anyhow::Result<()> {
        self.seq += 1;
        self.engine.apply(self.seq, input, &mut self.events);
        if !self.keep {
            for event in self.events.drain(..) {
                output::line(&wardline_dashboard::json::alert(&Alert::from(&event)).to_string())?;
            }
        }
        Ok(())
    }

    /// Lets the log clock run on, stopping wherever something is due.
    fn clock_until(&mut self, at: i64) -> anyhow::Result<()> {
        while let Some(due) = self
            .engine
            .next_due()
            .filter(|due| *due < at && *due > self.engine.clock())
        {
            self.apply(&Input::Tick { at: due })?;
        }
        self.apply(&Input::Tick { at })
    }
}

/// Plays the recording into every run at once; gives how long patients were observed.
fn play(recording: &Recording, runs: &mut [Run]) -> anyhow::Result<Observed> {
    let until = time(recording.until.as_deref())?;
    let mut observed = Observed::default();
    if let Some(file) = &recording.registry {
        registry(file, runs)?;
    }
    let mut text = String::new();
    let (mut lines, mut last) = (0, 0);
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line?;
        last = number;
        if line.trim().is_empty() {
            continue;
        }
        text.push_str(&line);
        text.push('\n');
        lines += 1;
        if lines == BATCH {
            rows(&text, number, runs, &mut observed)?;
            text.clear();
            lines = 0;
        }
    }
    rows(&text, last, runs, &mut observed)?;
    if let Some(at) = until {
        for run in runs {
            run.clock_until(at)?;
        }
    }
    Ok(observed)
}

fn rows(text: &str, line: usize, runs: &mut [Run], observed: &mut Observed) -> anyhow::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let rows = wardline_dashboard::json::rows_from_ndjson(text)
        .with_context(|| format!("rows on stdin up to line {line}"))?;
    observed.add(&rows)?;
    for run in runs {
        run.apply(&Input::Readings(&rows))?;
    }
    Ok(())
}

/// Patients, assignments and limits as a registry has them.
fn registry(file: &Path, runs: &mut [Run]) -> anyhow::Result<()> {
    if !file.try_exists()? {
        bail!("{} does not exist", file.display());
    }
    let registry = Registry::open(file)?;
    let mut tell = |input: &Input<'_>| runs.iter_mut().try_for_each(|run| run.apply(input));
    for patient in crate::core::all(|page: &Page| registry.patients(&ListFilter::default(), page))?
    {
        tell(&Input::Patient(PatientAttributes {
            id: patient.id,
            birth_date: patient.fields.birth_date,
            tags: Some(patient.fields.tags),
            ward: patient.fields.ward,
            care_team: patient.fields.care_team,
            ..PatientAttributes::default()
        }))?;
    }
    let filter = AssignmentFilter::default();
    for assignment in crate::core::all(|page: &Page| registry.list_assignments(&filter, page))? {
        if !assignment.cancelled {
            tell(&Input::Assignment(Assignment {
                device: assignment.device,
                device_user: assignment.device_user,
                patient: assignment.patient,
                from: assignment.from,
                until: assignment.until,
                at: 0,
            }))?;
        }
    }
    let filter = LimitFilter::default();
    let mut limits = crate::core::all(|page: &Page| registry.limits(&filter, page))?;
    // Of several that begin at once, the one set last counts.
    limits.sort_by_key(|limit| limit.created_at);
    for limit in &limits {
        if let Entry::Limit(entry) = crate::core::limit_entry(limit) {
            // They are known before the first row, and `until` tells of an end.
            tell(&Input::Limit(LimitChange {
                reviewed: limit.reviewed_at.or(Some(limit.created_at)),
                ended: false,
                at: 0,
                ..people::limit(&entry)
            }))?;
        }
    }
    Ok(())
}
