//! Paths, projections, operators and their precedence.

use super::super::Expression;
use super::{check, run, to_json};
use crate::mapping::jmespath::Scope;
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::{Budget, Compat};
use bumpalo::Bump;

const WARD: &str = r#"{
  "Body": {
    "deviceId": "m-7", "unit": "bpm", "": "empty name", "two words": 2, "é": "accent",
    "heartrate": 72.50,
    "samples": [
      {"t": 1, "v": 61, "tags": ["a", "b"]},
      {"t": 2, "v": null, "tags": []},
      {"t": 3, "v": 63.0, "tags": ["c"], "extra": {"x": 1}}
    ],
    "grid": [[1, 2], [3, [4]], 5, null],
    "beds": {"b1": {"n": 1}, "b2": {"n": 2}, "b3": {"m": 3}}
  },
  "Properties": {"iothub-creation-time-utc": "2026-01-05T10:00:00Z"}
}"#;

#[test]
fn paths() {
    check(
        WARD,
        &[
            ("Body.deviceId", r#""m-7""#),
            ("Body.heartrate", "72.50"),
            ("Body.missing", "null"),
            ("Body.missing.deeper[3].still", "null"),
            ("Body.deviceId.inside", "null"),
            ("Body.\"two words\"", "2"),
            ("\"Body\".\"\"", r#""empty name""#),
            (r#"Body."é""#, r#""accent""#),
            (r#"Body."\u00e9""#, r#""accent""#),
            (
                "Properties.\"iothub-creation-time-utc\"",
                r#""2026-01-05T10:00:00Z""#,
            ),
            ("@.Body.unit", r#""bpm""#),
            ("@ | Body | unit", r#""bpm""#),
            (" Body\t.\r\n unit ", r#""bpm""#),
            ("Body.samples[0].v", "61"),
            ("Body.samples[-1].v", "63.0"),
            ("Body.samples[3]", "null"),
            ("Body.samples[-4]", "null"),
            ("Body[0]", "null"),
            ("[0]", "null"),
            ("Body.grid[1][1][0]", "4"),
        ],
    );
    check(
        "[10, 20]",
        &[
            ("[1]", "20"),
            ("@[0]", "10"),
            ("a", "null"),
            ("[-9223372036854775808]", "null"),
        ],
    );
    check(
        "\"text\"",
        &[
            ("@", "\"text\""),
            ("a", "null"),
            ("[0]", "null"),
            ("[*]", "null"),
            ("*", "null"),
        ],
    );
}

#[test]
fn slices() {
    check(
        "[0,1,2,3,4]",
        &[
            ("[1:3]", "[1,2]"),
            ("[:2]", "[0,1]"),
            ("[3:]", "[3,4]"),
            ("[:]", "[0,1,2,3,4]"),
            ("[::]", "[0,1,2,3,4]"),
            ("[::2]", "[0,2,4]"),
            ("[1::2]", "[1,3]"),
            ("[::-1]", "[4,3,2,1,0]"),
            ("[3:0:-1]", "[3,2,1]"),
            ("[3:0:-2]", "[3,1]"),
            ("[-2:]", "[3,4]"),
            ("[:-3]", "[0,1]"),
            ("[-100:100]", "[0,1,2,3,4]"),
            ("[100:-100:-1]", "[4,3,2,1,0]"),
            ("[100:-100:-2]", "[4,2,0]"),
            ("[4:1]", "[]"),
            ("[1:4:-1]", "[]"),
            ("[:9223372036854775807:9223372036854775807]", "[0]"),
            ("[::-9223372036854775808]", "[4]"),
        ],
    );
    check("[]", &[("[::-1]", "[]"), ("[:]", "[]"), ("[0:1]", "[]")]);
    check("{\"a\":1}", &[("[0:1]", "null"), ("a[0:1]", "null")]);
    check(
        "[{\"a\":1},{\"b\":2},{\"a\":3}]",
        &[("[0:3].a", "[1,3]"), ("[::-1].a", "[3,1]")],
    );
}

#[test]
fn projections_leave_out_null_and_end_where_the_specification_says() {
    check(
        WARD,
        &[
            ("Body.samples[*].v", "[61,63.0]"),
            ("Body.samples[*].extra.x", "[1]"),
            ("Body.samples[*].tags", r#"[["a","b"],[],["c"]]"#),
            ("Body.samples[*].tags[0]", r#"["a","c"]"#),
            ("Body.samples[*].tags[*]", r#"[["a","b"],[],["c"]]"#),
            ("Body.samples[*].tags[]", r#"["a","b","c"]"#),
            ("Body.samples[].tags[][]", r#"["a","b","c"]"#),
            ("Body.samples[*].tags | [0]", r#"["a","b"]"#),
            ("Body.samples[*].tags | [0][1]", r#""b""#),
            ("(Body.samples[*].tags)[0]", r#"["a","b"]"#),
            ("Body.samples[*].[t, v]", "[[1,61],[2,null],[3,63.0]]"),
            ("Body.samples[*][t, v]", "[[1,61],[2,null],[3,63.0]]"),
            (
                "Body.samples[*].{time: t}",
                r#"[{"time":1},{"time":2},{"time":3}]"#,
            ),
            ("Body.samples[*].{time: t}.time", "[1,2,3]"),
            ("Body.samples[*].[t, v][0]", "[1,2,3]"),
            ("Body.samples[*].length(tags)", "[2,0,1]"),
            ("Body.grid[]", "[1,2,3,[4],5]"),
            ("Body.grid[][]", "[1,2,3,4,5]"),
            ("Body.grid[*]", "[[1,2],[3,[4]],5]"),
            ("Body.grid[*][0]", "[1,3]"),
            ("Body.grid | [3]", "null"),
            ("Body.beds.*.n", "[1,2]"),
            ("Body.beds.* | length(@)", "3"),
            ("Body.beds.*.n | [1]", "2"),
            ("Body.*.b1.n", "[1]"),
            ("*.unit", r#"["bpm"]"#),
            ("Body.missing[*].v", "null"),
            ("Body.missing.*.v", "null"),
            ("Body.missing[]", "null"),
            ("Body.missing[?v]", "null"),
            ("Body.unit[*]", "null"),
            ("Body.beds[*]", "null"),
            ("Body.samples[*].missing", "[]"),
        ],
    );
    check(
        "[[[1],[2]],[[3]]]",
        &[
            ("[*][*][0]", "[[1,2],[3]]"),
            ("[][0]", "[1,2,3]"),
            ("[*][0]", "[[1],[3]]"),
        ],
    );
    check(
        "{\"a\":{\"x\":[1,2]},\"b\":{\"x\":[3]}}",
        &[
            ("*.x[0]", "[1,3]"),
            ("*.x[]", "[1,2,3]"),
            ("*.x | [0]", "[1,2]"),
        ],
    );
    check(
        "{\"a\":[{\"b\":{\"c\":1}}]}",
        &[
            ("a[*].b.*", "[[1]]"),
            ("a[*].*.c", "[[1]]"),
            ("a.*", "null"),
        ],
    );
}

#[test]
fn filters() {
    check(
        WARD,
        &[
            ("Body.samples[?v].t", "[1,3]"),
            ("Body.samples[?v == `61`].t", "[1]"),
            ("Body.samples[?v > `61`].t", "[3]"),
            ("Body.samples[?t >= `2` && v].t", "[3]"),
            ("Body.samples[?t == `1` || t == `3`].t", "[1,3]"),
            ("Body.samples[?!v].t", "[2]"),
            ("Body.samples[?!extra.x].t", "[1,2]"),
            ("Body.samples[?!(t == `1`)].t", "[2,3]"),
            ("Body.samples[?tags[?@ == 'c']].t", "[3]"),
            ("Body.samples[?contains(tags, 'b')] | [0].t", "1"),
            ("Body.samples[?v == null].t", "[2]"),
            ("Body.samples[?v == `null`].t", "[2]"),
            ("Body.samples[?t].tags[]", r#"["a","b","c"]"#),
            (
                "Body.samples[?t][]",
                r#"[{"t":1,"v":61,"tags":["a","b"]},{"t":2,"v":null,"tags":[]},{"t":3,"v":63.0,"tags":["c"],"extra":{"x":1}}]"#,
            ),
            ("Body.samples[?t > 'x']", "[]"),
            ("Body[?unit]", "null"),
            ("to_array(@)[?Body.heartrate].Body.unit", r#"["bpm"]"#),
            ("to_array(@.Body) | [?unit == 'bpm'].samples[].t", "[1,2,3]"),
            (
                "[Body][?contains(keys(@), `heartrate`)] | @[0].unit",
                r#""bpm""#,
            ),
        ],
    );
    check(
        "[1,\"1\",true,null,[],{},\"\",0,[0]]",
        &[("[?@]", "[1,\"1\",true,0,[0]]"), ("[?@ < `1`]", "[0]")],
    );
}

#[test]
fn operators() {
    let event = r#"{"t":true,"f":false,"n":null,"z":0,"one":1,"s":"x","e":"","l":[],"o":{},"big":98765432109876543210}"#;
    check(
        event,
        &[
            ("t && s", "\"x\""),
            ("f && s", "false"),
            ("n && s", "null"),
            ("e || s", "\"x\""),
            ("l || o", "{}"),
            ("z || s", "0"),
            ("missing || 'default'", "\"default\""),
            ("!t", "false"),
            ("!e", "true"),
            ("!!o", "false"),
            ("!z", "false"),
            ("t || f && f", "true"),
            ("(t || f) && f", "false"),
            ("f && f || s", "\"x\""),
            ("one == `1`", "true"),
            ("one == `1.0`", "true"),
            ("one == `10e-1`", "true"),
            ("one != `2`", "true"),
            ("one == '1'", "false"),
            ("s == 'x'", "true"),
            ("l == `[]`", "true"),
            ("`{\"a\":1,\"b\":[2.0]}` == `{\"b\":[2],\"a\":1.0}`", "true"),
            ("`{\"a\":1}` == `{\"a\":1,\"b\":2}`", "false"),
            ("`{\"a\":1}` == `{\"b\":1}`", "false"),
            ("`[1,2]` == `[1]`", "false"),
            ("n == missing", "true"),
            ("one < `1.5`", "true"),
            ("one <= `1`", "true"),
            ("one > `1`", "false"),
            ("one >= z", "true"),
            ("s < 'y'", "null"),
            ("one < s", "null"),
            ("n < one", "null"),
            ("t > f", "null"),
            ("big == `98765432109876543210`", "true"),
            ("big > one", "true"),
            ("big == `98765432109876543211`", "false"),
            ("!one == z", "false"),
            ("!s == f", "true"),
            ("!missing.deeper", "true"),
            ("!l[0]", "true"),
            ("one == `1` && s == 'x'", "true"),
            ("one < `2` == t", "true"),
            ("t && s | length(@)", "1"),
            ("missing | length('abc')", "3"),
        ],
    );
}

#[test]
fn lists_and_objects() {
    check(
        r#"{"a":1,"b":{"c":2.50},"x":null}"#,
        &[
            ("[a, b.c, missing]", "[1,2.50,null]"),
            (
                "{first: a, \"second one\": b.c, gone: x}",
                r#"{"first":1,"second one":2.50,"gone":null}"#,
            ),
            ("b.[c, c]", "[2.50,2.50]"),
            ("b.{d: c}.d", "2.50"),
            ("[[a], {k: [a]}]", "[[1],{\"k\":[1]}]"),
            ("x.[a]", "null"),
            ("x | [a]", "null"),
            ("missing.{k: a}", "null"),
            ("{k: a, k: b.c}", r#"{"k":2.50}"#),
            ("[a][0]", "1"),
            ("[a, b][*].c", "[2.50]"),
            ("[*]", "null"),
            ("[*, a]", "[[1,{\"c\":2.50}],1]"),
            ("[@.a]", "[1]"),
        ],
    );
}

#[test]
fn literals() {
    check(
        "{}",
        &[
            ("`1`", "1"),
            ("`72.50`", "72.50"),
            ("`-1e3`", "-1e3"),
            ("` \"a b\" `", "\"a b\""),
            ("`\"\\`\"`", "\"`\""),
            ("`\"\\u00e9\\n\"`", "\"é\\n\""),
            ("`[1, {\"k\": null}]`", "[1,{\"k\":null}]"),
            ("`{\"k\": 1, \"k\": 2}`", "{\"k\":2}"),
            ("`true`", "true"),
            ("`null`", "null"),
            ("'raw'", "\"raw\""),
            ("'it\\'s'", "\"it's\""),
            ("'\\n'", "\"\\\\n\""),
            ("'\\\\'", "\"\\\\\\\\\""),
            ("'`\"'", "\"`\\\"\""),
            ("''", "\"\""),
            ("'日本'", "\"日本\""),
            ("`{\"a\":[1,2]}`.a[1]", "2"),
            // A bare word, as published mappings write it.
            ("` heart_Rate2 `", "\"heart_Rate2\""),
            ("`truely`", "\"truely\""),
            ("`[3,1,2]` | sort(@)", "[1,2,3]"),
        ],
    );
}

#[test]
fn a_path_on_null_is_null_even_before_a_function() {
    check(
        "{\"a\":\"xyz\"}",
        &[
            ("a.length(@)", "3"),
            ("missing.length(@)", "null"),
            ("a.b.keys(@)", "null"),
        ],
    );
    assert!(run("missing | length(@)", "{}", Compat::Default).is_err());
    assert!(run("length(missing)", "{}", Compat::Default).is_err());
}

#[test]
fn what_is_a_projection() {
    for text in [
        "[*]",
        "[]",
        "[?a]",
        "[1:]",
        "*",
        "Body[*]",
        "Body[*].data",
        "Body[*].data[0]",
        "Body.*.x",
        "a.b[].c.d",
        "to_array(@)[?heartrate]",
        "to_array(@.Body) | [? unit == 'inches'].data[]",
        "Body | @[*]",
        "a | b | c[]",
        "Body.data[?x].{a: b}",
        "(a[*])",
        "a[*] || b[]",
        "a[*] && b[*]",
        "`[1]`[*]",
    ] {
        assert!(Expression::parse(text).unwrap().is_projection(), "{text}");
    }
    for text in [
        "Body",
        "Body.data",
        "Body.data[0]",
        "@",
        "[a, b]",
        "{k: a[*]}",
        "length(a[*])",
        "a[*] | [0]",
        "a[*] | @",
        "[Body][?contains(keys(@), `\"heartRate\"`)] | @[0]",
        "[Body][?contains(keys(@), `heartRate`)] | @[0]",
        "a[*] || b",
        "a || b[*]",
        "!a[*]",
        "a[*] == b[*]",
        "sort(a[*])",
        "a[*] | length(@)",
        "`[1]`",
        "(a[*]).b",
    ] {
        assert!(!Expression::parse(text).unwrap().is_projection(), "{text}");
    }
}

#[test]
fn whether_this_result_is_a_projection() {
    let arena = Bump::new();
    let scope = Scope {
        arena: &arena,
        compat: Compat::Default,
    };
    for (json, text, value, projection) in [
        (r#"{"a":[1]}"#, "a[*]", "[1]", true),
        (r#"{"a":[1]}"#, "a", "[1]", false),
        (r#"{"a":1}"#, "a[*]", "null", false),
        (r#"{"a":[1]}"#, "a[*] | @", "[1]", false),
        (r#"{"a":[1]}"#, "(a[*] || b) | @", "[1]", false),
        (r#"{"a":[1],"b":[2]}"#, "a[*] || b", "[1]", true),
        (r#"{"a":[],"b":[2]}"#, "a[*] || b", "[2]", false),
        (r#"{"b":[2]}"#, "a || b[*]", "[2]", true),
        (r#"{"a":[],"b":[2]}"#, "a[*] && b", "[]", true),
        (r#"{"a":[1],"b":[2]}"#, "a && b[*]", "[2]", true),
        (r#"{"a":[1],"b":[2]}"#, "@ | a[*]", "[1]", true),
        (r#"{"a":{"b":[2]}}"#, "a.b[*]", "[2]", true),
        (r#"{}"#, "`[1]`[*]", "[1]", true),
        (r#"{}"#, "`[[1]]`[]", "[1]", true),
    ] {
        let expression = Expression::parse(text).unwrap();
        let root = parse(json.as_bytes(), &arena, ParseOptions::default()).unwrap();
        let selected = expression
            .select(root, &scope, &mut Budget::default())
            .unwrap();
        assert_eq!(
            (to_json(&selected.value).as_str(), selected.projection),
            (value, projection),
            "{text}"
        );
    }
}
