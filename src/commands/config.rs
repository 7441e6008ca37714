//! `wardline config`.

use serde_json::json;

use crate::cli::ConfigCommand;
use crate::config::{Config, Fault, Route, SAMPLE, load, strays};
use crate::exit::Exit;
use crate::output;

pub(super) fn run(command: ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Check(file) => match load(file.config.as_deref()) {
            Ok(loaded) => {
                let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
                let strays = strays(names, &loaded.variables);
                if !strays.is_empty() {
                    report(&strays);
                    return Ok(Exit::Problems);
                }
                if !files(&loaded.config)? {
                    return Ok(Exit::Problems);
                }
                if !mappings(&loaded.config.routes) {
                    return Ok(Exit::Problems);
                }
                for warning in loaded.config.warnings() {
                    output::talk(&format!("warning: {warning}"));
                }
                output::talk("the configuration is sound");
                Ok(Exit::Done)
            }
            Err(faults) => {
                report(&faults);
                Ok(Exit::Problems)
            }
        },
        ConfigCommand::Print { default: true, .. } => {
            output::data(SAMPLE.as_bytes())?;
            Ok(Exit::Done)
        }
        ConfigCommand::Print { file, output, .. } => match load(file.config.as_deref()) {
            Ok(loaded) => {
                let values: Vec<_> = loaded
                    .values
                    .iter()
                    .map(|value| json!({"key": value.key, "value": value.value, "origin": value.origin}))
                    .collect();
                output::list(
                    &values,
                    &[("key", "/key"), ("value", "/value"), ("origin", "/origin")],
                    output.format,
                )?;
                Ok(Exit::Done)
            }
            Err(faults) => {
                report(&faults);
                Ok(Exit::Usage)
            }
        },
    }
}

/// Whether the files of rules and routing have no fault; all faults and warnings are shown.
fn files(config: &Config) -> anyhow::Result<bool> {
    let (faults, warnings) = crate::files::check(config, &crate::files::texts(config)?);
    for warning in &warnings {
        output::talk(&format!("warning: {warning}"));
    }
    for fault in &faults {
        output::talk(fault);
    }
    Ok(faults.is_empty())
}

/// Whether the mappings of all routes have no fault; all faults are shown.
fn mappings(routes: &[Route]) -> bool {
    let mut sound = true;
    for route in routes {
        let Some(settings) = &route.mapping else {
            continue;
        };
        if let Err(faults) = crate::mappings::faults(settings) {
            sound = false;
            for fault in faults {
                output::talk(&format!("route {}: {fault}", route.name));
            }
        }
    }
    sound
}

/// All faults, one a line.
pub(super) fn report(faults: &[Fault]) {
    for Fault { line, key, message } in faults {
        let place = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        output::talk(&format!("{place}{key} {message}"));
    }
    output::talk(&format!("{} fault(s) in the configuration", faults.len()));
}
