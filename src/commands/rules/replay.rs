//! `wardline rules replay`: recorded rows through rules.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::json;
use wardline_dashboard::backend::Alert;
use wardline_rules::{
    AlertEvent, Assignment, Engine, EventKind, Input, PatientAttributes, RuleSet,
};
use wardline_store::registry::{AssignmentFilter, ListFilter, Page, Registry};

use super::sound;
use crate::commands::{read, time};
use crate::exit::Exit;
use crate::output;

/// Rows given to the engine at once.
const BATCH: usize = 1_000;

pub(super) fn replay(
    rules: &Path,
    until: Option<&str>,
    registry: Option<&Path>,
    summary: bool,
) -> anyhow::Result<Exit> {
    let until = time(until)?;
    let Ok(rules_in_force) = RuleSet::parse(&read(rules)?) else {
        sound(rules)?;
        return Ok(Exit::Usage);
    };
    let mut replay = Replay {
        engine: Engine::new(),
        seq: 0,
        events: Vec::new(),
        totals: BTreeMap::new(),
        summary,
    };
    replay.apply(&Input::RuleSet {
        at: 0,
        rules: Arc::new(rules_in_force),
    })?;
    if let Some(file) = registry {
        replay.registry(file)?;
    }
    let mut text = String::new();
    let mut lines = 0;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        text.push_str(&line);
        text.push('\n');
        lines += 1;
        if lines == BATCH {
            replay.rows(&text, number + 1)?;
            text.clear();
            lines = 0;
        }
    }
    replay.rows(&text, 0)?;
    if let Some(at) = until {
        replay.clock_until(at)?;
    }
    replay.finish()?;
    Ok(Exit::Done)
}

struct Replay {
    engine: Engine,
    seq: u64,
    events: Vec<AlertEvent>,
    totals: BTreeMap<(String, &'static str), u64>,
    summary: bool,
}

impl Replay {
    fn apply(&mut self, input: &Input<'_>) -> anyhow::Result<()> {
        self.seq += 1;
        self.engine.apply(self.seq, input, &mut self.events);
        for event in self.events.drain(..) {
            if event.event == EventKind::Raised {
                *self
                    .totals
                    .entry((event.rule_id.clone(), event.priority.as_str()))
                    .or_default() += 1;
            }
            if !self.summary {
                output::line(&wardline_dashboard::json::alert(&Alert::from(&event)).to_string())?;
            }
        }
        Ok(())
    }

    fn rows(&mut self, text: &str, line: usize) -> anyhow::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let rows = wardline_dashboard::json::rows_from_ndjson(text)
            .with_context(|| format!("rows on stdin up to line {line}"))?;
        self.apply(&Input::Readings(&rows))
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

    fn registry(&mut self, file: &Path) -> anyhow::Result<()> {
        if !file.try_exists()? {
            bail!("{} does not exist", file.display());
        }
        let registry = Registry::open(file)?;
        for patient in
            crate::core::all(|page: &Page| registry.patients(&ListFilter::default(), page))?
        {
            self.apply(&Input::Patient(PatientAttributes {
                id: patient.id,
                birth_date: patient.fields.birth_date,
                tags: Some(patient.fields.tags),
                at: 0,
            }))?;
        }
        let filter = AssignmentFilter::default();
        for assignment in crate::core::all(|page: &Page| registry.list_assignments(&filter, page))?
        {
            if !assignment.cancelled {
                self.apply(&Input::Assignment(Assignment {
                    device: assignment.device,
                    device_user: assignment.device_user,
                    patient: assignment.patient,
                    from: assignment.from,
                    until: assignment.until,
                    at: 0,
                }))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        if self.summary {
            for ((rule, priority), raised) in self.totals {
                output::line(
                    &json!({"rule": rule, "priority": priority, "raised": raised}).to_string(),
                )?;
            }
        }
        Ok(())
    }
}
