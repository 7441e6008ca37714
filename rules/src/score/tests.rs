use super::*;

mod missing;

/// NEWS2 as a person reads it off the chart, typed apart from the table that ships: the points of whole numbers, in
/// stretches from the lowest number to look at.
fn chart(input: &str, scale: &str, oxygen: bool) -> Vec<(i64, i64, u8)> {
    match (input, scale, oxygen) {
        ("respiratoryRate", ..) => {
            vec![(0, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, 80, 3)]
        }
        ("spo2", "1", _) => vec![(50, 91, 3), (92, 93, 2), (94, 95, 1), (96, 100, 0)],
        ("spo2", "2", false) => {
            vec![
                (50, 83, 3),
                (84, 85, 2),
                (86, 87, 1),
                (88, 92, 0),
                (93, 100, 0),
            ]
        }
        ("spo2", "2", true) => vec![
            (50, 83, 3),
            (84, 85, 2),
            (86, 87, 1),
            (88, 92, 0),
            (93, 94, 1),
            (95, 96, 2),
            (97, 100, 3),
        ],
        ("systolic", ..) => {
            vec![
                (30, 90, 3),
                (91, 100, 2),
                (101, 110, 1),
                (111, 219, 0),
                (220, 300, 3),
            ]
        }
        ("pulse", ..) => vec![
            (0, 40, 3),
            (41, 50, 1),
            (51, 90, 0),
            (91, 110, 1),
            (111, 130, 2),
            (131, 300, 3),
        ],
        // In tenths of a degree.
        ("temperature", ..) => vec![
            (250, 350, 3),
            (351, 360, 1),
            (361, 380, 0),
            (381, 390, 1),
            (391, 450, 2),
        ],
        _ => unreachable!(),
    }
}

/// A patient whose every input but one gives nothing.
fn well<'g>(
    scale: &'g str,
    oxygen: &'g str,
    change: &'g str,
    to: Given<'g>,
) -> impl Fn(&str) -> Option<Given<'g>> {
    move |name| {
        if name == change {
            return Some(to);
        }
        Some(match name {
            "spo2Scale" => Given::Word(scale),
            "oxygen" => Given::Word(oxygen),
            "consciousness" => Given::Word("A"),
            "respiratoryRate" => Given::Number(16.0),
            "spo2" => Given::Number(if scale == "1" { 97.0 } else { 90.0 }),
            "systolic" => Given::Number(120.0),
            "pulse" => Given::Number(70.0),
            "temperature" => Given::Number(37.0),
            _ => return None,
        })
    }
}

#[test]
fn news2_is_the_chart_at_every_whole_number() {
    let news2 = Score::shipped("news2").unwrap();
    let mut looked_at = 0;
    for (scale, oxygen) in [("1", false), ("1", true), ("2", false), ("2", true)] {
        for input in [
            "respiratoryRate",
            "spo2",
            "systolic",
            "pulse",
            "temperature",
        ] {
            for (from, to, points) in chart(input, scale, oxygen) {
                for number in from..=to {
                    let value = if input == "temperature" {
                        number as f64 / 10.0
                    } else {
                        number as f64
                    };
                    let words = if oxygen { "true" } else { "false" };
                    let outcome = news2.evaluate(well(scale, words, input, Given::Number(value)));
                    let expected = u32::from(points) + if oxygen { 2 } else { 0 };
                    assert_eq!(
                        outcome.total,
                        Some(expected),
                        "{input} {value} scale {scale} oxygen {oxygen}"
                    );
                    looked_at += 1;
                }
            }
        }
    }
    assert!(looked_at > 3_000, "{looked_at}");
}

