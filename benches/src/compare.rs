//! Sides in turn, and what their figures say.

use serde::Serialize;

/// Measures every side `runs` times, the order turned round from round to round, after one round for warmth.
/// Of the rounds that count, the figures in the order of `sides`.
pub(crate) fn take_turns<S: Copy, T>(
    runs: u32,
    sides: &[S],
    mut measure: impl FnMut(S, u32) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<Vec<T>>> {
    let mut rounds = Vec::new();
    for round in 0..=runs {
        let turned = round % 2 == 1;
        let order: Vec<S> = if turned {
            sides.iter().rev().copied().collect()
        } else {
            sides.to_vec()
        };
        let figures = order.into_iter().map(|side| measure(side, round));
        let mut figures = figures.collect::<anyhow::Result<Vec<T>>>()?;
        if turned {
            figures.reverse();
        }
        if round > 0 {
            rounds.push(figures);
        }
    }
    Ok(rounds)
}

/// Who is measured, where there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Limit,
}

/// [`take_turns`] of ours and the limit, in that order.
pub(crate) fn alternate<T>(
    runs: u32,
    measure: impl FnMut(Side, u32) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(T, T)>> {
    let rounds = take_turns(runs, &[Side::Ours, Side::Limit], measure)?;
    let pairs = rounds.into_iter().filter_map(|figures| {
        let mut figures = figures.into_iter();
        figures.next().zip(figures.next())
    });
    Ok(pairs.collect())
}

/// Figures of one side, or ratios of rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: Vec<f64>,
}

impl Series {
    /// Of at least one figure.
    pub(crate) fn of(runs: impl IntoIterator<Item = f64>) -> Self {
        let runs: Vec<f64> = runs.into_iter().collect();
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match (sorted.len() % 2, sorted.get(middle)) {
            (1, Some(value)) => *value,
            (0, Some(value)) => (sorted[middle - 1] + value) / 2.0,
            _ => f64::NAN,
        };
        Self {
            median,
            least: sorted.first().copied().unwrap_or(f64::NAN),
            most: sorted.last().copied().unwrap_or(f64::NAN),
            runs,
        }
    }
}

/// One path held against its limit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    /// Of both sides.
    pub(crate) unit: &'static str,
    pub(crate) limit_is: &'static str,
    pub(crate) ours: Series,
    pub(crate) limit: Series,
    /// Ours over the limit, round by round.
    pub(crate) ratio: Series,
    /// The ratio we want, at least (of a rate).
    pub(crate) aim: Option<f64>,
}

impl Comparison {
    pub(crate) fn new(
        name: impl Into<String>,
        unit: &'static str,
        limit_is: &'static str,
        rounds: &[(f64, f64)],
        aim: Option<f64>,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            limit_is,
            ours: Series::of(rounds.iter().map(|round| round.0)),
            limit: Series::of(rounds.iter().map(|round| round.1)),
            ratio: Series::of(rounds.iter().map(|(ours, limit)| ours / limit)),
            aim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_the_first_round_does_not_count() {
        let mut order = Vec::new();
        let rounds = alternate(3, |side, round| {
            order.push(side);
            Ok(round)
        });
        assert_eq!(rounds.unwrap(), [(1, 1), (2, 2), (3, 3)]);
        use Side::{Limit, Ours};
        assert_eq!(order, [Ours, Limit, Limit, Ours, Ours, Limit, Limit, Ours]);
    }

    #[test]
    fn a_series_has_median_and_spread() {
        let odd = Series::of([3.0, 1.0, 2.0]);
        assert_eq!((odd.median, odd.least, odd.most), (2.0, 1.0, 3.0));
        assert_eq!(Series::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        let comparison = Comparison::new(
            "x",
            "MB/s",
            "y",
            &[(1.0, 2.0), (3.0, 4.0), (9.0, 10.0)],
            None,
        );
        assert_eq!(comparison.ratio.median, 0.75);
    }
}
