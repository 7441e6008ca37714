//! `wardline mapping`: tools for the authors of mapping documents.

mod trial;

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use wardline_normalize::mapping::device::DeviceMapping;
use wardline_normalize::mapping::document::fhir::{
    Coding, PeriodInterval, ValueTemplate, ValueType,
};
use wardline_normalize::mapping::document::{
    DEVICE_SCHEMA, Document, FHIR_SCHEMA, Fault, cross_check, load_device, load_fhir,
};
use wardline_normalize::mapping::fhir::FhirMapping;

use super::{normalize, read};
use crate::cli::{self, Format, MappingCommand, Output};
use crate::exit::Exit;
use crate::output;

pub(super) fn run(command: MappingCommand) -> anyhow::Result<Exit> {
    match command {
        MappingCommand::Check { files, output } => check(&files, &output),
        MappingCommand::Test { mappings, patient } => test(&mappings, patient.as_deref()),
        MappingCommand::Explain { file } => explain(&file),
        MappingCommand::Schema { document } => {
            let schema = match document {
                cli::Document::Device => DEVICE_SCHEMA,
                cli::Document::Fhir => FHIR_SCHEMA,
            };
            output::data(schema.as_bytes())?;
            Ok(Exit::Done)
        }
    }
}

/// A document, by what its text says it is.
fn kind(text: &str) -> Document {
    if text.to_ascii_lowercase().contains("collectionfhir") {
        Document::Fhir
    } else {
        Document::Device
    }
}

fn check(files: &[PathBuf], output: &Output) -> anyhow::Result<Exit> {
    let texts = files
        .iter()
        .map(|file| Ok((file, read(file)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut found: Vec<(&Path, Fault)> = Vec::new();
    let (mut devices, mut fhirs) = (Vec::new(), Vec::new());
    for (file, text) in &texts {
        let faults = match kind(text) {
            Document::Device => {
                devices.push((file, load_device(text).0));
                match DeviceMapping::compile(text) {
                    Ok(mapping) => mapping.warnings().to_vec(),
                    Err(faults) => faults,
                }
            }
            Document::Fhir => {
                let (document, warnings) = load_fhir(text);
                fhirs.push((file, document));
                FhirMapping::compile(text).err().unwrap_or(warnings)
            }
        };
        found.extend(faults.into_iter().map(|fault| (file.as_path(), fault)));
    }
    for (device_file, device) in &devices {
        for (fhir_file, fhir) in &fhirs {
            found.extend(cross_check(device, fhir).into_iter().map(|fault| {
                let file = match fault.document {
                    Document::Device => device_file,
                    Document::Fhir => fhir_file,
                };
                (file.as_path(), fault)
            }));
        }
    }
    let errors = found.iter().filter(|(_, fault)| fault.is_error()).count();
    let entries: Vec<_> = found
        .iter()
        .map(|(file, fault)| {
            json!({
                "file": file.display().to_string(), "line": fault.line, "column": fault.column,
                "severity": if fault.is_error() { "error" } else { "warning" },
                "path": fault.path, "message": fault.message,
            })
        })
        .collect();
    if output.format != Format::Table {
        let columns = &[
            ("file", "/file"),
            ("line", "/line"),
            ("column", "/column"),
            ("severity", "/severity"),
            ("path", "/path"),
            ("message", "/message"),
        ];
        output::list(&entries, columns, output.format)?;
    } else {
        for (file, fault) in &found {
            output::line(&format!("{}: {fault}", file.display()))?;
        }
    }
    let warnings = found.len() - errors;
    output::talk(&match (errors, warnings) {
        (0, 0) => "the mappings are sound".to_owned(),
        _ => format!("{errors} error(s), {warnings} warning(s)"),
    });
    Ok(if errors == 0 {
        Exit::Done
    } else {
        Exit::Problems
    })
}

fn explain(file: &Path) -> anyhow::Result<Exit> {
    let text = read(file)?;
    let plan = match kind(&text) {
        Document::Device => DeviceMapping::compile(&text).map(|mapping| mapping.explain()),
        Document::Fhir => FhirMapping::compile(&text).map(|mapping| fhir_plan(&mapping)),
    };
    match plan {
        Ok(plan) => {
            output::data(plan.as_bytes())?;
            Ok(Exit::Done)
        }
        Err(faults) => {
            for fault in faults {
                output::talk(&format!("{}: {fault}", file.display()));
            }
            Ok(Exit::Problems)
        }
    }
}

/// What each measurement type becomes, one a line and its values below.
fn fhir_plan(mapping: &FhirMapping) -> String {
    let codes = |codes: &[Coding]| {
        let list: Vec<String> = codes
            .iter()
            .map(|coding| {
                let part = |part: &Option<String>| part.clone().unwrap_or_default();
                format!("{}|{}", part(&coding.system), part(&coding.code))
            })
            .collect();
        list.join(", ")
    };
    let mut out = format!("FHIR mapping {}\n", mapping.version());
    for template in mapping.templates() {
        let period = match template.period {
            PeriodInterval::CorrelationId => "a correlation id",
            PeriodInterval::Single => "an instant",
            PeriodInterval::Hourly => "an hour",
            PeriodInterval::Daily => "a day",
        };
        let (name, code) = (&template.type_name, codes(&template.codes));
        out.push_str(&format!(
            "{name}: one Observation for {period}, code {code}\n"
        ));
        if let Some(value) = &template.value {
            out.push_str(&format!("  value: {}\n", read_as(value)));
        }
        for component in &template.components {
            let (code, value) = (codes(&component.codes), read_as(&component.value));
            out.push_str(&format!("  component {code}: {value}\n"));
        }
    }
    out
}

fn read_as(value: &ValueTemplate) -> String {
    let kind = match &value.kind {
        ValueType::SampledData { period_ms, unit } => format!(
            "SampledData, every {period_ms} ms, unit {}",
            unit.as_deref().unwrap_or("none")
        ),
        ValueType::Quantity { unit, code, .. } => format!(
            "Quantity, unit {}",
            code.as_deref().or(unit.as_deref()).unwrap_or("none")
        ),
        ValueType::CodeableConcept(_) => "CodeableConcept, constant".to_owned(),
        ValueType::String => "String".to_owned(),
    };
    format!("{} as {kind}", value.value_name)
}

/// Event by event, so that an author sees what each line gives by itself.
fn test(files: &cli::MappingFiles, patient: Option<&str>) -> anyhow::Result<Exit> {
    let Some(mapping) = normalize::mapping(files)? else {
        return Ok(Exit::Problems);
    };
    let mut sound = true;
    for (number, line) in (1_usize..).zip(std::io::stdin().lock().split(b'\n')) {
        let line = line.context("stdin")?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (report, good) = trial::trial(&mapping, &line, patient, crate::clock::now());
        sound &= good;
        output::line(&format!("event {number}"))?;
        output::data(report.as_bytes())?;
    }
    Ok(if sound { Exit::Done } else { Exit::Problems })
}
