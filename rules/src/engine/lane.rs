//! One subject's samples of one list of feeds, kept as long as a late one may still come, and the folds over them.
//!
//! `base` of a series is the fold over everything before `floor`; `current` is `base` and the buffer. A sample that
//! arrives in order is one step of `current`; one that does not makes `current` anew from `base`. So `current` is a
//! function of the set of samples taken, not of the order in which they came.

use super::alert::{Alert, Told};
use super::buffer::{Buffer, Kept};
use super::limits::InForce;
use super::plan::LanePlan;
use super::row::{RowId, Sample};
use super::slim::Slim;
use crate::{Feed, Judge, Signal};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use wardline_normalize::time::Micros;

/// How much older than the newest a sample may be and still take its place: 60 s of event time (design 5.6).
pub(crate) const LATENESS: Micros = 60_000_000;

/// Most samples kept per lane: 17 a second for the whole lateness. Beyond it the oldest is settled early.
pub(crate) const MAX_BUFFER: usize = 1024;

/// A less preferred metric counts only when no preferred one did for this long: twice the usual interval.
pub(crate) const PREFERENCE: Micros = 120_000_000;

pub(crate) const NEVER: Micros = Micros::MIN;

/// One rule on the subject of the lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Series {
    /// Samples up to here were before the rule's time.
    pub(crate) since: Micros,
    /// Whether the rule applies to the patient.
    pub(crate) applies: bool,
    pub(crate) base: Slim,
    pub(crate) current: Slim,
    /// `current` before the lane's `mark`; only a shorter way to it.
    #[serde(skip)]
    pub(crate) mark: Option<Slim>,
    /// What judges in the place of the rule's own limit.
    #[serde(skip)]
    pub(crate) limits: InForce,
    /// At most one that is open, and those that a late sample may still change.
    pub(crate) alerts: Vec<Alert>,
    /// What people were told of the open alert, if it is told again when it is worse.
    #[serde(default)]
    pub(crate) told: Option<Told>,
    /// The episodes of `current` may differ from what `alerts` says, or an alert waits for a sample.
    pub(crate) dirty: bool,
}

impl Series {
    pub(crate) fn new(applies: bool, limits: InForce, since: Micros) -> Self {
        Self {
            since,
            applies,
            limits,
            base: Slim::default(),
            current: Slim::default(),
            mark: None,
            alerts: Vec::new(),
            told: None,
            dirty: false,
        }
    }

    /// The last reading that says that the condition of the open alert holds; none of one that is over and latched.
    pub(crate) fn confirmed(&self) -> Option<Micros> {
        let holds = |alert: &Alert| alert.is_shown() && alert.latched.is_none();
        let run = self.current.run.as_deref();
        run.filter(|run| run.fired.is_some() && self.alerts.iter().any(holds))
            .map(|run| run.evidence.last.time)
    }

    fn takes(&self, sample: &Sample<'_>) -> bool {
        self.applies && sample.time > self.since
    }

    /// Nothing is going on, nor can a value within the limits of the rules change that.
    fn is_calm(&self) -> bool {
        self.base.is_empty()
            && self.current.is_empty()
            && self.alerts.is_empty()
            && self.told.is_none()
            && !self.dirty
            && self.limits.is_own()
    }
}

/// In this order in memory, for the processor's cache: what each sample needs comes first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[repr(C)]
pub(crate) struct Lane {
    /// All series are calm, as far as is known: whoever changes one makes it false.
    #[serde(skip)]
    pub(crate) calm: bool,
    /// Newest sample so far.
    pub(crate) seen: Micros,
    floor: Micros,
    buffer: Buffer,
    pub(crate) series: Vec<Series>,
    /// By feed and rank: when it was heard last. Empty where each feed has one metric.
    base_ranks: Vec<Vec<Micros>>,
    ranks: Vec<Vec<Micros>>,
    /// Of several feeds: the newest of each that is settled.
    #[serde(default)]
    settled: Vec<Micros>,
    /// Of several feeds, readings of one instant come in any order: what was before it is kept in the series.
    #[serde(skip)]
    mark: Option<Mark>,
}

