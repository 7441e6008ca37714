use super::{MAX_DEPTH, ParseError, ParseOptions, parse};
use crate::mapping::Compat;
use crate::mapping::ticks::Ticks;
use crate::mapping::value::{Number, Value};
use bumpalo::Bump;
use proptest::prelude::*;

/// The value as compact JSON.
fn read(text: &str) -> Result<String, ParseError> {
    let arena = Bump::new();
    let value = parse(text.as_bytes(), &arena, ParseOptions::default())?;
    let mut out = String::new();
    value.write_json(&mut out);
    Ok(out)
}

#[test]
fn values_of_every_kind() {
    let text = r#" { "a" : [ 1 , -0.50 , 1e5, true, false, null, {} , [] ], "b":"x" } "#;
    assert_eq!(
        read(text).unwrap(),
        r#"{"a":[1,-0.50,1e5,true,false,null,{},[]],"b":"x"}"#
    );
    for scalar in ["0", "-0", "12", "\"\"", "true", "1.5E-3"] {
        assert_eq!(read(scalar).unwrap(), scalar);
    }
}

#[test]
fn the_leniencies_of_json_net() {
    let text = "// first\n{'it''s': 1}";
    assert!(read(text).is_err());
    let text =
        "/* a */ { // b\n 'x\"y' /*c*/ : 'it\\'s', \"n\": [NaN, Infinity, -Infinity] } // end";
    assert_eq!(
        read(text).unwrap(),
        r#"{"x\"y":"it's","n":["NaN","Infinity","-Infinity"]}"#
    );
    assert_eq!(read("\u{feff}1").unwrap(), "1");
}

#[test]
fn of_equal_names_the_last_wins_at_the_first_place() {
    assert_eq!(
        read(r#"{"a":1,"b":2,"a":{"a":3}}"#).unwrap(),
        r#"{"a":{"a":3},"b":2}"#
    );
    let member = |i: usize| format!("\"m{}\":{i}", i % 100);
    let many: Vec<String> = (0..250).map(member).collect();
    let want: Vec<String> = (0..100)
        .map(|i| format!("\"m{i}\":{}", if i < 50 { 200 + i } else { 100 + i }))
        .collect();
    assert_eq!(
        read(&format!("{{{}}}", many.join(","))).unwrap(),
        format!("{{{}}}", want.join(","))
    );
}

#[test]
fn escapes() {
    let text = r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d!\ude00\ud83d\u0041é""#;
    let want = "\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}!\u{fffd}\u{fffd}Aé";
    assert_eq!(read(text).unwrap(), serde_json::to_string(want).unwrap());
    for bad in [
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u12""#,
        r#""\"#,
        "\"a\nb\"",
        "\"\\",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn faults_have_a_place_and_say_what_was_expected() {
    for (text, want) in [
        ("", "line 1, column 1: expected a value, found the end"),
        (
            "{\"a\":1,\n \"é\" 2}",
            "line 2, column 6: expected ':', found '2'",
        ),
        ("[1 2]", "line 1, column 4: expected ',' or ']', found '2'"),
        ("[1,]", "line 1, column 4: expected a value, found ']'"),
        (
            "{\"a\":1,}",
            "line 1, column 8: expected a quoted name of a member, found '}'",
        ),
        (
            "{a:1}",
            "line 1, column 2: expected a quoted name of a member, found 'a'",
        ),
        (
            "{\"a\":1",
            "line 1, column 7: expected ',' or '}', found the end",
        ),
        (
            "1 x",
            "line 1, column 3: expected nothing behind the value, found 'x'",
        ),
        ("nul", "line 1, column 1: expected a value, found 'n'"),
        ("-", "line 1, column 2: expected a digit, found the end"),
        ("1.e5", "line 1, column 3: expected a digit, found 'e'"),
        (
            "007",
            "line 1, column 2: expected nothing behind the value, found '0'",
        ),
        (
            "/* x",
            "line 1, column 1: expected an end of the comment, found '/'",
        ),
        (
            r#"["ab\qc"]"#,
            "line 1, column 6: expected an escape that JSON knows, found 'q'",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), want, "{text}");
    }
    let arena = Bump::new();
    let error = parse(b"{\"a\":\"\xff\"}", &arena, ParseOptions::default()).unwrap_err();
    assert_eq!(
        (error.offset, error.to_string().as_str()),
        (6, "line 1, column 7: invalid UTF-8")
    );
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert!(read(&nested(MAX_DEPTH + 1)).is_err());
    assert!(read(&"{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn strict_types_what_looks_like_a_date() {
    let arena = Bump::new();
    let text = br#"{"t":"2021-07-07T17:00:00Z","d":"2021-07-07","2021-07-07T17:00:00Z":1}"#;
    let strict = ParseOptions {
        compat: Compat::Strict,
    };
    let value = parse(text, &arena, strict).unwrap();
    assert_eq!(
        value.get("t"),
        Some(Value::Date(Ticks(16_256_772_000_000_000)))
    );
    assert_eq!(value.get("d"), Some(Value::String("2021-07-07")));
    assert_eq!(
        value.get("2021-07-07T17:00:00Z"),
        Some(Value::Number(Number::Int(1)))
    );
    let value = parse(text, &arena, ParseOptions::default()).unwrap();
    assert_eq!(value.get("t"), Some(Value::String("2021-07-07T17:00:00Z")));
}

fn same(ours: Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == *b,
        (Value::Number(a), serde_json::Value::Number(b)) => Some(a.as_f64()) == b.as_f64(),
        (Value::String(a), serde_json::Value::String(b)) => a == b,
        (Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(*a, b))
        }
        (Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(*name).is_some_and(|b| same(*a, b)))
        }
        _ => false,
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_serde_json(value in json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let arena = Bump::new();
        let ours = parse(text.as_bytes(), &arena, ParseOptions::default()).unwrap();
        prop_assert!(same(ours, &value));
        let mut again = String::new();
        ours.write_json(&mut again);
prop_assert_eq!(parse(again.as_bytes(), &arena, ParseOptions::default()).unwrap(), ours);
    }

    #[test]
    fn what_serde_json_refuses_is_refused_but_for_the_leniencies(
        text in r#"[\[\]{},:" \\0-9.eE+\-antrufls]{0,24}"#
    ) {
        let arena = Bump::new();
        let ours = parse(text.as_bytes(), &arena, ParseOptions::default());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // Theirs has no numbers beyond a double.
        let overflow = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok() || overflow);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let arena = Bump::new();
        let options = ParseOptions { compat: Compat::Strict };
        match parse(&bytes, &arena, options) {
            Ok(value) => prop_assert_ne!(value.kind(), ""),
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }

    #[test]
    fn no_cut_of_an_event_panics(value in json(), cut in any::<prop::sample::Index>()) {
        let text = value.to_string();
        let cut = cut.index(text.len() + 1);
        let arena = Bump::new();
        let ours = parse(&text.as_bytes()[..cut], &arena, ParseOptions::default());
        if let Err(error) = ours {
            prop_assert!(error.offset <= cut);
        }
    }
}
