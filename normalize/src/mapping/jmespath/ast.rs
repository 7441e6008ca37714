//! What the parser gives: the expression as the specification of JMESPath nests it.

use super::functions::Function;
use super::literal::Literal;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Levels of this part and what it holds; bounded by [`super::MAX_DEPTH`].
    pub(super) depth: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Current,
    Literal(Literal),
    Field(String),
    /// From the end if negative.
    Index(i64),
    /// The right on what the left gives; null stays null.
    Sub(Box<Node>, Box<Node>),
    /// The right on what the left gives, projections ended.
    Pipe(Box<Node>, Box<Node>),
    /// The first that is true, else the last.
    Or(Vec<Node>),
    /// The first that is false, else the last.
    And(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparator, Box<Node>, Box<Node>),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{x: a, y: b}`; names are unique.
    Hash(Vec<(String, Node)>),
    Call(&'static Function, Vec<Argument>),
    /// The right part on each element that the source gives.
    Project(How, Box<Node>, Option<Box<Node>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Value(Node),
    /// `&expression`
    Expression(Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Which elements a projection takes of its source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum How<C = Box<Node>> {
    /// `[*]`
    Each,
    /// `*`
    Values,
    /// `[]`
    Flatten,
    Slice(Slice),
    /// `[?condition]`
    Filter(C),
}

/// `[start:stop:step]`; the step is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) stop: Option<i64>,
    pub(super) step: i64,
}

impl Slice {
    /// First index, how many, and the step for an array of `len`.
    pub(super) fn over(self, len: usize) -> impl Iterator<Item = usize> {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let (low, high) = if self.step > 0 {
            (0, len)
        } else {
            (-1, len - 1)
        };
        let clamp = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).clamp(low, high);
        let (first, end) = if self.step > 0 {
            (low, high)
        } else {
            (high, low)
        };
        let start = self.start.map_or(first, clamp);
        let stop = self.stop.map_or(end, clamp);
        let step = self.step;
        std::iter::successors(Some(start), move |at| at.checked_add(step))
            .take_while(move |at| if step > 0 { *at < stop } else { *at > stop })
            .filter_map(|at| usize::try_from(at).ok())
    }
}

impl Node {
    pub(super) fn is_projection(&self) -> bool {
        match &self.kind {
            Kind::Project(..) => true,
            Kind::Pipe(_, right) | Kind::Sub(_, right) => right.is_projection(),
            Kind::Or(parts) | Kind::And(parts) => parts.iter().all(Self::is_projection),
            _ => false,
        }
    }
}
