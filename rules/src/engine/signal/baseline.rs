//! What is usual for a patient, and how far a value is from it.

use crate::engine::exact::Exact;
use crate::{Baseline, Judge, Method};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wardline_normalize::time::Micros;

/// Values a running median is taken of; more within its time are thinned to means of stretches.
const KEPT: i64 = 64;

/// Values count for an exponentially weighted baseline up to so many standard deviations away.
const WINSOR: f64 = 3.0;

/// Scales the median absolute deviation to the standard deviation of a normal distribution.
const MAD: f64 = 1.482_602_218_505_602;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Usual {
    first: Option<Micros>,
    count: u32,
    last: Micros,
    mean: Exact,
    variance: Exact,
    up: Exact,
    down: Exact,
    /// (stretch, count, sum) of a running median.
    kept: VecDeque<(i64, u32, Exact)>,
    /// What the last value was held against.
    usual: Option<Exact>,
}

impl Usual {
    /// The distance of a value from what was usual before it, once that is known; then it counts for the next.
    pub(super) fn take(&mut self, baseline: &Baseline, time: Micros, value: f64) -> Option<f64> {
        let first = *self.first.get_or_insert(time);
        let learned = self.count >= baseline.least && time - first >= baseline.learn;
        let (usual, spread) = match baseline.method {
            Method::Entered(usual) => (usual, baseline.least_spread),
            Method::Median(_) => self.median(),
            Method::Ewma(_) | Method::Cusum { .. } => {
                (self.mean.0, self.variance.0.max(0.0).sqrt())
            }
        };
        let spread = spread.max(baseline.least_spread);
        self.learn(baseline, time, value, learned, spread);
        self.count = self.count.saturating_add(1);
        self.last = time;
        if !learned && !matches!(baseline.method, Method::Entered(_)) {
            return None;
        }
        self.usual = Some(Exact(usual));
        let distance = value - usual;
        let standardized = if spread > 0.0 { distance / spread } else { 0.0 };
        if let Method::Cusum { slack, .. } = baseline.method {
            self.up.0 = (self.up.0 + standardized - slack).max(0.0);
            self.down.0 = (self.down.0 - standardized - slack).max(0.0);
            return Some(if self.up >= self.down {
                self.up.0
            } else {
                -self.down.0
            });
        }
        Some(if baseline.standardized {
            standardized
        } else {
            distance
        })
    }

    fn learn(&mut self, baseline: &Baseline, time: Micros, value: f64, learned: bool, spread: f64) {
        match baseline.method {
            Method::Entered(_) => {}
            Method::Median(memory) => self.keep(memory, time, value),
            Method::Ewma(half_life) | Method::Cusum { half_life, .. } => {
                if self.count == 0 {
                    self.mean.0 = value;
                    return;
                }
                let value = if learned && spread > 0.0 {
                    let reach = WINSOR * spread;
                    value.clamp(self.mean.0 - reach, self.mean.0 + reach)
                } else {
                    value
                };
                // Plain averages until the half-life takes over.
                let age = (time - self.last) as f64 / half_life as f64;
                let weight = (1.0 - (-age).exp2()).max(1.0 / (f64::from(self.count) + 1.0));
                let weight = if learned { 1.0 - (-age).exp2() } else { weight };
                let distance = value - self.mean.0;
                self.mean.0 += weight * distance;
                self.variance.0 = (1.0 - weight) * (self.variance.0 + weight * distance * distance);
            }
        }
    }

    fn keep(&mut self, memory: Micros, time: Micros, value: f64) {
        let stretch = time.div_euclid((memory / KEPT).max(1));
        match self.kept.back_mut() {
            Some((last, count, sum)) if *last == stretch => {
                *count += 1;
                sum.0 += value;
            }
            _ => self.kept.push_back((stretch, 1, Exact(value))),
        }
        while self
            .kept
            .front()
            .is_some_and(|(first, ..)| *first <= stretch - KEPT)
        {
            self.kept.pop_front();
        }
    }

    /// Median and spread of what is kept.
    fn median(&self) -> (f64, f64) {
        let mut values = [0.0; KEPT as usize];
        let mut count = 0;
        for (place, (_, many, Exact(sum))) in values.iter_mut().zip(&self.kept) {
            *place = sum / f64::from(*many);
            count += 1;
        }
        let values = &mut values[..count];
        let usual = middle(values);
        for value in values.iter_mut() {
            *value = (*value - usual).abs();
        }
        (usual, MAD * middle(values))
    }

    pub(super) fn note(&self, baseline: &Baseline, judge: &Judge) -> Option<String> {
        let Exact(usual) = self.usual?;
        let how = match baseline.method {
            Method::Entered(_) => "entered",
            Method::Median(_) => "median",
            Method::Ewma(_) | Method::Cusum { .. } => "weighted mean",
        };
        let unit = judge.feeds.first().map_or("", |feed| feed.unit.as_str());
        Some(format!(
            "usual {}, {how}",
            crate::engine::message::quantity(usual, unit)
        ))
    }
}

fn middle(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        values[half]
    } else {
        f64::midpoint(values[half - 1], values[half])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Micros = 86_400_000_000;

    fn baseline(method: Method, standardized: bool) -> Baseline {
        Baseline {
            method,
            learn: 3 * DAY,
            least: 3,
            standardized,
            least_spread: 0.5,
        }
    }

    fn run(baseline: &Baseline, values: &[f64]) -> Vec<Option<f64>> {
        let mut usual = Usual::default();
        let days = (0..).map(|day| day * DAY);
        days.zip(values)
            .map(|(time, value)| usual.take(baseline, time, *value))
            .collect()
    }

    #[test]
    fn a_median_is_not_moved_by_what_it_is_to_find() {
        let values = [60.0, 61.0, 60.0, 59.0, 66.0, 67.0];
        let found = run(&baseline(Method::Median(28 * DAY), false), &values);
        assert_eq!(found[..3], [None, None, None]);
        assert_eq!(found[3..], [Some(-1.0), Some(6.0), Some(7.0)]);
    }

    #[test]
    fn a_weighted_mean_follows_slowly_and_takes_outliers_as_less() {
        let mut values = vec![70.0; 10];
        values.push(100.0);
        values.push(70.0);
        let found = run(&baseline(Method::Ewma(7 * DAY), false), &values);
        assert_eq!(found[10], Some(30.0));
        let after = found[11].unwrap();
        assert!(after < 0.0 && after > -0.5, "{after}");
    }

    #[test]
    fn small_steps_add_up_in_a_cumulated_sum() {
        let method = Method::Cusum {
            half_life: 1000 * DAY,
            slack: 0.5,
        };
        let mut values = vec![70.0; 10];
        values.extend([70.6; 8]);
        let found = run(&baseline(method, true), &values);
        assert_eq!(found[9], Some(0.0));
        let sums: Vec<f64> = found[10..].iter().map(|sum| sum.unwrap()).collect();
        assert!(sums.windows(2).all(|pair| pair[1] > pair[0]), "{sums:?}");
        assert!(sums[7] > 4.0);
    }

    #[test]
    fn an_entered_baseline_judges_from_the_first_value() {
        let found = run(&baseline(Method::Entered(62.0), false), &[70.0]);
        assert_eq!(found, [Some(8.0)]);
    }
}
