//! Rows give back the measurements, and the Observations that the events gave.

use super::*;
use crate::mapping::document::fhir::ValueType;
use crate::mapping::fhir::{Options, observations};
use proptest::prelude::*;
use serde_json::Value as Json;

const PERIODS: [PeriodInterval; 4] = [
    PeriodInterval::Single,
    PeriodInterval::Hourly,
    PeriodInterval::Daily,
    PeriodInterval::CorrelationId,
];

fn mapping_of_all(options: Options) -> Arc<FhirMapping> {
    let names = ["single", "hourly", "daily", "trip"];
    let templates = PERIODS.iter().zip(names).map(|(period, name)| {
        template(
            name,
            *period,
            "8310-5",
            Some(value("q", quantity("°C"))),
            vec![
                ("8867-4", value("s", sampled(60_000.0, "bpm"))),
                ("8867-4", value("t", ValueType::String)),
                ("c", value("c", concept("on", "1"))),
                ("q", value("q", quantity("x"))),
            ],
        )
    });
    Arc::new(mapping(templates.collect(), options.compat).with_options(options))
}

fn known(mapping: &Arc<FhirMapping>) -> impl Fn(&str) -> Option<Arc<FhirMapping>> {
    let mapping = Arc::clone(mapping);
    move |source| (source == "vendor@0123456789ab").then(|| Arc::clone(&mapping))
}

fn any_event() -> impl Strategy<Value = Event> {
    let types = prop::sample::select(vec!["single", "hourly", "daily", "trip", "Trip"]);
    let ids = |ids: Vec<&'static str>| prop::option::of(prop::sample::select(ids));
    let number = prop_oneof![
        "-?[0-9]{1,3}(\\.[0-9]{1,4})?",
        "[0-9]{14,20}\\.[0-9]{2}",
        "[-+]?[0-9]{1,2}[eE]-?[0-9]{1,2}",
        "[1-9],[0-9]{3}",
        Just("0.10".to_owned()),
        Just("-0".to_owned()),
        Just(" 5".to_owned()),
    ];
    let text = prop_oneof!["\\PC{0,3}", "[0-9]{1,2}", Just("\u{1}".to_owned())];
    let words = prop_oneof!["[!-~]{0,4}", number.clone()].prop_map(|text| text.trim().to_owned());
    let properties = (
        prop::option::of(number),
        prop::option::of(text.clone()),
        prop::option::of(words),
        prop::option::of(text.clone()),
        prop::option::of(text),
    );
    (
        (types, 0_u32..30, 0_u32..10_000_000),
        ids(vec!["p1", "p2"]),
        ids(vec!["e1"]),
        prop::sample::select(vec!["c1", "c.2"]),
        properties,
        0_i64..3,
    )
        .prop_map(
            |((type_name, minute, fraction), patient, encounter, correlation, p, received)| {
                let properties = [
                    ("q", p.0),
                    ("t", p.1),
                    ("s", p.2),
                    ("c", p.3),
                    ("unread", p.4),
                ];
                Event {
                    type_name,
                    time: format!("2026-01-05T10:{minute:02}:00.{fraction:07}Z"),
                    device: "d1",
                    patient,
                    encounter,
                    correlation: Some(correlation),
                    properties: properties
                        .into_iter()
                        .filter_map(|(name, value)| Some((name, value?)))
                        .collect(),
                    received,
                    order: 0,
                }
            },
        )
}

/// Events of different times, so that none corrects another: the table has one row an id.
fn any_events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any_event(), 0..12).prop_map(|mut events| {
        let mut seen = std::collections::HashSet::new();
        events.retain(|event| seen.insert(event.time.clone()));
        events
    })
}

