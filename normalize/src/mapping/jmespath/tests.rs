//! Vectors for every function, operator and projection; limits; agreement with a plain interpreter.

mod agree;
mod functions;
mod grammar;
mod limits;
mod plans;
mod reference;
mod syntax;
mod times;

use bumpalo::Bump;

use super::super::parse::{ParseOptions, parse};
use super::super::value::Value;
use super::super::{Budget, Compat};
use super::{EvalError, Expression, Scope};

/// The result of `text` on the event `json`, as JSON.
fn run(text: &str, json: &str, compat: Compat) -> Result<String, EvalError> {
    let arena = Bump::new();
    let root = parse(json.as_bytes(), &arena, ParseOptions { compat }).unwrap();
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let scope = Scope {
        arena: &arena,
        compat,
    };
    let value = expression.evaluate(root, &scope, &mut Budget::default())?;
    Ok(to_json(&value))
}

fn to_json(value: &Value<'_>) -> String {
    let mut json = String::new();
    value.write_json(&mut json);
    json
}

/// Each `(expression, result)` on one event, as JSON written compactly.
#[track_caller]
fn check(json: &str, cases: &[(&str, &str)]) {
    for (text, want) in cases {
        match run(text, json, Compat::Default) {
            Ok(got) => assert_eq!(got, *want, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

/// Each `(expression, message)` on one event.
#[track_caller]
fn check_errors(json: &str, cases: &[(&str, &str)]) {
    for (text, want) in cases {
        match run(text, json, Compat::Default) {
            Ok(got) => panic!("{text}: {got} instead of an error"),
            Err(error) => assert_eq!(error.to_string(), *want, "{text}"),
        }
    }
}

fn syntax_error(text: &str) -> (usize, String) {
    match Expression::parse(text) {
        Ok(expression) => panic!("{text} compiles to {}", expression.explain()),
        Err(error) => (error.offset, error.message),
    }
}
