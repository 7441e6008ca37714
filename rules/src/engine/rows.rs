//! The row loop: a batch of readings, row by row in the order of the log, so that events do not depend on how the
//! log is cut into batches.

use super::absence;
use super::cells::{Cells, Row, Said};
use super::context::{Context, Key};
use super::device_clock;
use super::hash::same;
use super::lane::{Lane, NEVER, Offered, Series};
use super::plan::{Kind, LanePlan, Plan, Use, Uses};
use super::row::{RowId, Sample};
use super::state::{Groups, Subject};
use super::threshold::Cause;
use super::units::Units;
use super::{Engine, threshold};
use crate::{Feed, Reason, Reattributed, Words};
use arrow_array::RecordBatch;
use std::sync::Arc;
use wardline_normalize::columns::Columns;
use wardline_normalize::time::Micros;

/// Nothing is measured after it came. A reading of a clock that is further ahead of the log's than this counts as if it
/// were so far ahead: else what other devices send meanwhile would be late beside it.
const AHEAD: Micros = 30_000_000;

/// Metrics of a batch that are remembered: devices send a handful.
const KNOWN: usize = 8;

impl Engine {
    pub(super) fn readings(&mut self, batch: &RecordBatch) {
        let Ok(columns) = Columns::new(batch) else {
            self.ctx.stats.unreadable += 1;
            return;
        };
        let cells = Cells::new(&columns);
        let plan = Arc::clone(&self.ctx.plan);
        let mut known = [None; KNOWN];
        for row in cells.rows() {
            self.pass(cells.received(row));
            let uses = uses(&plan, cells.metric(row), &mut known);
            self.used(&plan, uses, &cells, row);
        }
    }

    pub(super) fn row(&mut self, plan: &Plan, columns: &Columns<'_>, row: usize) {
        let cells = Cells::new(columns);
        self.advance(cells.received(row));
        self.used(plan, plan.uses(cells.metric(row)), &cells, row);
    }

    /// Sets the log clock forward between readings; what is due then is known from the time before.
    fn pass(&mut self, to: Micros) {
        if to <= self.ctx.clock {
            return;
        }
        if to < self.ctx.idle_until {
            self.ctx.clock = to;
            return;
        }
        self.advance(to);
        self.ctx.idle_until = self.idle_until();
    }

    fn used(&mut self, plan: &Plan, uses: &Uses, cells: &Cells<'_>, row: usize) {
        if uses.patient.is_empty() && uses.device.is_empty() && uses.absence.is_empty() {
            return;
        }
        let patient = cells.patient(row);
        let Groups { patients, devices } = &mut self.groups;
        let device = devices.next(cells.device(row));
        let mut reading = cells.row(row);
        let effective = reading.time;
        reading.time = effective.min(self.ctx.clock.saturating_add(AHEAD));
        let first = reading.version == 1;
        self.ctx.stats.invalid += u64::from(reading.value.is_none() && first);
        device.heard = self.ctx.clock;
        let received = cells.received(row);
        if first && !reading.staged && !device.times.take(effective, received) {
            let standing = &mut self.standing;
            device_clock::look(&mut self.ctx, standing, device, (cells.columns, row));
        }
        if !uses.absence.is_empty() && first && !reading.staged {
            let key = Key {
                kind: Kind::Device,
                id: Arc::clone(&device.id),
            };
            for rule in &uses.absence {
                absence::heard(&mut self.ctx, &key, device, *rule, reading.id);
            }
        }
        if !uses.device.is_empty() {
            let id = Arc::clone(&device.id);
            for used in &uses.device {
                let subject = (Kind::Device, &mut *device);
                offer(&mut self.ctx, plan, subject, *used, &reading, &id);
            }
        }
        if uses.patient.is_empty() {
            return;
        }
        if !first {
            let others = device.recent.iter();
            let former: Vec<Arc<str>> = others
                .filter(|known| patient != Some(&***known))
                .cloned()
                .collect();
            for known in former {
                if let Some(subject) = patients.get(&known) {
                    let lanes = uses.patient.iter().map(|used| used.lane);
                    moved(&mut self.ctx, plan, subject, &reading, lanes);
                }
            }
        }
        let Some(patient) = patient else { return };
        let (slot, subject) = patients.entry(patient, device.latest);
        device.latest = slot;
        device.note_patient(&subject.id);
        subject.heard = self.ctx.clock;
        for used in &uses.patient {
            let subject = (Kind::Patient, &mut *subject);
            offer(&mut self.ctx, plan, subject, *used, &reading, &device.id);
        }
    }