#[test]
fn consciousness_oxygen_and_bands() {
    let news2 = Score::shipped("news2").unwrap();
    for (word, points) in [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)] {
        let outcome = news2.evaluate(well("1", "false", "consciousness", Given::Word(word)));
        assert_eq!(outcome.total, Some(points), "{word}");
        assert_eq!(
            outcome.band,
            if points == 3 { "low-medium" } else { "none" }
        );
    }
    // Every total that inputs without a 3 can reach, and its band.
    for (pulse, rate, oxygen, total, band) in [
        (70.0, 16.0, "false", 0, "none"),
        (95.0, 16.0, "false", 1, "low"),
        (120.0, 22.0, "false", 4, "low"),
        (95.0, 22.0, "true", 5, "medium"),
        (120.0, 22.0, "true", 6, "medium"),
        (120.0, 25.0, "true", 7, "high"),
    ] {
        let outcome = news2.evaluate(|name| match name {
            "pulse" => Some(Given::Number(pulse)),
            "respiratoryRate" => Some(Given::Number(rate)),
            other => well("1", oxygen, "", Given::Word(""))(other),
        });
        assert_eq!((outcome.total, outcome.band), (Some(total), band));
    }
    let worst = news2.evaluate(|name| {
        Some(match name {
            "spo2Scale" => Given::Word("1"),
            "oxygen" => Given::Word("true"),
            "consciousness" => Given::Word("U"),
            "temperature" => Given::Number(34.0),
            _ => Given::Number(10.0),
        })
    });
    // A respiratory rate of 10 gives 1.
    assert_eq!(
        (worst.total, worst.max_part, worst.band),
        (Some(18), 3, "high")
    );
}