/// The latest instant, and `ranks` before it.
#[derive(Debug, Clone)]
struct Mark {
    time: Micros,
    ranks: Vec<Vec<Micros>>,
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Taken,
    Known,
    /// Older than the lane still looks at.
    Late,
}

impl Lane {
    pub(crate) fn new(plan: &LanePlan, series: impl Fn(usize) -> Series) -> Self {
        // One metric has nothing to be preferred to.
        let ranks: Vec<Vec<Micros>> = match plan.ranked {
            true => plan.feeds.iter().map(ranks_of).collect(),
            false => Vec::new(),
        };
        let series: Vec<Series> = plan.rules.iter().map(|(rule, _)| series(*rule)).collect();
        Self {
            seen: NEVER,
            floor: NEVER,
            buffer: Buffer::default(),
            base_ranks: ranks.clone(),
            ranks,
            settled: Vec::new(),
            calm: plan.quiet.is_some() && series.iter().all(Series::is_calm),
            series,
            mark: None,
        }
    }

    /// The short way of a sample: one that comes in order and is quiet, while all is calm, is kept and changes nothing
    /// else. False, and nothing done, if it is another.
    #[inline]
    pub(crate) fn pass(&mut self, plan: &LanePlan, sample: &Sample<'_>) -> bool {
        if !self.calm || sample.time <= self.seen || !plan.is_quiet(sample.value) {
            return false;
        }
        self.seen = sample.time;
        self.floor = self.floor.max(sample.time.saturating_sub(LATENESS));
        let floor = self.floor;
        let settled = |old: &Kept| old.time < floor && plan.is_quiet(old.value);
        if plan.ranked {
            counts(&mut self.ranks, place(sample));
            let ranks = &mut self.base_ranks;
            self.buffer.remove_while(|old| {
                let settled = settled(old);
                if settled {
                    counts(ranks, (old.input, old.rank, old.time));
                }
                settled
            });
        } else {
            self.buffer.remove_while(settled);
        }
        self.buffer.push(sample);
        let is_over = self.buffer.len() > MAX_BUFFER;
        if is_over || self.buffer.oldest().is_some_and(|oldest| oldest < floor) {
            self.settle(plan);
        }
        true
    }

    /// Takes a sample; marks the series whose episodes may have changed.
    pub(crate) fn offer(&mut self, plan: &LanePlan, sample: &Sample<'_>) -> Offered {
        if sample.time < self.floor {
            return if self.catch_up(plan, sample) {
                Offered::Taken
            } else {
                Offered::Late
            };
        }
        let newest = self
            .buffer
            .last()
            .is_none_or(|last| last.order(sample) == Ordering::Less);
        if newest {
            let quiet = self.calm && plan.is_quiet(sample.value);
            self.calm = quiet;
            if plan.feeds.len() > 1 && sample.time > self.seen {
                self.set_mark(sample.time);
            }
            self.seen = self.seen.max(sample.time);
            if counts(&mut self.ranks, place(sample)) && !quiet {
                self.step(plan, sample);
            }
            self.buffer.push(sample);
            return Offered::Taken;
        }
        let place = self
            .buffer
            .partition_point(|known| known.order(sample) == Ordering::Less);
        match self.buffer.get(place) {
            Some(known) if known.order(sample) == Ordering::Equal => {
                if known.version >= sample.version {
                    return Offered::Known;
                }
                self.buffer.replace(place, sample);
            }
            _ => self.buffer.insert(place, sample),
        }
        if !self.refold_from_mark(plan, sample.time) {
            self.refold(plan);
        }
        Offered::Taken
    }

