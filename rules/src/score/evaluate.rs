//! Points of what is given.

use super::table::{Band, Input, Score};
use std::collections::BTreeMap;

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
    /// Whether it is part of the total; of a group only one is.
    pub counts: bool,
}

/// A score of what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'s> {
    /// `None` when something is missing.
    pub total: Option<u32>,
    /// At least this, whatever is missing.
    pub lower_bound: u32,
    pub parts: Vec<Part<'s>>,
    /// The most that a single known input gives.
    pub max_part: u8,
    /// Of the total, else of the lower bound.
    pub band: &'s str,
    /// Settings and inputs that are needed and not known, in the order of the table.
    pub missing: Vec<&'s str>,
}

impl Score {
    /// Evaluates; `given` answers by name. A word that the input does not have counts as not given.
    pub fn evaluate<'g>(&self, given: impl Fn(&str) -> Option<Given<'g>>) -> Outcome<'_> {
        let mut missing: Vec<&str> = Vec::new();
        for setting in &self.settings {
            if word(&given, &setting.name, |word| {
                setting.words.iter().any(|known| known == word)
            })
            .is_none()
            {
                missing.push(&setting.name);
            }
        }
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        let mut parts: Vec<Part<'_>> = Vec::new();
        for input in &self.inputs {
            let (points, least) = self.points(input, &given);
            let group = input.group.as_deref().unwrap_or(&input.name);
            let group = groups.entry(group).or_default();
            group.take(parts.len(), points, least);
            parts.push(Part {
                name: &input.name,
                points,
                counts: false,
            });
        }
        let mut lower_bound = 0;
        let mut complete = missing.is_empty();
        for (input, part) in self.inputs.iter().zip(&parts) {
            let group = &groups[input.group.as_deref().unwrap_or(&input.name)];
            if group.best.is_none() {
                complete = false;
                if part.points.is_none() && given(&input.name).is_none() {
                    missing.push(&input.name);
                }
            }
        }
        for group in groups.values() {
            lower_bound += u32::from(group.best.map_or(group.least, |(points, _)| points));
            if let Some((_, place)) = group.best {
                parts[place].counts = true;
            }
        }
        let max_part = parts.iter().filter_map(|part| part.points).max();
        let max_part = max_part.unwrap_or(0);
        Outcome {
            total: complete.then_some(lower_bound),
            lower_bound,
            max_part,
            band: self.band(lower_bound, max_part),
            parts,
            missing,
        }
    }

    fn band(&self, total: u32, max_part: u8) -> &str {
        let level = self.levels.iter().find(|level| {
            level.total.is_some_and(|least| total >= least)
                || level.part.is_some_and(|least| max_part >= least)
        });
        level.map_or("none", |level| &level.band)
    }

    /// The points, if they are known, and the least that they can be.
    fn points<'g>(
        &self,
        input: &Input,
        given: &impl Fn(&str) -> Option<Given<'g>>,
    ) -> (Option<u8>, u8) {
        if !input.words.is_empty() {
            let known = match given(&input.name) {
                Some(Given::Word(word)) => input.words.iter().find(|known| known.word == word),
                _ => None,
            };
            let least = input.words.iter().map(|word| word.points).min();
            let points = known.map(|known| known.points);
            return (points, points.or(least).unwrap_or(0));
        }
        let possible = self.possible(input, given);
        let value = match given(&input.name) {
            Some(Given::Number(value)) if value.is_finite() => rounded(value, input.decimals),
            _ => {
                let least = possible.iter().flat_map(|bands| bands.iter());
                return (None, least.map(|band| band.points).min().unwrap_or(0));
            }
        };
        let mut points: Vec<u8> = possible.iter().map(|bands| look_up(bands, value)).collect();
        points.sort_unstable();
        let least = points.first().copied().unwrap_or(0);
        // More than one case is possible when what decides between them is missing.
        let decided = possible.len() == 1;
        (decided.then_some(least), least)
    }

    /// The lists of bands that what is given leaves possible.
    fn possible<'s, 'g>(
        &'s self,
        input: &'s Input,
        given: &impl Fn(&str) -> Option<Given<'g>>,
    ) -> Vec<&'s [Band]> {
        if input.cases.is_empty() {
            return vec![&input.bands];
        }
        let fits = |name: &str, wanted: &str| match given(name) {
            Some(Given::Word(word)) => word == wanted,
            _ => true,
        };
        let cases = input.cases.iter();
        cases
            .filter(|case| case.when.iter().all(|(name, word)| fits(name, word)))
            .map(|case| case.bands.as_slice())
            .collect()
    }
}

/// What is known of a group of inputs.
#[derive(Debug, Default)]
struct Group {
    /// Highest points so far, and whose.
    best: Option<(u8, usize)>,
    least: u8,
}

impl Group {
    fn take(&mut self, place: usize, points: Option<u8>, least: u8) {
        if let Some(points) = points
            && self.best.is_none_or(|(best, _)| points > best)
        {
            self.best = Some((points, place));
        }
        self.least = self.least.max(least);
    }
}

fn word<'g>(
    given: &impl Fn(&str) -> Option<Given<'g>>,
    name: &str,
    known: impl Fn(&str) -> bool,
) -> Option<&'g str> {
    match given(name) {
        Some(Given::Word(word)) if known(word) => Some(word),
        _ => None,
    }
}

/// Half up, by the decimals that people see: 38.05 is 38.1 although its double is a little less.
fn rounded(value: f64, decimals: u8) -> f64 {
    let scale = 10f64.powi(i32::from(decimals));
    (value * scale + 0.5 + 1e-9).floor() / scale
}

fn look_up(bands: &[Band], value: f64) -> u8 {
    let band = bands
        .iter()
        .find(|band| band.to.is_none_or(|to| value <= to));
    band.map_or(0, |band| band.points)
}
