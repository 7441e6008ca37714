//! One file a command.

mod alert;
mod backup;
mod bed;
mod care;
mod config;
mod doctor;
mod export;
mod gateway;
mod mapping;
mod normalize;
mod observe;
mod quarantine;
mod registry;
mod routing;
mod rules;
mod serve;
mod sql;
mod verify;

use anyhow::Context as _;
use wardline_normalize::time::{Micros, format_rfc3339, parse_rfc3339};

use crate::cli::Command;
use crate::exit::{Exit, UsageError};

pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Demo(demo) => crate::demo::run(demo).await,
        Command::Serve(file) => serve::run(file).await,
        Command::Config(command) => config::run(command),
        Command::Normalize(normalize) => normalize::run(&normalize),
        Command::Mapping(command) => mapping::run(command),
        Command::Rules(command) => rules::run(command).await,
        Command::Routing(command) => routing::run(command),
        Command::Doctor(doctor) => {
            quiet();
            doctor::run(&doctor).await
        }
        Command::Verify(verify) => verify::run(&verify).await,
        Command::Restore(restore) => backup::restore(&restore).await,
        command => {
            quiet();
            with_data(command).await
        }
    }
}

async fn with_data(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Sql(sql) => sql::run(sql).await,
        Command::Quarantine(command) => quarantine::run(command).await,
        Command::Device(command) => registry::device(command).await,
        Command::Patient(command) => registry::patient(command).await,
        Command::Assign(command) => registry::assign(command).await,
        Command::Bed(command) => bed::run(command).await,
        Command::Alert(command) => alert::run(command).await,
        Command::Token(command) => registry::token(command).await,
        Command::Gateway(command) => gateway::run(command).await,
        Command::Limit(command) => care::limit(command).await,
        Command::Silence(command) => care::silence(command).await,
        Command::Outbox(command) => care::outbox(command).await,
        Command::Observe(observe) => observe::run(observe).await,
        Command::Backup(backup) => backup::backup(&backup).await,
        Command::Export(export) => export::run(export).await,
        _ => anyhow::bail!("the command has no data to work on"),
    }
}

/// Commands on data speak only of what goes wrong.
fn quiet() {
    let log = crate::config::Log {
        format: crate::config::LogFormat::Text,
        level: "warn".to_owned(),
    };
    crate::telemetry::start(&log);
}

/// A time as typed, checked: RFC 3339, or how long ago as `7d-ago`.
fn time(text: Option<&str>) -> anyhow::Result<Option<Micros>> {
    text.map(|text| {
        parse_rfc3339(text).or_else(|| ago(text)).ok_or_else(|| {
            UsageError(format!(
                "{text:?} is neither an RFC 3339 time such as 2026-01-31T12:00:00Z nor one such as 7d-ago"
            ))
        })
    })
    .transpose()
    .map_err(Into::into)
}

fn ago(text: &str) -> Option<Micros> {
    let length = humantime::parse_duration(text.strip_suffix("-ago")?).ok()?;
    crate::clock::now().checked_sub(Micros::try_from(length.as_micros()).ok()?)
}

/// A time as typed, or now, as the API takes it.
fn time_or_now(text: Option<&str>) -> anyhow::Result<String> {
    Ok(format_rfc3339(
        time(text)?.unwrap_or_else(crate::clock::now),
    ))
}

/// `SYSTEM|VALUE` as typed.
fn identifiers(typed: &[String]) -> anyhow::Result<Vec<serde_json::Value>> {
    typed
        .iter()
        .map(|text| match text.rsplit_once('|') {
            Some((system, value)) if !value.is_empty() => {
                Ok(serde_json::json!({"system": system, "value": value}))
            }
            _ => Err(UsageError(format!("identifier {text:?} is not SYSTEM|VALUE")).into()),
        })
        .collect()
}

fn read(file: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
