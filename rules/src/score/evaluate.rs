//! Points of what is given, for people. The engine asks [`Score::sum`] at every reading.

use super::table::{Band, Input, MAX_INPUTS, Score};
use super::typed::{Sum, rounded};

/// The value of an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Given<'a> {
    /// In the unit of the table.
    Number(f64),
    /// A code such as `A`, or `true`.
    Word(&'a str),
}

/// Points of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'s> {
    pub name: &'s str,
    /// `None`: not known.
    pub points: Option<u8>,
    /// The points, else the least that it can give, whatever is missing; 0 where another of its group is known.
    pub least: u8,
}

/// A setting that nobody has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed<'s> {
    pub name: &'s str,
    /// For people.
    pub title: &'s str,
    pub word: &'s str,
}

/// A score of what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'s> {
    /// `None` when something is missing.
    pub total: Option<u32>,
    /// At least this, whatever is missing.
    pub lower_bound: u32,
    pub parts: Vec<Part<'s>>,
    /// The most that a single input gives: what is known of it, else the least that it can give.
    pub max_part: u8,
    /// Of the total, else of the lower bound.
    pub band: &'s str,
    /// Settings of which nothing is recorded, where the table says what is then taken.
    pub assumed: Vec<Assumed<'s>>,
    /// Settings and inputs that are needed and not known, in the order of the table.
    pub missing: Vec<&'s str>,
}

/// What is known of a group of inputs.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// Highest points that are known.
    best: Option<u8>,
    /// The least that it gives, whatever is missing.
    least: u8,
}

impl Score {
    /// Evaluates; `given` answers by name. A word that the input does not have counts as not given.
    pub fn evaluate<'g>(&self, given: impl Fn(&str) -> Option<Given<'g>>) -> Outcome<'_> {
        let names: Vec<&str> = self.names().collect();
        let mut assumed = Vec::new();
        for (name, setting) in names.iter().zip(&self.settings) {
            if let (Some(word), None) = (&setting.assume, given(name)) {
                assumed.push(Assumed {
                    name,
                    title: setting.title.as_deref().unwrap_or(name),
                    word,
                });
            }
        }
        let given = |index: usize| {
            let name = names[index];
            let taken = || assumed.iter().find(|assumed| assumed.name == name);
            given(name).or_else(|| taken().map(|assumed| Given::Word(assumed.word)))
        };
        let (sum, groups) = self.groups(&given);
        let settings = self.settings.len();
        let mut missing: Vec<&str> = (0..settings)
            .filter(|index| !self.is_set(*index, &given))
            .map(|index| names[index])
            .collect();
        let mut parts = Vec::with_capacity(self.inputs.len());
        for (index, input) in (settings..).zip(&self.inputs) {
            let (points, least) = self.points(index, input, &given);
            let counts = points.is_some() || groups[input.group_index].best.is_none();
            if groups[input.group_index].best.is_none() && !self.is_given(index, input, &given) {
                missing.push(&input.name);
            }
            parts.push(Part {
                name: &input.name,
                points,
                least: if counts { least } else { 0 },
            });
        }
        Outcome {
            total: sum.complete.then_some(sum.lower_bound),
            lower_bound: sum.lower_bound,
            max_part: sum.max_part,
            band: self.band(sum.lower_bound, sum.max_part),
            parts,
            missing,
            assumed,
        }
    }

    fn groups<'g>(
        &self,
        given: &impl Fn(usize) -> Option<Given<'g>>,
    ) -> (Sum, [Group; MAX_INPUTS]) {
        let mut groups = [Group::default(); MAX_INPUTS];
        let settings = self.settings.len();
        let mut sum = Sum {
            complete: (0..settings).all(|index| self.is_set(index, given)),
            lower_bound: 0,
            max_part: 0,
        };
        let mut count = 0;
        for (index, input) in (settings..).zip(&self.inputs) {
            let (points, least) = self.points(index, input, given);
            let group = &mut groups[input.group_index];
            group.best = group.best.max(points);
            group.least = group.least.max(least);
            count = count.max(input.group_index + 1);
        }
        for group in &groups[..count] {
            let points = group.best.unwrap_or(group.least);
            sum.complete &= group.best.is_some();
            sum.lower_bound += u32::from(points);
            sum.max_part = sum.max_part.max(points);
        }
        (sum, groups)
    }

    fn is_set<'g>(&self, index: usize, given: &impl Fn(usize) -> Option<Given<'g>>) -> bool {
        let words = &self.settings[index].words;
        matches!(given(index), Some(Given::Word(word)) if words.iter().any(|known| known == word))
    }

    fn is_given<'g>(
        &self,
        index: usize,
        input: &Input,
        given: &impl Fn(usize) -> Option<Given<'g>>,
    ) -> bool {
        match given(index) {
            Some(Given::Word(word)) => input.words.iter().any(|known| known.word == word),
            Some(Given::Number(number)) => input.words.is_empty() && number.is_finite(),
            None => false,
        }
    }

    pub(crate) fn band(&self, total: u32, max_part: u8) -> &str {
        let level = self.levels.iter().find(|level| {
            level.total.is_some_and(|least| total >= least)
                || level.part.is_some_and(|least| max_part >= least)
        });
        level.map_or("none", |level| &level.band)
    }

    /// The points, if they are known, and the least that they can be.
    fn points<'g>(
        &self,
        index: usize,
        input: &Input,
        given: &impl Fn(usize) -> Option<Given<'g>>,
    ) -> (Option<u8>, u8) {
        let value = given(index);
        if !input.words.is_empty() {
            let known = match value {
                Some(Given::Word(word)) => input.words.iter().find(|known| known.word == word),
                _ => None,
            };
            let least = input.words.iter().map(|word| word.points).min();
            let points = known.map(|known| known.points);
            return (points, points.or(least).unwrap_or(0));
        }
        let number = match value {
            Some(Given::Number(number)) if number.is_finite() => {
                Some(rounded(number, 10f64.powi(i32::from(input.decimals))))
            }
            _ => None,
        };
        let look = |bands: &[Band]| match number {
            Some(number) => look_up(bands, number),
            None => bands.iter().map(|band| band.points).min().unwrap_or(0),
        };
        if input.cases.is_empty() {
            let points = look(&input.bands);
            return (number.map(|_| points), points);
        }
        let fits = |place: usize, wanted: &str| match given(place) {
            Some(Given::Word(word)) => word == wanted,
            _ => true,
        };
        let (mut possible, mut least) = (0, u8::MAX);
        for case in &input.cases {
            if case.decides.iter().all(|(place, word)| fits(*place, word)) {
                possible += 1;
                least = least.min(look(&case.bands));
            }
        }
        if possible == 0 {
            return (None, 0);
        }
        // More than one case is possible when what decides between them is missing.
        ((possible == 1 && number.is_some()).then_some(least), least)
    }
}

fn look_up(bands: &[Band], value: f64) -> u8 {
    let band = bands
        .iter()
        .find(|band| band.to.is_none_or(|to| value <= to));
    band.map_or(0, |band| band.points)
}
