//! What an expression is compiled to.

use crate::mapping::jmespath::Expression;

#[track_caller]
fn plan(text: &str, want: &str) {
    assert_eq!(Expression::parse(text).unwrap().explain(), want, "{text}");
}

#[test]
fn chains_are_one_step_and_constants_are_computed() {
    plan("@.Body.a[0].\"b c\" | d", r#"path Body.a[0]."b c".d"#);
    plan("@", "the current value");
    plan("add(`1`, multiply(`2`, `3`))", "constant 7");
    plan("`{\"a\":[1]}`.a[0] == `1` && 'x'", "constant \"x\"");
    plan(
        "fromUnixTimestamp(`0`)",
        "constant \"1970-01-01T00:00:00Z\"",
    );
    plan(
        "to_string(fromUnixTimestamp(`0`))",
        "call to_string\n  constant \"1970-01-01T00:00:00Z\"",
    );
    plan(
        "divide(`1`, `0`)",
        "call divide\n  constant 1\n  constant 0",
    );
    plan(
        "let({a: `1`}, &a)",
        "call let\n  object\n    a: constant 1\n  expression member or binding a",
    );
}

#[test]
fn a_plan_reads_as_a_tree() {
    plan(
        "to_array(@)[?Body.hr > `40` && !flag].Body.{v: hr, id: not_null(id, 'none')} | [0]",
        "path [0]\n  \
           of each element that passes\n    \
             of call to_array\n      \
               the current value\n    \
             if the first that is false, else the last\n      \
               compare >\n        \
                 path Body.hr\n        \
                 constant 40\n      \
               not\n        \
                 path flag\n    \
             gives in turn, null stays null\n      \
               path Body\n      \
               then object\n        \
                 v: path hr\n        \
                 id: call not_null\n          \
                   path id\n          \
                   constant \"none\"",
    );
    plan(
        "sort_by(a[].b.*, &c)[1:-1] || [d, e[*]]",
        "the first that is true, else the last\n  \
           elements 1:-1:1\n    \
             of call sort_by\n      \
               each element, arrays among them opened\n        \
                 of path a\n        \
                 gives each member's value\n          \
                   of path b\n      \
               expression path c\n  \
           list\n    \
             path d\n    \
             each element\n      \
               of path e",
    );
}
