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
use wardline_normalize::vocabulary::{Metric, ValueKind, resolve};

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
            value(metric, reading)?,
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

/// What rules, scores and FHIR read of it. Words come from the vocabulary, in any case and as code or name; stored is
/// the code. What they would not read is refused with the words that are known: it would count as missing.
fn value<'a>(metric: &'static Metric, reading: &'a ManualReading) -> BackendResult<Value<'a>> {
    let said = match &reading.value {
        ManualValue::Absent(reason) => return Ok(Value::Absent(reason)),
        ManualValue::Number(text) | ManualValue::Text(text) => text.trim(),
    };
    let is_text = matches!(reading.value, ManualValue::Text(_));
    let refused = |wanted: String| {
        let name = &reading.metric;
        Err(BackendError::Invalid(format!(
            "{name} {said:?} is not understood: {wanted}"
        )))
    };
    match metric.kind {
        ValueKind::Quantity => match Decimal::parse(said).filter(|_| !is_text) {
            Some(number) => Ok(Value::Number(number)),
            None => refused(format!("give a number in {}", metric.unit)),
        },
        ValueKind::Coded(codes) => {
            let known = codes.iter().find(|(code, name)| {
                code.eq_ignore_ascii_case(said) || name.eq_ignore_ascii_case(said)
            });
            match known {
                Some((code, _)) => Ok(Value::Text(code)),
                None => refused(format!("give one of {}", words(codes))),
            }
        }
        ValueKind::Boolean => match ["true", "false"]
            .into_iter()
            .find(|word| word.eq_ignore_ascii_case(said))
        {
            Some(word) => Ok(Value::Text(word)),
            None => refused("give true or false".to_owned()),
        },
        ValueKind::Text if is_text => Ok(Value::Text(said)),
        ValueKind::Text => refused("give words".to_owned()),
    }
}

/// `A (Alert), C (New confusion), …`
fn words(codes: &[(&str, &str)]) -> String {
    let named: Vec<String> = codes
        .iter()
        .map(|(code, name)| format!("{code} ({name})"))
        .collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_rules::Score;

    fn reading(metric: &str, value: ManualValue) -> ManualReading {
        ManualReading {
            metric: metric.to_owned(),
            value,
            unit: None,
            body_site: None,
            method: None,
        }
    }

    fn read(name: &str, value: ManualValue) -> Result<String, String> {
        let reading = reading(name, value);
        let metric = metric(&reading).unwrap();
        match super::value(metric, &reading) {
            Ok(Value::Text(text)) => Ok(text.to_owned()),
            Ok(Value::Number(number)) => Ok(number.to_string()),
            Ok(Value::Absent(reason)) => Ok(reason.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn text(name: &str, text: &str) -> Result<String, String> {
        read(name, ManualValue::Text(text.to_owned()))
    }

    fn number(name: &str, text: &str) -> Result<String, String> {
        read(name, ManualValue::Number(text.to_owned()))
    }

    #[test]
    fn words_are_stored_as_scores_read_them() {
        for (name, said, stored) in [
            ("consciousness", "A", "A"),
            ("consciousness", " v ", "V"),
            ("consciousness", "Unresponsive", "U"),
            ("consciousness", "new confusion", "C"),
            ("67775-7", "p", "P"),
            ("supplemental-oxygen", "True", "true"),
            ("supplemental-oxygen", "false", "false"),
            ("spo2-scale", "2", "2"),
        ] {
            assert_eq!(text(name, said).as_deref(), Ok(stored), "{name} {said}");
        }
        assert_eq!(number("spo2-scale", "1").as_deref(), Ok("1"));
        assert_eq!(number("heart-rate", "72").as_deref(), Ok("72"));
        let asleep = ManualValue::Absent("asked-declined".to_owned());
        assert_eq!(
            read("consciousness", asleep).as_deref(),
            Ok("asked-declined")
        );
    }

    #[test]
    fn what_no_score_reads_is_refused_with_the_words_that_are_known() {
        for word in ["Confused", "sleepy", "AV", ""] {
            let refused = text("consciousness", word).unwrap_err();
            assert!(
                refused.contains("C (New confusion)") && refused.contains("U (Unresponsive)"),
                "{refused}"
            );
        }
        for word in ["yes", "on", "2 L/min", "1"] {
            let refused = text("supplemental-oxygen", word).unwrap_err();
            assert!(refused.contains("true or false"), "{refused}");
        }
        number("supplemental-oxygen", "1").unwrap_err();
        for value in ["7", "1.0", "0"] {
            let refused = number("spo2-scale", value).unwrap_err();
            assert!(refused.contains("1 (Scale 1), 2 (Scale 2)"), "{refused}");
        }
        let refused = text("heart-rate", "72").unwrap_err();
        assert!(refused.contains("a number in /min"), "{refused}");
        number("oximeter-status", "1").unwrap_err();
    }

    #[test]
    fn every_word_of_a_shipped_score_can_be_observed() {
        let mut seen = 0;
        for id in Score::shipped_ids() {
            let score = Score::shipped(id).unwrap();
            for name in score.names() {
                let (Some(words), Some((metric, _))) = (score.words(name), score.metric(name))
                else {
                    continue;
                };
                for word in words {
                    assert_eq!(text(metric, word).as_deref(), Ok(word), "{id} {name}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 13, "{seen}");
    }
}
