//! `wardline routing`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;
use wardline_rules::routing::{Facts, Routing, SubjectKind, Told};
use wardline_rules::{Class, Fault, Priority, RuleSet};

use super::{read, time};
use crate::cli::{self, RoutingCommand};
use crate::exit::{Exit, UsageError};
use crate::output::{self, Columns};

pub(super) fn run(command: RoutingCommand) -> anyhow::Result<Exit> {
    match command {
        RoutingCommand::Check {
            file,
            rules,
            config,
        } => check(&file, rules.as_deref(), config.as_deref()),
        RoutingCommand::Who {
            file,
            priority,
            team,
            ward,
            rule,
            class,
            tags,
            at,
            output,
        } => {
            let Some(routing) = parsed(&file)? else {
                return Ok(Exit::Problems);
            };
            let facts = Facts {
                class: match class {
                    cli::Class::Physiological => Class::Physiological,
                    cli::Class::Technical => Class::Technical,
                },
                priority: wanted(priority),
                team,
                ward,
                tags,
                rule: rule.unwrap_or_default(),
                subject: SubjectKind::Patient,
            };
            let at = time(at.as_deref())?.unwrap_or_else(crate::clock::now);
            let told: Vec<Value> = routing.who(&facts, at).iter().map(told_json).collect();
            let columns: Columns = &[
                ("route", "/route"),
                ("person", "/person"),
                ("channel", "/channel"),
                ("address", "/address"),
                ("held", "/held"),
                ("held until", "/heldUntil"),
            ];
            output::list(&told, columns, output.format)?;
            if told.is_empty() {
                output::talk("nobody is told: no route takes it");
                return Ok(Exit::Problems);
            }
            Ok(Exit::Done)
        }
    }
}

fn wanted(priority: cli::Priority) -> Priority {
    match priority {
        cli::Priority::High => Priority::High,
        cli::Priority::Medium => Priority::Medium,
        cli::Priority::Low => Priority::Low,
        cli::Priority::Info => Priority::Info,
    }
}

fn told_json(told: &Told) -> Value {
    json!({
        "route": told.route,
        "person": told.person,
        "channel": told.channel,
        "address": told.address,
        "held": told.held,
        "heldUntil": told.held_until.map(format_rfc3339),
    })
}

/// A routing file; its faults are shown.
fn parsed(file: &Path) -> anyhow::Result<Option<Routing>> {
    match Routing::parse(&read(file)?) {
        Ok(routing) => Ok(Some(routing)),
        Err(faults) => {
            show(file, &faults, "");
            output::talk(&format!("{} fault(s) in the routing", faults.len()));
            Ok(None)
        }
    }
}

fn check(file: &Path, rules: Option<&Path>, config: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(routing) = parsed(file)? else {
        return Ok(Exit::Problems);
    };
    show(file, routing.warnings(), "warning: ");
    let rules = match rules {
        None => RuleSet::empty(),
        Some(file) => match RuleSet::parse(&read(file)?) {
            Ok(rules) => rules,
            Err(_) => {
                super::rules::sound(file)?;
                return Ok(Exit::Problems);
            }
        },
    };
    let config = config.map(sound).transpose()?;
    let channels = config.as_ref().map(crate::deliver::names);
    // What is not given cannot be at fault: then the file's own words are taken.
    let own: BTreeSet<String> = routing.channels().map(str::to_owned).collect();
    let channels = channels.unwrap_or(own);
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let mut faults = routing.check(&channels, &rules.escalation_targets());
    if let Some(config) = &config {
        faults.extend(crate::deliver::unaddressed(config, &routing));
        faults.sort();
    }
    if faults.is_empty() {
        output::talk("the routing is sound");
        return Ok(Exit::Done);
    }
    show(file, &faults, "");
    output::talk(&format!("{} fault(s) in the routing", faults.len()));
    Ok(Exit::Problems)
}

/// A configuration, for its receivers.
fn sound(file: &Path) -> anyhow::Result<crate::config::Config> {
    match crate::config::load(Some(file)) {
        Ok(loaded) => Ok(loaded.config),
        Err(refused) => {
            super::config::report(&refused);
            Err(UsageError(format!("{} is faulty", file.display())).into())
        }
    }
}

fn show(file: &Path, faults: &[Fault], kind: &str) {
    for fault in faults {
        output::talk(&format!(
            "{}:{}:{}: {kind}{}",
            file.display(),
            fault.line,
            fault.column,
            fault.message
        ));
    }
}
