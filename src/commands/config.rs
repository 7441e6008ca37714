//! `wardline config`.

use serde_json::json;

use crate::cli::ConfigCommand;
use crate::config::{Fault, Loaded, Refused, Route, SAMPLE, load, strays};
use crate::exit::Exit;
use crate::output;

pub(super) fn run(command: ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Check(file) => match load(file.config.as_deref()) {
            Ok(loaded) => Ok(check(&loaded)),
            Err(refused) => {
                report(&refused);
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
            Err(refused) => {
                report(&refused);
                Ok(Exit::Usage)
            }
        },
    }
}

/// All that is wrong with what a configuration names.
fn check(loaded: &Loaded) -> Exit {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let strays = lines(&strays(names, &loaded.variables));
    let checked = crate::files::check(&loaded.config);
    let mappings = mappings(&loaded.config.routes);
    let faults = [strays, checked.faults, mappings].concat();
    if !faults.is_empty() {
        show(&faults);
        return Exit::Problems;
    }
    for warning in checked.warnings.iter().chain(&loaded.config.warnings()) {
        output::talk(&format!("warning: {warning}"));
    }
    output::talk("the configuration is sound");
    Exit::Done
}

/// Every fault of the mappings of all routes.
fn mappings(routes: &[Route]) -> Vec<String> {
    let mut all = Vec::new();
    for route in routes {
        if let Some(settings) = &route.mapping
            && let Err(faults) = crate::mappings::faults(settings)
        {
            let faults = faults.iter();
            all.extend(faults.map(|fault| format!("route {}: {fault}", route.name)));
        }
    }
    all
}

fn lines(faults: &[Fault]) -> Vec<String> {
    let line = |Fault { line, key, message }: &Fault| {
        let place = line.map(|line| format!("line {line}: "));
        format!("{}{key} {message}", place.unwrap_or_default())
    };
    faults.iter().map(line).collect()
}

/// All that is wrong with a configuration that is not used, and with the files that it names as far as that is known.
pub(super) fn report(refused: &Refused) {
    let mut faults = lines(&refused.faults);
    if let Some(config) = &refused.config {
        faults.extend(crate::files::check(config).faults);
        faults.extend(mappings(&config.routes));
    }
    show(&faults);
}

/// Faults, one a line.
pub(super) fn show(faults: &[String]) {
    for fault in faults {
        output::talk(fault);
    }
    output::talk(&format!("{} fault(s) in the configuration", faults.len()));
}
