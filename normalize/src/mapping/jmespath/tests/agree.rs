//! The plan and the plain interpreter agree on random expressions and events.

use super::super::literal::Literal;
use super::super::parser;
use super::reference::{interpret, json};
use super::to_json;
use crate::mapping::jmespath::{Expression, Scope};
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::{Budget, Compat};
use bumpalo::Bump;
use proptest::prelude::*;

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        (-3_i64..6).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["1.50", "2.0", "-0.5", "1e2", "9223372036854775807"])
            .prop_map(str::to_owned),
        prop::sample::select(vec![
            "\"\"",
            "\"a\"",
            "\"ab\"",
            "\"b\"",
            "\"7\"",
            "\"1.5\"",
            "\"é𝒳\""
        ])
        .prop_map(str::to_owned),
    ]
}

/// JSON with few names, so that paths meet.
fn event() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 40, 5, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c"]);
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn expression() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "c", "\"a\""]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        4 => name(),
        2 => Just("@".to_owned()),
        1 => event().prop_map(|json| format!("`{json}`")),
        1 => prop::sample::select(vec!["'a'", "''", "[*]", "[]", "*", "[0]", "[::-1]"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 48, 4, move |inner| {
        let many = prop::collection::vec(inner.clone(), 1..4);
        let suffix = prop::sample::select(vec![
            "[0]",
            "[-1]",
            "[*]",
            "[]",
            ".*",
            "[1:]",
            "[:-1]",
            "[::2]",
            "[::-2]",
            "[?@]",
            ".[a, b]",
            ".{a: b, b: a}",
            ".length(@)",
            ".to_array(@)",
            ".a",
            ".b",
        ]);
        let operator = prop::sample::select(vec![
            " | ", " || ", " && ", " == ", " != ", " < ", " <= ", " > ", " >= ",
        ]);
        let unary = prop::sample::select(vec![
            "abs",
            "avg",
            "ceil",
            "floor",
            "fromUnixTimestamp",
            "fromUnixTimestampMs",
            "items",
            "keys",
            "length",
            "max",
            "merge",
            "min",
            "not_null",
            "reverse",
            "sort",
            "sum",
            "to_array",
            "to_number",
            "to_object",
            "to_string",
            "type",
            "values",
            "zip",
        ]);
        let binary = prop::sample::select(vec![
            "add",
            "subtract",
            "multiply",
            "divide",
            "pow",
            "contains",
            "starts_with",
            "ends_with",
            "join",
            "merge",
            "not_null",
            "zip",
        ]);
        let by = prop::sample::select(vec!["max_by", "min_by", "sort_by", "let"]);
        prop_oneof![
            6 => (inner.clone(), suffix).prop_map(|(left, suffix)| format!("{left}{suffix}")),
            4 => (inner.clone(), name()).prop_map(|(left, name)| format!("{left}.{name}")),
            4 => (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("{left}{operator}{right}")),
            2 => inner.clone().prop_map(|inner| format!("!{inner}")),
            1 => inner.clone().prop_map(|inner| format!("({inner})")),
            3 => (inner.clone(), inner.clone())
                .prop_map(|(left, condition)| format!("{left}[?{condition}]")),
            2 => (unary, inner.clone()).prop_map(|(function, inner)| format!("{function}({inner})")),
            1 => (binary, inner.clone(), inner.clone())
                .prop_map(|(function, left, right)| format!("{function}({left}, {right})")),
            1 => (by, inner.clone(), inner.clone())
                .prop_map(|(function, left, right)| format!("{function}({left}, &{right})")),
            2 => (inner.clone(), inner.clone())
                .prop_map(|(each, array)| format!("map(&{each}, {array})")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("insertString({a}, {b}, {c})")),
            2 => many.clone()
                .prop_map(|items| format!("[{}]", items.join(", "))),
            2 => many.prop_map(|items| {
                let members = items
                    .iter()
                    .zip(["a", "b", "c"])
                    .map(|(item, name)| format!("{name}: {item}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn plan_and_plain_interpreter_agree(text in expression(), event in event()) {
        // Some combinations are no expression (`a[*]` behind a literal number and the like): both take the same tree.
        let Ok(node) = parser::parse(&text) else { return Ok(()) };
        let arena = Bump::new();
        let root = parse(event.as_bytes(), &arena, ParseOptions::default()).unwrap();
        let expression = Expression::parse(&text).unwrap();
        let scope = Scope { arena: &arena, compat: Compat::Default };
        let got = expression.evaluate(root, &scope, &mut Budget::default()).map(|value| to_json(&value));
        let want = interpret(&node, &Literal::of(root, &mut Budget::default()).unwrap(), &[]).map(|value| json(&value));
        match (&got, &want) {
            (Ok(got), Ok(want)) => prop_assert_eq!(got, want, "{} on {}\n{}", text, event, expression.explain()),
            (Err(_), Err(())) => {}
            _ => prop_assert!(false, "{} on {}: {:?} for {:?}\n{}", text, event, got, want, expression.explain()),
        }
    }

    #[test]
    fn an_expression_reads_the_same_with_blanks_and_parentheses_around_it(text in expression(), event in event()) {
        let Ok(plain) = Expression::parse(&text) else { return Ok(()) };
        let wrapped = Expression::parse(&format!(" ( {text} )\n")).unwrap();
        prop_assert_eq!(plain.explain(), wrapped.explain());
        prop_assert_eq!(plain.is_projection(), wrapped.is_projection());
        let arena = Bump::new();
        let root = parse(event.as_bytes(), &arena, ParseOptions::default()).unwrap();
        let scope = Scope { arena: &arena, compat: Compat::Strict };
        // What the tree promises about projections, an evaluation keeps, whatever the event.
        if let Ok(selected) = plain.select(root, &scope, &mut Budget::default()) {
            let value = wrapped.evaluate(root, &scope, &mut Budget::default()).unwrap();
            prop_assert_eq!(to_json(&selected.value), to_json(&value));
            if plain.is_projection() {
                prop_assert!(selected.projection || !selected.value.is_truthy() || selected.value.kind() == "array");
            }
        }
    }
}
