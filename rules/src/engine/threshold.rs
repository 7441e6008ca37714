//! Brings the alerts of a threshold series in line with the episodes its fold shows, and says what changed.
//!
//! Inhibition and paging are decided here, by the log clock and what is open now; so they do not touch the episodes
//! themselves, which depend on the readings alone.

use super::alert::Alert;
use super::context::{Context, Key, What};
use super::fold::Episode;
use super::lane::Series;
use super::limits::InForce;
use crate::{EventKind, Judge, Reason, State};
use wardline_normalize::time::Micros;

/// Least event time between two pages for one alert because it has become worse.
const WORSE_AFTER: Micros = 60_000_000;

const LATE: &str = "first seen in late readings";
const NOT_OVER: &str = "late or corrected readings show that it is not over";
const BACK: &str = "no longer recovering";
const AGAIN: &str = "it is back before anybody has acknowledged it";
const WORSE: &str = "further beyond than when people were last told";

/// What changed the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A reading as it was first sent.
    Reading,
    /// A correction, which never pages.
    Correction,
    /// Readings were taken away, or are judged by other limits. What is left raises only when a reading goes on with
    /// it: the rest may go as well.
    Removal,
}

pub(crate) fn reconcile(
    ctx: &mut Context,
    key: &Key,
    (rule, judge): (usize, &Judge),
    series: &mut Series,
    cause: Cause,
) {
    if series.alerts.is_empty() && !series.current.has_episodes() {
        series.dirty = false;
        return;
    }
    series.mark = None;
    let episodes = series.current.episodes();
    let mut alerts = std::mem::take(&mut series.alerts);
    let note = series.current.derived.note(judge);
    let limits = &series.limits;
    for alert in alerts.iter_mut().filter(|alert| alert.is_open()) {
        alert.note.clone_from(&note);
    }
    let matched = pair(&alerts, &episodes);

    // First what ends, so that at most one alert is open at any time.
    for (alert, episode) in alerts.iter_mut().zip(&matched) {
        if episode.is_none() && !alert.withdrawn {
            withdraw(ctx, key, rule, alert, Reason::Withdrawn);
        }
    }
    for (alert, episode) in alerts.iter_mut().zip(&matched) {
        if let Some(episode) = episode.and_then(|index| episodes.get(index)) {
            update(ctx, key, rule, alert, (episode, limits), cause);
        }
    }
    for (index, episode) in episodes.iter().enumerate() {
        if !matched.contains(&Some(index)) {
            alerts.push(Alert::of(episode, limits));
            if let Some(alert) = alerts.last_mut() {
                alert.note.clone_from(&note);
                begin(ctx, key, rule, alert, (episode, limits), cause);
            }
        }
    }
    // What was held back, or found in late data, waits for a sample that is beyond the limit and recent.
    if let Some(episode) = episodes.last().filter(|episode| episode.closed.is_none())
        && let Some(alert) = alerts.iter_mut().find(|alert| alert.is_open())
    {
        if follow(ctx, key, (rule, judge), alert, (episode, limits), cause) {
            // The acknowledgement was of something better.
            series.base.release(None);
            series.current.release(None);
        }
        if alert.reported && alert.hush.by_device {
            ctx.hush_again(rule, key, alert, None);
        }
    }
    let open = alerts.iter().find(|alert| alert.is_open());
    series.dirty = open.is_some_and(|alert| alert.waits(ctx.pages(rule)));
    series.told = open
        .filter(|_| judge.worsens.is_some())
        .and_then(|alert| alert.told);
    if open.is_some_and(|alert| alert.latched.is_some() && !alert.reported) {
        // Held back from the first to the last: nobody has to acknowledge what nobody was told of.
        let seen = episodes.last().map(|episode| episode.fired.time);
        series.base.release(seen);
        series.base.done.clear();
        series.current.release(seen);
        alerts.retain(|alert| !alert.is_open());
        series.current.done.pop();
    }
    series.alerts = alerts;
    ctx.note_inhibiting(rule, key, series);
}

