//! What is refused when an expression is compiled, and where.

use super::syntax_error;
use crate::mapping::jmespath::Expression;

#[track_caller]
fn refused(cases: &[(&str, usize, &str)]) {
    for (text, offset, message) in cases {
        assert_eq!(
            syntax_error(text),
            (*offset, (*message).to_owned()),
            "{text}"
        );
    }
}

#[test]
fn texts_that_are_no_expression() {
    refused(&[
        ("", 0, "expected an expression, found nothing"),
        ("  ", 0, "expected an expression, found nothing"),
        (
            "a.",
            2,
            "expected a name, `*`, `[` or `{` after the dot, found the end",
        ),
        (".a", 0, "expected an expression, found `.`"),
        (
            "a..b",
            2,
            "expected a name, `*`, `[` or `{` after the dot, found `.`",
        ),
        (
            "a.1",
            2,
            "expected a name, `*`, `[` or `{` after the dot, found `1`",
        ),
        (
            "a.@",
            2,
            "expected a name, `*`, `[` or `{` after the dot, found `@`",
        ),
        (
            "a.'b'",
            2,
            "expected a name, `*`, `[` or `{` after the dot, found a literal",
        ),
        ("a b", 2, "expected an operator or the end, found `b`"),
        ("a[", 2, "expected an index, a slice or `*`, found the end"),
        ("a[b]", 2, "expected an index, a slice or `*`, found `b`"),
        (
            "a['b']",
            2,
            "expected an index, a slice or `*`, found a literal",
        ),
        ("a[*", 3, "expected `]`, found the end"),
        ("a[?b", 4, "expected `]`, found the end"),
        ("a[?]", 3, "expected an expression, found `]`"),
        (
            "a[1:2:3:4]",
            7,
            "expected `:`, a number or `]` in the slice, found `:`",
        ),
        (
            "a[1:2 3]",
            6,
            "expected `:`, a number or `]` in the slice, found `3`",
        ),
        ("a[::0]", 4, "the step of a slice cannot be 0"),
        (
            "a[1",
            3,
            "expected `:`, a number or `]` in the slice, found the end",
        ),
        ("[a, b", 5, "expected `,` or `]`, found the end"),
        ("[a,]", 3, "expected an expression, found `]`"),
        ("{a: b", 5, "expected `,` or `}`, found the end"),
        ("{a}", 2, "expected `:`, found `}`"),
        ("{}", 1, "expected the name of a member, found `}`"),
        (
            "{'a': b}",
            1,
            "expected the name of a member, found a literal",
        ),
        ("(a", 2, "expected `)`, found the end"),
        ("a)", 1, "expected an operator or the end, found `)`"),
        ("a ||", 4, "expected an expression, found the end"),
        ("a && | b", 5, "expected an expression, found `|`"),
        ("| a", 0, "expected an expression, found `|`"),
        ("a == ", 5, "expected an expression, found the end"),
        ("!", 1, "expected an expression, found the end"),
        ("a[*]b", 4, "expected an operator or the end, found `b`"),
        ("**", 1, "expected an operator or the end, found `*`"),
        (
            "&a",
            0,
            "`&` makes an expression reference: only a function takes one",
        ),
        (
            "a | &b",
            4,
            "`&` makes an expression reference: only a function takes one",
        ),
        ("123", 0, "expected an expression, found `123`"),
    ]);
}

#[test]
fn texts_that_have_no_tokens() {
    refused(&[
        ("a = b", 2, "expected `==`, found a single `=`"),
        (
            "$.a",
            0,
            "unexpected `$`: JMESPath starts at the event itself, or `@`",
        ),
        ("a.b#c", 3, "unexpected character `#`"),
        ("日本", 0, "unexpected character `日`"),
        ("'日本' é", 5, "unexpected character `é`"),
        ("a.-", 2, "expected digits after `-`"),
        (
            "a[99999999999999999999]",
            2,
            "the index 99999999999999999999 does not fit 64 bits",
        ),
        ("'abc", 0, "this raw string is not closed"),
        ("'abc\\'", 0, "this raw string is not closed"),
        ("a.\"b", 2, "this quoted name is not closed"),
        ("\"\\x\"", 0, "this quoted name is no JSON string"),
        ("\"\\ud800\"", 0, "this quoted name is no JSON string"),
        ("a == `1", 5, "this literal is not closed"),
    ]);
    for bare in [
        "`heart rate`",
        "`heart-rate`",
        "`1st`",
        "`'a'`",
        "``",
        "`01`",
        "`[1,]`",
        "`{a:1}`",
        "`/**/1`",
        "`1 2`",
    ] {
        let (offset, message) = syntax_error(&format!("a == {bare}"));
        assert_eq!(offset, 5, "{bare}");
        assert!(
            message.starts_with("this literal is no JSON (a string needs quotes): "),
            "{message}"
        );
    }
}

#[test]
fn functions_are_known_and_get_what_they_take() {
    refused(&[
        (
            "a | lenght(@)",
            4,
            "there is no function lenght, did you mean length?",
        ),
        (
            "fromUnixTimeStamp(a)",
            0,
            "there is no function fromUnixTimeStamp, did you mean fromUnixTimestamp?",
        ),
        (
            "Sort_By(a, &b)",
            0,
            "there is no function Sort_By, did you mean sort_by?",
        ),
        ("frobnicate(a)", 0, "there is no function frobnicate"),
        (
            "\"length\"(a)",
            0,
            "the function length must be named without quotes",
        ),
        ("length()", 0, "length takes 1 argument, not 0"),
        ("b.add(a)", 2, "add takes 2 arguments, not 1"),
        ("add(a, b, c)", 0, "add takes 2 arguments, not 3"),
        ("not_null()", 0, "not_null takes 1 or more arguments, not 0"),
        ("merge()", 0, "merge takes 1 or more arguments, not 0"),
        ("zip()", 0, "zip takes 1 or more arguments, not 0"),
        ("length(a", 8, "expected `,` or `)`, found the end"),
        ("length(a b)", 9, "expected `,` or `)`, found `b`"),
        ("add(a,)", 6, "expected an expression, found `)`"),
        ("add(,a)", 4, "expected an expression, found `,`"),
        (
            "length(&a)",
            7,
            "length: argument 1 must be a value: take away the `&`",
        ),
        (
            "sort_by(a, b)",
            11,
            "sort_by: argument 2 must be an expression reference: put `&` before it",
        ),
        (
            "map(a, &b)",
            4,
            "map: argument 1 must be an expression reference: put `&` before it",
        ),
        (
            "not_null(a, &b)",
            12,
            "not_null: argument 2 must be a value: take away the `&`",
        ),
    ]);
}

#[test]
fn an_error_prints_its_place_from_one() {
    let error = Expression::parse("a.").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a name, `*`, `[` or `{` after the dot, found the end (character 3)"
    );
}
