mod forms;
mod round_trip;

use super::*;
use crate::batch::Guard;
use crate::columns::{Builder, Columns, text};
use crate::mapping::document::fhir::PeriodInterval;
use crate::mapping::fhir::Input;
use crate::mapping::fhir::tests::{
    NOON, Reading as Event, concept, mapping, quantity, reading, sampled, template, value,
    with_inputs,
};
use arrow_array::{Array, RecordBatch};
use std::sync::Arc;

/// The rows of these measurements; each is received at its own time. `attributed`: claims are believed.
fn table(inputs: &[Input<'_>], mapping: Option<&FhirMapping>, attributed: bool) -> RecordBatch {
    let mut builder = Builder::new();
    for input in inputs {
        let context = Context {
            received: input.received,
            source: "vendor@0123456789ab",
            site: Some("s1"),
            gateway: Some("g1"),
            raw: None,
        };
        rows(&input.measurement, mapping, &context, |row, claims| {
            assert!(row.effective > Guard::default().floor);
            let claims = claims.filter(|_| attributed).unwrap_or_default();
            builder.push(row, claims.patient.as_deref(), claims.encounter.as_deref());
        });
    }
    builder.finish()
}

fn table_of(events: &[Event], mapping: Option<&FhirMapping>) -> RecordBatch {
    with_inputs(events, |inputs| table(inputs, mapping, true))
}

/// Parts of each row as text.
fn shown(batch: &RecordBatch) -> Vec<String> {
    let columns = Columns::new(batch).unwrap();
    (0..columns.len())
        .map(|row| {
            let value = columns.value.is_valid(row).then(|| {
                format!(
                    "{}/{}",
                    columns.value.value(row),
                    columns.decimals.value(row)
                )
            });
            let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
            [
                or(text(columns.value_name, row)),
                columns.code.value(row).to_owned(),
                or(text(columns.mdc, row)),
                or(value.as_deref()),
                or(text(columns.value_text, row)
                    .map(|text| format!("{text:?}"))
                    .as_deref()),
                or(text(columns.unit, row)),
                or(text(columns.channel, row)),
            ]
            .join(" | ")
        })
        .collect()
}

#[test]
fn texts_that_survive_are_told_by_their_form() {
    let survives = |text: &str| survives(text, Decimal::parse(text).unwrap());
    for text in [
        "0",
        "72",
        "-3",
        "72.50",
        "0.000000000000001",
        "99999999999999.9",
    ] {
        assert!(survives(text), "{text}");
    }
    let others = [
        "-0",
        "-0.00",
        "007",
        "+5",
        "1e3",
        "1E-05",
        "9007199254740993",
        "0.1000000000000000",
    ];
    for text in others {
        assert!(!survives(text), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn what_survives_prints_again(text in "-?[0-9]{1,17}(\\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?") {
        if let Some(decimal) = Decimal::parse(&text)
            && survives(&text, decimal)
        {
            let printed = read::printed(decimal.to_f64(), Some(decimal.decimals()));
            proptest::prop_assert_eq!(printed, text);
        }
    }
}