/// Which episode each alert is: the one it was first raised for, else one that overlaps it.
fn pair(alerts: &[Alert], episodes: &[Episode]) -> Vec<Option<usize>> {
    let mut matched: Vec<Option<usize>> = alerts
        .iter()
        .map(|alert| {
            episodes
                .iter()
                .position(|episode| episode.onset == alert.first_onset)
        })
        .collect();
    for (place, alert) in alerts.iter().enumerate() {
        if matched[place].is_none() && !alert.withdrawn {
            let end = alert.ended.unwrap_or(Micros::MAX);
            matched[place] = (0..episodes.len()).find(|index| {
                let episode = &episodes[*index];
                !matched.contains(&Some(*index))
                    && episode.onset <= end
                    && alert.onset <= episode.ended().unwrap_or(Micros::MAX)
            });
        }
    }
    matched
}

/// The alert has no ground any more.
pub(crate) fn withdraw(
    ctx: &mut Context,
    key: &Key,
    rule: usize,
    alert: &mut Alert,
    reason: Reason,
) {
    alert.withdrawn = true;
    let ended = if reason == Reason::Withdrawn {
        alert.onset
    } else {
        ctx.clock.max(alert.onset)
    };
    ctx.resolve(rule, key, alert, ended, reason);
}

fn state_of(episode: &Episode) -> State {
    match (&episode.closed, &episode.clearing) {
        (Some(_), _) => State::Resolved,
        (None, Some(_)) => State::Recovering,
        (None, None) => State::Active,
    }
}

/// An alert that is known, and its episode as it is now.
fn update(
    ctx: &mut Context,
    key: &Key,
    rule: usize,
    alert: &mut Alert,
    (episode, limits): (&Episode, &InForce),
    cause: Cause,
) {
    let (before, after) = (alert.state, state_of(episode));
    let event_time = episode.evidence.last.time;
    alert.take(episode, limits);
    if !alert.reported {
        alert.withdrawn = false;
        alert.ended = episode.ended();
        alert.onset = episode.onset;
        alert.first_onset = episode.onset;
        alert.state = after;
        alert.latched = episode.over_since();
        return;
    }
    let reopened = before == State::Resolved && after != State::Resolved;
    let moved = alert.onset != episode.onset
        || (before == State::Resolved
            && after == State::Resolved
            && alert.ended != episode.ended());
    alert.onset = episode.onset;
    alert.withdrawn = false;
    if reopened || moved {
        // An alert that goes on is corrected first; its transition follows.
        let resolved = before == State::Resolved;
        if reopened {
            reopen(ctx, key, rule, alert);
        }
        alert.state = if resolved { after } else { before };
        alert.ended = if resolved { episode.ended() } else { None };
        ctx.emit(
            rule,
            key,
            alert,
            What::new(EventKind::Corrected, event_time),
        );
    }
    let latched = std::mem::replace(&mut alert.latched, episode.over_since());
    match (alert.state, after) {
        (_, State::Recovering) if latched.is_none() && alert.latched.is_some() => {
            alert.state = after;
            let over = alert.latched.unwrap_or(event_time);
            ctx.emit(rule, key, alert, What::new(EventKind::Recovering, over));
        }
        (State::Active, State::Recovering) => {
            alert.state = after;
            ctx.emit(
                rule,
                key,
                alert,
                What::new(EventKind::Recovering, event_time),
            );
        }
        (State::Recovering, State::Recovering) if latched != alert.latched => {
            let what = What::new(EventKind::Corrected, event_time);
            ctx.emit(rule, key, alert, what);
        }
        (State::Recovering, State::Active) => {
            alert.state = after;
            ctx.stats.repeats += 1;
            // After it was over it is another episode, though of the same alert.
            let anew = latched.is_some_and(|over| episode.fired.time > over);
            let page = anew
                && cause == Cause::Reading
                && recent(ctx, rule, episode.hit)
                && ctx.may_page(rule, key, alert, event_time);
            let why = if anew { AGAIN } else { BACK };
            let what = What::new(EventKind::Worsened, event_time).paging(page);
            ctx.emit(rule, key, alert, what.why(why));
        }
        (State::Active | State::Recovering, State::Resolved) => {
            ctx.resolve(
                rule,
                key,
                alert,
                episode.ended().unwrap_or(event_time),
                Reason::Cleared,
            );
        }
        _ => {}
    }
}

