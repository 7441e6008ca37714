//! A plain interpreter of the tree over owned values: no plan, no arena, no sharing, each rule as it reads.

mod functions;

use std::cmp::Ordering;

use super::super::ast::{Comparator, How, Kind, Node};
use super::super::literal::Literal;

type Result = std::result::Result<Literal, ()>;

pub(super) fn interpret(node: &Node, current: &Literal, scopes: &[Literal]) -> Result {
    let eval = |node: &Node| interpret(node, current, scopes);
    Ok(match &node.kind {
        Kind::Current => current.clone(),
        Kind::Literal(literal) => literal.clone(),
        Kind::Field(name) => {
            let places = std::iter::once(current).chain(scopes.iter().rev());
            places
                .filter_map(|place| field(place, name))
                .next()
                .unwrap_or(Literal::Null)
        }
        Kind::Index(index) => match current {
            Literal::Array(items) => {
                let at = if *index < 0 {
                    items.len() as i64 + index
                } else {
                    *index
                };
                usize::try_from(at)
                    .ok()
                    .and_then(|at| items.get(at).cloned())
                    .unwrap_or(Literal::Null)
            }
            _ => Literal::Null,
        },
        Kind::Sub(left, right) => match eval(left)? {
            Literal::Null => Literal::Null,
            value => interpret(right, &value, scopes)?,
        },
        Kind::Pipe(left, right) => interpret(right, &eval(left)?, scopes)?,
        Kind::Or(parts) | Kind::And(parts) => {
            let wanted = matches!(node.kind, Kind::Or(_));
            for part in &parts[..parts.len() - 1] {
                let value = eval(part)?;
                if truth(&value) == wanted {
                    return Ok(value);
                }
            }
            eval(parts.last().unwrap())?
        }
        Kind::Not(inner) => Literal::Bool(!truth(&eval(inner)?)),
        Kind::Compare(comparator, left, right) => compare(*comparator, &eval(left)?, &eval(right)?),
        Kind::List(_) | Kind::Hash(_) if *current == Literal::Null => Literal::Null,
        Kind::List(items) => Literal::Array(
            items
                .iter()
                .map(eval)
                .collect::<std::result::Result<_, _>>()?,
        ),
        Kind::Hash(members) => {
            let member = |(name, node): &(String, Node)| Ok((name.clone().into(), eval(node)?));
            Literal::Object(
                members
                    .iter()
                    .map(member)
                    .collect::<std::result::Result<_, _>>()?,
            )
        }
        Kind::Project(how, source, each) => {
            let Some(items) = elements(how, &eval(source)?, scopes)? else {
                return Ok(Literal::Null);
            };
            let mut kept = Vec::new();
            for item in items {
                let value = match each {
                    Some(each) => interpret(each, &item, scopes)?,
                    None => item,
                };
                if value != Literal::Null {
                    kept.push(value);
                }
            }
            Literal::Array(kept.into())
        }
        Kind::Call(function, arguments) => {
            functions::call(function.name, arguments, current, scopes)?
        }
    })
}

fn field(value: &Literal, name: &str) -> Option<Literal> {
    let Literal::Object(members) = value else {
        return None;
    };
    members
        .iter()
        .find(|(known, _)| **known == *name)
        .map(|(_, value)| value.clone())
}

fn truth(value: &Literal) -> bool {
    match value {
        Literal::Null | Literal::Bool(false) => false,
        Literal::String(text) => !text.is_empty(),
        Literal::Array(items) => !items.is_empty(),
        Literal::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn elements(
    how: &How,
    source: &Literal,
    scopes: &[Literal],
) -> std::result::Result<Option<Vec<Literal>>, ()> {
    Ok(Some(match (how, source) {
        (How::Each, Literal::Array(items)) => items.to_vec(),
        (How::Values, Literal::Object(members)) => {
            members.iter().map(|(_, value)| value.clone()).collect()
        }
        (How::Flatten, Literal::Array(items)) => {
            let mut flat = Vec::new();
            for item in items {
                match item {
                    Literal::Array(nested) => flat.extend(nested.iter().cloned()),
                    item => flat.push(item.clone()),
                }
            }
            flat
        }
        (How::Filter(condition), Literal::Array(items)) => {
            let mut kept = Vec::new();
            for item in items {
                if truth(&interpret(condition, item, scopes)?) {
                    kept.push(item.clone());
                }
            }
            kept
        }
        (How::Slice(slice), Literal::Array(items)) => {
            // As the specification words it, one index at a time.
            let len = items.len() as i128;
            let step = i128::from(slice.step);
            let bound = |given: Option<i64>, absent: i128| match given.map(i128::from) {
                None => absent,
                Some(at) if at < 0 => (at + len).max(if step < 0 { -1 } else { 0 }),
                Some(at) => at.min(if step < 0 { len - 1 } else { len }),
            };
            let (mut at, stop) = if step > 0 {
                (bound(slice.start, 0), bound(slice.stop, len))
            } else {
                (bound(slice.start, len - 1), bound(slice.stop, -1))
            };
            let mut kept = Vec::new();
            while if step > 0 { at < stop } else { at > stop } {
                kept.push(items[usize::try_from(at).unwrap()].clone());
                at += step;
            }
            kept
        }
        _ => return Ok(None),
    }))
}

/// The exact value of a number, for those that the tests make: 64-bit integers and doubles.
#[derive(Clone, Copy)]
enum Num {
    Int(i64),
    Float(f64),
}

impl Num {
    fn of(value: &Literal) -> Option<Self> {
        Some(match value {
            Literal::Int(value) => Self::Int(*value),
            Literal::Float(value) => Self::Float(*value),
            Literal::Digits(digits) if digits.contains(['.', 'e', 'E']) => {
                Self::Float(digits.parse().unwrap())
            }
            Literal::Digits(digits) => Self::Int(digits.parse().unwrap()),
            _ => return None,
        })
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    fn cmp(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            _ => self.float().partial_cmp(&other.float()),
        }
    }
}

fn compare(comparator: Comparator, left: &Literal, right: &Literal) -> Literal {
    let order = match (Num::of(left), Num::of(right)) {
        (Some(left), Some(right)) => left.cmp(right),
        _ => {
            return match comparator {
                Comparator::Equal => Literal::Bool(equal(left, right)),
                Comparator::NotEqual => Literal::Bool(!equal(left, right)),
                _ => Literal::Null,
            };
        }
    };
    Literal::Bool(match comparator {
        Comparator::Equal => order == Some(Ordering::Equal),
        Comparator::NotEqual => order != Some(Ordering::Equal),
        Comparator::Less => order == Some(Ordering::Less),
        Comparator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparator::Greater => order == Some(Ordering::Greater),
        Comparator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn equal(left: &Literal, right: &Literal) -> bool {
    match (left, right) {
        (Literal::Array(left), Literal::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| equal(left, right))
        }
        (Literal::Object(left), Literal::Object(other)) => {
            left.len() == other.len()
                && left.iter().all(|(name, value)| {
                    field(right, name).is_some_and(|right| equal(value, &right))
                })
        }
        _ => match (Num::of(left), Num::of(right)) {
            (Some(left), Some(right)) => left.cmp(right) == Some(Ordering::Equal),
            _ => left == right,
        },
    }
}

pub(super) fn json(value: &Literal) -> String {
    let arena = bumpalo::Bump::new();
    super::to_json(&value.to_value(&arena))
}
