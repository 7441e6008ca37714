//! Commands that need neither server nor data directory.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wardline_normalize::hl7v2::Zone;

use super::{Output, Target};

/// What `normalize` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum To {
    /// What the device mapping made of the events.
    Measurements,
    /// Rows of the observation table.
    Rows,
    /// FHIR R4 Observations.
    Fhir,
    /// Devices' own alarms (HL7 ORU^R40, SenML label al), which are no rows.
    Alarms,
}

/// What `normalize` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// Any JSON objects, through mappings.
    Events,
    /// SenML packs.
    Senml,
    /// R4 Observations and Bundles.
    Fhir,
    /// Bedside monitors' messages (ORU^R01, R40, W01), one after another, in MLLP frames or plain.
    Hl7v2,
}

/// Whose choice counts where ours differs from the original's on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compatible {
    /// The original's.
    Strict,
}

#[derive(Debug, Args)]
pub(crate) struct Normalize {
    /// Format of the payloads: one document a line, but for hl7v2.
    #[arg(long, value_enum, default_value_t = From::Events)]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) mappings: MappingFiles,
    /// What to print, one JSON document a line: fhir with a FHIR mapping, else measurements for events
    /// and rows for the rest.
    #[arg(long, value_enum)]
    pub(crate) to: Option<To>,
    /// Zone of HL7 times that state no offset, as Europe/Berlin or +02:00.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) zone: Option<Zone>,
    /// Patient id of every reading.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: Option<String>,
    /// Time of arrival (RFC 3339); now if not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) received: Option<String>,
    /// Write rejects here as NDJSON {line, reason, detail}; then the exit code is 0.
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
}

fn zone(text: &str) -> Result<Zone, String> {
    text.parse()
}

/// The mappings of a run.
#[derive(Debug, Clone, Args)]
pub(crate) struct MappingFiles {
    /// Device mapping (CollectionContent).
    #[arg(long, value_name = "FILE")]
    pub(crate) device_mapping: Option<PathBuf>,
    /// FHIR mapping (CollectionFhir).
    #[arg(long, value_name = "FILE")]
    pub(crate) fhir_mapping: Option<PathBuf>,
    /// Take the original's choice where ours differs on purpose.
    #[arg(long, value_enum)]
    pub(crate) compat: Option<Compatible>,
    /// Add profile, category and UCUM codes the mapping leaves out.
    #[arg(long)]
    pub(crate) enrich: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Every fault with line and column; for a pair of documents also the names that do not meet.
    Check {
        /// Mapping documents, device or FHIR.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Events on stdin, one a line: what matched, what each expression gave, the Observations.
    Test {
        #[command(flatten)]
        mappings: MappingFiles,
        /// Patient id of every reading.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
    },
    /// The compiled plan of a mapping document.
    Explain {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// The JSON Schema of a document, for editors.
    Schema {
        #[arg(value_enum)]
        document: Document,
    },
}

/// The two kinds of mapping document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    Device,
    Fhir,
}

/// Where rows come from: stdin, or the server or data directory that is named here.
#[derive(Debug, Clone, Args)]
pub(crate) struct Recording {
    /// Of a server or data directory, rows measured at or after (RFC 3339, or 7d-ago). Nothing is known of before.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Let the log clock run on to this time (RFC 3339, or 1h-ago) after the last row; of a server or data directory,
    /// rows measured before.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Registry whose patients, assignments, limits and silences apply to rows on stdin (a data directory's
    /// registry.sqlite).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "data_dir"])]
    pub(crate) registry: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Show every fault of a rules file.
    Check { file: PathBuf },
    /// NDJSON rows on stdin, or of a server (--url, --data-dir), alert events on stdout, one a line.
    ///
    /// The log clock follows each row's time of receipt, else its effective time. A server's patients, assignments,
    /// limits and silences apply to its rows. Only a --url or --data-dir that is typed counts, not the environment.
    Replay {
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        #[command(flatten)]
        recording: Recording,
        /// Print figures instead of events: alerts per patient-day by rule and priority, time in alarm, the ten
        /// patients with most alerts.
        #[arg(long)]
        summary: bool,
        /// Labelled events, NDJSON of {patient, at, until}: adds sensitivity, PPV and lead time to the figures.
        #[arg(long, value_name = "FILE")]
        labels: Option<PathBuf>,
    },
    /// What a change of rules would have done: counts by rule, and the alerts that only one of the two raises.
    #[command(
        before_help = "Examples:\n  wardline export --from 2026-01-01T00:00:00Z | wardline rules diff rules.toml proposed.toml\n  wardline rules diff rules.toml proposed.toml --url http://127.0.0.1:8080 --from 7d-ago"
    )]
    Diff {
        #[arg(value_name = "BEFORE")]
        former: PathBuf,
        #[arg(value_name = "AFTER")]
        latter: PathBuf,
        #[command(flatten)]
        recording: Recording,
    },
    /// An early warning score: NDJSON inputs on stdin, `{total, lowerBound, parts, maxPart, band, missing}` a line.
    ///
    /// NEWS2 takes respiratoryRate, spo2, spo2Scale (1 or 2), oxygen (true or false), systolic, pulse,
    /// consciousness (A, C, V, P, U) and temperature. Numbers are rounded half up as the chart asks. With an input
    /// missing there is no total, but a lower bound, the band it reaches at least, and what is missing.
    #[command(
        before_help = "Examples:\n  echo '{\"respiratoryRate\":22,\"spo2\":95,\"spo2Scale\":1,\"oxygen\":true,\"systolic\":108,\"pulse\":112,\"consciousness\":\"A\",\"temperature\":38.4}' | wardline rules score news2\n  wardline rules score our-mews.toml < inputs.ndjson"
    )]
    Score {
        /// news2, mews, qsofa, sirs, or a file with a table of that form.
        #[arg(value_name = "TABLE")]
        table: String,
    },
}
