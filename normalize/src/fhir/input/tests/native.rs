//! What this project printed reads back to the rows it came from.

use super::*;
use crate::columns::{Builder, Columns, text};
use crate::decimal::Decimal;
use crate::fhir::{Projection, observations};
use crate::vocabulary::{self, Metric, ValueKind};
use arrow_array::{Array, RecordBatch};
use proptest::prelude::*;

impl Sink for Builder {
    fn take(&mut self, _: u32, measurement: &Measurement<'_>, claims: Option<Claims>) {
        let claims = claims.unwrap_or_default();
        self.push(
            measurement,
            claims.patient.as_deref(),
            claims.encounter.as_deref(),
        );
    }

    fn refuse(&mut self, _: Option<u32>, reason: Reason, detail: String) {
        panic!("{} {detail}", reason.as_str());
    }
}

fn again(rows: &RecordBatch) -> RecordBatch {
    let mut builder = Builder::new();
    let entries: Vec<String> = observations(rows, &Projection::default())
        .iter()
        .map(|observation| format!(r#"{{"resource":{}}}"#, observation.to_json()))
        .collect();
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#,
        entries.join(",")
    );
    let context = Context {
        received: NOW,
        source: Some("ehr"),
        ..Context::default()
    };
    decode(bundle.as_bytes(), &context, &mut builder);
    builder.finish()
}

/// Everything of a row that FHIR carries.
fn shown(batch: &RecordBatch) -> Vec<String> {
    let c = Columns::new(batch).unwrap();
    let mut rows: Vec<String> = (0..c.len())
        .map(|row| {
            let texts = [
                c.id,
                c.patient_id,
                c.encounter_id,
                c.device_id,
                c.gateway_id,
                c.code,
                c.mdc,
                c.panel,
                c.panel_id,
                c.value_text,
                c.unit,
                c.status,
                c.data_absent_reason,
                c.interpretation,
                c.body_site,
                c.method,
                c.quality,
            ]
            .map(|column| text(column, row));
            let value = c.value.is_valid(row).then(|| c.value.value(row));
            let decimals = c.decimals.is_valid(row).then(|| c.decimals.value(row));
            let end = c
                .effective_end
                .is_valid(row)
                .then(|| c.effective_end.value(row));
            format!(
                "{texts:?} {value:?} {decimals:?} {} {end:?}",
                c.effective.value(row)
            )
        })
        .collect();
    rows.sort();
    rows
}

/// The units a reading of this metric survives in: those of its profile, or any of its dimension.
fn units(metric: &'static Metric) -> Vec<&'static str> {
    match metric.profile {
        Some(profile) => profile.units().to_vec(),
        None => vec![metric.unit],
    }
}

prop_compose! {
    fn value_of(metric: &'static Metric)(
        mantissa in -9_999_999_i64..=9_999_999, exponent in -5_i8..=0,
        code in any::<prop::sample::Index>(),
        reason in prop::sample::select(crate::senml::DATA_ABSENT_REASONS.to_vec()),
        absent in prop::bool::weighted(0.2),
    ) -> Value<'static> {
        match metric.kind {
            _ if absent => Value::Absent(reason),
            ValueKind::Quantity => Value::Number(Decimal { mantissa, exponent }),
            ValueKind::Coded(codes) => Value::Text(codes[code.index(codes.len())].0),
            ValueKind::Text => Value::Text(if mantissa < 0 { "none" } else { "low-perfusion" }),
            ValueKind::Boolean => Value::Text(if mantissa < 0 { "true" } else { "false" }),
        }
    }
}

fn any_metric() -> impl Strategy<Value = Measurement<'static>> {
    let plain = (0..vocabulary::all().len()).prop_filter("one row a panel", |index| {
        vocabulary::all()[*index].panel.is_none()
    });
    plain
        .prop_flat_map(|index| value_of(&vocabulary::all()[index]).prop_map(move |v| (index, v)))
        .prop_flat_map(|(index, value)| {
            let metric = &vocabulary::all()[index];
            let texts =
                |texts: &[&'static str]| prop::option::of(prop::sample::select(texts.to_vec()));
            (
                prop::sample::select(units(metric)),
                (0_i64..1_000_000_000, prop::option::of(1_i64..9_000_000_000)),
                prop::sample::select(crate::measurement::STATUSES.to_vec()),
                texts(&["H", "LL", "<", "odd"]),
                texts(&["left arm", "finger"]),
                texts(&["patch"]),
                texts(&[
                    "test",
                    "implausible",
                    "questionable",
                    "early-estimate",
                    "calibrating",
                ]),
                texts(&["gw-1"]),
            )
                .prop_map(
                    move |(
                        unit,
                        (time, end),
                        status,
                        interpretation,
                        site,
                        method,
                        quality,
                        gateway,
                    )| {
                        let start = NOW - time;
                        let mut m = Measurement::new("dev-1", metric, value, start, NOW);
                        if matches!(value, Value::Number(_)) {
                            m.unit = Some(unit);
                        }
                        m.effective_end = end.map(|end| start + end);
                        m.status = status;
                        m.interpretation = interpretation;
                        (m.body_site, m.method) =
                            (site.filter(|site| metric.site != Some(*site)), method);
                        (m.quality, m.gateway) = (quality, gateway);
                        m
                    },
                )
        })
}

proptest! {
    #[test]
    fn every_metric_reads_back(readings in prop::collection::vec(any_metric(), 1..8)) {
        let mut builder = Builder::new();
        readings.iter().for_each(|reading| builder.push(reading, Some("pat-1"), Some("enc-1")));
        let rows = builder.finish();
        prop_assert_eq!(shown(&again(&rows)), shown(&rows));
    }

    #[test]
    fn every_panel_reads_back(index in 0_usize..6, values in prop::array::uniform3((0_i64..99_999, -3_i8..=0)), decoy in any::<bool>()) {
        let panel = vocabulary::panels().nth(index).unwrap();
        let mut builder = Builder::new();
        for (id, (mantissa, exponent)) in panel.components.iter().zip(values) {
            let metric = vocabulary::by_mdc(id).unwrap();
            let value = Value::Number(Decimal { mantissa, exponent });
            builder.push(&Measurement::new("dev-1", metric, value, NOW, NOW), Some("pat-1"), None);
            if decoy {
                builder.push(&Measurement::new("dev-2", metric, value, NOW, NOW), Some("pat-2"), None);
            }
        }
        let rows = builder.finish();
        prop_assert_eq!(shown(&again(&rows)), shown(&rows));
    }
}

/// Rows whose metric is a LOINC code alone, or the sender's own.
#[test]
fn rows_outside_the_vocabulary_read_back() {
    let number = Value::Number(Decimal::parse("7.50").unwrap());
    let mut builder = Builder::new();
    let heart_rate = vocabulary::by_alias("heart-rate").unwrap();
    for (code, value, unit) in [
        ("8867-4", number, Some("/min")),
        ("8310-5", number, Some("Cel")),
        ("2160-0", number, Some("mg/dL")),
        ("600-7", Value::Text("no growth"), None),
        ("local:native/mood", number, Some("{score}")),
        ("local:acme.example/x", Value::Absent("masked"), None),
    ] {
        let measurement = Measurement {
            definition: None,
            code,
            mdc: None,
            unit,
            ..Measurement::new("dev-1", heart_rate, value, NOW, NOW)
        };
        builder.push(&measurement, Some("pat-1"), None);
    }
    let rows = builder.finish();
    assert_eq!(shown(&again(&rows)), shown(&rows));
}
