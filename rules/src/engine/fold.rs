//! The condition of one judge on one subject, as a pure fold over samples in order of event time.
//!
//! ```text
//! nothing ──beyond──> run ──beyond for `hold`, no hole──> fired ──clear──> clearing ──clear for `hold`──> episode
//!            └── not beyond, or a hole: nothing            └── not clear, or a hole: fired, no longer clearing
//! ```
//!
//! A fold changes on a sample and never by the passing of time.
//!
//! Of several devices that read the same, the condition holds while one says so: another's reading within the limit is no
//! word on its own, until the last reading of the one is within the limit, too, or older than the longest hole.
//!
//! Of a rule that latches, an episode that is over stays, as `latched`, until people have acknowledged it: they did so
//! with all that fired up to `released`. A condition that fires meanwhile continues it.

use super::hash::same;
use super::row::{RowId, Sample, exact};
use super::signal::{Derived, Said};
use crate::{ClearLimit, Judge, Limit, Signal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wardline_normalize::time::Micros;

impl Limit {
    /// Whether a value is beyond it.
    pub(crate) fn is_beyond(self, value: f64) -> bool {
        match self {
            Self::Above(limit) => value > limit,
            Self::Below(limit) => value < limit,
            Self::Outside(low, high) => value < low || value > high,
            Self::AtLeast(limit) => value >= limit,
            Self::Never => false,
        }
    }

    /// How much further beyond it `value` is than `than`, in the unit of both.
    pub(crate) fn further(self, value: f64, than: f64) -> f64 {
        let beyond = |value: f64| match self {
            Self::Above(limit) | Self::AtLeast(limit) => value - limit,
            Self::Below(limit) => limit - value,
            Self::Outside(low, high) => (low - value).max(value - high),
            Self::Never => 0.0,
        };
        // What subtraction adds behind nine decimals must not decide.
        ((beyond(value) - beyond(than)) * 1e9).round() / 1e9
    }
}

impl Judge {
    fn clears(&self, value: f64) -> bool {
        match self.clear.within {
            ClearLimit::Limit => !self.limit.is_beyond(value),
            ClearLimit::Below(limit) => value < limit,
            ClearLimit::Above(limit) => value > limit,
            ClearLimit::Inside(low, high) => value >= low && value <= high,
        }
    }
}

/// A reading that decided something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) time: Micros,
    #[serde(with = "exact")]
    pub(crate) value: f64,
    pub(crate) device: Arc<str>,
    pub(crate) id: RowId,
}

impl Point {
    fn of(sample: &Sample<'_>) -> Self {
        Self {
            time: sample.time,
            value: sample.value,
            device: Arc::clone(sample.device),
            id: sample.id.clone(),
        }
    }

    /// As [`Point::of`]; a device is hardly ever another than before.
    fn set(&mut self, sample: &Sample<'_>) {
        self.time = sample.time;
        self.value = sample.value;
        self.id.clone_from(sample.id);
        if !Arc::ptr_eq(&self.device, sample.device) {
            self.device = Arc::clone(sample.device);
        }
    }
}

/// Which readings speak for an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) first: Point,
    pub(crate) low: Point,
    pub(crate) high: Point,
    pub(crate) last: Point,
}

impl Evidence {
    fn of(sample: &Sample<'_>) -> Self {
        let point = Point::of(sample);
        Self {
            first: point.clone(),
            low: point.clone(),
            high: point.clone(),
            last: point,
        }
    }

    /// These and, later, those.
    fn and(self, later: Self) -> Self {
        Self {
            first: self.first,
            low: if later.low.value < self.low.value {
                later.low
            } else {
                self.low
            },
            high: if later.high.value > self.high.value {
                later.high
            } else {
                self.high
            },
            last: later.last,
        }
    }

    fn add(&mut self, sample: &Sample<'_>) {
        if sample.value < self.low.value {
            self.low.set(sample);
        }
        if sample.value > self.high.value {
            self.high.set(sample);
        }
        self.last.set(sample);
    }

    /// First, extremes, last; each once.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::with_capacity(4);
        for point in [&self.first, &self.low, &self.high, &self.last] {
            let id = point.id.to_text();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    pub(crate) fn has(&self, id: &RowId) -> bool {
        [&self.first, &self.low, &self.high, &self.last]
            .iter()
            .any(|point| point.id == *id)
    }
}

/// A condition that began and is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The sample with which it had held long enough.
    pub(crate) fired: Option<Point>,
    /// The first sample of the clear condition, while that holds.
    pub(crate) clearing: Option<Point>,
    /// Time of the last sample beyond the limit.
    pub(crate) hit: Micros,
    pub(crate) repeats: u32,
    pub(crate) evidence: Evidence,
    /// Devices whose last reading is beyond the limit, or not clear of it, and when that was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holding: Vec<(Arc<str>, Micros)>,
}

