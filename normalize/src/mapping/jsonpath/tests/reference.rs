//! A plain interpreter, written from the specification over `serde_json` trees, and the plan beside it on random paths
//! and trees.

use crate::mapping::Budget;
use crate::mapping::jsonpath::Path;
use crate::mapping::parse::{ParseOptions, parse};
use bumpalo::Bump;
use proptest::prelude::*;
use serde_json::Value;

#[derive(Debug, Clone)]
enum Step {
    Name(&'static str, bool),
    Names(Vec<&'static str>, bool),
    Star(bool),
    Index(usize),
    Indexes(Vec<usize>),
    Items,
    Slice(Option<i32>, Option<i32>, Option<i32>),
    Filter(Box<Filter>, bool),
}

#[derive(Debug, Clone)]
enum Filter {
    Test(Operand, Option<(&'static str, Operand)>),
    /// The rest is the right side.
    Join(Operand, Option<(&'static str, Operand)>, bool, Box<Filter>),
}

#[derive(Debug, Clone)]
enum Operand {
    Node(Vec<Step>),
    Root(Vec<Step>),
    Literal(Value),
}

// ---- evaluation

fn steps<'v>(list: &[Step], root: &'v Value, nodes: Vec<&'v Value>) -> Vec<&'v Value> {
    list.iter().fold(nodes, |nodes, step| {
        nodes
            .into_iter()
            .flat_map(|node| one(step, root, node))
            .collect()
    })
}

fn one<'v>(step: &Step, root: &'v Value, node: &'v Value) -> Vec<&'v Value> {
    let items = || node.as_array().into_iter().flatten();
    match step {
        Step::Name(name, false) => node.get(name).into_iter().collect(),
        Step::Names(names, false) => names.iter().filter_map(|name| node.get(name)).collect(),
        Step::Name(name, true) => named_below(&[name], node),
        Step::Names(names, true) => named_below(names, node),
        Step::Star(false) => node
            .as_object()
            .into_iter()
            .flat_map(|object| object.values())
            .collect(),
        Step::Star(true) => self_and_below(node),
        Step::Index(index) => node.get(index).into_iter().collect(),
        Step::Indexes(indexes) => indexes.iter().filter_map(|index| node.get(index)).collect(),
        Step::Items => items().collect(),
        Step::Slice(from, to, by) => {
            let all: Vec<&Value> = items().collect();
            slice(all.len() as i64, *from, *to, by.unwrap_or(1))
                .into_iter()
                .map(|index| all[index])
                .collect()
        }
        Step::Filter(filter, false) => items().filter(|item| accepts(filter, root, item)).collect(),
        Step::Filter(filter, true) => self_and_below(node)
            .into_iter()
            .filter(|item| accepts(filter, root, item))
            .collect(),
    }
}

fn self_and_below(node: &Value) -> Vec<&Value> {
    let mut all = vec![node];
    match node {
        Value::Array(items) => all.extend(items.iter().flat_map(self_and_below)),
        Value::Object(members) => all.extend(members.values().flat_map(self_and_below)),
        _ => {}
    }
    all
}

fn named_below<'v>(names: &[&str], node: &'v Value) -> Vec<&'v Value> {
    match node {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| named_below(names, item))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| {
                let own = names.contains(&name.as_str()).then_some(value);
                own.into_iter().chain(named_below(names, value))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// By trying every index that could be meant.
fn slice(length: i64, from: Option<i32>, to: Option<i32>, by: i32) -> Vec<usize> {
    let by = i64::from(by);
    let place = |part: Option<i32>, missing: i64| match part.map(i64::from) {
        None => missing,
        Some(part) if part < 0 => length + part,
        Some(part) => part,
    };
    let mut taken = Vec::new();
    if by > 0 {
        let (mut at, end) = (place(from, 0).max(0), place(to, length));
        while at < end && at < length {
            taken.push(at as usize);
            at += by;
        }
    } else {
        let (mut at, end) = (place(from, length - 1).min(length - 1), place(to, -1));
        while at > end && at >= 0 {
            taken.push(at as usize);
            at += by;
        }
    }
    taken
}

fn accepts(filter: &Filter, root: &Value, node: &Value) -> bool {
    match filter {
        Filter::Test(left, rest) => test(left, rest.as_ref(), root, node),
        Filter::Join(left, rest, true, more) => {
            test(left, rest.as_ref(), root, node) && accepts(more, root, node)
        }
        Filter::Join(left, rest, false, more) => {
            test(left, rest.as_ref(), root, node) || accepts(more, root, node)
        }
    }
}

fn test(left: &Operand, rest: Option<&(&str, Operand)>, root: &Value, node: &Value) -> bool {
    fn values<'v>(operand: &'v Operand, root: &'v Value, node: &'v Value) -> Vec<&'v Value> {
        match operand {
            Operand::Node(list) => steps(list, root, vec![node]),
            Operand::Root(list) => steps(list, root, vec![root]),
            Operand::Literal(literal) => vec![literal],
        }
    }
    let left = values(left, root, node);
    let Some((operator, right)) = rest else {
        return !left.is_empty();
    };
    let right = values(right, root, node);
    left.iter()
        .any(|a| right.iter().any(|b| compare(a, operator, b)))
}

fn compare(a: &Value, operator: &str, b: &Value) -> bool {
    let container = |value: &Value| value.is_array() || value.is_object();
    if container(a) || container(b) {
        return matches!(operator, "!=" | "<>");
    }
    // Numbers here are small: doubles tell them apart.
    let number = |value: &Value| value.as_f64();
    let equal = match (a, b) {
        (Value::Number(_), Value::Number(_)) => number(a) == number(b),
        _ => a == b,
    };
    let order = match (a, b) {
        (Value::Null, Value::Null) => Some(0),
        (_, Value::Null) => Some(1),
        (Value::Null, _) => Some(-1),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b) as i32),
        (Value::Bool(a), b) if !b.is_string() => {
            let b = b.as_bool().unwrap_or(number(b) != Some(0.0));
            Some(a.cmp(&b) as i32)
        }
        (a, b) if !a.is_string() && !b.is_string() => {
            let b = number(b).or(b.as_bool().map(|truth| f64::from(u8::from(truth))));
            number(a).partial_cmp(&b).map(|order| order as i32)
        }
        _ => None,
    };
    match operator {
        "==" | "===" => equal,
        "!=" | "<>" | "!==" => !equal,
        "<" => order.is_some_and(|order| order < 0),
        "<=" => order.is_some_and(|order| order <= 0),
        ">" => order.is_some_and(|order| order > 0),
        _ => order.is_some_and(|order| order >= 0),
    }
}

// ---- as text

fn write(list: &[Step], out: &mut String) {
    for (i, step) in list.iter().enumerate() {
        if matches!(
            step,
            Step::Name(_, true) | Step::Names(_, true) | Step::Star(true) | Step::Filter(_, true)
        ) {
            out.push_str("..");
        }
        match step {
            Step::Name(name, false) if name.contains(' ') || i % 3 == 2 => {
                *out += &format!("['{name}']")
            }
            Step::Name(name, true) if name.contains(' ') => *out += &format!("['{name}']"),
            Step::Name(name, false) => *out += &format!(".{name}"),
            Step::Name(name, true) => *out += name,
            Step::Names(names, _) => *out += &format!("['{}']", names.join("','")),
            Step::Star(false) => *out += ".*",
            Step::Star(true) => *out += "*",
            Step::Index(index) => *out += &format!("[{index}]"),
            Step::Indexes(indexes) => {
                let indexes: Vec<String> = indexes.iter().map(ToString::to_string).collect();
                *out += &format!("[{}]", indexes.join(", "));
            }
            Step::Items => *out += "[*]",
            Step::Slice(from, to, by) => {
                let part =
                    |part: &Option<i32>| part.map(|part| part.to_string()).unwrap_or_default();
                *out += &format!("[{}:{}:{}]", part(from), part(to), part(by));
            }
            Step::Filter(filter, _) => {
                *out += "[?(";
                write_filter(filter, out);
                *out += ")]";
            }
        }
    }
}

fn write_filter(filter: &Filter, out: &mut String) {
    let (Filter::Test(left, rest) | Filter::Join(left, rest, ..)) = filter;
    write_operand(left, out);
    if let Some((operator, right)) = rest {
        *out += &format!(" {operator} ");
        write_operand(right, out);
    }
    if let Filter::Join(_, _, and, more) = filter {
        *out += if *and { " && " } else { "||" };
        write_filter(more, out);
    }
}

fn write_operand(operand: &Operand, out: &mut String) {
    match operand {
        Operand::Node(list) => {
            *out += "@";
            write(list, out);
        }
        Operand::Root(list) => {
            *out += "$";
            write(list, out);
        }
        Operand::Literal(Value::String(text)) => *out += &format!("'{text}'"),
        Operand::Literal(other) => *out += &other.to_string(),
    }
}

// ---- random ones

const NAMES: [&str; 4] = ["a", "b-c", "d e", "hr"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        (-2..3_i64).prop_map(Into::into),
        prop::sample::select(vec![-1.0, 0.5, 2.0]).prop_map(Into::into),
        prop::sample::select(vec!["a", "1", "", "é"]).prop_map(Into::into),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((name().prop_map(str::to_owned), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn plain_step() -> impl Strategy<Value = Step> {
    let part = || prop::option::of(-4..5_i32);
    let by = prop::option::of(prop::sample::select(vec![-2, -1, 1, 2]));
    prop_oneof![
        4 => (name(), any::<bool>()).prop_map(|(name, below)| Step::Name(name, below)),
        1 => (prop::collection::vec(name(), 2..4), any::<bool>())
            .prop_map(|(names, below)| Step::Names(names, below)),
        2 => any::<bool>().prop_map(Step::Star),
        1 => (0..4_usize).prop_map(Step::Index),
        1 => prop::collection::vec(0..4_usize, 2..4).prop_map(Step::Indexes),
        2 => Just(Step::Items),
        1 => (part(), part(), by).prop_map(|(from, to, by)| Step::Slice(from, to, by)),
    ]
}

fn operand(step: impl Strategy<Value = Step> + Clone) -> impl Strategy<Value = Operand> {
    let list = prop::collection::vec(step, 0..3);
    prop_oneof![
        3 => list.clone().prop_map(Operand::Node),
        1 => list.prop_map(Operand::Root),
        2 => scalar().prop_map(Operand::Literal),
    ]
}

fn filter(step: impl Strategy<Value = Step> + Clone + 'static) -> impl Strategy<Value = Filter> {
    let operators = vec!["==", "!=", "<>", "<", "<=", ">", ">=", "===", "!=="];
    let operator = prop::sample::select(operators);
    let clause = (
        operand(step.clone()),
        prop::option::of((operator, operand(step))),
    )
        .boxed();
    let last = clause
        .clone()
        .prop_map(|(left, rest)| Filter::Test(left, rest));
    last.prop_recursive(3, 3, 1, move |more| {
        (clause.clone(), any::<bool>(), more)
            .prop_map(|((left, rest), and, more)| Filter::Join(left, rest, and, more.into()))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let inner = plain_step().boxed();
    inner.prop_recursive(2, 8, 2, |step| {
        prop_oneof![
            1 => plain_step(),
            1 => (filter(step), any::<bool>())
                .prop_map(|(filter, below)| Step::Filter(filter.into(), below)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    #[test]
    fn plan_and_reference_agree(tree in tree(), list in prop::collection::vec(step(), 0..4)) {
        let mut text = "$".to_owned();
        write(&list, &mut text);
        let want: Vec<&Value> = steps(&list, &tree, vec![&tree]);
        let json = tree.to_string();
        let arena = Bump::new();
        let root = parse(json.as_bytes(), &arena, ParseOptions::default()).unwrap();
        let mut found = Vec::new();
        let path = Path::parse(&text).unwrap();
        prop_assume!(path.select(root, &mut Budget::new(1_000_000), &mut found).is_ok());
        let found: Vec<Value> = found
            .into_iter()
            .map(|value| {
                let mut text = String::new();
                value.write_json(&mut text);
                serde_json::from_str(&text).unwrap()
            })
            .collect();
        prop_assert_eq!(found.iter().collect::<Vec<_>>(), want, "{}", text);
        prop_assert!(!path.to_string().is_empty());
    }

    #[test]
    fn no_text_panics(text in r"[$@.*\[\]()?'ab0-9:,<=>!&|~/\\ é-]{0,30}", tree in tree()) {
        match Path::parse(&text) {
            Ok(path) => {
                let json = tree.to_string();
                let arena = Bump::new();
                let root = parse(json.as_bytes(), &arena, ParseOptions::default()).unwrap();
                let mut found = Vec::new();
                prop_assert!(path.select(root, &mut Budget::default(), &mut found).is_ok());
            }
            Err(error) => prop_assert!(error.offset <= text.chars().count()),
        }
    }
}
