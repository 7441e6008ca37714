use super::{Number, Value};
use crate::mapping::Compat;
use crate::mapping::ticks::Ticks;
use bumpalo::Bump;
use proptest::prelude::*;
use std::cmp::Ordering;

fn text(value: Value<'_>, compat: Compat) -> String {
    let arena = Bump::new();
    value.to_text(&arena, compat).unwrap().unwrap().to_owned()
}

fn json(value: Value<'_>) -> String {
    let mut out = String::new();
    value.write_json(&mut out);
    out
}

#[test]
fn numbers_keep_their_text_unless_strict() {
    for (sent, strict) in [
        ("65", "65"),
        ("72.50", "72.5"),
        ("72.0", "72"),
        ("-0", "0"),
        ("-0.0", "-0"),
        ("1e-5", "1E-05"),
        ("0.0001", "0.0001"),
        ("1e16", "1E+16"),
        ("1e15", "1E+15"),
        ("1e14", "100000000000000"),
        ("1.9811999999999999", "1.9811999999999999"),
        ("98765432109876543210", "98765432109876543210"),
        ("12345678901234567.0", "12345678901234568"),
        ("123456789012345678.0", "1.2345678901234568E+17"),
        ("1e400", "Infinity"),
        ("1.5e-310", "1.5E-310"),
    ] {
        let value = Value::Number(Number::Text(sent));
        assert_eq!(text(value, Compat::Default), sent);
        assert_eq!(text(value, Compat::Strict), strict);
    }
}

#[test]
fn computed_numbers_print_alike_in_both_modes() {
    for compat in [Compat::Default, Compat::Strict] {
        assert_eq!(text(Value::Number(Number::Int(-3)), compat), "-3");
        for (value, want) in [
            (0.8, "0.8"),
            (36.0, "36"),
            (1e-5, "1E-05"),
            (-1.25e20, "-1.25E+20"),
            (5e-324, "5E-324"),
            (-0.001, "-0.001"),
            (1234.5, "1234.5"),
            (f64::MAX, "1.7976931348623157E+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(Value::Number(Number::Float(value)), compat), want);
        }
    }
}

proptest! {
    #[test]
    fn printed_doubles_read_back(bits in any::<u64>(), small in -1e7..1e7_f64) {
        for value in [f64::from_bits(bits), small, (small * 100.0).round() / 100.0] {
            prop_assume!(value.is_finite());
            let printed = text(Value::Number(Number::Float(value)), Compat::Default);
            prop_assert_eq!(printed.parse::<f64>().unwrap().to_bits(), value.to_bits());
            if (1e-4..1e15).contains(&value.abs()) {
                prop_assert_eq!(printed, value.to_string());
            }
        }
    }
}

#[test]
fn other_scalars_have_a_text_and_containers_have_none() {
    let date = Value::Date(Ticks(16_256_772_000_000_000 + 2_500_000));
    assert_eq!(text(date, Compat::Default), "2021-07-07T17:00:00.25Z");
    assert_eq!(text(date, Compat::Strict), "07/07/2021 17:00:00");
    assert_eq!(text(Value::Bool(true), Compat::Default), "True");
    assert_eq!(text(Value::Bool(false), Compat::Strict), "False");
    assert_eq!(text(Value::String(" x"), Compat::Default), " x");
    let arena = Bump::new();
    assert!(Value::Null.to_text(&arena, Compat::Default).is_none());
    assert!(
        Value::Array(&[])
            .to_text(&arena, Compat::Default)
            .unwrap()
            .is_err()
    );
    assert!(
        Value::Object(&[])
            .to_text(&arena, Compat::Default)
            .unwrap()
            .is_err()
    );
}

#[test]
fn values_as_json() {
    let value = Value::Array(&[
        Value::Null,
        Value::Number(Number::Text("1.50")),
        Value::Number(Number::Float(1.0)),
        Value::Number(Number::Float(1e-7)),
        Value::Number(Number::Float(f64::NAN)),
        Value::Object(&[("a\"\n", Value::String("\u{1}é"))]),
        Value::Bool(true),
    ]);
    assert_eq!(
        json(value),
        r#"[null,1.50,1.0,1E-07,"NaN",{"a\"\n":"\u0001é"},true]"#
    );
}

#[test]
fn numbers_compare_by_value() {
    let order = |a, b| Number::Text(a).compare(Number::Text(b));
    assert_eq!(order("1", "1.0"), Some(Ordering::Equal));
    assert_eq!(
        order("9007199254740993", "9007199254740992"),
        Some(Ordering::Greater)
    );
    assert_eq!(
        order("98765432109876543210", "98765432109876543211"),
        Some(Ordering::Less)
    );
    assert_eq!(order("-98765432109876543210", "5"), Some(Ordering::Less));
    assert_eq!(order("5", "98765432109876543210"), Some(Ordering::Less));
    assert_eq!(
        order("98765432109876543210", "0.5"),
        Some(Ordering::Greater)
    );
    assert_eq!(Number::Float(f64::NAN).compare(Number::Int(1)), None);
    assert_eq!(
        Number::Text("98765432109876543210").compare(Number::Int(1)),
        Some(Ordering::Greater)
    );
}

#[test]
fn equality_ignores_the_order_of_members() {
    let one = Value::Number(Number::Int(1));
    let a = Value::Object(&[("x", Value::Null), ("y", Value::Bool(true))]);
    let b = Value::Object(&[("y", Value::Bool(true)), ("x", Value::Null)]);
    assert_eq!(a, b);
    assert_ne!(
        a,
        Value::Object(&[("x", Value::Null), ("z", Value::Bool(true))])
    );
    assert_eq!(one, Value::Number(Number::Text("1.00")));
    assert_ne!(Value::String("1"), one);
}
