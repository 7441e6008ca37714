//! Events through mappings.

use bumpalo::Bump;
use rayon::prelude::*;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::mapping::fhir::{Input, observations};
use wardline_normalize::mapping::measurement::{Measurement, Property};
use wardline_normalize::mapping::route::{AsNamed, Delivery, Envelope, RouteMapping};
use wardline_normalize::mapping::ticks::Ticks;
use wardline_normalize::measurement::Reason;
use wardline_normalize::time::Micros;

use super::documents::refuse;
use super::lines::{Line, Rejected, Rejects, batch};
use super::printed::{of_patient, printed};
use crate::cli::To;
use crate::exit::UsageError;
use crate::output;

/// Lines that one thread takes at a time.
const CHUNK: usize = 256;

pub(super) fn run(
    mapping: &RouteMapping,
    to: To,
    patient: Option<&str>,
    received: Micros,
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    if to == To::Fhir && mapping.fhir.is_none() {
        let message = "FHIR Observations need --fhir-mapping FILE";
        return Err(UsageError(message.to_owned()).into());
    }
    if to == To::Alarms {
        return Err(UsageError("mappings make no alarms".to_owned()).into());
    }
    let mut input = std::io::stdin().lock();
    let mut read = 0;
    let mut kept = Vec::new();
    let mut refused = Vec::new();
    loop {
        let lines = batch(&mut input, &mut read)?;
        if lines.is_empty() {
            break;
        }
        if to == To::Rows {
            rows(mapping, &lines, patient, received, rejects)?;
            continue;
        }
        let parts: Vec<Part> = lines
            .par_chunks(CHUNK)
            .map(|lines| part(mapping, to, patient, lines))
            .collect();
        for part in parts {
            kept.extend(part.kept);
            output::data(&part.printed)?;
            if to == To::Fhir {
                refused.extend(part.rejected);
            } else {
                for rejected in &part.rejected {
                    rejects.add(rejected)?;
                }
            }
        }
    }
    if to == To::Fhir {
        refused.extend(fhir(mapping, patient, received, &kept)?);
        // One an event, in the order of the input.
        refused.sort_by_key(|rejected| rejected.line);
        refused.dedup_by_key(|rejected| rejected.line);
        for rejected in &refused {
            rejects.add(rejected)?;
        }
    }
    Ok(())
}

/// What became of some lines.
#[derive(Default)]
struct Part {
    printed: Vec<u8>,
    kept: Vec<Kept>,
    rejected: Vec<Rejected>,
}

fn part(mapping: &RouteMapping, to: To, patient: Option<&str>, lines: &[Line]) -> Part {
    let mut part = Part::default();
    let mut arena = Bump::new();
    for line in lines {
        match mapping.measurements(&line.text, &arena) {
            Ok(measurements) if to == To::Fhir => {
                // One measurement that cannot be an Observation takes the event's others along.
                match measurements.iter().try_for_each(|each| mapping.fits(each)) {
                    Ok(()) => part.kept.extend(measurements.into_iter().map(|mut each| {
                        each.patient_id = patient.or(each.patient_id);
                        Kept::new(line.number, &each)
                    })),
                    Err((reason, detail)) => {
                        part.rejected.push(rejected(line.number, reason, detail));
                    }
                }
            }
            Ok(measurements) => {
                for mut measurement in measurements {
                    measurement.patient_id = patient.or(measurement.patient_id);
                    measurement.to_json(&mut part.printed);
                    part.printed.push(b'\n');
                }
            }
            Err((reason, detail)) => part.rejected.push(rejected(line.number, reason, detail)),
        }
        arena.reset();
    }
    part
}

fn rejected(line: usize, reason: Reason, detail: String) -> Rejected {
    Rejected {
        line,
        record: None,
        reason: reason.as_str(),
        detail,
    }
}

/// A measurement that waits for the end of the input: a period takes in all of it.
struct Kept {
    line: usize,
    type_name: String,
    occurrence: Ticks,
    device: String,
    patient: Option<String>,
    encounter: Option<String>,
    correlation: Option<String>,
    properties: Vec<(String, String)>,
}

impl Kept {
    fn new(line: usize, measurement: &Measurement<'_>) -> Self {
        Self {
            line,
            type_name: measurement.type_name.to_owned(),
            occurrence: measurement.occurrence,
            device: measurement.device_id.to_owned(),
            patient: measurement.patient_id.map(str::to_owned),
            encounter: measurement.encounter_id.map(str::to_owned),
            correlation: measurement.correlation_id.map(str::to_owned),
            properties: measurement
                .properties
                .iter()
                .map(|property| (property.name.to_owned(), property.value.to_owned()))
                .collect(),
        }
    }

    fn measurement<'a>(&'a self, arena: &'a Bump) -> Measurement<'a> {
        let property = |(name, value): &'a (String, String)| Property { name, value };
        Measurement {
            type_name: &self.type_name,
            occurrence: self.occurrence,
            device_id: &self.device,
            patient_id: self.patient.as_deref(),
            encounter_id: self.encounter.as_deref(),
            correlation_id: self.correlation.as_deref(),
            properties: arena.alloc_slice_fill_iter(self.properties.iter().map(property)),
        }
    }
}

fn fhir(
    mapping: &RouteMapping,
    patient: Option<&str>,
    received: Micros,
    kept: &[Kept],
) -> anyhow::Result<Vec<Rejected>> {
    let Some(fhir) = &mapping.fhir else {
        return Ok(Vec::new());
    };
    let arena = Bump::new();
    let inputs: Vec<Input<'_>> = (0_u64..)
        .zip(kept)
        .map(|(order, kept)| Input {
            measurement: kept.measurement(&arena),
            received,
            order,
        })
        .collect();
    let (made, problems) = observations(&inputs, fhir, patient);
    let mut out = Vec::new();
    for observation in made {
        out.extend_from_slice(observation.json.as_bytes());
        out.push(b'\n');
    }
    output::data(&out)?;
    Ok(problems
        .into_iter()
        .map(|problem| Rejected {
            line: kept[problem.measurement].line,
            record: None,
            reason: problem.reason.reject().as_str(),
            detail: problem.detail,
        })
        .collect())
}

fn rows(
    mapping: &RouteMapping,
    lines: &[Line],
    patient: Option<&str>,
    received: Micros,
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    let messages: Vec<Message<'_>> = lines
        .iter()
        .map(|line| Message {
            format: Format::Medtech(Delivery {
                mapping,
                devices: &AsNamed,
                encounter: false,
                envelope: Envelope::Given,
            }),
            site: None,
            gateway: None,
            device: None,
            fallback_device: None,
            content_type: None,
            payload: &line.text,
            received,
            source: "normalize",
            keep_raw: false,
        })
        .collect();
    let normalized = normalize(&messages, &Guard::default());
    refuse(&normalized, lines, rejects)?;
    let rows = of_patient(normalized.rows, patient)?;
    output::data(&printed(&rows, To::Rows)?)?;
    Ok(())
}
