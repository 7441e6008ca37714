//! That the chart typed in these tests is the whole of the RCP's (NEWS2, 2017), and what follows when some of it is not
//! known.

use super::{chart, well};
use crate::{Given, Score};

/// The last number of each cell of the chart but the last one, row by row; temperature in tenths.
const BOUNDARIES: [(&str, &str, bool, &[i64]); 8] = [
    ("respiratoryRate", "1", false, &[8, 11, 20, 24]),
    ("spo2", "1", false, &[91, 93, 95]),
    ("spo2", "1", true, &[91, 93, 95]),
    // In air 93 and more is as 88 to 92.
    ("spo2", "2", false, &[83, 85, 87, 92]),
    ("spo2", "2", true, &[83, 85, 87, 92, 94, 96]),
    ("systolic", "1", false, &[90, 100, 110, 219]),
    ("pulse", "1", false, &[40, 50, 90, 110, 130]),
    ("temperature", "1", false, &[350, 360, 380, 390]),
];

#[test]
fn the_chart_is_looked_at_on_both_sides_of_every_boundary() {
    for (input, scale, oxygen, boundaries) in BOUNDARIES {
        let stretches = chart(input, scale, oxygen);
        let ends: Vec<i64> = stretches.iter().map(|(_, to, _)| *to).collect();
        assert_eq!(ends[..ends.len() - 1], *boundaries, "{input} {scale}");
        for pair in stretches.windows(2) {
            assert_eq!(pair[0].1 + 1, pair[1].0, "{input} {scale}: a hole");
        }
        let (first, last) = (stretches[0].0, ends[ends.len() - 1]);
        assert!(first < boundaries[0] && last > boundaries[boundaries.len() - 1]);
    }
}

fn points(input: &str, scale: &str, oxygen: bool, number: i64) -> u32 {
    let stretches = chart(input, scale, oxygen);
    let mut found = stretches
        .iter()
        .filter(|(from, to, _)| (from..=to).contains(&&number));
    found
        .next()
        .map(|(_, _, points)| u32::from(*points))
        .expect("on the chart")
}

/// Saturation with all that is known and not known of what decides about it.
#[test]
fn saturation_is_no_more_than_it_must_be_while_scale_or_oxygen_is_missing() {
    let news2 = Score::shipped("news2").unwrap();
    for scale in [None, Some("1"), Some("2")] {
        for oxygen in [None, Some(false), Some(true)] {
            for number in 50..=100 {
                let outcome = news2.evaluate(|name| match name {
                    "spo2" => Some(Given::Number(number as f64)),
                    "spo2Scale" => scale.map(Given::Word),
                    "oxygen" => oxygen.map(|on| Given::Word(if on { "true" } else { "false" })),
                    other => well("1", "false", "", Given::Word(""))(other),
                });
                let scales = scale.map_or(vec!["1", "2"], |scale| vec![scale]);
                let supplies = oxygen.map_or(vec![false, true], |oxygen| vec![oxygen]);
                let possible = scales.iter().flat_map(|scale| {
                    supplies
                        .iter()
                        .map(move |oxygen| points("spo2", scale, *oxygen, number))
                });
                let at_least = possible.min().expect("some");
                let on_oxygen = if oxygen == Some(true) { 2 } else { 0 };
                let case = format!("{number} % scale {scale:?} oxygen {oxygen:?}");
                assert_eq!(outcome.lower_bound, at_least + on_oxygen, "{case}");
                let most = at_least.max(on_oxygen);
                assert_eq!(u32::from(outcome.max_part), most, "{case}");
                let part = outcome.parts.iter().find(|part| part.name == "spo2");
                assert_eq!(part.map(|part| u32::from(part.least)), Some(at_least));
                let known = scale.is_some() && oxygen.is_some();
                assert_eq!(outcome.total.is_some(), known, "{case}");
                let missing: Vec<&str> =
                    [("spo2Scale", scale.is_none()), ("oxygen", oxygen.is_none())]
                        .iter()
                        .filter(|(_, missing)| *missing)
                        .map(|(name, _)| *name)
                        .collect();
                assert_eq!(outcome.missing, missing, "{case}");
            }
        }
    }
}

/// Every choice of inputs that are missing: never complete, each is named, and the rest counts.
#[test]
fn any_of_the_inputs_may_be_missing() {
    let news2 = Score::shipped("news2").unwrap();
    // 80 % gives 3 on both scales, whatever the patient breathes.
    let inputs: [(&str, Given<'_>, u32); 8] = [
        ("spo2Scale", Given::Word("2"), 0),
        ("respiratoryRate", Given::Number(22.0), 2),
        ("spo2", Given::Number(80.0), 3),
        ("oxygen", Given::Word("true"), 2),
        ("systolic", Given::Number(105.0), 1),
        ("pulse", Given::Number(131.0), 3),
        ("consciousness", Given::Word("C"), 3),
        ("temperature", Given::Number(39.1), 2),
    ];
    for gone in 0_u32..256 {
        let given = |place: usize| gone & (1 << place) == 0;
        let outcome = news2.evaluate(|name| {
            let place = inputs.iter().position(|(known, ..)| *known == name)?;
            given(place).then_some(inputs[place].1)
        });
        let rest = inputs.iter().enumerate().filter(|(place, _)| given(*place));
        let sum: u32 = rest.map(|(_, (.., points))| points).sum();
        assert_eq!(outcome.lower_bound, sum, "{gone:08b}");
        assert_eq!(outcome.total, (gone == 0).then_some(sum), "{gone:08b}");
        assert_eq!(outcome.missing.len() as u32, gone.count_ones());
        for (place, (name, ..)) in inputs.iter().enumerate() {
            let named = outcome.missing.iter().any(|missing| missing == name);
            assert_eq!(named, !given(place), "{name} {gone:08b}");
        }
    }
}
