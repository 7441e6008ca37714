//! Running a plan over an event.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::super::value::Value;
use super::super::{Budget, Compat};
use super::ast::How;
use super::compare::compare;
use super::functions::Function;
use super::plan::{Op, Step};
use super::{EvalError, Scope, Selected};

/// One evaluation.
pub(super) struct Run<'a, 'b> {
    pub(super) arena: &'a Bump,
    pub(super) compat: Compat,
    budget: &'b mut Budget,
    /// Constant arrays and objects, laid out when first used.
    slots: Vec<Option<Value<'a>>>,
    /// What `let` has bound, innermost first.
    bindings: Option<&'a Bindings<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bindings<'a> {
    pub(super) members: &'a [(&'a str, Value<'a>)],
    pub(super) outer: Option<&'a Bindings<'a>>,
}

/// Bytes and members that a step may pass over without being counted again.
const PER_STEP: usize = 32;

/// The member `name`, if the object has it.
#[inline]
pub(super) fn member<'v, 'a>(
    run: &mut Run<'_, '_>,
    members: &'v [(&'a str, Value<'a>)],
    name: &str,
) -> Result<Option<&'v Value<'a>>, EvalError> {
    run.charge(members.len() / PER_STEP)?;
    Ok(members
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value))
}

impl<'a, 'b> Run<'a, 'b> {
    pub(super) fn new(scope: &Scope<'a>, budget: &'b mut Budget, slots: usize) -> Self {
        Self {
            arena: scope.arena,
            compat: scope.compat,
            budget,
            slots: vec![None; slots],
            bindings: None,
        }
    }

    #[inline]
    pub(super) fn charge(&mut self, steps: usize) -> Result<(), EvalError> {
        Ok(self.budget.take(steps as u64)?)
    }

    /// For `bytes` of text read or written.
    #[inline]
    pub(super) fn charge_text(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.charge(bytes / PER_STEP)
    }

    /// Room for `len` values, all counted.
    pub(super) fn list(&mut self, len: usize) -> Result<BumpVec<'a, Value<'a>>, EvalError> {
        self.charge(len)?;
        Ok(BumpVec::with_capacity_in(len, self.arena))
    }

