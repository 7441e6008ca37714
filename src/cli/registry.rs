//! `wardline device`, `patient`, `assign`, `bed`, `token` and `observe`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Target};

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Add a device.
    Add {
        /// Its id in topics (`[A-Za-z0-9.-]`, 64 at most).
        id: String,
        /// What it is, as pulse-oximeter.
        #[arg(long)]
        kind: Option<String>,
        #[arg(long)]
        model: Option<String>,
        /// Identifier as SYSTEM|VALUE; may be repeated.
        #[arg(long = "identifier", value_name = "SYSTEM|VALUE")]
        identifiers: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List devices.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PatientCommand {
    /// Add a patient; without an id a new opaque one is made and printed.
    Add {
        #[arg(long)]
        id: Option<String>,
        #[arg(long)]
        name: Option<String>,
        /// Birth date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        birth_date: Option<String>,
        /// Tag that rules may select by; may be repeated.
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// Identifier as SYSTEM|VALUE; may be repeated.
        #[arg(long = "identifier", value_name = "SYSTEM|VALUE")]
        identifiers: Vec<String>,
        /// Ward, whose limits and silences hold (`[A-Za-z0-9.-]`, 64 at most).
        #[arg(long)]
        ward: Option<String>,
        /// Care team that is told of alerts, of the same form.
        #[arg(long)]
        care_team: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Change what is known of a patient; what is not named stays. An empty text clears.
    Update {
        id: String,
        #[arg(long)]
        name: Option<String>,
        /// Birth date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        birth_date: Option<String>,
        /// Tag that rules may select by; may be repeated, and replaces all tags.
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// Ward, whose limits and silences hold.
        #[arg(long)]
        ward: Option<String>,
        /// Care team that is told of alerts.
        #[arg(long)]
        care_team: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List patients.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AssignCommand {
    /// A device to a patient over an interval; overlaps are refused.
    Add {
        device: String,
        patient: String,
        /// Which user of a shared device.
        #[arg(long)]
        device_user: Option<String>,
        /// Start (RFC 3339); now if not given.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// End (RFC 3339); open if not given.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// End an assignment.
    End {
        /// The assignment's id, as listed.
        id: String,
        /// When it ended (RFC 3339); now if not given.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List assignments.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum BedCommand {
    /// Add a bed; prints its id.
    Add {
        /// As people and monitors name it, unique.
        label: String,
        #[arg(long)]
        id: Option<String>,
        /// Site it is at.
        #[arg(long)]
        site: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List beds and who lies there.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Put a patient into a bed; the bed before is free then. Prints the stay's id.
    Place {
        /// Its label or id.
        bed: String,
        patient: String,
        /// Since when (RFC 3339); now if not given.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// The patient has left the bed.
    Free {
        /// Its label or id.
        bed: String,
        /// When (RFC 3339); now if not given.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List who lay in which bed, and when.
    Stays {
        /// Only in this bed, by label or id.
        #[arg(long)]
        bed: Option<String>,
        /// Only of this patient.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Read patients' data.
    Read,
    /// Also acknowledge alerts, enter observations, keep the registry, see and replay the quarantine.
    Operate,
    /// Also manage tokens and make backups.
    Admin,
    /// Publish readings over MQTT, nothing else.
    Publish,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Operate => "operate",
            Role::Admin => "admin",
            Role::Publish => "publish",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; its secret is printed once, on stdout.
    Add {
        /// Who or what it is for; its MQTT user name.
        name: String,
        #[arg(long, value_enum)]
        role: Role,
        /// Gateway a publish token speaks for.
        #[arg(long, required_if_eq("role", "publish"))]
        gateway: Option<String>,
        /// The only device it may publish for; without it, any behind the gateway.
        #[arg(long, requires = "gateway")]
        device: Option<String>,
        /// Site of a publish token; the installation's own if not given.
        #[arg(long)]
        site: Option<String>,
        /// SAN URI of a client certificate that stands for this token.
        #[arg(long, value_name = "URI")]
        certificate: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List tokens; secrets are not kept.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a token at once.
    Revoke {
        name: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Observe {
    #[arg(long)]
    pub(crate) patient: String,
    /// LOINC, MDC reference id or alias, such as heart-rate. Metrics of words: consciousness (A alert, C new
    /// confusion, V voice, P pain, U unresponsive), supplemental-oxygen (true, false), spo2-scale (1, 2).
    #[arg(long)]
    pub(crate) metric: String,
    /// Number, with the precision it was read with.
    #[arg(
        long,
        conflicts_with = "text",
        required_unless_present = "text",
        allow_hyphen_values = true
    )]
    pub(crate) value: Option<String>,
    /// Word, for a metric of words; one that rules and scores do not read is refused.
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// UCUM unit; the metric's own if not given.
    #[arg(long)]
    pub(crate) unit: Option<String>,
    /// When it was observed (RFC 3339); now if not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) effective: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}