#[test]
fn numbers_are_rounded_half_up_before_they_are_looked_up() {
    let news2 = Score::shipped("news2").unwrap();
    for (input, value, points) in [
        ("respiratoryRate", 20.5, 2),
        ("respiratoryRate", 20.49, 0),
        ("respiratoryRate", 8.5, 1),
        ("pulse", 130.5, 3),
        ("systolic", 90.4, 3),
        ("spo2", 95.5, 0),
        ("temperature", 38.05, 1),
        ("temperature", 38.04, 0),
        ("temperature", 35.05, 1),
        ("temperature", 39.05, 2),
    ] {
        let outcome = news2.evaluate(well("1", "false", input, Given::Number(value)));
        assert_eq!(outcome.total, Some(points), "{input} {value}");
    }
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_a_lower_bound() {
    let news2 = Score::shipped("news2").unwrap();
    for name in [
        "respiratoryRate",
        "spo2",
        "spo2Scale",
        "oxygen",
        "systolic",
        "pulse",
        "consciousness",
        "temperature",
    ] {
        let all = well("1", "true", "pulse", Given::Number(120.0));
        let outcome = news2.evaluate(|asked| if asked == name { None } else { all(asked) });
        assert_eq!(outcome.total, None, "{name}");
        assert_eq!(outcome.missing, [name]);
        let expected = match name {
            "oxygen" | "pulse" => 2,
            _ => 4,
        };
        assert_eq!(outcome.lower_bound, expected, "{name}");
    }
    // 90 % is 3 on scale 1, 0 on scale 2 in air, 0 on oxygen: nothing is sure.
    let outcome = news2.evaluate(|name| match name {
        "spo2" => Some(Given::Number(90.0)),
        _ => None,
    });
    assert_eq!(
        (outcome.lower_bound, outcome.max_part, outcome.band),
        (0, 0, "none")
    );
    assert_eq!(outcome.missing.len(), 7);
    // 80 % is 3 whatever the scale.
    let outcome = news2.evaluate(|name| (name == "spo2").then_some(Given::Number(80.0)));
    assert_eq!((outcome.total, outcome.lower_bound), (None, 3));
}

#[test]
fn groups_count_once_and_one_input_is_enough() {
    let sirs = Score::shipped("sirs").unwrap();
    let given = |name: &str| {
        Some(Given::Number(match name {
            "temperature" => 38.1,
            "pulse" => 80.0,
            "respiratoryRate" => 24.0,
            "paCO2" => 30.0,
            "whiteCells" => 8.0,
            _ => return None,
        }))
    };
    let outcome = sirs.evaluate(given);
    assert_eq!((outcome.total, outcome.band), (Some(2), "high"));
    let outcome = sirs.evaluate(|name| given(name).filter(|_| name != "whiteCells"));
    assert_eq!(outcome.missing, ["whiteCells", "bands"]);
    assert_eq!((outcome.total, outcome.lower_bound), (None, 2));
}

#[test]
fn the_other_tables_at_their_boundaries() {
    for (score, input, value, points) in [
        ("mews", "systolic", 70.0, 3),
        ("mews", "systolic", 71.0, 2),
        ("mews", "systolic", 200.0, 2),
        ("mews", "pulse", 129.0, 2),
        ("mews", "pulse", 130.0, 3),
        ("mews", "respiratoryRate", 8.0, 2),
        ("mews", "respiratoryRate", 9.0, 0),
        ("mews", "temperature", 34.9, 2),
        ("mews", "temperature", 35.0, 0),
        ("mews", "temperature", 38.5, 2),
        ("qsofa", "respiratoryRate", 22.0, 1),
        ("qsofa", "respiratoryRate", 21.0, 0),
        ("qsofa", "systolic", 100.0, 1),
        ("qsofa", "glasgowComaScale", 15.0, 0),
        ("qsofa", "glasgowComaScale", 14.0, 1),
        ("sirs", "temperature", 38.0, 0),
        ("sirs", "temperature", 38.1, 1),
        ("sirs", "temperature", 36.0, 0),
        ("sirs", "temperature", 35.9, 1),
        ("sirs", "pulse", 91.0, 1),
        ("sirs", "bands", 11.0, 1),
    ] {
        let table = Score::shipped(score).unwrap();
        let outcome = table.evaluate(|name| (name == input).then_some(Given::Number(value)));
        let part = outcome
            .parts
            .iter()
            .find(|part| part.name == input)
            .unwrap();
        assert_eq!(part.points, Some(points), "{score} {input} {value}");
    }
}

#[test]
fn every_fault_of_a_table_is_told() {
    assert!(Score::shipped_ids().all(|id| Score::shipped(id).unwrap().id == id));
    let text = r#"
id = "x"
title = "X"
source = "site"
[[input]]
name = "a"
bands = [{ to = 5, points = 1 }, { to = 4, points = 0 }]
[[input]]
name = "a"
[[input]]
name = "b"
[[input.case]]
when = { c = "1" }
bands = [{ points = 1 }]
[[level]]
band = "high"
"#;
    let faults = Score::parse(text).unwrap_err();
    assert_eq!(
        faults,
        [
            ScoreFault::Twice("a".into()),
            ScoreFault::Bands("a".into()),
            ScoreFault::Kind("a".into()),
            ScoreFault::When {
                input: "b".into(),
                name: "c".into(),
                word: "1".into()
            },
            ScoreFault::Level("high".into()),
        ]
    );
    assert!(matches!(
        &Score::parse("id = 3").unwrap_err()[..],
        [ScoreFault::Toml(_)]
    ));
}

/// The engine's way to a score agrees with the one for people, whatever is given.
#[test]
fn places_give_the_same_as_words() {
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for id in Score::shipped_ids() {
        let table = Score::shipped(id).expect("shipped");
        let names: Vec<&str> = table.names().collect();
        for _ in 0..20_000 {
            let places: Vec<Option<f64>> = names
                .iter()
                .map(|name| {
                    let place = match table.words(name) {
                        Some(words) => draw(words.len()) as f64,
                        None => [10.0, 38.05, 91.0][draw(3)] + draw(1300) as f64 / 10.0,
                    };
                    (draw(4) > 0).then_some(place)
                })
                .collect();
            let outcome = table.evaluate(|name| {
                let place = names.iter().position(|known| *known == name)?;
                let value = places[place]?;
                Some(match table.words(name) {
                    Some(words) => Given::Word(words[value as usize]),
                    None => Given::Number(value),
                })
            });
            let sum = table.sum(
                |place| places[place],
                |place| table.alone(place, places[place]?),
            );
            assert_eq!(sum.complete, outcome.total.is_some(), "{id} {places:?}");
            assert_eq!(sum.lower_bound, outcome.lower_bound, "{id} {places:?}");
            assert_eq!(sum.max_part, outcome.max_part, "{id} {places:?}");
        }
    }
}
