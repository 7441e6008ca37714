//! Which time to believe. Pure: both clocks come in as numbers.
//!
//! Once the wall clock has been synchronised in this boot, its distance from time since boot (the *anchor*) dates
//! everything: before it, after it, and while the wall clock is not to be trusted. The wall clock is followed while it
//! is synchronised and keeps within [`STEP`] of the anchor. When it jumps, whoever set it, forward or back, the anchor
//! holds until the system says anew that the clock is synchronised; then the new time counts.

use wardline_normalize::time::Micros;

use crate::source::Taken;

/// More than slewing does between two looks, less than anybody would set a clock by.
pub(super) const STEP: Micros = 1_000_000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judge {
    /// Wall clock minus time since boot, when last synchronised.
    anchor: Option<Micros>,
    synchronized: bool,
    /// Jumps seen.
    steps: u64,
}

impl Judge {
    /// What time it is, by both clocks at one moment.
    pub(super) fn judge(&mut self, wall: Micros, since_boot: Micros) -> Taken {
        let wall = match self.anchor {
            Some(anchor) => {
                let distance = wall.wrapping_sub(since_boot);
                if self.synchronized && distance.abs_diff(anchor) > STEP.unsigned_abs() {
                    self.synchronized = false;
                    self.steps += 1;
                }
                if self.synchronized {
                    wall
                } else {
                    since_boot.wrapping_add(anchor)
                }
            }
            None => wall,
        };
        Taken {
            wall,
            since_boot,
            synchronized: self.synchronized,
        }
    }

    /// The system says, at this moment, whether the wall clock is synchronised.
    pub(super) fn told(&mut self, wall: Micros, since_boot: Micros, synchronized: bool) {
        self.synchronized = synchronized;
        if synchronized {
            self.anchor = Some(wall.wrapping_sub(since_boot));
        }
    }

    pub(super) fn anchor(&self) -> Option<Micros> {
        self.anchor
    }

    pub(super) fn synchronized(&self) -> bool {
        self.synchronized
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;
    const DAY: Micros = 86_400 * SECOND;
    const NOON: Micros = 1_795_348_800 * SECOND;

    fn wall(judge: &mut Judge, wall: Micros, since_boot: Micros) -> (Micros, bool) {
        let taken = judge.judge(wall, since_boot);
        (taken.wall, taken.synchronized)
    }

    #[test]
    fn before_the_first_synchronisation_the_wall_clock_is_all_there_is() {
        let mut judge = Judge::default();
        assert_eq!(wall(&mut judge, 7, 5 * SECOND), (7, false));
        judge.told(NOON, 60 * SECOND, true);
        assert_eq!(judge.anchor(), Some(NOON - 60 * SECOND));
        assert_eq!(
            wall(&mut judge, NOON + 1, 60 * SECOND + 1),
            (NOON + 1, true)
        );
    }

    #[test]
    fn a_clock_set_by_a_day_is_not_followed_until_it_is_synchronised_again() {
        for by in [DAY, -DAY] {
            let mut judge = Judge::default();
            judge.told(NOON, 0, true);
            // Slewed: followed.
            assert_eq!(
                wall(&mut judge, NOON + SECOND / 2, 0),
                (NOON + SECOND / 2, true)
            );
            for second in 1..4 {
                let at = second * SECOND;
                assert_eq!(wall(&mut judge, NOON + by + at, at), (NOON + at, false));
            }
            assert_eq!(judge.steps(), 1);
            // Set right again by hand, but nothing says so: the anchor still holds.
            assert_eq!(
                wall(&mut judge, NOON + 5 * SECOND, 5 * SECOND),
                (NOON + 5 * SECOND, false)
            );
            judge.told(NOON + by + 9 * SECOND, 9 * SECOND, true);
            assert_eq!(
                wall(&mut judge, NOON + by + 9 * SECOND, 9 * SECOND),
                (NOON + by + 9 * SECOND, true)
            );
        }
    }

    #[test]
    fn without_synchronisation_the_anchor_dates_on() {
        let mut judge = Judge::default();
        judge.told(NOON, 0, true);
        judge.told(NOON + SECOND, SECOND, false);
        assert_eq!(
            wall(&mut judge, NOON + 90 * SECOND, 10 * SECOND),
            (NOON + 10 * SECOND, false)
        );
        assert_eq!(judge.steps(), 0);
    }
}