    pub(super) fn reattributed(&mut self, moved: &Reattributed) {
        self.advance(moved.at);
        let plan = Arc::clone(&self.ctx.plan);
        let Some(subject) = self.groups.get(Kind::Patient, &moved.former) else {
            return;
        };
        let inside =
            |time: Micros| time >= moved.from && moved.until.is_none_or(|until| time < until);
        let lanes: Vec<usize> = subject.lanes.iter().map(|(lane, _)| *lane).collect();
        for lane in lanes {
            let gone =
                |sample: &Sample<'_>| **sample.device == *moved.device && inside(sample.time);
            let rests = |_: &super::alert::Alert, run: Option<&super::fold::Run>| {
                run.is_some_and(|run| {
                    let evidence = &run.evidence;
                    [
                        &evidence.first,
                        &evidence.low,
                        &evidence.high,
                        &evidence.last,
                    ]
                    .iter()
                    .any(|point| *point.device == *moved.device && inside(point.time))
                })
            };
            take_away(&mut self.ctx, &plan, subject, lane, gone, rests);
        }
    }
}

/// A corrected row is no longer this patient's.
fn moved(
    ctx: &mut Context,
    plan: &Plan,
    subject: &mut Subject,
    row: &Row<'_>,
    lanes: impl Iterator<Item = usize>,
) {
    let id = RowId::new(row.id);
    for lane in lanes {
        let rests = |alert: &super::alert::Alert, run: Option<&super::fold::Run>| {
            alert.evidence.iter().any(|known| known == row.id)
                || run.is_some_and(|run| run.evidence.has(&id))
        };
        take_away(ctx, plan, subject, lane, |sample| *sample.id == id, rests);
    }
}

/// Removes samples that belong to another patient, and resolves the alerts that rest on them.
fn take_away(
    ctx: &mut Context,
    plan: &Plan,
    subject: &mut Subject,
    lane: usize,
    gone: impl Fn(&Sample<'_>) -> bool,
    rests: impl Fn(&super::alert::Alert, Option<&super::fold::Run>) -> bool,
) {
    let key = Key {
        kind: Kind::Patient,
        id: Arc::clone(&subject.id),
    };
    let Some((_, lane_state)) = subject.lanes.iter_mut().find(|(known, _)| *known == lane) else {
        return;
    };
    let mut changed = false;
    for (series, (rule, _)) in lane_state.series.iter_mut().zip(&plan.lanes[lane].rules) {
        let run = series.current.open_run();
        if let Some(alert) = series
            .alerts
            .iter_mut()
            .find(|alert| alert.is_open() && rests(alert, run))
        {
            // What was settled of the run rests on these readings as well.
            series.base.forget();
            threshold::withdraw(ctx, &key, *rule, alert, Reason::Reattributed);
            changed = true;
        }
    }
    changed |= lane_state.remove(&plan.lanes[lane], gone);
    if changed {
        lane_state.refold(&plan.lanes[lane]);
        reconcile(ctx, plan, &key, subject, lane, Cause::Removal);
    }
}

/// Who uses the metric, looked for among those of the rows before first.
fn uses<'p>(
    plan: &'p Plan,
    metric: &'p str,
    known: &mut [Option<(&'p str, &'p Uses)>; KNOWN],
) -> &'p Uses {
    for place in known {
        match place {
            Some((name, uses)) if same(name, metric) => return uses,
            Some(_) => {}
            None => return place.insert((metric, plan.uses(metric))).1,
        }
    }
    plan.uses(metric)
}

/// The number that a feed makes of it. What is off the scale of its device is infinite; so is a word that a score
/// cannot place, which makes what was known before old.
fn number(feed: &Feed, units: &Units, said: Said<'_>) -> Option<f64> {
    match (&feed.words, said) {
        (Words::None, Said::Number(value, unit)) => units.convert(value, unit),
        (Words::None, Said::OffScale(end, _)) => Some(end),
        (Words::AnyOf(words), Said::Words(said) | Said::OffScale(_, Some(said))) => {
            let known = |one: &str| words.iter().any(|word| word == one);
            Some(f64::from(u8::from(said.split([' ', ',']).any(known))))
        }
        // A list of words is a handful.
        (Words::Place(words), Said::Words(said) | Said::OffScale(_, Some(said))) => {
            let place = words.iter().position(|word| word == said);
            Some(place.map_or(f64::INFINITY, |place| place as f64))
        }
        _ => None,
    }
}

/// Whether a feed has no use for what a reading says.
fn is_foreign(feed: &Feed, value: Option<f64>) -> bool {
    match (&feed.words, value) {
        (Words::Place(_), Some(place)) => place.is_infinite(),
        (_, value) => value.is_none(),
    }
}

