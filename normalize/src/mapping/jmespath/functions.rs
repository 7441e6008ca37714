//! The functions: their names and arguments, checked when an expression is compiled.
//!
//! Those of the JMESPath specification, of JmesPath.Net (`items let to_object zip`) and of the MedTech service
//! (`add … fromUnixTimestampMs`), specification 1.8.

mod arithmetic;
mod by;
mod list;
mod object;
mod text;

use super::super::value::Value;
use super::EvalError;
use super::eval::Run;
use super::kind::{Fits, kind};
use super::plan::Op;
use super::{ArgumentError, NoResult};

/// What a function takes at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Param {
    Any,
    Number,
    String,
    Array,
    Object,
    ArrayOrString,
    Sized,
    Numbers,
    Strings,
    /// All numbers or all strings.
    Comparable,
    /// `&expression`
    Expression,
}

pub(super) type Plain = for<'a> fn(&mut Run<'a, '_>, &[Value<'a>]) -> Result<Value<'a>, EvalError>;
pub(super) type Referring =
    for<'a> fn(&mut Run<'a, '_>, &'a Op, &Value<'a>, Value<'a>) -> Result<Value<'a>, EvalError>;

#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    Plain(Plain),
    /// The reference, the other argument, the current node.
    Referring(Referring),
}

/// A function. Two are the same if their names are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    params: &'static [Param],
    /// The last parameter may repeat.
    variadic: bool,
    pub(super) body: Body,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

const fn plain(name: &'static str, params: &'static [Param], body: Plain) -> Function {
    Function {
        name,
        params,
        variadic: false,
        body: Body::Plain(body),
    }
}

const fn variadic(name: &'static str, params: &'static [Param], body: Plain) -> Function {
    Function {
        name,
        params,
        variadic: true,
        body: Body::Plain(body),
    }
}

const fn referring(name: &'static str, params: &'static [Param], body: Referring) -> Function {
    Function {
        name,
        params,
        variadic: false,
        body: Body::Referring(body),
    }
}

/// Sorted by name.
static FUNCTIONS: &[Function] = &[
    plain("abs", &[Param::Number], arithmetic::abs),
    plain("add", &[Param::Number, Param::Number], arithmetic::add),
    plain("avg", &[Param::Numbers], arithmetic::avg),
    plain("ceil", &[Param::Number], arithmetic::ceil),
    plain(
        "contains",
        &[Param::ArrayOrString, Param::Any],
        list::contains,
    ),
    plain(
        "divide",
        &[Param::Number, Param::Number],
        arithmetic::divide,
    ),
    plain(
        "ends_with",
        &[Param::String, Param::String],
        text::ends_with,
    ),
    plain("floor", &[Param::Number], arithmetic::floor),
    plain(
        "fromUnixTimestamp",
        &[Param::Number],
        arithmetic::from_unix_timestamp,
    ),
    plain(
        "fromUnixTimestampMs",
        &[Param::Number],
        arithmetic::from_unix_timestamp_ms,
    ),
    plain(
        "insertString",
        &[Param::String, Param::String, Param::Number],
        text::insert_string,
    ),
    plain("items", &[Param::Object], object::items),
    plain("join", &[Param::String, Param::Strings], text::join),
    plain("keys", &[Param::Object], object::keys),
    plain("length", &[Param::Sized], list::length),
    referring("let", &[Param::Object, Param::Expression], object::bind),
    referring("map", &[Param::Expression, Param::Array], by::map),
    plain("max", &[Param::Comparable], list::max),
    referring("max_by", &[Param::Array, Param::Expression], by::max_by),
    variadic("merge", &[Param::Object], object::merge),
    plain("min", &[Param::Comparable], list::min),
    referring("min_by", &[Param::Array, Param::Expression], by::min_by),
    plain(
        "multiply",
        &[Param::Number, Param::Number],
        arithmetic::multiply,
    ),
    variadic("not_null", &[Param::Any], list::not_null),
    plain("pow", &[Param::Number, Param::Number], arithmetic::pow),
    plain("reverse", &[Param::ArrayOrString], list::reverse),
    plain("sort", &[Param::Comparable], list::sort),
    referring("sort_by", &[Param::Array, Param::Expression], by::sort_by),
    plain(
        "starts_with",
        &[Param::String, Param::String],
        text::starts_with,
    ),
    plain(
        "subtract",
        &[Param::Number, Param::Number],
        arithmetic::subtract,
    ),
    plain("sum", &[Param::Numbers], arithmetic::sum),
    plain("to_array", &[Param::Any], list::to_array),
    plain("to_number", &[Param::Any], text::to_number),
    plain("to_object", &[Param::Array], object::to_object),
    plain("to_string", &[Param::Any], text::to_string),
    plain("type", &[Param::Any], text::type_of),
    plain("values", &[Param::Object], object::values),
    variadic("zip", &[Param::Array], list::zip),
];

pub(super) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The function whose name is least changed from `name`, if a third of it or less.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let distance = |function: &Function| {
        edits(
            &name.to_ascii_lowercase(),
            &function.name.to_ascii_lowercase(),
        )
    };
    let (distance, known) = FUNCTIONS
        .iter()
        .map(|function| (distance(function), function.name))
        .min()?;
    (distance <= (known.len() / 3).max(1)).then_some(known)
}

/// How many characters to insert, take away or change.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, from) in from.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = line + 1;
        next.push(left);
        for (pair, to) in row.windows(2).zip(&to) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(from != *to))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

impl Function {
    pub(super) fn param(&self, index: usize) -> Param {
        self.params
            .get(index)
            .or(self.params.last())
            .copied()
            .unwrap_or(Param::Any)
    }

    pub(super) fn check_arity(&self, given: usize) -> Result<(), String> {
        let wanted = self.params.len();
        if given == wanted || (self.variadic && given > wanted) {
            return Ok(());
        }
        let more = if self.variadic { " or more" } else { "" };
        let plural = if wanted == 1 && !self.variadic {
            ""
        } else {
            "s"
        };
        Err(format!(
            "{} takes {wanted}{more} argument{plural}, not {given}",
            self.name
        ))
    }

    /// Refuses a value of a type that the function does not take at this place.
    #[inline]
    pub(super) fn check(
        &self,
        run: &mut Run<'_, '_>,
        index: usize,
        value: &Value<'_>,
    ) -> Result<(), EvalError> {
        let param = self.param(index);
        match param.fits(run, value)? {
            Fits::Yes => Ok(()),
            Fits::No => Err(self.refuse(index, param.expected(), kind(value).to_owned())),
            Fits::Element(at, element) => Err(self.refuse(
                index,
                param.expected(),
                format!("an array with {element} at {at}"),
            )),
        }
    }

    /// As `check`, for the one argument of a function that also takes an expression.
    pub(super) fn check_value(
        &self,
        run: &mut Run<'_, '_>,
        value: &Value<'_>,
    ) -> Result<(), EvalError> {
        self.check(run, usize::from(self.param(0) == Param::Expression), value)
    }

    #[cold]
    fn refuse(&self, index: usize, expected: &'static str, actual: String) -> EvalError {
        refuse(self.name, index, expected, actual)
    }
}

#[cold]
fn refuse(
    function: &'static str,
    index: usize,
    expected: &'static str,
    actual: String,
) -> EvalError {
    EvalError::Argument(Box::new(ArgumentError {
        function,
        argument: index + 1,
        expected,
        actual,
    }))
}

#[cold]
fn no_result(function: &'static str, reason: &'static str) -> EvalError {
    EvalError::NoResult(Box::new(NoResult { function, reason }))
}