/// A run that is over, and was not acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latched {
    run: Run,
    closed: Point,
}

/// A fired condition, over or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Episode {
    pub(crate) onset: Micros,
    pub(crate) fired: Point,
    pub(crate) clearing: Option<Point>,
    /// The sample that ended it for good; its end is then the time of `clearing`.
    pub(crate) closed: Option<Point>,
    pub(crate) hit: Micros,
    pub(crate) repeats: u32,
    pub(crate) evidence: Evidence,
    /// It is over, since `clearing`, and stays until it is acknowledged.
    #[serde(default)]
    pub(crate) latched: bool,
}

impl Episode {
    pub(crate) fn ended(&self) -> Option<Micros> {
        self.closed.as_ref()?;
        self.clearing.as_ref().map(|point| point.time)
    }

    /// Since when the condition is over, of one that is latched.
    pub(crate) fn over_since(&self) -> Option<Micros> {
        let clearing = self.clearing.as_ref().filter(|_| self.latched);
        clearing.map(|point| point.time)
    }
}

/// State of the fold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fold {
    pub(crate) derived: Derived,
    last: Option<Micros>,
    pub(crate) run: Option<Box<Run>>,
    /// What a run that fires continues.
    #[serde(default)]
    pub(crate) latched: Option<Box<Latched>>,
    /// What fired up to then does not latch.
    #[serde(default)]
    pub(crate) released: Option<Micros>,
    /// Episodes that were closed, in order; the owner removes what it no longer needs.
    pub(crate) done: Vec<Episode>,
}

impl Fold {
    pub(crate) const fn new() -> Self {
        Self {
            derived: Derived::new(),
            last: None,
            run: None,
            latched: None,
            released: None,
            done: Vec::new(),
        }
    }

