//! Every function, good and bad.

use super::{check, check_errors, run};
use crate::mapping::Compat;

#[test]
fn the_specifications_vectors() {
    check(
        "{}",
        &[
            ("add(`-1`, `100`)", "99"),
            ("divide(`100`, `25`)", "4"),
            ("insertString('suess', 'cc', `2`)", "\"success\""),
            (
                "fromUnixTimestamp(`1625677200`)",
                "\"2021-07-07T17:00:00Z\"",
            ),
            ("fromUnixTimestamp(`-1`)", "\"1969-12-31T23:59:59Z\""),
            (
                "fromUnixTimestampMs(`1626799080000`)",
                "\"2021-07-20T16:38:00Z\"",
            ),
        ],
    );
    let power: f64 = run("pow(`10`, `2.5`)", "{}", Compat::Default)
        .unwrap()
        .parse()
        .unwrap();
    assert!((power - 316.2278).abs() < 1e-4);
}

#[test]
fn arithmetic_is_integer_unless_an_operand_is_a_double() {
    check(
        r#"{"i":40,"d":72.50,"j":50,"e":1e2,"neg":-7}"#,
        &[
            ("add(i, j)", "90"),
            ("add(i, d)", "112.5"),
            ("add(i, `1.0`)", "41.0"),
            ("add(`1`, e)", "101.0"),
            ("subtract(i, j)", "-10"),
            ("subtract(d, i)", "32.5"),
            ("multiply(i, j)", "2000"),
            ("multiply(d, `2`)", "145.0"),
            ("divide(i, j)", "0"),
            ("divide(neg, `2`)", "-3"),
            ("divide(`7`, `-2`)", "-3"),
            ("divide(i, `50.0`)", "0.8"),
            ("divide(`1.0`, `0`)", "\"Infinity\""),
            ("divide(`-1`, `0.0`)", "\"-Infinity\""),
            ("pow(`2`, `10`)", "1024"),
            ("pow(`2`, `0`)", "1"),
            ("pow(`0`, `0`)", "1"),
            ("pow(`2`, `-1`)", "0"),
            ("pow(`-1`, `-3`)", "-1"),
            ("pow(`1`, `9223372036854775807`)", "1"),
            ("pow(`4`, `0.5`)", "2.0"),
            ("pow(`2.0`, `3`)", "8.0"),
            ("add(`9223372036854775807`, `1`)", "-9223372036854775808"),
            (
                "subtract(`-9223372036854775808`, `1`)",
                "9223372036854775807",
            ),
            ("multiply(`9223372036854775807`, `2`)", "-2"),
            ("add(`0.1`, `0.2`)", "0.30000000000000004"),
            (
                "add(`98765432109876543210`, `1.0`)",
                "9.876543210987654E+19",
            ),
        ],
    );
    check_errors(
        r#"{"s":"5"}"#,
        &[
            ("divide(`1`, `0`)", "divide: an integer divided by zero"),
            (
                "divide(`-9223372036854775808`, `-1`)",
                "divide: an integer does not fit 64 bits",
            ),
            ("pow(`10`, `19`)", "pow: the result does not fit 64 bits"),
            (
                "pow(`2`, `9223372036854775807`)",
                "pow: the result does not fit 64 bits",
            ),
            ("pow(`0`, `-1`)", "pow: the result does not fit 64 bits"),
            (
                "add(`98765432109876543210`, `1`)",
                "add: an integer does not fit 64 bits",
            ),
            (
                "add(s, `1`)",
                "add: argument 1 must be a number, not a string",
            ),
            (
                "subtract(`1`, missing)",
                "subtract: argument 2 must be a number, not null",
            ),
            (
                "multiply(@, `1`)",
                "multiply: argument 1 must be a number, not an object",
            ),
            (
                "divide(`1`, `true`)",
                "divide: argument 2 must be a number, not a boolean",
            ),
            (
                "pow(`[]`, `1`)",
                "pow: argument 1 must be a number, not an array",
            ),
        ],
    );
}

