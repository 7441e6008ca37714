//! `wardline normalize`: codecs and mappings offline, one document a line.

mod alarms;
mod documents;
mod events;
mod lines;
mod messages;
mod printed;

use wardline_normalize::mapping::Compat;
use wardline_normalize::mapping::route::{Options, RouteMapping};

use super::read;
use crate::cli::{Compatible, From, MappingFiles, Normalize, To};
use crate::exit::{Exit, UsageError};
use crate::output;

pub(super) fn run(command: &Normalize) -> anyhow::Result<Exit> {
    if let Some(patient) = &command.patient
        && crate::config::id(patient).is_err()
    {
        return Err(UsageError(format!("--patient {patient:?} is no FHIR id")).into());
    }
    let received = super::time(command.received.as_deref())?.unwrap_or_else(crate::clock::now);
    let mut rejects = lines::Rejects::open(command.errors.as_deref())?;
    match command.from {
        From::Events => {
            let Some(mapping) = mapping(&command.mappings)? else {
                return Ok(Exit::Usage);
            };
            let to = command.to.unwrap_or(match mapping.fhir {
                Some(_) => To::Fhir,
                None => To::Measurements,
            });
            events::run(
                &mapping,
                to,
                command.patient.as_deref(),
                received,
                &mut rejects,
            )?;
        }
        From::Senml | From::Fhir | From::Hl7v2 => {
            if command.mappings.device_mapping.is_some() || command.mappings.fhir_mapping.is_some()
            {
                let message = "mappings are for --from events";
                return Err(UsageError(message.to_owned()).into());
            }
            if command.zone.is_some() && command.from != From::Hl7v2 {
                return Err(UsageError("--zone is for --from hl7v2".to_owned()).into());
            }
            if command.from == From::Hl7v2 {
                messages::run(command, received, &mut rejects)?;
            } else {
                documents::run(command, received, &mut rejects)?;
            }
        }
    }
    rejects.finish()
}

/// The mappings as typed, compiled; without them, or with faults, what is wrong is said.
pub(super) fn mapping(files: &MappingFiles) -> anyhow::Result<Option<RouteMapping>> {
    let Some(device) = &files.device_mapping else {
        let message =
            "events need a mapping: give --device-mapping FILE (or --from senml, --from fhir)";
        return Err(UsageError(message.to_owned()).into());
    };
    let options = Options {
        compat: match files.compat {
            Some(Compatible::Strict) => Compat::Strict,
            None => Compat::Default,
        },
        enrich: files.enrich,
    };
    let fhir = files.fhir_mapping.as_deref().map(read).transpose()?;
    match RouteMapping::compile(&read(device)?, fhir.as_deref(), options) {
        Ok(mapping) => Ok(Some(mapping)),
        Err(faults) => {
            for fault in &faults {
                let place = crate::mappings::located(fault, device, files.fhir_mapping.as_deref());
                output::talk(&place);
            }
            output::talk(&format!("{} fault(s) in the mappings", faults.len()));
            Ok(None)
        }
    }
}