    #[inline]
    pub(super) fn eval(&mut self, op: &'a Op, current: Value<'a>) -> Result<Value<'a>, EvalError> {
        self.charge(1)?;
        match op {
            Op::Current => Ok(current),
            Op::Constant(literal) => Ok(literal.to_value(self.arena)),
            Op::Path(None, steps) => self.walk(current, steps),
            Op::Path(Some(from), steps) => {
                let value = self.eval(from, current)?;
                self.walk(value, steps)
            }
            Op::Then {
                first,
                second,
                null_stays,
            } => {
                let value = self.eval(first, current)?;
                if *null_stays && value.is_null() {
                    return Ok(Value::Null);
                }
                self.eval(second, value)
            }
            Op::Or(parts) => self.first(parts, true, current),
            Op::And(parts) => self.first(parts, false, current),
            Op::Not(inner) => Ok(Value::Bool(!self.holds(inner, current)?)),
            Op::Compare(comparator, left, right) => {
                let left = self.eval(left, current)?;
                let right = self.eval(right, current)?;
                Ok(compare(self, *comparator, &left, &right)?.map_or(Value::Null, Value::Bool))
            }
            Op::Project(how, source, each) => {
                let source = self.eval(source, current)?;
                self.project(how, &source, each.as_deref())
            }
            Op::Call(function, body, arguments) => self.call(function, *body, arguments, current),
            Op::CallOn(function, body, argument, reference) => {
                let value = self.eval(argument, current)?;
                function.check_value(self, &value)?;
                body(self, reference, &value, current)
            }
            Op::List(items) => self.multi_list(items, current),
            Op::Hash(members) => self.multi_hash(members, current),
            Op::Composite(slot, literal) => Ok(self.composite(*slot, literal)),
            Op::Scoped(name) => self.scoped(name, current),
        }
    }

    /// Whether the value of `op` is true.
    fn holds(&mut self, op: &'a Op, current: Value<'a>) -> Result<bool, EvalError> {
        Ok(self.eval(op, current)?.is_truthy())
    }

    /// As `eval`, and whether this very result is a projection.
    pub(super) fn select(
        &mut self,
        op: &'a Op,
        current: Value<'a>,
    ) -> Result<Selected<'a>, EvalError> {
        match op {
            Op::Project(..) => {
                let value = self.eval(op, current)?;
                Ok(Selected {
                    value,
                    projection: !value.is_null(),
                })
            }
            Op::Then {
                first,
                second,
                null_stays,
            } => {
                let value = self.eval(first, current)?;
                if *null_stays && value.is_null() {
                    return Ok(Selected {
                        value,
                        projection: false,
                    });
                }
                self.select(second, value)
            }
            Op::Or(parts) => self.select_first(parts, true, current),
            Op::And(parts) => self.select_first(parts, false, current),
            _ => Ok(Selected {
                value: self.eval(op, current)?,
                projection: false,
            }),
        }
    }

    /// The first part that is as `wanted`, else the last.
    fn first(
        &mut self,
        parts: &'a [Op],
        wanted: bool,
        current: Value<'a>,
    ) -> Result<Value<'a>, EvalError> {
        let mut value = Value::Null;
        for part in parts {
            value = self.eval(part, current)?;
            if value.is_truthy() == wanted {
                break;
            }
        }
        Ok(value)
    }

    fn select_first(
        &mut self,
        parts: &'a [Op],
        wanted: bool,
        current: Value<'a>,
    ) -> Result<Selected<'a>, EvalError> {
        let mut selected = Selected {
            value: Value::Null,
            projection: false,
        };
        for part in parts {
            selected = self.select(part, current)?;
            if selected.value.is_truthy() == wanted {
                break;
            }
        }
        Ok(selected)
    }

    #[inline]
    fn walk(&mut self, mut value: Value<'a>, steps: &[Step]) -> Result<Value<'a>, EvalError> {
        self.charge(steps.len())?;
        for step in steps {
            let found = match (step, value) {
                (Step::Field(name), Value::Object(members)) => {
                    member(self, members, name)?.copied()
                }
                (Step::Index(index), Value::Array(items)) => at(items, *index).copied(),
                _ => None,
            };
            match found {
                Some(found) => value = found,
                None => return Ok(Value::Null),
            }
        }
        Ok(value)
    }

    #[inline(never)]
    fn scoped(&mut self, name: &str, current: Value<'a>) -> Result<Value<'a>, EvalError> {
        if let Value::Object(members) = current
            && let Some(value) = member(self, members, name)?
        {
            return Ok(*value);
        }
        let mut next = self.bindings;
        while let Some(bindings) = next {
            self.charge(1)?;
            if let Some(value) = member(self, bindings.members, name)? {
                return Ok(*value);
            }
            next = bindings.outer;
        }
        Ok(Value::Null)
    }

    /// Evaluates with `members` bound around what is bound already.
    pub(super) fn with_bindings(
        &mut self,
        members: &'a [(&'a str, Value<'a>)],
        op: &'a Op,
        current: Value<'a>,
    ) -> Result<Value<'a>, EvalError> {
        let outer = self.bindings;
        self.bindings = Some(self.arena.alloc(Bindings { members, outer }));
        let result = self.eval(op, current);
        self.bindings = outer;
        result
    }

    #[inline(never)]
    fn composite(&mut self, slot: usize, literal: &'a super::literal::Literal) -> Value<'a> {
        let arena = self.arena;
        match self.slots.get_mut(slot) {
            Some(slot) => *slot.get_or_insert_with(|| literal.to_value(arena)),
            None => literal.to_value(arena),
        }
    }

    #[inline(never)]
    fn multi_list(&mut self, items: &'a [Op], current: Value<'a>) -> Result<Value<'a>, EvalError> {
        if current.is_null() {
            return Ok(Value::Null);
        }
        let mut list = self.list(items.len())?;
        for item in items {
            list.push(self.eval(item, current)?);
        }
        Ok(Value::Array(list.into_bump_slice()))
    }

    #[inline(never)]
    fn multi_hash(
        &mut self,
        members: &'a [(Box<str>, Op)],
        current: Value<'a>,
    ) -> Result<Value<'a>, EvalError> {
        if current.is_null() {
            return Ok(Value::Null);
        }
        let mut object: BumpVec<'a, (&'a str, Value<'a>)> =
            BumpVec::with_capacity_in(members.len(), self.arena);
        for (name, member) in members {
            object.push((name, self.eval(member, current)?));
        }
        Ok(Value::Object(object.into_bump_slice()))
    }

    #[inline(never)]
    fn call(
        &mut self,
        function: &'static Function,
        body: super::functions::Plain,
        arguments: &'a [Op],
        current: Value<'a>,
    ) -> Result<Value<'a>, EvalError> {
        /// More arguments than this (`not_null`, `merge`, `zip`) go to the arena.
        const INLINE: usize = 3;
        let mut inline = [Value::Null; INLINE];
        let values: &mut [Value<'a>] = match inline.get_mut(..arguments.len()) {
            Some(values) => values,
            None => self
                .arena
                .alloc_slice_fill_copy(arguments.len(), Value::Null),
        };
        for (index, (argument, value)) in arguments.iter().zip(values.iter_mut()).enumerate() {
            *value = self.eval(argument, current)?;
            function.check(self, index, value)?;
        }
        body(self, values)
    }

    #[inline(never)]
    fn project(
        &mut self,
        how: &'a How<Box<Op>>,
        source: &Value<'a>,
        each: Option<&'a Op>,
    ) -> Result<Value<'a>, EvalError> {
        let mut out = Projected {
            run: self,
            each,
            kept: None,
        };
        match (how, *source) {
            (How::Each, Value::Array(items)) => {
                if each.is_none() && !items.iter().any(|item| item.is_null()) {
                    out.run.charge(items.len() / PER_STEP)?;
                    return Ok(*source);
                }
                out.expect(items.len())?;
                items.iter().try_for_each(|item| out.push(*item))?;
            }
            (How::Values, Value::Object(members)) => {
                out.expect(members.len())?;
                members.iter().try_for_each(|(_, value)| out.push(*value))?;
            }
            (How::Flatten, Value::Array(items)) => {
                out.expect(items.len())?;
                for item in items {
                    match item {
                        Value::Array(nested) => {
                            nested.iter().try_for_each(|item| out.push(*item))?
                        }
                        item => out.push(*item)?,
                    }
                }
            }
            (How::Slice(slice), Value::Array(items)) => {
                slice
                    .over(items.len())
                    .filter_map(|at| items.get(at))
                    .try_for_each(|item| out.push(*item))?;
            }
            (How::Filter(condition), Value::Array(items)) => {
                for item in items {
                    if out.run.holds(condition, *item)? {
                        out.push(*item)?;
                    }
                }
            }
            _ => return Ok(Value::Null),
        }
        Ok(out.finish())
    }
}