#[test]
fn numbers() {
    check(
        r#"{"n":[3, 1.50, 2],"w":[1.5, 2.5],"none":[],"neg":-72.50}"#,
        &[
            ("abs(neg)", "72.50"),
            ("abs(`5`)", "5"),
            ("abs(add(`0`, `-5`))", "5"),
            ("abs(add(`0`, neg))", "72.5"),
            ("ceil(`1.2`)", "2"),
            ("ceil(`-1.2`)", "-1"),
            ("ceil(`7`)", "7"),
            ("floor(`1.8`)", "1"),
            ("floor(`-1.2`)", "-2"),
            ("floor(`1e300`)", "1E+300"),
            ("avg(n)", "2.1666666666666665"),
            ("avg(none)", "null"),
            ("sum(n)", "6.5"),
            ("sum(w)", "4"),
            ("sum(none)", "0"),
            ("sum(`[1, 2]`)", "3"),
            ("sum(`[9223372036854775807, 1]`)", "9.223372036854776E+18"),
            ("max(n)", "3"),
            ("min(n)", "1.50"),
            ("max(none)", "null"),
            ("min(none)", "null"),
            ("max(`[\"a\", \"c\", \"b\"]`)", "\"c\""),
            ("min(`[\"b\", \"a\"]`)", "\"a\""),
            ("max(`[1, 1.0]`)", "1"),
        ],
    );
    check_errors(
        r#"{"mixed":[1,"a"],"nulls":[1,null]}"#,
        &[
            ("abs('1')", "abs: argument 1 must be a number, not a string"),
            (
                "abs(add(`-9223372036854775807`, `-1`))",
                "abs: an integer does not fit 64 bits",
            ),
            (
                "ceil(missing)",
                "ceil: argument 1 must be a number, not null",
            ),
            (
                "floor(`true`)",
                "floor: argument 1 must be a number, not a boolean",
            ),
            (
                "avg(mixed)",
                "avg: argument 1 must be an array of numbers, not an array with a string at 1",
            ),
            (
                "sum(nulls)",
                "sum: argument 1 must be an array of numbers, not an array with null at 1",
            ),
            (
                "sum(`1`)",
                "sum: argument 1 must be an array of numbers, not a number",
            ),
            (
                "max(mixed)",
                "max: argument 1 must be an array of numbers or an array of strings, not an array with a string at 1",
            ),
            (
                "min(@)",
                "min: argument 1 must be an array of numbers or an array of strings, not an object",
            ),
        ],
    );
}