proptest! {
    #[test]
    fn the_same_observations(events in any_events(), enrich in any::<bool>()) {
        let mapping = mapping_of_all(Options { compat: Compat::Default, enrich });
        let (direct, batch) = with_inputs(&events, |inputs| {
            let fitting: Vec<Input<'_>> = inputs
                .iter()
                .filter(|input| mapping.check(&input.measurement).is_ok())
                .copied()
                .collect();
            let (direct, problems) = observations(&fitting, &mapping, None);
            assert_eq!(problems, []);
            (direct, table(&fitting, Some(&mapping), true))
        });
        let projected = project(&batch, known(&mapping)).unwrap();
        prop_assert_eq!(&projected.observations, &direct);
        prop_assert_eq!(projected.others, Vec::<usize>::new());

        // The column holds the same ids, and through it the rows of an Observation are found.
        let assigned = assign_panel_ids(&batch, known(&mapping)).unwrap();
        let columns = Columns::new(&assigned).unwrap();
        let of_rows: std::collections::BTreeSet<&str> =
            (0..columns.len()).map(|row| columns.panel_id.value(row)).collect();
        let of_direct: std::collections::BTreeSet<&str> =
            direct.iter().map(|observation| observation.id.as_str()).collect();
        prop_assert_eq!(of_rows, of_direct);
        prop_assert_eq!(&project(&assigned, known(&mapping)).unwrap().observations, &direct);
    }

    #[test]
    fn the_same_measurements(events in any_events(), mapped in any::<bool>()) {
        let mapping = mapped.then(|| mapping_of_all(Options::default()));
        let batch = table_of(&events, mapping.as_deref());
        let back = measurements_from_rows(&batch, 0..batch.num_rows()).unwrap();
        prop_assert_eq!(back.len(), events.len());
        with_inputs(&events, |inputs| {
            for (back, input) in back.iter().zip(inputs) {
                let mut expected = input.measurement;
                expected.occurrence.0 -= expected.occurrence.0.rem_euclid(10);
                assert_eq!(back.borrow(&back.properties()), expected);
            }
        });
    }
}

#[test]
fn strict_too_where_ids_do_not_collide() {
    let mapping = mapping_of_all(Options {
        compat: Compat::Strict,
        enrich: false,
    });
    let event = |time| {
        reading(time, &[("q", "37.20"), ("s", "70"), ("t", "a"), ("c", "")]).correlation("c1")
    };
    let events =
        ["single", "hourly", "daily", "trip"].map(|name| event("10:00:00.123456").of(name));
    let direct = with_inputs(&events, |inputs| observations(inputs, &mapping, None));
    assert_eq!((direct.0.len(), direct.1.len()), (4, 0));
    let batch = table_of(&events, Some(&mapping));
    let projected = project(&batch, known(&mapping)).unwrap();
    assert_eq!(projected.observations, direct.0);
    // Several values of a window are no problem of rows: what each batch wrote over the last one, rows do too.
    let events = [
        event("10:00:00").of("hourly"),
        event("10:01:00").of("hourly"),
    ];
    let batch = table_of(&events, Some(&mapping));
    assert_eq!(
        project(&batch, known(&mapping)).unwrap().observations.len(),
        1
    );
}

