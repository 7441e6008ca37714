//! `wardline rules replay` and `wardline rules diff`: recorded rows through rules.
//!
//! Rows come on stdin, or out of a server or data directory that is named.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::{Array as _, RecordBatch};
use futures::TryStreamExt as _;
use tokio_util::io::{StreamReader, SyncIoBridge};
use wardline_dashboard::backend::Alert;
use wardline_normalize::columns::Columns;
use wardline_normalize::time::{Micros, format_rfc3339};
use wardline_rules::{AlertEvent, Engine, Input, Observed, RuleSet};

use super::facts::Facts;
use super::{figures, sound};
use crate::cli::Recording;
use crate::client::{Client, encode};
use crate::commands::{quiet, read, time};
use crate::exit::{Exit, UsageError};
use crate::output;

/// Rows given to the engine at once.
const BATCH: usize = 1_000;

/// The events, or with `summary` or labels the figures of them.
pub(super) async fn replay(
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
    let played = play(recording, vec![run]).await?;
    if let ([run], true) = (played.runs.as_slice(), figures) {
        let end = run.engine.clock();
        let text = figures::summary(&run.events, &played.observed, end, labels.as_deref());
        output::line(&text.to_string())?;
    }
    Ok(Exit::Done)
}

/// What the second rules would have said that the first did not, and the other way round.
pub(super) async fn diff(
    former: &Path,
    latter: &Path,
    recording: &Recording,
) -> anyhow::Result<Exit> {
    let (Some(former), Some(latter)) = (Run::new(former)?, Run::new(latter)?) else {
        return Ok(Exit::Usage);
    };
    let mut runs = vec![former, latter];
    for run in &mut runs {
        run.keep = true;
    }
    let played = play(recording, runs).await?;
    if let [former, latter] = played.runs.as_slice() {
        let end = former.engine.clock().max(latter.engine.clock());
        for line in figures::difference(&former.events, &latter.events, &played.observed, end) {
            output::line(&line.to_string())?;
        }
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
    fn clock_until(&mut self, at: Micros) -> anyhow::Result<()> {
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

/// Runs that are being played to, at once and alike.
struct Played {
    runs: Vec<Run>,
    /// Where the rows come from.
    source: &'static str,
    facts: Facts,
    /// How long patients were observed.
    observed: Observed,
}

impl Played {
    fn tell(&mut self, input: &Input<'_>) -> anyhow::Result<()> {
        self.runs.iter_mut().try_for_each(|run| run.apply(input))
    }

    /// All lines of a source, then the clock until `until`.
    fn lines(&mut self, from: impl BufRead, until: Option<Micros>) -> anyhow::Result<()> {
        for input in std::mem::take(&mut self.facts.standing) {
            self.tell(&input)?;
        }
        let mut text = String::new();
        let (mut lines, mut last) = (0, 0);
        for (number, line) in (1..).zip(from.lines()) {
            let line = line?;
            last = number;
            if line.trim().is_empty() {
                continue;
            }
            text.push_str(&line);
            text.push('\n');
            lines += 1;
            if lines == BATCH {
                self.text(&text, number)?;
                text.clear();
                lines = 0;
            }
        }
        self.text(&text, last)?;
        let Some(until) = until else {
            return Ok(());
        };
        while let Some((at, change)) = self.next_change(until) {
            self.clock_until(at)?;
            self.tell(&change)?;
        }
        self.clock_until(until)
    }

    fn clock_until(&mut self, at: Micros) -> anyhow::Result<()> {
        self.runs.iter_mut().try_for_each(|run| run.clock_until(at))
    }

    fn text(&mut self, text: &str, line: usize) -> anyhow::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let rows = wardline_dashboard::json::rows_from_ndjson(text)
            .with_context(|| format!("rows {} up to line {line}", self.source))?;
        self.observed.add(&rows)?;
        self.rows(&rows)
    }

    /// Rows, cut where something was set in between.
    fn rows(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        let columns = Columns::new(rows)?;
        let mut told = 0;
        for row in 0..columns.len() {
            let clock = if columns.received.is_valid(row) {
                columns.received.value(row)
            } else {
                columns.effective.value(row)
            };
            while let Some((_, change)) = self.next_change(clock) {
                if told < row {
                    self.tell(&Input::Readings(&rows.slice(told, row - told)))?;
                    told = row;
                }
                self.tell(&change)?;
            }
        }
        let rest = rows.slice(told, columns.len() - told);
        self.tell(&Input::Readings(&rest))
    }

    /// What was set at `clock` or before and is not told yet.
    fn next_change(&mut self, clock: Micros) -> Option<(Micros, Input<'static>)> {
        let due = self
            .facts
            .timeline
            .front()
            .is_some_and(|(at, _)| *at <= clock);
        if due {
            self.facts.timeline.pop_front()
        } else {
            None
        }
    }
}

/// Plays the recording into every run at once.
async fn play(recording: &Recording, runs: Vec<Run>) -> anyhow::Result<Played> {
    let until = time(recording.until.as_deref())?;
    let mut played = Played {
        runs,
        source: "on stdin",
        facts: Facts::default(),
        observed: Observed::default(),
    };
    // Only when it is typed: a recording on stdin is what it was, whatever the environment says.
    if recording.target.url.is_some() || recording.target.data_dir.is_some() {
        return served(recording, until, played).await;
    }
    if recording.from.is_some() {
        let message = "--from goes with --url or --data-dir; rows on stdin are taken as they come";
        return Err(UsageError(message.to_owned()).into());
    }
    if let Some(file) = &recording.registry {
        played.facts = Facts::of_registry(file)?;
    }
    played.lines(std::io::stdin().lock(), until)?;
    Ok(played)
}

/// The rows of a server or data directory, in the order in which they came.
async fn served(
    recording: &Recording,
    until: Option<Micros>,
    mut played: Played,
) -> anyhow::Result<Played> {
    quiet();
    played.source = "of the server";
    let mut path = "/api/v1/export?format=ndjson".to_owned();
    for (name, at) in [
        ("since", time(recording.from.as_deref())?),
        ("until", until),
    ] {
        if let Some(at) = at {
            path.push_str(&format!("&{name}={}", encode(&format_rfc3339(at))));
        }
    }
    let client = Client::connect(&recording.target).await?;
    let done = async {
        played.facts = Facts::of_server(&client).await?;
        let answer = client
            .send("GET", &path, None, "application/x-ndjson")
            .await?;
        let stream = answer.stream().map_err(std::io::Error::other);
        let reader = BufReader::new(SyncIoBridge::new(StreamReader::new(stream)));
        tokio::task::spawn_blocking(move || {
            played.lines(reader, until)?;
            anyhow::Ok(played)
        })
        .await?
    }
    .await;
    client.close().await?;
    done
}
