//! How often a reading is to be expected, judged from the readings themselves.

use crate::backend::Micros;

const SECOND: Micros = 1_000_000;
/// Before two readings are known: the slowest usual rate of a continuous signal.
pub(super) const FIRST: Micros = 60 * SECOND;
/// Faster than this nobody looks; it also keeps jitter from dimming a 1 Hz signal.
const LEAST: Micros = 5 * SECOND;
/// Routine observations are due every 12 hours at the longest (NEWS2, RCP 2017).
const MOST: Micros = 12 * 3_600 * SECOND;
/// Gaps remembered. The median of five ignores an outage of the device.
const GAPS: usize = 5;

#[derive(Debug, Default, Clone)]
pub(super) struct Cadence {
    gaps: [Micros; GAPS],
    count: usize,
}

impl Cadence {
    pub(super) fn gap(&mut self, gap: Micros) {
        if gap > 0 {
            self.gaps[self.count % GAPS] = gap;
            self.count += 1;
        }
    }

    pub(super) fn expected(&self) -> Micros {
        let known = self.count.min(GAPS);
        if known == 0 {
            return FIRST;
        }
        let mut sorted = self.gaps;
        sorted[..known].sort_unstable();
        sorted[known / 2].clamp(LEAST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_recent_gaps() {
        let mut cadence = Cadence::default();
        assert_eq!(cadence.expected(), FIRST);
        for _ in 0..4 {
            cadence.gap(10 * SECOND);
        }
        cadence.gap(3_600 * SECOND);
        assert_eq!(
            cadence.expected(),
            10 * SECOND,
            "an outage does not stretch it"
        );
        for _ in 0..5 {
            cadence.gap(900 * SECOND);
        }
        assert_eq!(cadence.expected(), 900 * SECOND);
        for _ in 0..5 {
            cadence.gap(SECOND);
        }
        assert_eq!(cadence.expected(), LEAST);
    }
}