    /// A sample that is older than the lane looks at, and yet the newest of its feed: a cuff that is stamped when it
    /// began, what people write down later. The other feeds are ahead of it; from now on it counts beside them.
    fn catch_up(&mut self, plan: &LanePlan, sample: &Sample<'_>) -> bool {
        let input = usize::from(sample.input);
        let known = self.settled.get(input).copied().unwrap_or(NEVER);
        let corrects = sample.version > 1 && known == sample.time;
        if plan.feeds.len() < 2
            || known >= sample.time && !corrects
            || self.buffer.iter().any(|later| later.input == sample.input)
            || !counts(&mut self.base_ranks, place(sample))
        {
            return false;
        }
        note_settled(&mut self.settled, plan, sample);
        for (series, (_, judge)) in self.series.iter_mut().zip(&plan.rules) {
            if series.takes(sample) {
                let judge = series.limits.judge(judge, sample.time);
                series.base.derived.catch_up(judge, input, sample);
            }
        }
        self.refold(plan);
        true
    }

    /// The newest sample, in order.
    fn step(&mut self, plan: &LanePlan, sample: &Sample<'_>) {
        for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
            if series.takes(sample) {
                let judge = series.limits.judge(rule, sample.time);
                series.dirty |= step(&mut series.current, judge, sample);
                series.dirty |= series
                    .told
                    .is_some_and(|told| series.current.is_worse(judge, told.value));
            }
        }
    }

    /// A sample of a later instant than all before comes.
    fn set_mark(&mut self, time: Micros) {
        let mark = self.mark.get_or_insert_with(|| Mark {
            time,
            ranks: Vec::new(),
        });
        mark.time = time;
        mark.ranks.clone_from(&self.ranks);
        for series in &mut self.series {
            let mark = series.mark.get_or_insert_default();
            mark.copy_from(&series.current);
        }
    }

    /// Folds anew what came since the mark, if a sample of `time` changes nothing before it. False if it does, or if
    /// a series has changed otherwise.
    fn refold_from_mark(&mut self, plan: &LanePlan, time: Micros) -> bool {
        let Some(mark) = self.mark.as_ref().filter(|mark| mark.time <= time) else {
            return false;
        };
        if mark.time < self.floor || self.series.iter().any(|series| series.mark.is_none()) {
            return false;
        }
        self.ranks.clone_from(&mark.ranks);
        for series in &mut self.series {
            if let Some(mark) = &series.mark {
                series.current.copy_from(mark);
            }
            if !series.current.is_empty() {
                series.current.settle(self.floor);
            }
            series.dirty = true;
        }
        let from = mark.time;
        let first = self.buffer.partition_point(|sample| sample.time < from);
        self.fold(plan, first);
        true
    }

    /// Brings `current` on with the buffer from a place on.
    fn fold(&mut self, plan: &LanePlan, first: usize) {
        for sample in self.buffer.iter().skip(first) {
            if !counts(&mut self.ranks, place(&sample)) {
                continue;
            }
            for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
                if series.takes(&sample) {
                    let judge = series.limits.judge(rule, sample.time);
                    step(&mut series.current, judge, &sample);
                }
            }
        }
    }

    /// Takes out what `gone` says, and says whether there was any.
    pub(crate) fn remove(&mut self, plan: &LanePlan, gone: impl Fn(&Sample<'_>) -> bool) -> bool {
        let before = self.buffer.len();
        self.buffer.remove_if(gone);
        let changed = self.buffer.len() != before;
        if changed {
            self.refold(plan);
        }
        changed
    }

    /// The version under which a row is in the buffer.
    pub(crate) fn version_of(&self, id: &RowId) -> Option<i64> {
        self.buffer
            .iter()
            .find(|sample| sample.id == id)
            .map(|sample| sample.version)
    }

    /// Folds anew from what is settled.
    pub(crate) fn refold(&mut self, plan: &LanePlan) {
        (self.calm, self.mark) = (false, None);
        self.ranks.clone_from(&self.base_ranks);
        for series in &mut self.series {
            series.current.copy_from(&series.base);
            series.dirty = true;
        }
        self.fold(plan, 0);
    }

    /// Nothing was heard for long, and the alerts of these rules have ended with it: their conditions begin anew with
    /// the next reading.
    pub(crate) fn let_go(&mut self, plan: &LanePlan, ended: impl Fn(&Judge) -> bool) {
        self.floor = self.floor.max(self.seen.saturating_add(1));
        self.settle(plan);
        (self.calm, self.mark) = (false, None);
        for (series, (_, judge)) in self.series.iter_mut().zip(&plan.rules) {
            if !ended(judge) {
                continue;
            }
            series.alerts.clear();
            (series.told, series.dirty, series.mark) = (None, false, None);
            for fold in [&mut series.base, &mut series.current] {
                if !fold.is_empty() {
                    fold.forget();
                    fold.settle(self.floor);
                    fold.trim();
                }
            }
        }
    }

    /// Moves what is too old to be changed from the buffer into `base`. After the alerts were brought in line.
    pub(crate) fn settle(&mut self, plan: &LanePlan) {
        let floor = self.floor.max(self.seen.saturating_sub(LATENESS));
        let full = self.buffer.len() > MAX_BUFFER;
        if !full && self.buffer.oldest().is_none_or(|oldest| oldest >= floor) {
            self.floor = floor;
            return;
        }
        self.floor = floor;
        if full && let Some(oldest) = self.buffer.oldest() {
            // All samples of that time, so that the floor parts what is settled from what is not.
            self.floor = self.floor.max(oldest + 1);
        }
        while let Some(sample) = self.buffer.first()
            && sample.time < self.floor
        {
            let counts = counts(&mut self.base_ranks, place(&sample));
            self.calm &= plan.is_quiet(sample.value);
            if counts && !self.calm {
                for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
                    if series.takes(&sample) {
                        let judge = series.limits.judge(rule, sample.time);
                        step(&mut series.base, judge, &sample);
                        if !series.base.is_empty() {
                            series.base.done.clear();
                        }
                    }
                }
            }
            note_settled(&mut self.settled, plan, &sample);
            self.buffer.remove_first();
        }
        if self.calm {
            return;
        }
        let floor = self.floor;
        for series in &mut self.series {
            for fold in [&mut series.base, &mut series.current] {
                if !fold.is_empty() {
                    fold.settle(floor);
                    fold.trim();
                }
            }
            series
                .alerts
                .retain(|alert| alert.is_open() || alert.last_change >= floor);
        }
        self.calm = plan.quiet.is_some() && self.series.iter().all(Series::is_calm);
    }
}

