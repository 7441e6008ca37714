//! What a person measured, as rows like any other.
//!
//! The device is `manual` and the patient its user, so that the same reading entered twice has the same
//! id; the author stands in `source` as `manual:{name}`.

use arrow_array::RecordBatch;
use wardline_dashboard::backend::{
    BackendError, BackendResult, ManualObservation, ManualReading, ManualValue,
};
use wardline_normalize::columns::Builder;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::{Metric, resolve};

/// The device of every manual observation.
pub(crate) const DEVICE: &str = "manual";

/// Rows and the ids of the Observations they make.
pub(super) fn rows(
    observation: &ManualObservation,
    received: Micros,
) -> BackendResult<(RecordBatch, Vec<String>)> {
    let source = format!("manual:{}", observation.author);
    let mut builder = Builder::default();
    for reading in &observation.readings {
        let metric = metric(reading)?;
        let mut measurement = Measurement::new(
            DEVICE,
            metric,
            value(reading)?,
            observation.effective,
            received,
        );
        measurement.device_user = Some(&observation.patient);
        measurement.source = Some(&source);
        measurement.body_site = reading.body_site.as_deref();
        measurement.method = reading.method.as_deref();
        if let Some(unit) = reading.unit.as_deref() {
            if metric.convert(1.0, unit, metric.unit).is_none() {
                let wanted = metric.unit;
                return Err(BackendError::Invalid(format!(
                    "unit {unit:?} cannot be converted to {wanted:?}"
                )));
            }
            measurement.unit = Some(unit);
        }
        plausible(metric, &measurement)?;
        builder.push(&measurement, Some(&observation.patient), None);
    }
    let rows = builder.finish();
    let columns = wardline_normalize::columns::Columns::new(&rows)
        .map_err(|error| BackendError::Internal(error.to_string()))?;
    let mut ids: Vec<String> = (0..rows.num_rows())
        .map(|row| {
            wardline_normalize::columns::text(columns.panel_id, row)
                .unwrap_or(columns.id.value(row))
                .to_owned()
        })
        .collect();
    ids.dedup();
    Ok((rows, ids))
}

/// A person who mistypes can type again, so what cannot be is refused rather than kept with a mark.
fn plausible(metric: &Metric, measurement: &Measurement<'_>) -> BackendResult<()> {
    let (Value::Number(number), Some((low, high))) = (measurement.value, metric.range) else {
        return Ok(());
    };
    let unit = measurement.unit.unwrap_or(metric.unit);
    match metric.convert(number.to_f64(), unit, metric.unit) {
        Some(value) if !(low..=high).contains(&value) => {
            let (name, unit) = (metric.display, metric.unit);
            Err(BackendError::Invalid(format!(
                "{name} lies between {low} and {high} {unit}"
            )))
        }
        _ => Ok(()),
    }
}

fn metric(reading: &ManualReading) -> BackendResult<&'static Metric> {
    resolve(&reading.metric).first().copied().ok_or_else(|| {
        BackendError::Invalid(format!(
            "metric {:?} is not in the vocabulary",
            reading.metric
        ))
    })
}

fn value(reading: &ManualReading) -> BackendResult<Value<'_>> {
    match &reading.value {
        ManualValue::Number(text) => Decimal::parse(text)
            .map(Value::Number)
            .ok_or_else(|| BackendError::Invalid(format!("{text:?} is not a decimal number"))),
        ManualValue::Text(text) => Ok(Value::Text(text)),
        ManualValue::Absent(reason) => Ok(Value::Absent(reason)),
    }
}
