//! Runs the steps of a path. The depth of calls is that of the path, not of the event.

use super::compare::holds;
use super::plan::{Comparison, Filter, Join, Operand, Slice, Step, Test};
use crate::mapping::value::Value;
use crate::mapping::{Budget, OutOfBudget};
use std::slice::Iter;

/// Whether the search goes on.
type Flow = Result<bool, OutOfBudget>;

/// Hands each node found to `emit` until that answers false.
#[inline]
pub(super) fn run<'a>(
    steps: &[Step],
    root: Value<'a>,
    budget: &mut Budget,
    mut emit: impl FnMut(Value<'a>) -> bool,
) -> Result<(), OutOfBudget> {
    let mut search = Search { root, budget };
    visit(&mut search, steps, root, &mut |_, value| Ok(emit(value))).map(|_| ())
}

struct Search<'a, 'b> {
    /// Where `$` in a filter begins.
    root: Value<'a>,
    budget: &'b mut Budget,
}

impl<'a> Search<'a, '_> {
    #[inline]
    fn member(&mut self, value: Value<'a>, name: &str) -> Result<Option<Value<'a>>, OutOfBudget> {
        if let Value::Object(members) = value {
            self.budget.take(1 + members.len() as u64 / 16)?;
        }
        Ok(value.get(name))
    }
}

fn visit<'a, F>(search: &mut Search<'a, '_>, steps: &[Step], value: Value<'a>, emit: &mut F) -> Flow
where
    F: FnMut(&mut Search<'a, '_>, Value<'a>) -> Flow,
{
    let (mut steps, mut value) = (steps, value);
    // Members and items of which there is one at most: no call each.
    let (step, rest) = loop {
        let Some((step, rest)) = steps.split_first() else {
            return emit(search, value);
        };
        let found = match (step, value) {
            (Step::Member(name), _) => search.member(value, name)?,
            (Step::Item(index), Value::Array(items)) => items.get(*index).copied(),
            (Step::Item(_), _) => None,
            _ => break (step, rest),
        };
        let Some(found) = found else { return Ok(true) };
        (steps, value) = (rest, found);
    };
    search.budget.take(1)?;
    match (step, value) {
        (Step::Members(names), _) => {
            for name in names {
                if let Some(found) = search.member(value, name)?
                    && !visit(search, rest, found, emit)?
                {
                    return Ok(false);
                }
            }
        }
        (Step::EveryMember, Value::Object(members)) => {
            for (_, found) in members {
                search.budget.take(1)?;
                if !visit(search, rest, *found, emit)? {
                    return Ok(false);
                }
            }
        }
        (Step::Items(indexes), Value::Array(items)) => {
            for found in indexes.iter().filter_map(|index| items.get(*index)) {
                if !visit(search, rest, *found, emit)? {
                    return Ok(false);
                }
            }
        }
        (Step::EveryItem, Value::Array(items)) => {
            for found in items {
                search.budget.take(1)?;
                if !visit(search, rest, *found, emit)? {
                    return Ok(false);
                }
            }
        }
        (Step::Slice(slice), Value::Array(items)) => {
            for index in slice.indexes(items.len()) {
                search.budget.take(1)?;
                if let Some(found) = items.get(index)
                    && !visit(search, rest, *found, emit)?
                {
                    return Ok(false);
                }
            }
        }
        (Step::Where(filter), Value::Array(items)) => {
            for found in items {
                if accepts(search, filter, *found)? && !visit(search, rest, *found, emit)? {
                    return Ok(false);
                }
            }
        }
        (Step::MembersBelow(names), _) => {
            for (member, found) in Below::of(value) {
                search.budget.take(1)?;
                if member.is_some_and(|member| names.iter().any(|name| **name == *member))
                    && !visit(search, rest, found, emit)?
                {
                    return Ok(false);
                }
            }
        }
        (Step::SelfAndBelow, _) => {
            for (_, found) in std::iter::once((None, value)).chain(Below::of(value)) {
                search.budget.take(1)?;
                if !visit(search, rest, found, emit)? {
                    return Ok(false);
                }
            }
        }
        (Step::SelfAndBelowWhere(filter), _) => {
            for (_, found) in std::iter::once((None, value)).chain(Below::of(value)) {
                if accepts(search, filter, found)? && !visit(search, rest, found, emit)? {
                    return Ok(false);
                }
            }
        }
        _ => {}
    }
    Ok(true)
}

#[inline]
fn accepts<'a>(search: &mut Search<'a, '_>, filter: &Filter, node: Value<'a>) -> Flow {
    search.budget.take(1)?;
    // Most nodes hold nothing, and most filters ask for what a node holds.
    if filter.of_containers && !matches!(node, Value::Array(_) | Value::Object(_)) {
        return Ok(false);
    }
    tests(search, filter, node)
}