    /// As `other`, in the room there is.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.derived.copy_from(&other.derived);
        self.last = other.last;
        self.run.clone_from(&other.run);
        self.latched.clone_from(&other.latched);
        self.released = other.released;
        self.done.clone_from(&other.done);
    }

    /// The time of the last sample matters to a run alone.
    pub(crate) fn tidy(&mut self) {
        if self.run.is_none() {
            self.last = None;
        }
    }

    /// Lets go of what no sample from `floor` on can have a use for.
    pub(crate) fn settle(&mut self, floor: Micros) {
        self.done.retain(|episode| {
            let closed = episode.closed.as_ref();
            closed.is_none_or(|closed| closed.time >= floor)
        });
        if !self.has_episodes() && self.released.is_some_and(|until| until < floor) {
            self.released = None;
        }
    }

    /// Takes the next sample in order, of feed `input`. True when an episode began, changed state or ended.
    pub(crate) fn step(&mut self, judge: &Judge, input: usize, sample: &Sample<'_>) -> bool {
        match self.derived.take(judge, input, sample) {
            Said::Nothing => false,
            Said::Unknown => self.interrupt(sample),
            Said::Value(value) if value.to_bits() == sample.value.to_bits() => {
                self.hold(judge, sample)
            }
            Said::Value(value) => {
                let derived = Sample { value, ..*sample };
                self.hold(judge, &derived)
            }
        }
    }

    /// A value that nobody knows: what had not held long enough begins anew, what fired goes on and is not clearing.
    fn interrupt(&mut self, sample: &Sample<'_>) -> bool {
        let Some(run) = self.run.as_deref_mut() else {
            return false;
        };
        self.last = Some(sample.time);
        if run.fired.is_none() {
            (self.run, self.last) = (None, None);
            return false;
        }
        run.clearing.take().is_some()
    }

    /// Whether the condition holds, for as long as it must.
    pub(crate) fn holds(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| run.fired.is_some() && run.clearing.is_none())
    }

    /// Holds the limit against a value of the signal.
    fn hold(&mut self, rule: &Judge, sample: &Sample<'_>) -> bool {
        let changed = self.weigh(rule, sample);
        self.last = self.run.as_ref().map(|_| sample.time);
        changed
    }

    fn weigh(&mut self, rule: &Judge, sample: &Sample<'_>) -> bool {
        let hole = self
            .last
            .is_some_and(|last| sample.time - last > rule.max_gap);
        let beyond = rule.limit.is_beyond(sample.value);
        let pending = self.run.as_ref().filter(|run| run.fired.is_none());
        if pending.is_some_and(|run| sample.time - run.hit > rule.max_gap) {
            self.run = None;
        }
        let Some(run) = self.run.as_deref_mut() else {
            if !beyond {
                return false;
            }
            let mut run = Run {
                fired: None,
                clearing: None,
                hit: sample.time,
                repeats: 0,
                evidence: Evidence::of(sample),
                holding: Vec::new(),
            };
            run.hear(rule, sample, true);
            let fired = rule.hold == 0;
            if fired {
                run.fired = Some(Point::of(sample));
                run.continues(&mut self.latched);
            }
            self.run = Some(Box::new(run));
            return fired;
        };
        let clear = !beyond && (run.fired.is_none() || rule.clears(sample.value));
        let others = run.hear(rule, sample, !clear);
        if clear && others {
            return false;
        }
        if run.fired.is_none() {
            if !beyond {
                self.run = None;
                return false;
            }
            run.evidence.add(sample);
            run.hit = sample.time;
            if sample.time - run.evidence.first.time < rule.hold {
                return false;
            }
            run.fired = Some(Point::of(sample));
            run.continues(&mut self.latched);
            return true;
        }
        run.evidence.add(sample);
        if beyond {
            run.hit = sample.time;
            let returned = run.clearing.take().is_some();
            run.repeats += u32::from(returned);
            return returned;
        }
        if !clear {
            return run.clearing.take().is_some();
        }
        let began = hole || run.clearing.is_none();
        if began {
            run.clearing = Some(Point::of(sample));
        }
        let since = run
            .clearing
            .as_ref()
            .map_or(sample.time, |point| point.time);
        if sample.time - since < rule.clear.hold {
            return began;
        }
        if let Some(run) = self.run.take() {
            let closed = Point::of(sample);
            let fired = run.fired.as_ref().map(|point| point.time);
            if rule.latch && fired > self.released {
                self.latched = Some(Box::new(Latched { run: *run, closed }));
            } else {
                self.done.extend(run.episode(Some(closed)));
            }
        }
        true
    }

    /// Whether there is any of [`Fold::episodes`].
    pub(crate) fn has_episodes(&self) -> bool {
        let fired = self.run.as_ref().is_some_and(|run| run.fired.is_some());
        fired || self.latched.is_some() || !self.done.is_empty()
    }

    /// People have acknowledged all that fired up to `until`, or, with none, nothing.
    pub(crate) fn release(&mut self, until: Option<Micros>) {
        self.released = until;
        let fired = |latched: &Latched| latched.run.fired.as_ref().map(|point| point.time);
        if self
            .latched
            .as_deref()
            .is_some_and(|latched| fired(latched) <= until)
            && let Some(latched) = self.latched.take()
        {
            self.done.extend(latched.run.episode(Some(latched.closed)));
        }
    }

    /// What is open rests on readings that are another's.
    pub(crate) fn forget(&mut self) {
        (self.run, self.last, self.latched) = (None, None, None);
    }

    /// The run that an open episode rests on.
    pub(crate) fn open_run(&self) -> Option<&Run> {
        let fired = self.run.as_deref().filter(|run| run.fired.is_some());
        let latched = self.latched.as_deref().map(|latched| &latched.run);
        fired.or(latched).or(self.run.as_deref())
    }

    /// Whether the last value is beyond the limit by enough more than `told`.
    pub(crate) fn is_worse(&self, judge: &Judge, told: f64) -> bool {
        let (Some(by), Some(run)) = (judge.worsens, self.run.as_deref()) else {
            return false;
        };
        let last = &run.evidence.last;
        self.holds() && run.hit == last.time && judge.limit.further(last.value, told) >= by
    }

    /// The episodes in order: those closed, then the open one.
    pub(crate) fn episodes(&self) -> Vec<Episode> {
        let open = self.run.as_ref().and_then(|run| run.clone().episode(None));
        let latched = || {
            let latched = self.latched.as_deref()?;
            let episode = latched.run.clone().episode(None)?;
            Some(Episode {
                latched: true,
                ..episode
            })
        };
        let open = open.or_else(latched);
        self.done.iter().cloned().chain(open).collect()
    }
}

impl Run {
    /// Notes whether the sample's device says that the condition `holds`; true if another does. A signal that is made of
    /// the readings of all devices is one voice.
    fn hear(&mut self, rule: &Judge, sample: &Sample<'_>, holds: bool) -> bool {
        if rule.signal != Signal::Value || rule.each.is_some() {
            return false;
        }
        self.holding.retain(|(device, last)| {
            !same(device, sample.device) && sample.time - *last <= rule.max_gap
        });
        let others = !self.holding.is_empty();
        if holds {
            self.holding.push((Arc::clone(sample.device), sample.time));
        }
        others
    }

    /// It has fired while an episode is latched: the same goes on.
    fn continues(&mut self, latched: &mut Option<Box<Latched>>) {
        if let Some(before) = latched.take() {
            self.repeats += before.run.repeats + 1;
            self.evidence = before.run.evidence.and(self.evidence.clone());
        }
    }

    fn episode(self, closed: Option<Point>) -> Option<Episode> {
        Some(Episode {
            onset: self.evidence.first.time,
            fired: self.fired?,
            clearing: self.clearing,
            closed,
            hit: self.hit,
            repeats: self.repeats,
            evidence: self.evidence,
            latched: false,
        })
    }
}