/// The elements of a projection: the right part on each, null left out.
struct Projected<'a, 'b, 'r> {
    run: &'r mut Run<'a, 'b>,
    each: Option<&'a Op>,
    kept: Option<BumpVec<'a, Value<'a>>>,
}

impl<'a> Projected<'a, '_, '_> {
    fn expect(&mut self, len: usize) -> Result<(), EvalError> {
        self.kept = Some(self.run.list(len)?);
        Ok(())
    }

    #[inline]
    fn push(&mut self, item: Value<'a>) -> Result<(), EvalError> {
        self.run.charge(1)?;
        let value = match self.each {
            Some(each) => self.run.eval(each, item)?,
            None => item,
        };
        if !value.is_null() {
            let arena = self.run.arena;
            self.kept
                .get_or_insert_with(|| BumpVec::new_in(arena))
                .push(value);
        }
        Ok(())
    }

    fn finish(self) -> Value<'a> {
        Value::Array(self.kept.map_or(&[], BumpVec::into_bump_slice))
    }
}

/// The element at `index`, from the end if negative.
fn at<'v, 'a>(items: &'v [Value<'a>], index: i64) -> Option<&'v Value<'a>> {
    let back = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 {
        items.get(items.len().checked_sub(back)?)
    } else {
        items.get(back)
    }
}