/// When each metric of a feed was heard last.
fn ranks_of(feed: &Feed) -> Vec<Micros> {
    match feed.metrics.len() {
        0 | 1 => Vec::new(),
        several => vec![NEVER; several],
    }
}

/// The sample is settled: of several feeds, the newest of each is remembered.
fn note_settled(settled: &mut Vec<Micros>, plan: &LanePlan, sample: &Sample<'_>) {
    if plan.feeds.len() > 1 {
        settled.resize(plan.feeds.len(), NEVER);
        if let Some(known) = settled.get_mut(usize::from(sample.input)) {
            *known = sample.time;
        }
    }
}

/// One sample through one fold; a reading within its limit leaves nothing where nothing is.
fn step(fold: &mut Slim, judge: &Judge, sample: &Sample<'_>) -> bool {
    let plain = judge.signal == Signal::Value && judge.each.is_none();
    if plain && fold.is_empty() && !judge.limit.is_beyond(sample.value) {
        return false;
    }
    fold.step(judge, usize::from(sample.input), sample)
}

/// Feed and rank of a sample, and its time.
type Place = (u8, u8, Micros);

fn place(sample: &Sample<'_>) -> Place {
    (sample.input, sample.rank, sample.time)
}

/// Notes the sample's metric as heard, and says whether it counts beside the preferred ones.
fn counts(ranks: &mut [Vec<Micros>], (input, rank, time): Place) -> bool {
    let Some(ranks) = ranks
        .get_mut(usize::from(input))
        .filter(|ranks| !ranks.is_empty())
    else {
        return true;
    };
    let rank = usize::from(rank);
    let preferred = ranks
        .iter()
        .take(rank)
        .any(|last| *last != NEVER && time - last <= PREFERENCE);
    if let Some(last) = ranks.get_mut(rank) {
        *last = time;
    }
    !preferred
}
