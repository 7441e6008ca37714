//! Depth and budget: no expression or event makes the engine overflow its stack or run on.

use super::{run, to_json};
use crate::mapping::jmespath::{EvalError, Expression, MAX_DEPTH, Scope};
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::{Budget, Compat, OutOfBudget};
use bumpalo::Bump;

/// `open`, `levels` times, around `core`, then `close` as often.
fn nested(open: &str, core: &str, close: &str, levels: usize) -> String {
    format!("{}{core}{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn deep_expressions_compile_and_run_up_to_the_limit_and_are_refused_beyond() {
    let arrays = nested("[", "1", "]", 500);
    for (open, core, close) in [
        ("[", "@", "]"),
        ("{a: ", "@", "}"),
        ("(", "@", ")"),
        ("!", "@", ""),
        ("to_array(", "@", ")"),
        ("map(&", "@", ", @)"),
        ("let({a: @}, &", "a", ")"),
        ("[?", "@", "]"),
        ("not_null(", "@", ", @)"),
        ("not_null(@, @, @, ", "@", ")"),
        ("[*].[", "@", "]"),
        ("@ == (", "@", ")"),
        ("@ || (", "@", ")"),
        ("@ | (", "@", ")"),
        ("*.{a: ", "@", "}"),
    ] {
        for levels in [30, 60, 125] {
            let text = nested(open, core, close, levels);
            match Expression::parse(&text) {
                Ok(_) => drop(run(&text, &arrays, Compat::Default)),
                Err(error) => assert!(levels > 60, "{open}{close}: {error}"),
            }
        }
        for levels in [MAX_DEPTH, 10_000] {
            let error = Expression::parse(&nested(open, core, close, levels)).unwrap_err();
            assert_eq!(
                error.message, "the expression nests deeper than 128 levels",
                "{open}{close}"
            );
        }
    }
}

#[test]
fn long_chains_of_operators_are_refused_before_they_nest_too_deep() {
    for link in [
        " | @", ".a", "[0]", "[*]", "[]", ".*", "[?@]", "[1:]", " == a", ".[a]", ".{a: a}",
    ] {
        let chain = |links: usize| format!("@{}", link.repeat(links));
        run(&chain(100), "{\"a\":1}", Compat::Default).unwrap();
        let error = Expression::parse(&chain(10_000)).unwrap_err();
        assert_eq!(
            error.message, "the expression nests deeper than 128 levels",
            "{link}"
        );
    }
    for wide in [
        format!("[{}]", vec!["a"; 10_000].join(",")),
        vec!["b == `1`"; 10_000].join(" || "),
        vec!["a"; 10_000].join("&&"),
        format!("not_null({})", vec!["b"; 10_000].join(",")),
    ] {
        run(&wide, "{\"a\":1}", Compat::Default).unwrap();
    }
}

fn spend(text: &str, json: &str, steps: u64) -> Result<String, EvalError> {
    let arena = Bump::new();
    let root = parse(json.as_bytes(), &arena, ParseOptions::default()).unwrap();
    let expression = Expression::parse(text).unwrap();
    let scope = Scope {
        arena: &arena,
        compat: Compat::Default,
    };
    expression
        .evaluate(root, &scope, &mut Budget::new(steps))
        .map(|value| to_json(&value))
}

#[test]
fn every_step_and_element_is_counted() {
    let list = format!(
        "[{}]",
        (0..1000)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(",")
    );
    for text in [
        "[?@ > `5`]",
        "[*].to_string(@)",
        "sort(@)",
        "map(&@, @)",
        "reverse(@)",
        "sum(@)",
        "max(@)",
        "zip(@, @)",
        "contains(@, `-1`)",
        "to_string(@)",
        "@ == @",
        "[::2]",
        "[].a",
        "sort_by(@, &@)",
        "join('', map(&to_string(@), @))",
    ] {
        assert_eq!(
            spend(text, &list, 100),
            Err(EvalError::OutOfBudget(OutOfBudget)),
            "{text}"
        );
        assert!(spend(text, &list, 100_000).is_ok(), "{text}");
    }
    assert_eq!(
        spend("a.b.c", "{}", 3),
        Err(EvalError::OutOfBudget(OutOfBudget))
    );
    assert_eq!(spend("a.b.c", "{}", 4).as_deref(), Ok("null"));
}

/// A value that is small to hold, since its parts are shared, and endless to write or compare.
#[test]
fn shared_parts_do_not_outrun_the_budget() {
    let doubled = format!("@{}", " | [@, @]".repeat(100));
    for text in [
        format!("{doubled} | to_string(@)"),
        format!("{doubled} | [@ == @]"),
    ] {
        assert_eq!(
            spend(&text, "1", 500_000),
            Err(EvalError::OutOfBudget(OutOfBudget))
        );
    }
    let joined = format!("'12345678'{}", " | join('', [@, @])".repeat(100));
    assert_eq!(
        spend(&joined, "1", 500_000),
        Err(EvalError::OutOfBudget(OutOfBudget))
    );
}

#[test]
fn computing_constants_is_bounded_at_load() {
    for doubling in [
        "'12345678' | join('', [@, @])",
        "`[1]` | map(&[@, @], @)",
        "`[1]` | zip(to_array(@), to_array(@))",
        "'12345678' | let({a: @}, &insertString(a, a, `0`))",
    ] {
        let (start, again) = doubling.split_once(" | ").unwrap();
        let expression =
            Expression::parse(&format!("{start}{}", format!(" | {again}").repeat(100))).unwrap();
        assert!(expression.explain().len() < 1_000_000);
    }
}