#[test]
fn strings() {
    check(
        r#"{"s":"heartrate","l":["a","b"],"o":{"k":1.50},"u":"a𝒳é"}"#,
        &[
            ("starts_with(s, 'heart')", "true"),
            ("starts_with(s, 'rate')", "false"),
            ("ends_with(s, 'rate')", "true"),
            ("ends_with(s, '')", "true"),
            ("contains(s, 'tra')", "true"),
            ("contains(s, 'xyz')", "false"),
            ("contains(s, `1`)", "false"),
            ("contains(l, 'a')", "true"),
            ("contains(l, 'c')", "false"),
            ("contains(`[1, {\"k\": 2}]`, `{\"k\": 2.0}`)", "true"),
            ("join(', ', l)", "\"a, b\""),
            ("join('-', `[]`)", "\"\""),
            ("length(s)", "9"),
            ("length(u)", "3"),
            ("length(l)", "2"),
            ("length(o)", "1"),
            ("reverse(u)", "\"é𝒳a\""),
            ("to_string(s)", "\"heartrate\""),
            ("to_string(o)", r#""{\"k\":1.50}""#),
            ("to_string(l)", r#""[\"a\",\"b\"]""#),
            ("to_string(`1.0`)", "\"1.0\""),
            ("to_string(`null`)", "\"null\""),
            ("to_string(`true`)", "\"true\""),
            ("to_string(divide(`6.0`, `2`))", "\"3.0\""),
            ("insertString(u, '-', `2`)", "\"a𝒳-é\""),
            ("insertString('abc', 'x', `0`)", "\"xabc\""),
            ("insertString('abc', 'x', `3`)", "\"abcx\""),
            ("insertString('', '', `0`)", "\"\""),
        ],
    );
    check_errors(
        r#"{"l":["a",1]}"#,
        &[
            (
                "starts_with(missing, 'a')",
                "starts_with: argument 1 must be a string, not null",
            ),
            (
                "ends_with('a', `1`)",
                "ends_with: argument 2 must be a string, not a number",
            ),
            (
                "contains(`1`, 'a')",
                "contains: argument 1 must be an array or a string, not a number",
            ),
            (
                "contains(missing, 'a')",
                "contains: argument 1 must be an array or a string, not null",
            ),
            (
                "join(',', l)",
                "join: argument 2 must be an array of strings, not an array with a number at 1",
            ),
            (
                "join(`1`, l)",
                "join: argument 1 must be a string, not a number",
            ),
            (
                "length(`1`)",
                "length: argument 1 must be a string, an array or an object, not a number",
            ),
            (
                "reverse(@)",
                "reverse: argument 1 must be an array or a string, not an object",
            ),
            (
                "insertString('abc', 'x', `4`)",
                "insertString: the position is outside the string",
            ),
            (
                "insertString('abc', 'x', `-1`)",
                "insertString: the position is outside the string",
            ),
            (
                "insertString('abc', 'x', `1.0`)",
                "insertString: argument 3 must be an integer, not a number with a fraction, an exponent or over 64 bits",
            ),
            (
                "insertString(`1`, 'x', `0`)",
                "insertString: argument 1 must be a string, not a number",
            ),
            (
                "insertString('a', missing, `0`)",
                "insertString: argument 2 must be a string, not null",
            ),
            (
                "insertString('a', 'b', '0')",
                "insertString: argument 3 must be a number, not a string",
            ),
        ],
    );
}

#[test]
fn to_number_reads_an_integer_else_a_double_else_nothing() {
    check(
        r#"{"n":72.50,"l":[1]}"#,
        &[
            ("to_number(n)", "72.50"),
            ("to_number('42')", "42"),
            ("to_number(' -42 ')", "-42"),
            ("to_number('+7')", "7"),
            ("to_number('9223372036854775807')", "9223372036854775807"),
            ("to_number('9223372036854775808')", "9.223372036854776E+18"),
            ("to_number('98.60')", "98.6"),
            ("to_number('1e3')", "1000.0"),
            ("to_number('.5')", "0.5"),
            ("to_number('abc')", "null"),
            ("to_number('')", "null"),
            ("to_number('-')", "null"),
            ("to_number('1 2')", "null"),
            ("to_number('NaN')", "null"),
            ("to_number('Infinity')", "null"),
            ("to_number('1e999')", "null"),
            ("to_number('0x10')", "null"),
            ("to_number(l)", "null"),
            ("to_number(`null`)", "null"),
            ("to_number(`true`)", "null"),
            ("add(to_number('1'), `2`)", "3"),
            ("add(to_number('1.0'), `2`)", "3.0"),
        ],
    );
}

#[test]
fn types() {
    check(
        r#"{"s":"x","n":1,"d":1.5,"b":true,"z":null,"l":[],"o":{}}"#,
        &[
            (
                "[type(s), type(n), type(d), type(b), type(z), type(l), type(o), type(missing)]",
                r#"["string","number","number","boolean","null","array","object","null"]"#,
            ),
            ("type(fromUnixTimestamp(`0`))", "\"string\""),
            ("to_array(n)", "[1]"),
            ("to_array(l)", "[]"),
            ("to_array(z)", "[null]"),
            ("not_null(z, missing, s, n)", "\"x\""),
            ("not_null(z)", "null"),
            ("not_null(z, z, z, z, n)", "1"),
        ],
    );
}

#[test]
fn lists() {
    check(
        r#"{"n":[3,1.0,2,1],"s":["b","a","Z","é"],"p":[{"k":2,"v":"x"},{"k":1,"v":"y"},{"k":2,"v":"z"},{"k":1.0,"v":"w"}]}"#,
        &[
            ("sort(n)", "[1.0,1,2,3]"),
            ("sort(s)", r#"["Z","a","b","é"]"#),
            ("sort(`[]`)", "[]"),
            ("reverse(n)", "[1,2,1.0,3]"),
            ("sort_by(p, &k)[*].v", r#"["y","w","x","z"]"#),
            ("sort_by(p, &v)[*].v", r#"["w","x","y","z"]"#),
            ("sort_by(`[]`, &k)", "[]"),
            ("max_by(p, &k).v", "\"x\""),
            ("min_by(p, &k).v", "\"y\""),
            ("max_by(p, &v).v", "\"z\""),
            ("max_by(`[]`, &k)", "null"),
            ("min_by(`[]`, &k)", "null"),
            ("map(&v, p)", r#"["x","y","z","w"]"#),
            ("map(&missing, p)", "[null,null,null,null]"),
            ("map(&multiply(k, `2`), p)", "[4,2,4,2.0]"),
            ("map(&[*], `[[1],[null,2]]`)", "[[1],[2]]"),
            ("zip(n, s)", r#"[[3,"b"],[1.0,"a"],[2,"Z"],[1,"é"]]"#),
            ("zip(n, `[1,2]`, `[true]`)", "[[3,1,true]]"),
            ("zip(n)", "[[3],[1.0],[2],[1]]"),
            ("zip(n, `[]`)", "[]"),
        ],
    );
    check_errors(
        r#"{"p":[{"k":1},{"k":"a"},{}],"mixed":["a",1]}"#,
        &[
            (
                "sort(mixed)",
                "sort: argument 1 must be an array of numbers or an array of strings, not an array with a number at 1",
            ),
            (
                "sort(`[true]`)",
                "sort: argument 1 must be an array of numbers or an array of strings, not an array with a boolean at 0",
            ),
            (
                "sort_by(p, &k)",
                "sort_by: argument 2 must be an expression that gives numbers only or strings only, not one that gives a string for element 1",
            ),
            (
                "max_by(p, &missing)",
                "max_by: argument 2 must be an expression that gives numbers only or strings only, not one that gives null for element 0",
            ),
            (
                "min_by(@, &k)",
                "min_by: argument 1 must be an array, not an object",
            ),
            (
                "map(&k, `1`)",
                "map: argument 2 must be an array, not a number",
            ),
            (
                "map(&length(k), p)",
                "length: argument 1 must be a string, an array or an object, not a number",
            ),
            (
                "zip(p, `1`)",
                "zip: argument 2 must be an array, not a number",
            ),
            (
                "zip(p, p, p, p, `1`)",
                "zip: argument 5 must be an array, not a number",
            ),
        ],
    );
}

#[test]
fn objects() {
    check(
        r#"{"o":{"b":1,"a":2.50},"x":{"a":{"y":1},"c":3}}"#,
        &[
            ("keys(o)", r#"["b","a"]"#),
            ("values(o)", "[1,2.50]"),
            ("keys(`{}`)", "[]"),
            ("items(o)", r#"[["b",1],["a",2.50]]"#),
            ("to_object(items(o))", r#"{"b":1,"a":2.50}"#),
            (
                "to_object(`[[\"k\",1],[\"l\",2],[\"k\",3]]`)",
                r#"{"k":3,"l":2}"#,
            ),
            ("to_object(`[]`)", "{}"),
            ("to_object(zip(keys(o), `[7, 8]`))", r#"{"b":7,"a":8}"#),
            ("merge(o, x)", r#"{"b":1,"a":{"y":1},"c":3}"#),
            ("merge(o)", r#"{"b":1,"a":2.50}"#),
            ("merge(o, `{\"b\": null}`)", r#"{"b":null,"a":2.50}"#),
        ],
    );
    check_errors(
        r#"{"l":[1]}"#,
        &[
            (
                "keys(l)",
                "keys: argument 1 must be an object, not an array",
            ),
            (
                "values(missing)",
                "values: argument 1 must be an object, not null",
            ),
            (
                "items('x')",
                "items: argument 1 must be an object, not a string",
            ),
            (
                "merge(@, l)",
                "merge: argument 2 must be an object, not an array",
            ),
            (
                "to_object(@)",
                "to_object: argument 1 must be an array, not an object",
            ),
            (
                "to_object(l)",
                "to_object: argument 1 must be an array of pairs of a string and a value, not an array with a number at 0",
            ),
            (
                "to_object(`[[\"a\",1],[1,2]]`)",
                "to_object: argument 1 must be an array of pairs of a string and a value, not an array whose pair 1 starts with a number",
            ),
            (
                "to_object(`[[\"a\"]]`)",
                "to_object: argument 1 must be an array of pairs of a string and a value, not an array with an array of 1 at 0",
            ),
        ],
    );
}

#[test]
fn let_binds_names_that_the_current_value_lacks() {
    check(
        r#"{"device":"d1","unit":"bpm","list":[{"v":1},{"v":2,"device":"own"},{"v":3,"device":null}]}"#,
        &[
            (
                "let({d: device}, &list[*].[d, v])",
                r#"[["d1",1],["d1",2],["d1",3]]"#,
            ),
            (
                "let(@, &list[*].[device, v])",
                r#"[["d1",1],["own",2],[null,3]]"#,
            ),
            (
                "let({d: device}, &let({e: unit}, &list[0].[d, e]))",
                r#"["d1","bpm"]"#,
            ),
            ("let({d: device}, &let({d: unit}, &list[0].d))", "\"bpm\""),
            ("let({d: device}, &d) == 'd1' && d", "null"),
            ("let({d: device}, &missing)", "null"),
            ("let({d: device}, &list[?v == `1`].d)", "[\"d1\"]"),
            ("let({d: `1`}, &'x' | d)", "1"),
            ("map(&let({w: v}, &w), list)", "[1,2,3]"),
            ("let({d: device}, &max_by(list, &v).d)", "\"d1\""),
            ("let({m: `2`}, &map(&multiply(v, m), list))", "[2,4,6]"),
        ],
    );
    check_errors(
        "{}",
        &[(
            "let(`1`, &a)",
            "let: argument 1 must be an object, not a number",
        )],
    );
}