fn with_column(batch: &RecordBatch, name: &str, column: arrow_array::ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn corrections_and_errors() {
    let mapping = mapping_of_all(Options::default());
    let events = [
        reading("10:00:00", &[("q", "1")]).of("hourly").received(5),
        reading("10:01:00", &[("q", "2")]).of("hourly").received(9),
        reading("11:00:00", &[("q", "3")]).of("hourly"),
    ];
    let batch = table_of(&events, Some(&mapping));
    let shown = |batch: &RecordBatch| -> Vec<(Json, Json, Json)> {
        let projected = project(batch, known(&mapping)).unwrap();
        assert_eq!(projected.others, Vec::<usize>::new());
        projected
            .observations
            .iter()
            .map(|made| {
                let made: Json = serde_json::from_str(&made.json).unwrap();
                let value = made["valueQuantity"]["value"].clone();
                (made["status"].clone(), value, made["issued"].clone())
            })
            .collect()
    };
    let row = |status: &str, value: i64, second: u32| {
        (
            Json::from(status),
            Json::from(value),
            Json::from(format!("2026-01-05T12:00:{second:02}Z")),
        )
    };
    assert_eq!(shown(&batch), [row("final", 2, 9), row("final", 3, 0)]);
    let versions = Arc::new(arrow_array::Int64Array::from(vec![2, 1, 1]));
    let corrected = with_column(&batch, "version", versions);
    assert_eq!(
        shown(&corrected),
        [row("amended", 2, 9), row("final", 3, 0)]
    );
    let statuses =
        arrow_array::StringArray::from(vec!["final", "entered-in-error", "entered-in-error"]);
    let withdrawn = with_column(&batch, "status", Arc::new(statuses));
    assert_eq!(shown(&withdrawn), [row("final", 1, 5)]);
}

#[test]
fn rows_that_no_mapping_speaks_for() {
    let mapping = mapping_of_all(Options::default());
    let mut events = vec![
        reading("10:00:00", &[("q", "1")]).of("hourly"),
        reading("10:00:00", &[("q", "1")]).of("unheard"),
        // Its template groups by correlation id, and it has none.
        reading("10:00:00", &[("q", "1")]).of("trip"),
    ];
    let batch = table_of(&events, Some(&mapping));
    let projected = project(&batch, known(&mapping)).unwrap();
    assert_eq!(
        (projected.observations.len(), projected.others),
        (1, vec![1, 2])
    );
    let projected = project(&batch, |_| None).unwrap();
    assert_eq!(
        (projected.observations.len(), projected.others),
        (0, vec![0, 1, 2])
    );
    let assigned = assign_panel_ids(&batch, known(&mapping)).unwrap();
    let columns = Columns::new(&assigned).unwrap();
    assert!(
        columns.panel_id.is_valid(0) && columns.panel_id.is_null(1) && columns.panel_id.is_null(2)
    );
    assert_eq!(assign_panel_ids(&batch, |_| None).unwrap(), batch);
    events.clear();
    let empty = table_of(&events, None);
    assert!(project(&empty, |_| None).unwrap().observations.is_empty());
    assert_eq!(assign_panel_ids(&empty, |_| None).unwrap(), empty);
    assert!(measurements_from_rows(&empty, [0, 7]).unwrap().is_empty());
}

#[test]
fn native_rows_pass_through() {
    let mut builder = Builder::new();
    let metric = crate::vocabulary::all()
        .iter()
        .find(|metric| metric.panel.is_some());
    let native = Reading::new("d", metric.unwrap(), Value::Text("x"), NOON, NOON);
    builder.push(&native, Some("p1"), None);
    let mapping = mapping_of_all(Options::default());
    with_inputs(
        &[reading("10:00:00", &[("q", "1")]).of("hourly")],
        |inputs| {
            let context = Context {
                source: "vendor@0123456789ab",
                ..Context::default()
            };
            rows(
                &inputs[0].measurement,
                Some(&mapping),
                &context,
                |row, _| {
                    builder.push(row, Some("p1"), None);
                },
            );
        },
    );
    let batch = builder.finish();
    let assigned = assign_panel_ids(&batch, known(&mapping)).unwrap();
    let (before, after) = (
        Columns::new(&batch).unwrap(),
        Columns::new(&assigned).unwrap(),
    );
    assert_eq!(after.panel_id.value(0), before.panel_id.value(0));
    assert_eq!(after.panel_id.value(1).len(), 64);
    let projected = project(&assigned, known(&mapping)).unwrap();
    assert_eq!(
        (projected.observations.len(), projected.others),
        (1, vec![0])
    );
    assert_eq!(measurements_from_rows(&assigned, 0..2).unwrap().len(), 1);
}

#[test]
fn the_mapping_of_the_latest_row_speaks() {
    let old = mapping_of_all(Options::default());
    let new = Arc::new(mapping(
        vec![template(
            "hourly",
            PeriodInterval::Hourly,
            "8867-4",
            Some(value("s", sampled(1_800_000.0, "x"))),
            vec![],
        )],
        Compat::Default,
    ));
    let mut builder = Builder::new();
    let events = [
        reading("10:40:00", &[("s", "2")]).of("hourly").received(9),
        reading("10:00:00", &[("s", "1")]).of("hourly").received(3),
    ];
    with_inputs(&events, |inputs| {
        for (input, (source, mapping)) in inputs.iter().zip([("new", &new), ("old", &old)]) {
            let context = Context {
                received: input.received,
                source,
                ..Context::default()
            };
            rows(
                &input.measurement,
                Some(mapping),
                &context,
                |row, claims| {
                    builder.push(row, claims.unwrap().patient.as_deref(), None);
                },
            );
        }
    });
    let batch = builder.finish();
    let lookup = |source: &str| Some(Arc::clone(if source == "new" { &new } else { &old }));
    let order: Vec<u32> = vec![1, 0];
    let indices = arrow_array::UInt32Array::from(order);
    let turned: Vec<arrow_array::ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| arrow_select::take::take(column, &indices, None).unwrap())
        .collect();
    let turned = RecordBatch::try_new(batch.schema(), turned).unwrap();
    for batch in [batch, turned] {
        let projected = project(&batch, lookup).unwrap();
        assert_eq!(projected.observations.len(), 1);
        let made: Json = serde_json::from_str(&projected.observations[0].json).unwrap();
        assert_eq!(made["valueSampledData"]["data"], "1 2");
        assert_eq!(made["code"]["coding"][0]["code"], "8867-4");
    }
}
