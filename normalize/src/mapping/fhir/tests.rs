mod compiled;
mod create;
mod groups;
mod merging;
mod options;
mod shuffled;

use super::*;
use crate::mapping::document::At;
use crate::mapping::document::fhir::{
    Coding, Component, Concept, PeriodInterval, ValueTemplate, ValueType,
};
use crate::mapping::measurement::Property;
use crate::mapping::ticks::Ticks;
use serde_json::{Value, json};

pub(in crate::mapping) const LOINC: &str = "http://loinc.org";

pub(in crate::mapping) fn coding(code: &str) -> Coding {
    Coding {
        code: Some(code.to_owned()),
        system: Some(LOINC.to_owned()),
        display: Some(format!("display of {code}")),
    }
}

pub(in crate::mapping) fn quantity(unit: &str) -> ValueType {
    ValueType::Quantity {
        unit: Some(unit.to_owned()),
        system: None,
        code: None,
    }
}

pub(in crate::mapping) fn sampled(period_ms: f64, unit: &str) -> ValueType {
    ValueType::SampledData {
        period_ms,
        unit: Some(unit.to_owned()),
    }
}

pub(in crate::mapping) fn concept(text: &str, code: &str) -> ValueType {
    ValueType::CodeableConcept(Concept {
        text: Some(text.to_owned()),
        codes: vec![coding(code)],
    })
}

pub(in crate::mapping) fn value(name: &str, kind: ValueType) -> ValueTemplate {
    ValueTemplate {
        value_name: name.to_owned(),
        at: At::default(),
        kind,
    }
}

pub(in crate::mapping) fn template(
    type_name: &str,
    period: PeriodInterval,
    code: &str,
    own: Option<ValueTemplate>,
    components: Vec<(&str, ValueTemplate)>,
) -> CodeValueFhir {
    CodeValueFhir {
        index: 0,
        at: At::default(),
        type_name: type_name.to_owned(),
        period,
        category: Vec::new(),
        codes: vec![coding(code)],
        value: own,
        components: components
            .into_iter()
            .map(|(code, value)| Component {
                codes: vec![coding(code)],
                value,
            })
            .collect(),
    }
}

pub(in crate::mapping) fn mapping(templates: Vec<CodeValueFhir>, compat: Compat) -> FhirMapping {
    FhirMapping::from_document(FhirDocument { templates }, "0123456789ab").with_options(Options {
        compat,
        enrich: false,
    })
}

/// A measurement that owns its parts.
#[derive(Debug, Clone)]
pub(in crate::mapping) struct Reading {
    pub(in crate::mapping) type_name: &'static str,
    pub(in crate::mapping) time: String,
    pub(in crate::mapping) device: &'static str,
    pub(in crate::mapping) patient: Option<&'static str>,
    pub(in crate::mapping) encounter: Option<&'static str>,
    pub(in crate::mapping) correlation: Option<&'static str>,
    pub(in crate::mapping) properties: Vec<(&'static str, String)>,
    /// Seconds after noon of the day.
    pub(in crate::mapping) received: i64,
    pub(in crate::mapping) order: u64,
}

/// Of type `heartrate`, device `d1`, patient `p1`, on 2026-01-05.
pub(in crate::mapping) fn reading(time: &str, properties: &[(&'static str, &str)]) -> Reading {
    Reading {
        type_name: "heartrate",
        time: format!("2026-01-05T{time}Z"),
        device: "d1",
        patient: Some("p1"),
        encounter: None,
        correlation: None,
        properties: properties
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        received: 0,
        order: 0,
    }
}

impl Reading {
    pub(in crate::mapping) fn of(mut self, type_name: &'static str) -> Self {
        self.type_name = type_name;
        self
    }

    pub(in crate::mapping) fn device(mut self, device: &'static str) -> Self {
        self.device = device;
        self
    }

    pub(in crate::mapping) fn patient(mut self, patient: Option<&'static str>) -> Self {
        self.patient = patient;
        self
    }

    pub(in crate::mapping) fn correlation(mut self, id: &'static str) -> Self {
        self.correlation = Some(id);
        self
    }

    pub(in crate::mapping) fn encounter(mut self, id: &'static str) -> Self {
        self.encounter = Some(id);
        self
    }

    pub(in crate::mapping) fn received(mut self, seconds: i64) -> Self {
        self.received = seconds;
        self
    }
}

pub(in crate::mapping) const NOON: Micros = 1_767_614_400_000_000;

/// Lends readings as inputs; those without an order have that of the list.
pub(in crate::mapping) fn with_inputs<T>(
    readings: &[Reading],
    f: impl FnOnce(&[Input<'_>]) -> T,
) -> T {
    let properties: Vec<Vec<Property<'_>>> = readings
        .iter()
        .map(|reading| {
            let pairs = reading.properties.iter();
            pairs
                .map(|(name, value)| Property { name, value })
                .collect()
        })
        .collect();
    let inputs: Vec<Input<'_>> = readings
        .iter()
        .zip(&properties)
        .zip(0_u64..)
        .map(|((reading, properties), index)| Input {
            measurement: Measurement {
                type_name: reading.type_name,
                occurrence: Ticks::parse(&reading.time).unwrap(),
                device_id: reading.device,
                patient_id: reading.patient,
                encounter_id: reading.encounter,
                correlation_id: reading.correlation,
                properties,
            },
            received: NOON + reading.received * 1_000_000,
            order: if reading.order == 0 {
                index
            } else {
                reading.order
            },
        })
        .collect();
    f(&inputs)
}

fn run(readings: &[Reading], mapping: &FhirMapping) -> (Vec<Observation>, Vec<Problem>) {
    with_inputs(readings, |inputs| observations(inputs, mapping, None))
}

/// The Observations, all measurements being in one.
fn all(readings: &[Reading], mapping: &FhirMapping) -> Vec<Value> {
    let (observations, problems) = run(readings, mapping);
    assert_eq!(problems, []);
    observations.iter().map(parsed).collect()
}

/// The only Observation.
fn one(readings: &[Reading], mapping: &FhirMapping) -> Value {
    let mut all = all(readings, mapping);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn parsed(observation: &Observation) -> Value {
    let value: Value = serde_json::from_str(&observation.json).unwrap();
    assert_eq!(value["id"], observation.id);
    value
}

/// Why, and which measurements.
fn reasons(problems: &[Problem]) -> Vec<(usize, &'static str)> {
    problems
        .iter()
        .map(|problem| (problem.measurement, problem.reason.as_str()))
        .collect()
}
