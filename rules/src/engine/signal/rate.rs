//! Change over a window, robust to one outlier.

use crate::engine::exact::Exact;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wardline_normalize::time::Micros;

/// Stretches of a window; a value of a stretch is the mean of its readings. Bounds state and work: 33 points, 528
/// slopes.
const STRETCHES: i64 = 32;
const POINTS: usize = STRETCHES as usize + 1;
const SLOPES: usize = POINTS * (POINTS - 1) / 2;

/// Fewer points cannot outvote an outlier.
const LEAST: usize = 3;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rate {
    stretches: VecDeque<Stretch>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stretch {
    index: i64,
    count: u32,
    /// Sum of the times within the stretch, µs.
    offsets: Exact,
    values: Exact,
}

impl Rate {
    pub(super) fn take(
        &mut self,
        per: Micros,
        window: Micros,
        time: Micros,
        value: f64,
    ) -> Option<f64> {
        let width = (window / STRETCHES).max(1);
        let index = time.div_euclid(width);
        let offset = (time - index * width) as f64;
        match self.stretches.back_mut() {
            Some(last) if last.index == index => {
                last.count += 1;
                last.offsets.0 += offset;
                last.values.0 += value;
            }
            _ => self.stretches.push_back(Stretch {
                index,
                count: 1,
                offsets: Exact(offset),
                values: Exact(value),
            }),
        }
        while self
            .stretches
            .front()
            .is_some_and(|first| first.index < index - STRETCHES)
        {
            self.stretches.pop_front();
        }
        self.slope(width, index, window)
            .map(|slope| slope * per as f64)
    }

    /// The median slope per µs.
    fn slope(&self, width: Micros, newest: i64, window: Micros) -> Option<f64> {
        let mut points = [(0.0, 0.0); POINTS];
        let count = self.stretches.len();
        if count < LEAST {
            return None;
        }
        for (point, stretch) in points.iter_mut().zip(&self.stretches) {
            let many = f64::from(stretch.count);
            let start = ((stretch.index - newest) * width) as f64;
            *point = (start + stretch.offsets.0 / many, stretch.values.0 / many);
        }
        let points = &points[..count];
        let (first, last) = (points.first()?, points.last()?);
        if last.0 - first.0 < window as f64 / 2.0 {
            return None;
        }
        let mut slopes = [0.0; SLOPES];
        let mut known = 0;
        for (place, (time, value)) in points.iter().enumerate() {
            for (later, changed) in &points[place + 1..] {
                slopes[known] = (changed - value) / (later - time);
                known += 1;
            }
        }
        let slopes = &mut slopes[..known];
        let middle = known / 2;
        let (below, median, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
        if known % 2 == 1 {
            return Some(*median);
        }
        let lower = below.iter().copied().max_by(f64::total_cmp)?;
        Some(f64::midpoint(lower, *median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Micros = 60_000_000;

    fn rates(values: &[f64]) -> Vec<Option<f64>> {
        let mut rate = Rate::default();
        let times = (0..).map(|minute| minute * MINUTE);
        times
            .zip(values)
            .map(|(time, value)| rate.take(60 * MINUTE, 20 * MINUTE, time, *value))
            .map(|rate| rate.map(|rate| (rate * 1e6).round() / 1e6))
            .collect()
    }

    #[test]
    fn a_steady_rise_is_its_slope_once_half_the_window_is_seen() {
        let values: Vec<f64> = (0..30).map(|minute| 60.0 + f64::from(minute)).collect();
        let rates = rates(&values);
        assert!(rates[..10].iter().all(Option::is_none));
        assert!(rates[10..].iter().all(|rate| *rate == Some(60.0)));
    }

    #[test]
    fn one_outlier_does_not_decide() {
        let mut values = vec![80.0; 25];
        values[20] = 200.0;
        assert!(rates(&values)[11..].iter().all(|rate| *rate == Some(0.0)));
    }
}
