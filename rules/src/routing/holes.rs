//! What a routing file leaves open: hours of a week in which a list names nobody, routes that are never reached.

use super::file::{Route, Routing, To};
use super::hours::{DAY, Shift, Window};
use crate::ruleset::fields::Faults;

/// Minutes of a week; overrides, holidays and changes of the clocks are left aside.
const WEEK: usize = 7 * DAY as usize;
const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Holes of one list that are spelled out.
const SPELLED: usize = 3;

pub(super) fn find(
    routing: &Routing,
    routes: &[usize],
    targets: &[usize],
    warnings: &mut Faults<'_>,
) {
    let mut taken: Option<&Route> = None;
    let own = routing.routes.len() - usize::from(routing.has_fallback);
    for (index, (route, offset)) in routing.routes.iter().zip(routes).enumerate() {
        let of = if index < own {
            format!("route `{}`", route.id)
        } else {
            "`fallback`".to_owned()
        };
        if let Some(by) = taken.filter(|_| index < own) {
            let message = format!("{of} is never reached: `{}` takes every alert", by.id);
            warnings.at(*offset, message);
        }
        if route.when.is_all() && !route.goes_on && index < own {
            taken = taken.or(Some(route));
        }
        let open = route.hours.map(|calendar| {
            let windows = routing.calendars[calendar].open.iter().copied();
            covered(windows)
        });
        let always = vec![true; WEEK];
        let needed = match &open {
            Some(open) if route.always.is_empty() => open,
            _ => &always,
        };
        hole(&of, &route.to, needed, routing, *offset, warnings);
        if let Some(open) = open.filter(|_| !route.outside.is_empty()) {
            let closed: Vec<bool> = open.iter().map(|open| !open).collect();
            let of = format!("{of} outside its hours");
            hole(&of, &route.outside, &closed, routing, *offset, warnings);
        }
    }
    let everywhere = vec![true; WEEK];
    for (target, offset) in routing.targets.iter().zip(targets) {
        let of = format!("target `{}`", target.name);
        hole(&of, &target.to, &everywhere, routing, *offset, warnings);
    }
}

fn hole(
    of: &str,
    to: &[To],
    needed: &[bool],
    routing: &Routing,
    offset: usize,
    warnings: &mut Faults<'_>,
) {
    let mut covered = vec![false; WEEK];
    for to in to {
        let To::Schedule(schedule) = to else {
            return;
        };
        let shifts = routing.schedules[*schedule].shifts.iter();
        let windows = shifts.map(|shift: &Shift| shift.window);
        for (minute, also) in self::covered(windows).into_iter().enumerate() {
            covered[minute] |= also;
        }
    }
    let holes = spans(|minute| needed[minute] && !covered[minute]);
    if holes.is_empty() {
        return;
    }
    let mut spelled: Vec<String> = holes
        .iter()
        .take(SPELLED)
        .map(|(from, until)| format!("{} to {}", clock(*from), clock(*until)))
        .collect();
    if holes.len() > SPELLED {
        spelled.push(format!("{} more", holes.len() - SPELLED));
    }
    let message = format!("{of}: nobody is on call {}", spelled.join(", "));
    warnings.at(offset, message);
}

fn covered(windows: impl Iterator<Item = Window>) -> Vec<bool> {
    let mut minutes = vec![false; WEEK];
    for window in windows {
        for day in (0..7).filter(|day| window.days & (1 << day) != 0) {
            let start = day * usize::from(DAY) + usize::from(window.from);
            for minute in start..start + usize::from(window.length()) {
                minutes[minute % WEEK] = true;
            }
        }
    }
    minutes
}

/// Runs of minutes that are `in_one`, the one over Sunday midnight as one, last.
fn spans(in_one: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for minute in (0..WEEK).filter(|minute| in_one(*minute)) {
        match found.last_mut() {
            Some(last) if last.1 == minute => last.1 += 1,
            _ => found.push((minute, minute + 1)),
        }
    }
    if found.len() > 1
        && found.first().is_some_and(|first| first.0 == 0)
        && found.last().is_some_and(|last| last.1 == WEEK)
    {
        let first = found.remove(0);
        if let Some(last) = found.last_mut() {
            last.1 = WEEK + first.1;
        }
    }
    found
}

fn clock(minute: usize) -> String {
    let day = usize::from(DAY);
    let of_day = minute % day;
    let name = NAMES[minute / day % 7];
    format!("{name} {:02}:{:02}", of_day / 60, of_day % 60)
}
