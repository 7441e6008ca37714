//! The command line: what may be typed. What it does is in `commands`.

mod alert;
mod care;
mod gateway;
mod offline;
mod registry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use alert::AlertCommand;
pub(crate) use care::{
    Class, LimitCommand, LimitSet, OutboxCommand, Priority, RoutingCommand, SilenceCommand,
};
pub(crate) use gateway::GatewayCommand;
pub(crate) use offline::{
    Compatible, Document, From, MappingCommand, MappingFiles, Normalize, Recording, RulesCommand,
    To,
};
pub(crate) use registry::{
    AssignCommand, BedCommand, DeviceCommand, Observe, PatientCommand, Role, TokenCommand,
};

const EXAMPLES: &str = "\
Examples:
  wardline demo                                 a simulated ward, all running
  wardline serve --config wardline.toml         the service
  wardline sql \"SELECT * FROM latest\" --data-dir wardline-data";

/// IoMT ingestion and continuous patient monitoring: MQTT in, FHIR, alerts and SQL out.
///
/// Wardline is not a certified primary alarm system: bedside alarms stay on.
#[derive(Debug, Parser)]
#[command(version, before_help = EXAMPLES, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A simulated ward behind a real gateway, with the whole service running.
    #[command(
        before_help = "Examples:\n  wardline demo\n  wardline demo --patients 8 --speed 10 --data-dir demo-data"
    )]
    Demo(Demo),
    /// The service.
    #[command(
        before_help = "Examples:\n  wardline serve --config wardline.toml\n  WARDLINE_HTTP_BIND=127.0.0.1:0 wardline serve"
    )]
    Serve(ConfigFile),
    /// Check or show the configuration.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline config check --config wardline.toml\n  wardline config print --default > wardline.toml\n  wardline config print --config wardline.toml --format csv"
    )]
    Config(ConfigCommand),
    /// Run a read-only query over the tables.
    #[command(
        before_help = "Examples:\n  wardline sql \"SELECT patient_id, mdc, value, unit, effective FROM latest\"\n  wardline sql \"SELECT count(*) FROM observation\" --url http://127.0.0.1:8080 --format csv"
    )]
    Sql(Sql),
    /// Payloads on stdin to measurements, rows or FHIR Observations on stdout; no server needed.
    #[command(
        before_help = "Examples:\n  wardline normalize --device-mapping device.json < events.ndjson\n  wardline normalize --device-mapping device.json --fhir-mapping fhir.json --errors rejects.ndjson < events.ndjson\n  wardline normalize --from senml --to fhir --patient p1 < packs.ndjson\n  wardline normalize --from fhir < observations.ndjson\n  wardline normalize --from hl7v2 --zone Europe/Berlin < monitor.hl7"
    )]
    Normalize(Normalize),
    /// Check, try and explain MedTech (`iomt-fhir`) mapping documents.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline mapping check device.json fhir.json\n  wardline mapping test --device-mapping device.json --fhir-mapping fhir.json < events.ndjson\n  wardline mapping explain device.json\n  wardline mapping schema device > device-mapping.schema.json"
    )]
    Mapping(MappingCommand),
    /// What was rejected and why.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline quarantine list --reason unknown-metric\n  wardline quarantine show ID\n  wardline quarantine replay ID --url http://127.0.0.1:8080"
    )]
    Quarantine(QuarantineCommand),
    /// Devices.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline device add bed-07 --kind bedside-monitor --model \"MX 450\"\n  wardline device list --format csv"
    )]
    Device(DeviceCommand),
    /// Patients.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline patient add --birth-date 1950-03-01 --tag copd --identifier \"urn:hospital|4711\"\n  wardline patient update p1 --ward w4 --care-team cardiology\n  wardline patient list --url http://127.0.0.1:8080"
    )]
    Patient(PatientCommand),
    /// Which patient wears which device, from when until when.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline assign add bed-07 p1 --from 2026-01-01T08:00:00Z\n  wardline assign list\n  wardline assign end ID"
    )]
    Assign(AssignCommand),
    /// Beds, which messages about alerts name, and who lies in them.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline bed add 12-A\n  wardline bed place 12-A p1\n  wardline bed list\n  wardline bed free 12-A"
    )]
    Bed(BedCommand),
    /// Credentials of people, systems and gateways.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline token add ward-screen --role read\n  wardline token add gw-3 --role publish --gateway gw-3\n  wardline token revoke ward-screen"
    )]
    Token(TokenCommand),
    /// Gateways: enrol them, take their right away, tell them something.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline gateway enroll-code gw-3 --url https://ward.example:8080\n  wardline gateway command gw-3 rescan\n  wardline gateway revoke gw-3"
    )]
    Gateway(GatewayCommand),
    /// Record a manual observation; the token (or local user) is its author.
    #[command(
        before_help = "Examples:\n  wardline observe --patient p1 --metric heart-rate --value 72\n  wardline observe --patient p1 --metric consciousness --text A\n  wardline observe --patient p1 --metric supplemental-oxygen --text true\n  wardline observe --patient p1 --metric spo2-scale --value 2"
    )]
    Observe(Observe),
    /// Check rules, or run them over recorded rows.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline rules check rules.toml\n  wardline export | wardline rules replay --rules rules.toml --summary"
    )]
    Rules(RulesCommand),
    /// Alerts: list, show, acknowledge, silence.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline alert list --state active --unacknowledged\n  wardline alert show ID\n  wardline alert acknowledge ID --note \"seen, cuff was loose\"\n  wardline alert silence ID --for 30m"
    )]
    Alert(AlertCommand),
    /// Limits of a ward or a patient in the place of a rule's own.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline limit set --patient p1 --rule tachycardia --above 140 --reason \"known flutter\"\n  wardline limit list --review-due\n  wardline limit review ID"
    )]
    Limit(LimitCommand),
    /// Page nobody for alerts that fit, for a while.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline silence add --device bed-07 --class technical --for 1h --reason \"cable is being changed\"\n  wardline silence list\n  wardline silence end ID"
    )]
    Silence(SilenceCommand),
    /// What is to be delivered, and what was given up.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline outbox list --state dead\n  wardline outbox retry\n  wardline outbox retry 17 --url http://127.0.0.1:8080"
    )]
    Outbox(OutboxCommand),
    /// Check a routing file, or ask whom it would tell.
    #[command(
        subcommand,
        before_help = "Examples:\n  wardline routing check routing.toml --rules rules.toml --config wardline.toml\n  wardline routing who routing.toml --priority high --team cardiology --ward w4"
    )]
    Routing(RoutingCommand),
    /// Look for what would break the promises: broker, disk, clock, certificates, permissions.
    #[command(before_help = "Examples:\n  wardline doctor --config wardline.toml")]
    Doctor(Doctor),
    /// Check every checksum of a data directory.
    #[command(
        before_help = "Examples:\n  wardline verify wardline-data\n  wardline verify backup-2026-01-31 --format json"
    )]
    Verify(Verify),
    /// Copy registry, tables and log as one consistent point.
    #[command(
        before_help = "Examples:\n  wardline backup backup-2026-01-31\n  wardline backup /srv/backup-2026-01-31 --url http://127.0.0.1:8080"
    )]
    Backup(Backup),
    /// Lay a backup down as a new data directory.
    #[command(
        before_help = "Examples:\n  wardline restore backup-2026-01-31 --data-dir wardline-data"
    )]
    Restore(Restore),
    /// Rows out, with progress.
    #[command(
        before_help = "Examples:\n  wardline export --format ndjson > rows.ndjson\n  wardline export --patient p1 --from 2026-01-01T00:00:00Z --format parquet --out p1.parquet"
    )]
    Export(Export),
}