/// People believe that it is over: unless somebody has acknowledged it, the next current reading that goes on with it
/// tells them, as of one that is new. What a silence holds back still waits for its end.
fn reopen(ctx: &mut Context, key: &Key, rule: usize, alert: &mut Alert) {
    ctx.hush(rule, key, alert);
    if let Some(until) = alert.silenced_until {
        ctx.timer(until, super::context::Purpose::SilenceEnds, rule, key);
    }
    alert.hush.held &= alert.silenced_until.is_some();
    if alert.acknowledged.is_none() {
        (alert.paged, alert.level, alert.reopened) = (None, 0, true);
    }
}

/// An episode that no alert tells of yet.
fn begin(
    ctx: &mut Context,
    key: &Key,
    rule: usize,
    alert: &mut Alert,
    (episode, limits): (&Episode, &InForce),
    cause: Cause,
) {
    let last = &episode.evidence.last;
    let inhibited = ctx.inhibited(rule, key, &last.device, last.time);
    ctx.stats.held_by_inhibition += u64::from(inhibited);
    if cause == Cause::Removal || inhibited {
        alert.state = state_of(episode);
        alert.ended = episode.ended();
        alert.latched = episode.over_since();
        return;
    }
    let over = episode.closed.is_some() || episode.latched;
    let page = cause == Cause::Reading && !over && recent(ctx, rule, episode.hit);
    alert.value = Some(episode.fired.value);
    alert.limits = limits.used(episode.fired.time);
    alert.device = Some(std::sync::Arc::clone(&episode.fired.device));
    if let Some(ended) = episode.ended() {
        // Never shown as open: a later one may be.
        (alert.state, alert.ended) = (State::Resolved, Some(ended));
        ctx.report(rule, key, alert, episode.fired.time, page);
        alert.take(episode, limits);
        ctx.resolve(rule, key, alert, ended, Reason::Cleared);
        return;
    }
    ctx.report(rule, key, alert, episode.fired.time, page);
    update(ctx, key, rule, alert, (episode, limits), cause);
}

/// People may be told of a reading of `time`.
fn recent(ctx: &Context, rule: usize, time: Micros) -> bool {
    ctx.pages(rule) && ctx.clock.saturating_sub(time) <= ctx.plan.set.rules()[rule].page_within
}

/// What a current reading says of the open alert beyond its state. True if an acknowledgement no longer counts.
fn follow(
    ctx: &mut Context,
    key: &Key,
    (rule, judge): (usize, &Judge),
    alert: &mut Alert,
    (episode, limits): (&Episode, &InForce),
    cause: Cause,
) -> bool {
    let last = &episode.evidence.last;
    if cause == Cause::Removal || alert.state != State::Active || episode.hit != last.time {
        return false;
    }
    let page = cause == Cause::Reading && recent(ctx, rule, last.time);
    if !alert.reported {
        if !ctx.inhibited(rule, key, &last.device, last.time) {
            alert.take(episode, limits);
            ctx.report(rule, key, alert, last.time, page);
        }
        return false;
    }
    if !page {
        return false;
    }
    let told = alert.told.filter(|told| {
        let limit = limits.judge(judge, last.time).limit;
        let worse = |by| limit.further(last.value, told.value) >= by;
        judge.worsens.is_some_and(worse) && last.time - told.time >= WORSE_AFTER
    });
    let why = match told {
        _ if alert.is_untold() && alert.reopened => NOT_OVER,
        _ if alert.is_untold() => LATE,
        Some(_) => WORSE,
        None => return false,
    };
    alert.take(episode, limits);
    alert.acknowledged = None;
    let page = ctx.may_page(rule, key, alert, last.time);
    ctx.stats.worsened += u64::from(page && why == WORSE);
    // A page that a silence holds back is told of at its end.
    if page || why == WORSE {
        let what = What::new(EventKind::Worsened, last.time).paging(page);
        ctx.emit(rule, key, alert, what.why(why));
    }
    why == WORSE
}
