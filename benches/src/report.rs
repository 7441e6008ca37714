//! Results as files: JSON for machines, Markdown for people.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::compare::{Comparison, Series};
use crate::machine::{self, Machine};

/// Milliseconds at percentiles.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) name: String,
    /// Messages a second at which it was measured.
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// A figure that is held against nothing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// What one benchmark found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    pub(crate) date: String,
    pub(crate) machine: Machine,
    pub(crate) comparisons: Vec<Comparison>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) latencies: Vec<Latency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) figures: Vec<Figure>,
    /// What a reader must know to judge the figures.
    pub(crate) notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(bench: &'static str) -> Self {
        Self {
            bench,
            date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
            machine: Machine::look(),
            comparisons: Vec::new(),
            latencies: Vec::new(),
            figures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Keeps a comparison and says on stderr how it came out.
    pub(crate) fn add(&mut self, comparison: Comparison) {
        let Comparison {
            name,
            unit,
            ours,
            limit,
            ratio,
            ..
        } = &comparison;
        talk(&format!(
            "{name}: {} against {} {unit}, ratio {:.2} ({:.2} to {:.2})",
            figure(ours.median),
            figure(limit.median),
            ratio.median,
            ratio.least,
            ratio.most,
        ));
        self.comparisons.push(comparison);
    }

    pub(crate) fn figure(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            value,
        });
    }

    /// Writes `<out>/<date>/<bench>.json` and `.md`.
    pub(crate) fn write(&mut self, out: &Path) -> anyhow::Result<()> {
        self.machine.load_at_end = machine::load();
        let directory = out.join(&self.date);
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let json = directory.join(self.bench).with_extension("json");
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&json, text).with_context(|| json.display().to_string())?;
        let markdown = directory.join(self.bench).with_extension("md");
        std::fs::write(&markdown, self.markdown())
            .with_context(|| markdown.display().to_string())?;
        talk(&format!(
            "written to {} and {}",
            json.display(),
            markdown.display()
        ));
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# {}, {}\n\n{}\n\n",
            self.bench,
            self.date,
            self.machine.line()
        );
        if !self.comparisons.is_empty() {
            text += TABLE;
        }
        for c in &self.comparisons {
            comparison(&mut text, c);
        }
        if !self.latencies.is_empty() {
            text +=
                "\n| latency, ms | msg/s | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|---|\n";
        }
        for l in &self.latencies {
            let Latency {
                name,
                rate,
                p50,
                p99,
                p999,
                max,
            } = l;
            let row =
                format_args!("| {name} | {rate:.0} | {p50:.2} | {p99:.2} | {p999:.2} | {max:.2} |");
            line(&mut text, row);
        }
        if !self.figures.is_empty() {
            text += "\n| figure | unit | value |\n|---|---|---|\n";
        }
        for Figure { name, unit, value } in &self.figures {
            line(
                &mut text,
                format_args!("| {name} | {unit} | {} |", figure(*value)),
            );
        }
        text.push('\n');
        for note in &self.notes {
            line(&mut text, format_args!("- {note}"));
        }
        text
    }
}

const TABLE: &str = "| what | unit | ours | against | against is | ratio (spread) | aim | runs |\n\
                     |---|---|---|---|---|---|---|---|\n";

fn comparison(text: &mut String, c: &Comparison) {
    let aim = c.aim.map_or("–".to_owned(), |aim| {
        let met = if c.ratio.median >= aim {
            "met"
        } else {
            "below"
        };
        format!("≥ {aim:.2}, {met}")
    });
    line(
        text,
        format_args!(
            "| {} | {} | {} | {} | {} | **{:.2}** ({:.2} to {:.2}) | {aim} | {} |",
            c.name,
            c.unit,
            spread(&c.ours),
            spread(&c.limit),
            c.limit_is,
            c.ratio.median,
            c.ratio.least,
            c.ratio.most,
            c.ratio.runs.len(),
        ),
    );
}

/// `<out>/<date>/README.md`: what all benchmarks of a run found, in one table.
pub(crate) fn summary(reports: &[Report], out: &Path) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (reports.first(), reports.last()) else {
        return Ok(());
    };
    let machine = Machine {
        load_at_end: last.machine.load_at_end,
        ..first.machine.clone()
    };
    let mut text = format!("# Measured on {}\n\n{}\n", first.date, machine.line());
    text += "Ratios are ours over the other side of the same round: median, and spread over the rounds.\n\n";
    text += TABLE;
    for c in reports.iter().flat_map(|report| &report.comparisons) {
        comparison(&mut text, c);
    }
    text += "\nHow each was measured, and the single figures: ";
    let links = reports
        .iter()
        .map(|report| format!("[{0}]({0}.md)", report.bench));
    text += &links.collect::<Vec<_>>().join(", ");
    text += ".\n";
    let path = out.join(&first.date).join("README.md");
    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    talk(&format!("summed up in {}", path.display()));
    Ok(())
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    writeln!(text, "{row}").expect("a string takes everything");
}

fn spread(series: &Series) -> String {
    format!(
        "{} ({} to {})",
        figure(series.median),
        figure(series.least),
        figure(series.most)
    )
}

/// Three digits or so.
fn figure(value: f64) -> String {
    match value.abs() {
        1000.0.. => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Talk, on stderr.
#[expect(clippy::print_stderr, reason = "the one place that talks")]
pub(crate) fn talk(text: &str) {
    eprintln!("{text}");
}

/// Data, on stdout.
#[expect(clippy::print_stdout, reason = "the one place that prints data")]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let shown: Vec<String> = [1_234_567.8, 1000.0, 123.4, 12.34, 1.234]
            .map(figure)
            .into();
        assert_eq!(shown, ["1,234,568", "1,000", "123", "12.3", "1.23"]);
    }

    #[test]
    fn a_report_names_the_machine_and_the_ratio() {
        let mut report = Report::new("normalize");
        let rounds = [(1.0, 2.0), (1.2, 2.0), (1.4, 2.0)];
        report.add(Comparison::new(
            "packs",
            "MB/s",
            "parse only",
            &rounds,
            Some(0.5),
        ));
        let directory = tempfile::tempdir().unwrap();
        report.write(directory.path()).unwrap();
        let day = directory.path().join(&report.date);
        let markdown = std::fs::read_to_string(day.join("normalize.md")).unwrap();
        assert!(
            markdown.contains("**0.60** (0.50 to 0.70) | ≥ 0.50, met | 3 |"),
            "{markdown}"
        );
        let json = std::fs::read_to_string(day.join("normalize.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            json["comparisons"][0]["ratio"]["runs"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        assert!(json["machine"]["cores"].as_u64().unwrap() > 0);
    }
}