/// Where the data is: a directory nobody serves, or a running server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// Data directory (refused while a server holds it). Without --data-dir and --url, WARDLINE_URL
    /// counts, then WARDLINE_DATA_DIR.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of a running server; the token is taken from WARDLINE_TOKEN.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// PEM file of the authority that signed the server's certificate.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Whether the command may make a new data directory.
    #[arg(skip)]
    pub(crate) create: bool,
}

impl Target {
    /// What was typed, else what the environment says.
    pub(crate) fn resolved(&self) -> Self {
        let mut target = self.clone();
        if target.data_dir.is_none() && target.url.is_none() {
            target.url = std::env::var("WARDLINE_URL").ok();
            if target.url.is_none() {
                target.data_dir = std::env::var_os("WARDLINE_DATA_DIR").map(PathBuf::from);
            }
        }
        target
    }

    /// The same for a command that adds something.
    pub(crate) fn creating(&self) -> Self {
        Self {
            create: true,
            ..self.resolved()
        }
    }
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Simulated patients.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) patients: u32,
    /// The same seed gives the same ward.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// How much faster the scripted deteriorations go; stamps stay true.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) speed: f64,
    /// Keep the data here; otherwise a temporary directory is used and removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the HTTP server.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) http: std::net::SocketAddr,
    /// Address of the MQTT listener.
    #[arg(long, default_value = "127.0.0.1:1883")]
    pub(crate) mqtt: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// Configuration file (TOML); without one, the defaults.
    #[arg(long, value_name = "FILE", env = "WARDLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every fault at once.
    Check(ConfigFile),
    /// Show the values in force and where each came from.
    Print {
        #[command(flatten)]
        file: ConfigFile,
        /// Print a commented sample instead.
        #[arg(long)]
        default: bool,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// The query; `-` reads it from stdin.
    pub(crate) query: String,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List what was rejected, newest first.
    List {
        /// Only this reason, such as unknown-metric.
        #[arg(long)]
        reason: Option<String>,
        /// Only this device.
        #[arg(long)]
        device: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Show one entry with its payload.
    Show {
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Run an entry again through today's vocabulary and assignments.
    Replay {
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The data directory, or a backup.
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where to; must not exist.
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) from: PathBuf,
    /// The new data directory; must not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Ndjson,
    Parquet,
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    pub(crate) format: ExportFormat,
    /// Only this patient.
    #[arg(long)]
    pub(crate) patient: Option<String>,
    /// Measured at or after (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Measured before (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Write here instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