fn tests<'a>(search: &mut Search<'a, '_>, filter: &Filter, node: Value<'a>) -> Flow {
    for (test, join) in &filter.clauses {
        let met = meets(search, test, node)?;
        // What follows a join is nested under it, so that it counts only as long as nothing is decided.
        match (join, met) {
            (Join::And, false) => return Ok(false),
            (Join::Or, true) => return Ok(true),
            (Join::Last, met) => return Ok(met),
            (Join::And, true) | (Join::Or, false) => {}
        }
    }
    Ok(false)
}

fn meets<'a>(search: &mut Search<'a, '_>, test: &Test, node: Value<'a>) -> Flow {
    search.budget.take(1)?;
    let mut met = false;
    match test {
        Test::Exists(operand) => results(search, operand, node, &mut |_, _| {
            met = true;
            Ok(false)
        })?,
        Test::Compare(left, comparison, Operand::Literal(right)) => {
            results(search, left, node, &mut |_, left| {
                met = holds(left, *comparison, right.value());
                Ok(!met)
            })?
        }
        Test::Compare(left, comparison, right) => {
            results(search, left, node, &mut |search, left| {
                met = meets_any(search, left, *comparison, right, node)?;
                Ok(!met)
            })?
        }
        Test::Matches(operand, regex) => results(search, operand, node, &mut |search, left| {
            if let Value::String(text) = left {
                search.budget.take(1 + text.len() as u64 / 8)?;
                met = regex.is_match(text);
            }
            Ok(!met)
        })?,
    };
    Ok(met)
}

fn meets_any<'a>(
    search: &mut Search<'a, '_>,
    left: Value<'_>,
    comparison: Comparison,
    right: &Operand,
    node: Value<'a>,
) -> Flow {
    let mut met = false;
    results(search, right, node, &mut |_, right| {
        met = holds(left, comparison, right);
        Ok(!met)
    })?;
    Ok(met)
}

/// Hands each value of an operand to `emit` until that answers false. Values of an event, or the literal's.
fn results<'a, 'p, F>(
    search: &mut Search<'a, '_>,
    operand: &'p Operand,
    node: Value<'a>,
    emit: &mut F,
) -> Flow
where
    F: for<'v> FnMut(&mut Search<'a, '_>, Value<'v>) -> Flow,
{
    match operand {
        Operand::Node(steps) => visit(search, steps, node, emit),
        Operand::Root(steps) => visit(search, steps, search.root, emit),
        Operand::Literal(literal) => emit(search, literal.value()),
    }
}

/// All that a node holds, each before what it holds itself; members with their names.
struct Below<'a> {
    open: Vec<Level<'a>>,
}

enum Level<'a> {
    Items(Iter<'a, Value<'a>>),
    Members(Iter<'a, (&'a str, Value<'a>)>),
}

impl<'a> Below<'a> {
    fn of(value: Value<'a>) -> Self {
        let mut below = Self { open: Vec::new() };
        below.enter(value);
        below
    }

    #[inline]
    fn enter(&mut self, value: Value<'a>) {
        match value {
            Value::Array(items) if !items.is_empty() => self.open.push(Level::Items(items.iter())),
            Value::Object(members) if !members.is_empty() => {
                self.open.push(Level::Members(members.iter()));
            }
            _ => {}
        }
    }
}

impl<'a> Iterator for Below<'a> {
    type Item = (Option<&'a str>, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match self.open.last_mut()? {
                Level::Items(items) => items.next().map(|value| (None, *value)),
                Level::Members(members) => {
                    members.next().map(|(name, value)| (Some(*name), *value))
                }
            };
            match next {
                Some(found) => {
                    self.enter(found.1);
                    return Some(found);
                }
                None => {
                    self.open.pop();
                }
            }
        }
    }
}

impl Slice {
    /// The indexes taken of an array of `length` items, in order.
    pub(super) fn indexes(self, length: usize) -> impl Iterator<Item = usize> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let by = i64::from(self.by);
        let place = |part: i32| {
            let part = i64::from(part);
            if part < 0 { part + length } else { part }
        };
        let (from, to) = if by > 0 {
            let from = self.from.map_or(0, place).max(0);
            (from, self.to.map_or(length, place).min(length))
        } else {
            let from = self.from.map_or(length - 1, place).min(length - 1);
            (from, self.to.map_or(-1, place).max(-1))
        };
        let inside = move |at: &i64| if by > 0 { *at < to } else { *at > to };
        std::iter::successors(Some(from), move |at| Some(at + by))
            .take_while(inside)
            .filter_map(|at| usize::try_from(at).ok())
    }
}
