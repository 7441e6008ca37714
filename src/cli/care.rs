//! `wardline limit`, `silence`, `outbox` and `routing`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Output, Target};

/// A patient or a ward.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// Opaque id of the patient.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: Option<String>,
    /// Opaque id of the ward: for its patients without limits of their own.
    #[arg(long, value_name = "ID")]
    pub(crate) ward: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LimitSet {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// The rule whose limits are replaced.
    #[arg(long, value_name = "ID")]
    pub(crate) rule: String,
    /// Alarm above this.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) above: Option<f64>,
    /// Alarm below this.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) below: Option<f64>,
    /// An alarm by --below is over above this; as far from the limit as in the rule if not given.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) clear_above: Option<f64>,
    /// An alarm by --above is over below this; as far from the limit as in the rule if not given.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) clear_below: Option<f64>,
    /// UCUM unit of the numbers; the rule's if not given.
    #[arg(long)]
    pub(crate) unit: Option<String>,
    /// The rule does not alarm here at all.
    #[arg(long, conflicts_with_all = ["above", "below", "clear_above", "clear_below", "unit"], required_unless_present_any = ["above", "below"])]
    pub(crate) off: bool,
    /// First reading they judge (RFC 3339); now if not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// First reading they judge no longer (RFC 3339); open if not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LimitCommand {
    /// Set limits in the place of a rule's own; prints their id.
    Set(Box<LimitSet>),
    /// List limits, the latest first.
    List {
        /// Only this patient's.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
        /// Only this rule's.
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        /// Only those somebody should look at again: set long ago, or alarming often.
        #[arg(long)]
        review_due: bool,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// End limits now; the ward's or the rule's judge from then on.
    End {
        /// Their id, as listed.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Say that limits were looked at and stay.
    Review {
        /// Their id, as listed.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    Physiological,
    Technical,
}

impl Class {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Class::Physiological => "physiological",
            Class::Technical => "technical",
        }
    }
}

/// What a silence is about: all that is given must fit.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Matchers {
    /// Alerts of this patient.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: Option<String>,
    /// Alerts of this rule.
    #[arg(long, value_name = "ID")]
    pub(crate) rule: Option<String>,
    /// Alerts of this device.
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// Alerts of this ward's patients.
    #[arg(long, value_name = "ID")]
    pub(crate) ward: Option<String>,
    /// Alerts of this class.
    #[arg(long, value_enum)]
    pub(crate) class: Option<Class>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Page nobody for alerts that fit, for a while; they stay visible. Prints the silence's id.
    Add {
        #[command(flatten)]
        matchers: Matchers,
        /// How long, as 30m or 2h; at most 24h.
        #[arg(long = "for", value_name = "TIME", value_parser = minutes)]
        minutes: u32,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        target: Target,
    },
    /// List silences, the latest first.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// End a silence now.
    End {
        /// Its id, as listed.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Whole minutes, as `30m` or `2h`.
pub(super) fn minutes(text: &str) -> Result<u32, String> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = match unit {
        "m" => 1,
        "h" => 60,
        _ => return Err("give minutes or hours, as 30m or 2h".to_owned()),
    };
    let number: u32 = number
        .parse()
        .map_err(|_| "give minutes or hours, as 30m or 2h".to_owned())?;
    match number.checked_mul(factor) {
        Some(minutes) if (1..=24 * 60).contains(&minutes) => Ok(minutes),
        _ => Err("a silence is from 1m to 24h".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutboxState {
    Pending,
    Delivered,
    Dead,
}

impl OutboxState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            OutboxState::Pending => "pending",
            OutboxState::Delivered => "delivered",
            OutboxState::Dead => "dead",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// List what is to be delivered, was, or was given up, the oldest first.
    List {
        /// Only what stands so.
        #[arg(long, value_enum)]
        state: Option<OutboxState>,
        /// Only for this receiver.
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Try again what was given up.
    Retry {
        /// Numbers, as listed; without, all that were given up.
        ids: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Priority {
    High,
    Medium,
    Low,
    Info,
}

impl Priority {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Priority::High => "high",
            Priority::Medium => "medium",
            Priority::Low => "low",
            Priority::Info => "info",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoutingCommand {
    /// Show every fault of a routing file.
    Check {
        file: PathBuf,
        /// Rules whose `to` must be known to it.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Configuration whose receivers its channels must be.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Who would be told of an alert.
    Who {
        file: PathBuf,
        #[arg(long, value_enum)]
        priority: Priority,
        /// The patient's care team.
        #[arg(long)]
        team: Option<String>,
        /// The patient's ward.
        #[arg(long)]
        ward: Option<String>,
        /// The alert's rule.
        #[arg(long)]
        rule: Option<String>,
        /// The alert's class.
        #[arg(long, value_enum, default_value_t = Class::Physiological)]
        class: Class,
        /// A tag of the patient; may be repeated.
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// When (RFC 3339); now if not given.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn a_silence_has_a_length_people_can_type() {
        assert_eq!(minutes("30m"), Ok(30));
        assert_eq!(minutes("24h"), Ok(1_440));
        for wrong in ["", "h", "0m", "25h", "1d", "90", "4294967295h", "1½h"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
