//! The files of rules and routing, each checked, and held against one another and the receivers.

use std::path::Path;

use wardline_rules::routing::Routing;
use wardline_rules::{Fault, RuleSet};

use crate::config::Config;

/// Their texts, empty where there is none, and what is wrong with them: file, line, column and why.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) rules: String,
    pub(crate) routing: String,
    pub(crate) faults: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// The files of a configuration, for use.
///
/// # Errors
/// Every fault of all of them.
pub(crate) fn sound(config: &Config) -> anyhow::Result<Files> {
    let files = check(config);
    anyhow::ensure!(files.faults.is_empty(), "{}", files.faults.join("\n"));
    for warning in &files.warnings {
        tracing::warn!(warning, "configuration");
    }
    Ok(files)
}

/// The files of a configuration with every fault and every warning.
pub(crate) fn check(config: &Config) -> Files {
    let mut files = Files::default();
    files.rules = text(config.rules.as_deref(), &mut files.faults).unwrap_or_default();
    let rules = RuleSet::parse(&files.rules);
    if let Err(faults) = &rules {
        let faults = faults.iter();
        let place = |fault| place(config.rules.as_deref(), fault);
        files.faults.extend(faults.map(place));
    }
    let steps = rules.as_ref().map(RuleSet::escalation_targets);
    let steps = steps.unwrap_or_default();
    let Some(file) = config.routing.as_deref() else {
        if !steps.is_empty() {
            files.warnings.push(format!(
                "rules: their ladders name {}, and without [routing] nobody is told by them",
                steps.join(", ")
            ));
        }
        return files;
    };
    let Some(routing) = text(Some(file), &mut files.faults) else {
        return files;
    };
    match Routing::parse(&routing) {
        Err(faults) => {
            let faults = faults.iter();
            files
                .faults
                .extend(faults.map(|fault| place(Some(file), fault)));
        }
        Ok(routing) => {
            let receivers = crate::deliver::names(config);
            let receivers: Vec<&str> = receivers.iter().map(String::as_str).collect();
            let mut faults = routing.check(&receivers, &steps);
            faults.extend(crate::deliver::unaddressed(config, &routing));
            faults.sort();
            let faults = faults.iter();
            files
                .faults
                .extend(faults.map(|fault| place(Some(file), fault)));
            let warnings = routing.warnings().iter();
            files
                .warnings
                .extend(warnings.map(|fault| place(Some(file), fault)));
            files.warnings.extend(unheard(config, &routing));
        }
    }
    files.routing = routing;
    files
}

/// Receivers that would hear nothing: no route names them, and they ask for no events.
fn unheard(config: &Config, routing: &Routing) -> Vec<String> {
    let deaf = crate::deliver::deaf(config);
    let unnamed = deaf
        .into_iter()
        .filter(|name| !routing.channels().any(|known| known == *name));
    let warning = |name| {
        format!("receiver `{name}` hears nothing: no route names it, and it asks for no `events`")
    };
    unnamed.map(warning).collect()
}

/// None: there is no such file, which is a fault where one is named.
fn text(file: Option<&Path>, faults: &mut Vec<String>) -> Option<String> {
    let file = file?;
    let refused = |error| faults.push(format!("{}: cannot be read: {error}", file.display()));
    std::fs::read_to_string(file).map_err(refused).ok()
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
