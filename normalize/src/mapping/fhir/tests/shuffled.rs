//! The order of measurements within a batch does not matter.

use super::*;
use proptest::prelude::*;

fn mapping_of_all() -> FhirMapping {
    let parts = || {
        vec![
            ("a", value("a", quantity("x"))),
            ("b", value("b", ValueType::String)),
            ("c", value("c", sampled(60_000.0, "x"))),
        ]
    };
    let own = |kind| Some(value("a", kind));
    mapping(
        vec![
            template(
                "heartrate",
                PeriodInterval::Single,
                "1",
                own(quantity("x")),
                parts(),
            ),
            template(
                "hourly",
                PeriodInterval::Hourly,
                "2",
                own(ValueType::String),
                parts(),
            ),
            template(
                "daily",
                PeriodInterval::Daily,
                "3",
                own(concept("t", "c")),
                parts(),
            ),
            template(
                "trip",
                PeriodInterval::CorrelationId,
                "4",
                own(sampled(500.0, "x")),
                parts(),
            ),
        ],
        Compat::Default,
    )
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let types = prop::sample::select(vec![
        "heartrate",
        "hourly",
        "daily",
        "trip",
        "HOURLY",
        "none",
    ]);
    let ids = |ids: Vec<&'static str>| prop::option::of(prop::sample::select(ids));
    let property = (
        prop::sample::select(vec!["a", "b", "c", "d"]),
        "[0-9 ]{0,2}|-?1\\.5|x",
    );
    (
        (types, 0_u32..4, 0_u32..3, 0_u32..3),
        ids(vec!["p1", "p2"]),
        ids(vec!["e1", "e2"]),
        ids(vec!["c1", "c2", ""]),
        prop::collection::vec(property, 0..4),
        0_i64..3,
    )
        .prop_map(
            |(
                (type_name, hour, second, fraction),
                patient,
                encounter,
                correlation,
                properties,
                received,
            )| {
                Reading {
                    type_name,
                    time: format!("2026-01-05T{hour:02}:00:{second:02}.{fraction}Z"),
                    device: "d1",
                    patient,
                    encounter,
                    correlation,
                    properties,
                    received,
                    order: 0,
                }
            },
        )
}

proptest! {
    #[test]
    fn shuffling_changes_nothing(
        readings in prop::collection::vec(any_reading(), 0..25)
            .prop_map(|mut readings| {
                for (reading, order) in readings.iter_mut().zip(1..) {
                    reading.order = order;
                }
                readings
            })
            .prop_flat_map(|readings| (Just(readings.clone()), Just(readings).prop_shuffle())),
    ) {
        let (plain, shuffled) = readings;
        let mapping = mapping_of_all();
        let sorted = |readings: &[Reading]| {
            let (mut made, problems) = run(readings, &mapping);
            made.sort_by(|one, other| one.id.cmp(&other.id));
            (made, problems.len())
        };
        let made = sorted(&plain);
        prop_assert_eq!(&made, &sorted(&shuffled));
        // One Observation an id.
        prop_assert!(made.0.windows(2).all(|pair| pair[0].id != pair[1].id));
    }
}
