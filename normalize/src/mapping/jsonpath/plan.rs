//! What a path is compiled to.

use crate::mapping::value::{Number, Value};
use regex::Regex;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// `.name`, `['name']`
    Member(Box<str>),
    /// `['a','b']`, in this order
    Members(Box<[Box<str>]>),
    /// `.*`
    EveryMember,
    /// `[0]`
    Item(usize),
    /// `[0,2]`, in this order
    Items(Box<[usize]>),
    /// `[*]`
    EveryItem,
    /// `[from:to:by]`
    Slice(Slice),
    /// `[?()]`
    Where(Filter),
    /// `..name`, `..['a','b']`
    MembersBelow(Box<[Box<str>]>),
    /// `..*`
    SelfAndBelow,
    /// `..[?()]`
    SelfAndBelowWhere(Filter),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) from: Option<i32>,
    pub(super) to: Option<i32>,
    /// Not zero.
    pub(super) by: i32,
}

/// Tests and how each is joined to the rest of them.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) clauses: Box<[(Test, Join)]>,
    /// No node but an array or object meets any of the tests.
    pub(super) of_containers: bool,
}

impl Filter {
    pub(super) fn new(clauses: Vec<(Test, Join)>) -> Self {
        Self {
            of_containers: clauses.iter().all(|(test, _)| test.is_of_containers()),
            clauses: clauses.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
    Last,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
    Matches(Operand, Regex),
}

impl Test {
    /// Whether an operand looks for what its node holds: a test without a result on a side is not met.
    fn is_of_containers(&self) -> bool {
        let inner = |operand: &Operand| match operand {
            Operand::Node(steps) => !matches!(
                steps.first(),
                None | Some(Step::SelfAndBelow | Step::SelfAndBelowWhere(_))
            ),
            Operand::Root(_) | Operand::Literal(_) => false,
        };
        match self {
            Self::Exists(operand) | Self::Matches(operand, _) => inner(operand),
            Self::Compare(left, _, right) => inner(left) || inner(right),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    StrictlyEqual,
    StrictlyNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// `@…`
    Node(Box<[Step]>),
    /// `$…`
    Root(Box<[Step]>),
    Literal(Literal),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
}

impl Literal {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Number(Number::Int(*number)),
            Self::Float(number) => Value::Number(Number::Float(*number)),
            Self::Text(text) => Value::String(text),
        }
    }
}