#[inline]
fn offer(
    ctx: &mut Context,
    plan: &Plan,
    (kind, subject): (Kind, &mut Subject),
    used: Use,
    row: &Row<'_>,
    device: &Arc<str>,
) {
    let Use { lane, input, rank } = used;
    let lane_plan = &plan.lanes[lane];
    let feed = &lane_plan.feeds[usize::from(input)];
    let units = &lane_plan.units[usize::from(input)];
    let value = match &feed.words {
        Words::Marked(words) => row.marked(words),
        _ => row.value.and_then(|said| number(feed, units, said)),
    };
    let foreign = row.value.is_some() && row.version == 1 && is_foreign(feed, value);
    ctx.stats.foreign += u64::from(foreign);
    let place = subject.place_of(lane);
    let Some(value) = value else {
        if let (Some(place), true) = (place, row.version > 1) {
            correct(ctx, plan, (kind, subject), place, row, None);
        }
        return;
    };
    let id = RowId::new(row.id);
    let sample = Sample {
        time: row.time,
        input,
        rank,
        id: &id,
        version: row.version,
        value,
        device,
    };
    let place = place.unwrap_or_else(|| begin(ctx, lane_plan, (kind, subject), lane));
    if row.version > 1 {
        correct(ctx, plan, (kind, subject), place, row, Some(&sample));
    } else if !subject.lanes[place].1.pass(lane_plan, &sample) {
        take(ctx, plan, (kind, subject), place, &sample, Cause::Reading);
    }
}

/// The subject's first sample for the lane.
fn begin(
    ctx: &Context,
    plan: &LanePlan,
    (kind, subject): (Kind, &mut Subject),
    lane: usize,
) -> usize {
    let id = Arc::clone(&subject.id);
    let key = Key { kind, id };
    let series = |rule| ctx.series(rule, &key, NEVER);
    subject.lanes.push((lane, Lane::new(plan, series)));
    subject.lanes.len() - 1
}

/// A row in the place of one that was sent before; without a sample it no longer counts.
fn correct(
    ctx: &mut Context,
    plan: &Plan,
    (kind, subject): (Kind, &mut Subject),
    place: usize,
    row: &Row<'_>,
    sample: Option<&Sample<'_>>,
) {
    let (lane, state) = &mut subject.lanes[place];
    let id = RowId::new(row.id);
    if state
        .version_of(&id)
        .is_some_and(|version| version < row.version)
    {
        state.remove(&plan.lanes[*lane], |sample| *sample.id == id);
    }
    match sample {
        Some(sample) => take(ctx, plan, (kind, subject), place, sample, Cause::Correction),
        None => follow(ctx, plan, (kind, subject), place, Cause::Correction),
    }
}

fn take(
    ctx: &mut Context,
    plan: &Plan,
    (kind, subject): (Kind, &mut Subject),
    place: usize,
    sample: &Sample<'_>,
    cause: Cause,
) {
    let (lane, state) = &mut subject.lanes[place];
    if state.offer(&plan.lanes[*lane], sample) == Offered::Late {
        ctx.stats.late += 1;
    }
    follow(ctx, plan, (kind, subject), place, cause);
}

/// Says what follows from the samples as they now are, and settles what is old.
fn follow(
    ctx: &mut Context,
    plan: &Plan,
    (kind, subject): (Kind, &mut Subject),
    place: usize,
    cause: Cause,
) {
    let (lane, state) = &mut subject.lanes[place];
    if !state.calm {
        confirm(ctx, &plan.lanes[*lane], (kind, &subject.id), &state.series);
    }
    if !state.calm && state.series.iter().any(|series| series.dirty) {
        let (lane, id) = (*lane, Arc::clone(&subject.id));
        reconcile(ctx, plan, &Key { kind, id }, subject, lane, cause);
    } else {
        state.settle(&plan.lanes[*lane]);
    }
}

/// A reading may confirm what inhibits others.
fn confirm(ctx: &mut Context, lane: &LanePlan, (kind, id): (Kind, &Arc<str>), all: &[Series]) {
    for (series, (rule, _)) in all.iter().zip(&lane.rules) {
        if ctx.plan.inhibits[*rule] && series.confirmed().is_some() {
            let id = Arc::clone(id);
            ctx.note_inhibiting(*rule, &Key { kind, id }, series);
        }
    }
}

pub(super) fn reconcile(
    ctx: &mut Context,
    plan: &Plan,
    key: &Key,
    subject: &mut Subject,
    lane: usize,
    cause: Cause,
) {
    let Some((_, state)) = subject.lanes.iter_mut().find(|(known, _)| *known == lane) else {
        return;
    };
    for (series, (rule, judge)) in state.series.iter_mut().zip(&plan.lanes[lane].rules) {
        if series.dirty {
            threshold::reconcile(ctx, key, (*rule, judge), series, cause);
        }
    }
    state.settle(&plan.lanes[lane]);
}
