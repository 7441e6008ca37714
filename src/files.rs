//! The files of rules and routing, each checked, and held against one another and the receivers.

use std::path::Path;

use anyhow::Context as _;
use wardline_rules::routing::Routing;
use wardline_rules::{Fault, RuleSet};

use crate::config::Config;

/// Their texts; empty where there is none.
pub(crate) struct Files {
    pub(crate) rules: String,
    pub(crate) routing: String,
}

/// The files of a configuration as they are.
///
/// # Errors
/// One cannot be read.
pub(crate) fn texts(config: &Config) -> anyhow::Result<Files> {
    let text = |file: Option<&Path>| match file {
        None => Ok(String::new()),
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
        }
    };
    Ok(Files {
        rules: text(config.rules.as_deref())?,
        routing: text(config.routing.as_deref())?,
    })
}

/// The files of a configuration, for use.
///
/// # Errors
/// One cannot be read, or every fault of all of them.
pub(crate) fn sound(config: &Config) -> anyhow::Result<Files> {
    let files = texts(config)?;
    let (faults, warnings) = check(config, &files);
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(files)
}

/// Every fault, then every warning, with file, line and column.
pub(crate) fn check(config: &Config, files: &Files) -> (Vec<String>, Vec<String>) {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    let mut targets = Vec::new();
    match RuleSet::parse(&files.rules) {
        Ok(rules) => targets.extend(rules.escalation_targets().into_iter().map(str::to_owned)),
        Err(found) => faults.extend(
            found
                .iter()
                .map(|fault| place(config.rules.as_deref(), fault)),
        ),
    }
    let Some(file) = config.routing.as_deref() else {
        return (faults, warnings);
    };
    match Routing::parse(&files.routing) {
        Err(found) => faults.extend(found.iter().map(|fault| place(Some(file), fault))),
        Ok(routing) => {
            let receivers = crate::deliver::names(config);
            let receivers: Vec<&str> = receivers.iter().map(String::as_str).collect();
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            let mut found = routing.check(&receivers, &targets);
            found.extend(crate::deliver::unaddressed(config, &routing));
            found.sort();
            faults.extend(found.iter().map(|fault| place(Some(file), fault)));
            let found = routing.warnings().iter();
            warnings.extend(found.map(|fault| place(Some(file), fault)));
        }
    }
    (faults, warnings)
}

fn place(file: Option<&Path>, fault: &Fault) -> String {
    let file = file.unwrap_or(Path::new("rules"));
    format!(
        "{}:{}:{}: {}",
        file.display(),
        fault.line,
        fault.column,
        fault.message
    )
}
