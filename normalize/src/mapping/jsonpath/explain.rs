//! A path's plan in words.

use super::Path;
use super::plan::{Comparison, Filter, Join, Literal, Operand, Slice, Step, Test};
use std::fmt::{self, Display, Formatter};

/// `member Body → items where (member type = "hr" and (member v > 0)) → member v`
impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("the whole document");
        }
        steps(&self.steps, f)
    }
}

fn steps(list: &[Step], f: &mut Formatter<'_>) -> fmt::Result {
    separated(list, " → ", f)
}

fn separated<T: Display>(list: &[T], separator: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => write!(f, "member {}", Name(name)),
            Self::Members(names) => members(names, f),
            Self::EveryMember => f.write_str("every member"),
            Self::Item(index) => write!(f, "item {index}"),
            Self::Items(indexes) => {
                f.write_str("items ")?;
                separated(indexes, ", ", f)
            }
            Self::EveryItem => f.write_str("every item"),
            Self::Slice(slice) => slice.fmt(f),
            Self::Where(filter) => write!(f, "items where {filter}"),
            Self::MembersBelow(names) => {
                members(names, f)?;
                f.write_str(" at any depth")
            }
            Self::SelfAndBelow => f.write_str("itself and all below"),
            Self::SelfAndBelowWhere(filter) => write!(f, "of itself and all below where {filter}"),
        }
    }
}

fn members(names: &[Box<str>], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(if names.len() == 1 {
        "member "
    } else {
        "members "
    })?;
    let names: Vec<Name<'_>> = names.iter().map(|name| Name(name)).collect();
    separated(&names, ", ", f)
}

/// A name; in quotes unless plain.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':');
        if !self.0.is_empty() && self.0.chars().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

impl Display for Slice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("items")?;
        match self.from {
            Some(from) => write!(f, " from {from}")?,
            None => f.write_str(if self.by > 0 {
                " from the first"
            } else {
                " from the last"
            })?,
        }
        match self.to {
            Some(to) => write!(f, " until before {to}")?,
            None => f.write_str(" on")?,
        }
        if self.by != 1 {
            write!(f, " in steps of {}", self.by)?;
        }
        Ok(())
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (test, join) in &self.clauses {
            let join = match join {
                Join::And => " and ",
                Join::Or => " or ",
                Join::Last => "",
            };
            write!(f, "({test}{join}")?;
        }
        self.clauses.iter().try_for_each(|_| f.write_str(")"))
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(operand) => write!(f, "{operand} exists"),
            Self::Compare(left, comparison, right) => write!(f, "{left} {comparison} {right}"),
            Self::Matches(operand, regex) => write!(f, "{operand} matches /{regex}/"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(list) if list.is_empty() => f.write_str("itself"),
            Self::Node(list) => steps(list, f),
            Self::Root(list) if list.is_empty() => f.write_str("root"),
            Self::Root(list) => {
                f.write_str("root → ")?;
                steps(list, f)
            }
            Self::Literal(literal) => literal.fmt(f),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => truth.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal | Self::StrictlyEqual => "=",
            Self::NotEqual | Self::StrictlyNotEqual => "≠",
            Self::Less => "<",
            Self::LessOrEqual => "≤",
            Self::Greater => ">",
            Self::GreaterOrEqual => "≥",
        })
    }
}
