//! A table compiled for the engine: places instead of words, no look-up by name, no allocation.

use super::table::{Band, MAX_INPUTS, Score};

/// The numbers of an [`super::Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) complete: bool,
    pub(crate) lower_bound: u32,
    pub(crate) max_part: u8,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Typed {
    /// How many words each setting has, and the place of the one that is assumed.
    settings: Vec<(usize, Option<usize>)>,
    inputs: Vec<Input>,
    groups: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Input {
    group: usize,
    /// Ten to the power of its decimals.
    scale: f64,
    points: Points,
}

#[derive(Debug, Clone, PartialEq)]
enum Points {
    /// By place of the word; the least of them.
    Words(Vec<u8>, u8),
    Number(Steps),
    /// Those of the case that fits: places of settings or inputs with the place of the word that each must be.
    Cases(Vec<(Vec<(usize, usize)>, Steps)>),
}

/// Highest values with their points, in rising order; then the points of what is above.
#[derive(Debug, Clone, Default, PartialEq)]
struct Steps {
    steps: Vec<(f64, u8)>,
    above: u8,
    least: u8,
}

impl Steps {
    fn new(bands: &[Band]) -> Self {
        let above = bands.iter().find(|band| band.to.is_none());
        Self {
            steps: bands
                .iter()
                .filter_map(|band| Some((band.to?, band.points)))
                .collect(),
            above: above.map_or(0, |band| band.points),
            least: bands.iter().map(|band| band.points).min().unwrap_or(0),
        }
    }

    /// Points of a value, else the least that there can be.
    fn of(&self, value: Option<f64>) -> u8 {
        let Some(value) = value else {
            return self.least;
        };
        let step = self.steps.iter().find(|(to, _)| value <= *to);
        step.map_or(self.above, |(_, points)| *points)
    }
}

impl Typed {
    pub(super) fn new(score: &Score) -> Self {
        let words: Vec<Vec<&str>> = score
            .names()
            .map(|name| score.words(name).unwrap_or_default())
            .collect();
        let place_of = |(place, word): &(usize, String)| {
            let known = words.get(*place)?.iter().position(|known| known == word)?;
            Some((*place, known))
        };
        let inputs = score.inputs.iter().map(|input| {
            let points = if !input.words.is_empty() {
                let points: Vec<u8> = input.words.iter().map(|word| word.points).collect();
                let least = points.iter().copied().min().unwrap_or(0);
                Points::Words(points, least)
            } else if input.cases.is_empty() {
                Points::Number(Steps::new(&input.bands))
            } else {
                let cases = input.cases.iter();
                let typed = cases.map(|case| {
                    let decides = case.decides.iter().filter_map(place_of).collect();
                    (decides, Steps::new(&case.bands))
                });
                Points::Cases(typed.collect())
            };
            Input {
                group: input.group_index,
                scale: 10f64.powi(i32::from(input.decimals)),
                points,
            }
        });
        let groups = score.inputs.iter().map(|input| input.group_index + 1);
        Self {
            settings: score
                .settings
                .iter()
                .map(|setting| {
                    let assumed = setting.assume.as_ref();
                    let place = |word| setting.words.iter().position(|known| known == word);
                    (setting.words.len(), assumed.and_then(place))
                })
                .collect(),
            groups: groups.max().unwrap_or(0),
            inputs: inputs.collect(),
        }
    }
}

impl Score {
    /// Points of a value that do not hang on another; words by their place in [`Score::words`].
    pub(crate) fn alone(&self, place: usize, value: f64) -> Option<u8> {
        let typed = &self.typed;
        let input = typed.inputs.get(place.checked_sub(typed.settings.len())?)?;
        match &input.points {
            Points::Words(points, _) if value.is_finite() => points.get(value as usize).copied(),
            Points::Number(steps) if value.is_finite() => {
                Some(steps.of(Some(rounded(value, input.scale))))
            }
            Points::Words(..) | Points::Number(_) | Points::Cases(_) => None,
        }
    }

    /// The numbers of a score; `given` answers by place in [`Score::names`], a word by its place in
    /// [`Score::words`]; what is infinite is known not to be known, and is
    /// not assumed. `alone` is what [`Score::alone`] says of what is given.
    pub(crate) fn sum(
        &self,
        given: impl Fn(usize) -> Option<f64>,
        alone: impl Fn(usize) -> Option<u8>,
    ) -> Sum {
        let typed = &self.typed;
        let word = |place: usize| match given(place) {
            Some(word) => word.is_finite().then_some(word as usize),
            None => typed.settings.get(place).and_then(|setting| setting.1),
        };
        let mut best: [Option<u8>; MAX_INPUTS] = [None; MAX_INPUTS];
        let mut least = [0; MAX_INPUTS];
        let mut sum = Sum {
            complete: (typed.settings.iter().enumerate())
                .all(|(place, (words, _))| word(place).is_some_and(|word| word < *words)),
            lower_bound: 0,
            max_part: 0,
        };
        for (place, input) in (typed.settings.len()..).zip(&typed.inputs) {
            let value = given(place).filter(|value| value.is_finite());
            let (points, at_least) = match &input.points {
                Points::Words(_, least) => {
                    let known = value.and_then(|_| alone(place));
                    (known, known.unwrap_or(*least))
                }
                Points::Number(steps) => {
                    let known = value.and_then(|_| alone(place));
                    (known, known.unwrap_or(steps.least))
                }
                Points::Cases(cases) => {
                    let number = value.map(|number| rounded(number, input.scale));
                    cases_of(cases, number, word)
                }
            };
            let group = input.group;
            best[group] = best[group].max(points);
            least[group] = at_least.max(least[group]);
        }
        for (best, least) in best.iter().zip(&least).take(typed.groups) {
            let points = best.unwrap_or(*least);
            sum.complete &= best.is_some();
            sum.lower_bound += u32::from(points);
            sum.max_part = sum.max_part.max(points);
        }
        sum
    }
}

/// The points, if they are known, and the least that they can be: more than one case is possible when what decides
/// between them is missing.
fn cases_of(
    cases: &[(Vec<(usize, usize)>, Steps)],
    number: Option<f64>,
    word: impl Fn(usize) -> Option<usize>,
) -> (Option<u8>, u8) {
    let (mut possible, mut least) = (0, u8::MAX);
    for (decides, steps) in cases {
        let fits =
            |(place, wanted): &(usize, usize)| word(*place).is_none_or(|word| word == *wanted);
        if decides.iter().all(fits) {
            possible += 1;
            least = least.min(steps.of(number));
        }
    }
    match possible {
        0 => (None, 0),
        1 => (number.map(|_| least), least),
        _ => (None, least),
    }
}

/// Half up, by the decimals that people see: 38.05 is 38.1 although its double is a little less.
pub(super) fn rounded(value: f64, scale: f64) -> f64 {
    let scaled = value * scale + 0.5 + 1e-9;
    if scaled.abs() > 1e15 {
        return scaled.floor() / scale;
    }
    // Whole numbers beyond 2^53 apart, this is `floor`, which is a call on older processors.
    let whole = scaled as i64 as f64;
    let floor = if whole > scaled { whole - 1.0 } else { whole };
    floor / scale
}
