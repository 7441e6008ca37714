//! Readings a person took.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::vocabulary;

use crate::api::{id, short, short_option};
use crate::app::Call;
use crate::backend::{ManualObservation, ManualReading, ManualValue, Micros};
use crate::params::time;
use crate::reply::{Failure, Reply, Touched};

/// Values measured together; a full set of vital signs has about ten.
const MAX_READINGS: usize = 64;
/// How far a person's clock may run ahead of ours.
const MAX_AHEAD: Micros = 5 * 60 * 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ObservationIn {
    patient: String,
    #[serde(default)]
    effective: Option<String>,
    readings: Vec<ReadingIn>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadingIn {
    /// LOINC, MDC reference id or alias.
    metric: String,
    /// A number as measured (37.20 stays 37.20), a text, true or false.
    #[serde(default)]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    absent: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    body_site: Option<String>,
    #[serde(default)]
    method: Option<String>,
}

impl ReadingIn {
    fn reading(self) -> Result<ManualReading, Failure> {
        if vocabulary::resolve(&self.metric).is_empty() {
            let detail =
                "unknown metric; give a LOINC code, an MDC reference id or an alias as heart-rate";
            return Err(Failure::invalid(detail));
        }
        Ok(ManualReading {
            metric: self.metric,
            value: value(self.value.as_deref(), self.absent)?,
            unit: short_option("unit", self.unit)?,
            body_site: short_option("bodySite", self.body_site)?,
            method: short_option("method", self.method)?,
        })
    }
}

fn value(value: Option<&RawValue>, absent: Option<String>) -> Result<ManualValue, Failure> {
    let literal = value
        .map(|value| value.get().trim())
        .filter(|literal| *literal != "null");
    match (literal, absent) {
        (None, Some(reason)) => Ok(ManualValue::Absent(short("absent", reason)?)),
        (Some(literal), None) if literal.starts_with('"') => {
            let text: String = serde_json::from_str(literal)
                .map_err(|_| Failure::invalid("value is no valid text"))?;
            Ok(ManualValue::Text(short("value", text)?))
        }
        (Some(literal @ ("true" | "false")), None) => Ok(ManualValue::Text(literal.to_owned())),
        (Some(literal), None) if Decimal::parse(literal).is_some() => {
            Ok(ManualValue::Number(literal.to_owned()))
        }
        _ => Err(Failure::invalid(
            "each reading needs a value (number, text, true or false) or absent, not both",
        )),
    }
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: ObservationIn = call.json().await?;
    let now = call.app.now();
    let effective = body
        .effective
        .map_or(Ok(now), |text| time("effective", &text))?;
    if effective > now + MAX_AHEAD {
        return Err(Failure::invalid("effective lies in the future"));
    }
    if body.readings.is_empty() || body.readings.len() > MAX_READINGS {
        return Err(Failure::invalid(format!(
            "readings must have 1 to {MAX_READINGS} entries"
        )));
    }
    let observation = ManualObservation {
        patient: id("patient", body.patient)?,
        effective,
        readings: body
            .readings
            .into_iter()
            .map(ReadingIn::reading)
            .collect::<Result<_, _>>()?,
        author: call.principal()?.name.clone(),
        note: short_option("note", body.note)?,
    };
    let touched = Touched::one(observation.patient.clone());
    let ids = call.app.backend.observe(observation).await?;
    Ok(Reply::created(&json!({ "ids": ids })).touching(touched))
}
