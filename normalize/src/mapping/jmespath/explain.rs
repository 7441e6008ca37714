//! The plan in words, one step a line, what a step consists of indented below it.

use std::fmt::Write;

use bumpalo::Bump;

use super::ast::{How, Slice};
use super::literal::Literal;
use super::plan::{Op, Step};

pub(super) fn explain(op: &Op) -> String {
    let mut out = String::new();
    write(&mut out, op, 0, "");
    out.truncate(out.trim_end().len());
    out
}

fn line(out: &mut String, depth: usize, label: &str, text: &str) {
    let _infallible = writeln!(out, "{:indent$}{label}{text}", "", indent = depth * 2);
}

/// `label` says what the step is to the one above it.
fn write(out: &mut String, op: &Op, depth: usize, label: &str) {
    let below = depth + 1;
    match op {
        Op::Current => line(out, depth, label, "the current value"),
        Op::Constant(literal) | Op::Composite(_, literal) => {
            line(out, depth, label, &format!("constant {}", json(literal)));
        }
        Op::Path(from, steps) => {
            line(out, depth, label, &format!("path {}", path(steps)));
            if let Some(from) = from {
                write(out, from, below, "of ");
            }
        }
        Op::Scoped(name) => line(out, depth, label, &format!("member or binding {name}")),
        Op::Then {
            first,
            second,
            null_stays,
        } => {
            line(
                out,
                depth,
                label,
                if *null_stays {
                    "in turn, null stays null"
                } else {
                    "in turn"
                },
            );
            write(out, first, below, "");
            write(out, second, below, "then ");
        }
        Op::Or(parts) => {
            line(out, depth, label, "the first that is true, else the last");
            parts.iter().for_each(|part| write(out, part, below, ""));
        }
        Op::And(parts) => {
            line(out, depth, label, "the first that is false, else the last");
            parts.iter().for_each(|part| write(out, part, below, ""));
        }
        Op::Not(inner) => {
            line(out, depth, label, "not");
            write(out, inner, below, "");
        }
        Op::Compare(comparator, left, right) => {
            line(
                out,
                depth,
                label,
                &format!("compare {}", comparator.as_str()),
            );
            write(out, left, below, "");
            write(out, right, below, "");
        }
        Op::List(items) => {
            line(out, depth, label, "list");
            items.iter().for_each(|item| write(out, item, below, ""));
        }
        Op::Hash(members) => {
            line(out, depth, label, "object");
            members
                .iter()
                .for_each(|(name, member)| write(out, member, below, &format!("{name}: ")));
        }
        Op::Call(function, _, arguments) => {
            line(out, depth, label, &format!("call {}", function.name));
            arguments
                .iter()
                .for_each(|argument| write(out, argument, below, ""));
        }
        Op::CallOn(function, _, argument, reference) => {
            line(out, depth, label, &format!("call {}", function.name));
            write(out, argument, below, "");
            write(out, reference, below, "expression ");
        }
        Op::Project(how, source, each) => {
            let which = match how {
                How::Each => "each element".to_owned(),
                How::Values => "each member's value".to_owned(),
                How::Flatten => "each element, arrays among them opened".to_owned(),
                How::Slice(slice) => format!("elements {}", bounds(*slice)),
                How::Filter(_) => "each element that passes".to_owned(),
            };
            line(out, depth, label, &which);
            write(out, source, below, "of ");
            if let How::Filter(condition) = how {
                write(out, condition, below, "if ");
            }
            if let Some(each) = each {
                write(out, each, below, "gives ");
            }
        }
    }
}

fn bounds(slice: Slice) -> String {
    let bound = |bound: Option<i64>| bound.map_or_else(String::new, |bound| bound.to_string());
    format!(
        "{}:{}:{}",
        bound(slice.start),
        bound(slice.stop),
        slice.step
    )
}

fn path(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let _infallible = match step {
            Step::Index(index) => write!(text, "[{index}]"),
            Step::Field(name) if is_plain(name) => write!(text, ".{name}"),
            Step::Field(name) => write!(text, ".{}", json(&Literal::String(name.clone()))),
        };
    }
    text.trim_start_matches('.').to_owned()
}

fn is_plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn json(literal: &Literal) -> String {
    let arena = Bump::new();
    let mut text = String::new();
    literal.to_value(&arena).write_json(&mut text);
    text
}
