mod reference;

use super::{Path, Single, SyntaxError};
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::value::Value;
use crate::mapping::{Budget, Compat};
use bumpalo::Bump;

/// What `path` selects of `json`, as compact JSON, one node after the other.
fn select(path: &str, json: &str) -> String {
    select_as(path, json, Compat::Default)
}

fn select_as(path: &str, json: &str, compat: Compat) -> String {
    let arena = Bump::new();
    let root = parse(json.as_bytes(), &arena, ParseOptions { compat }).unwrap();
    let mut found = Vec::new();
    let path = Path::parse(path).unwrap();
    path.select(root, &mut Budget::default(), &mut found)
        .unwrap();
    let single = path.single(root, &mut Budget::default()).unwrap();
    assert_eq!(
        single,
        match found.as_slice() {
            [] => Single::None,
            [one] => Single::One(*one),
            _ => Single::Many,
        }
    );
    let texts: Vec<String> = found
        .into_iter()
        .map(|value| {
            let mut text = String::new();
            value.write_json(&mut text);
            text
        })
        .collect();
    texts.join(" ")
}

fn check(json: &str, cases: &[(&str, &str)]) {
    for (path, want) in cases {
        assert_eq!(select(path, json), *want, "{path}");
    }
}

#[test]
fn members_and_how_they_are_written() {
    check(
        r#"{"a":{"b":1,"c d":2,"x-y:z/é":3,"it's":4,"*":5},"$":6,"$m":7,"":8}"#,
        &[
            ("$.a.b", "1"),
            ("a.b", "1"),
            (" $.a.b ", "1"),
            (".a.b", "1"),
            ("$['a']['b']", "1"),
            ("$.a['c d']", "2"),
            ("$.a.['c d']", "2"),
            ("$.['a'].b", "1"),
            ("$.a.x-y:z/é", "3"),
            (r"$.a['it\'s']", "4"),
            ("$.a['*']", "5"),
            ("$a", ""),
            ("$m", "7"),
            ("$.$m", "7"),
            ("$['']", "8"),
            ("$.a.none", ""),
            ("$.a.b.c", ""),
            ("$.a.B", ""),
            ("$.a('b')", "1"),
            ("$.a['b','none','c d']", "1 2"),
            ("$.a['c d' , 'b']", "2 1"),
            ("$.a.*", "1 2 3 4 5"),
        ],
    );
    check(
        "[1]",
        &[("$", "[1]"), ("", "[1]"), ("  ", "[1]"), ("$ ", "[1]")],
    );
    check("null", &[("$", "null"), ("$.a", "")]);
}

#[test]
fn items_and_slices() {
    check(
        "[0,1,2,3,4,5]",
        &[
            ("$[0]", "0"),
            ("[2]", "2"),
            ("$(2)", ""),
            ("$.(2)", "2"),
            ("$[ 2 ]", "2"),
            ("$[6]", ""),
            ("$[0,2,9,1]", "0 2 1"),
            ("$[*]", "0 1 2 3 4 5"),
            ("$.*", ""),
            ("$[1:3]", "1 2"),
            ("$[4:]", "4 5"),
            ("$[:2]", "0 1"),
            ("$[:]", "0 1 2 3 4 5"),
            ("$[-2:]", "4 5"),
            ("$[:-4]", "0 1"),
            ("$[-99:2]", "0 1"),
            ("$[3:99]", "3 4 5"),
            ("$[::2]", "0 2 4"),
            ("$[1::3]", "1 4"),
            ("$[::-1]", "5 4 3 2 1 0"),
            ("$[4:1:-2]", "4 2"),
            ("$[-1:-4:-1]", "5 4 3"),
            ("$[99::-2]", "5 3 1"),
            ("$[-99::-1]", ""),
            ("$[3:1]", ""),
            ("$[::2147483647]", "0"),
        ],
    );
    check(
        r#"{"a":[[1,2],[3]],"b":{"c":1}}"#,
        &[
            ("$.a[*][0]", "1 3"),
            ("$.a[0][1]", "2"),
            ("$.b[0]", ""),
            ("$.b[*]", ""),
            ("$.b[:]", ""),
            ("$.a[1][*]", "3"),
        ],
    );
}

#[test]
fn below() {
    check(
        r#"{"v":1,"a":{"v":2,"b":[{"v":{"v":3}},{"w":4}]}}"#,
        &[
            ("$..v", r#"1 2 {"v":3} 3"#),
            ("..v", r#"1 2 {"v":3} 3"#),
            ("a..v", r#"2 {"v":3} 3"#),
            ("$..v.v", "3"),
            ("$..['w','v']", r#"1 2 {"v":3} 3 4"#),
            ("$..['w']", "4"),
            ("$..b[1]", r#"{"w":4}"#),
            (
                "$..b..*",
                r#"[{"v":{"v":3}},{"w":4}] {"v":{"v":3}} {"v":3} 3 {"w":4} 4"#,
            ),
            ("$..[0]", ""),
            ("$.a.b..[0]", r#"{"v":{"v":3}}"#),
            ("$...w", "4"),
            ("$..none", ""),
        ],
    );
    check(
        "[1,[2]]",
        &[("$..*", "[1,[2]] 1 [2] 2"), ("$..[*]", "1 [2]")],
    );
}

#[test]
fn filters_test_items_and_below_also_the_root() {
    let event = r#"{"Body":{"heartrate":"78"},"Properties":{},"SystemProperties":{"d":"x"}}"#;
    check(
        event,
        &[
            ("$..[?(@Body.heartrate)]", event),
            ("$..[?(@.Body.heartrate)]", event),
            ("$..[?(@heartrate)]", r#"{"heartrate":"78"}"#),
            ("$.Body[?(@.heartrate)]", ""),
            ("$[?(@heartrate)]", ""),
            ("$.Body..[?(@heartrate)]", r#"{"heartrate":"78"}"#),
        ],
    );
    check(
        r#"[{"a":1,"n":{"a b":2}},{"a":null},{"a":false},{"b":[7,8]},5,[{"a":9}]]"#,
        &[
            (
                "$[?(@.a)]",
                r#"{"a":1,"n":{"a b":2}} {"a":null} {"a":false}"#,
            ),
            ("$..[?(@a)].a", "1 null false 9"),
            ("$[?(@['n']['a b'])].a", "1"),
            ("$[?(@.['n'].['a b'])].a", "1"),
            ("$[?(@.b[1])].b[1]", "8"),
            ("$[?(@.b[2])]", ""),
            ("$[?(@.b[?(@ == 8)])]", r#"{"b":[7,8]}"#),
            ("$[?(@..a == 9)]", r#"[{"a":9}]"#),
            ("$[?(@ == 5)]", "5"),
            ("$[?(@.a==1)].a", "1"),
            ("$[?( @.a  ==  1 )].a", "1"),
            ("$[?(@.a == null)]", r#"{"a":null}"#),
            ("$[?(@.a == false)]", r#"{"a":false}"#),
            ("$[?(true)][0]", r#"{"a":9}"#),
            ("$[?(false)][0]", r#"{"a":9}"#),
            ("$[?($[0].a)][0]", r#"{"a":9}"#),
            ("$[?($[0].a == @.a)]", r#"{"a":1,"n":{"a b":2}}"#),
            ("$[?(1 == @.a)].a", "1"),
            ("$[5][?($[4] == 5)]", r#"{"a":9}"#),
        ],
    );
}

#[test]
fn comparisons() {
    // Tests against the members of one item: true selects it.
    let holds = |test: &str, json: &str| {
        let found = select(&format!("$[?({test})]"), &format!("[{json}]"));
        !found.is_empty()
    };
    for (json, tests, others) in [
        (
            r#"{"v":5}"#,
            "@.v == 5|@.v == 5.0|5 == @.v|@v=== 5.0|@.v != 4|@.v <> 4|@.v !== 4|@.v < 5.5|@.v <= 5|@.v > 4|@.v >= 5|@.v > null|@.v != '5'|@.v !== '5'|@.v>-1e3",
            "@.v == '5'|@.v === '5'|@.v != 5|@.v !== 5.0|@.v < 5|@.v > 5|@.v == null|@.v < '6'|@.v == true|@.v >= 5.1",
        ),
        (
            r#"{"v":"5"}"#,
            "@.v == '5'|@.v === '5'|@.v != 5|@.v < '6'|@.v > '10'|@.v > null",
            "@.v == 5|@.v > 4|@.v < 6|@.v != '5'",
        ),
        (
            r#"{"v":null}"#,
            "@.v|@.v == null|@.v === null|@.v < 0|@.v < 'a'|@.v <= null|@.v != 0",
            "@.v != null|@.v > 0|@.v == 0|@.w == null|@.w != 5|@.w",
        ),
        (
            r#"{"v":true,"f":false}"#,
            "@.v == true|@.f == false|@.v > @.f|@.v != 1|@.v >= 1|@.f < 3",
            "@.v == 1|@.v == 'true'|@.f == null|@.v < 'x'",
        ),
        (
            r#"{"v":[1],"o":{}}"#,
            "@.v != 1|@.v <> 'a'|@.o != null|@.v != @.v|@.v|@.o",
            "@.v == 1|@.v == @.v|@.o === @.o|@.v !== 1|@.v < 9|@.o > null",
        ),
        (
            r#"{"v":0.3,"s":0.1,"big":9007199254740993,"huge":98765432109876543210}"#,
            "@.v == 0.30000000000000004|@.big == 9007199254740993|@.big != 9007199254740992|@.huge > 9223372036854775807|@.big < @.huge",
            "@.v == 0.31|@.big == 9007199254740992|@.huge < 1",
        ),
        (
            r#"{"v":["a","b"]}"#,
            "@.v[*] == 'b'|'a' == @.v[*]|@.v[*] == @.v[1]|@.v[*] != 'a'",
            "@.v[*] == 'c'|@.v[5] != 'a'",
        ),
        (
            "{\"v\":\"\u{1f600}\"}",
            // By UTF-16 units: a surrogate is before U+FFFD.
            "@.v < '\u{fffd}'|@.v > 'z'",
            "@.v > '\u{fffd}'",
        ),
    ] {
        for test in tests.split('|') {
            assert!(holds(test, json), "{test} of {json}");
        }
        for test in others.split('|') {
            assert!(!holds(test, json), "{test} of {json}");
        }
    }
}

#[test]
fn strict_dates_equal_their_text() {
    let json = r#"[{"t":"2021-07-07T17:00:00Z"}]"#;
    for (test, default, strict) in [
        ("@.t == '2021-07-07T17:00:00Z'", true, true),
        ("@.t === '2021-07-07T17:00:00Z'", true, false),
        ("@.t > '2021-07-06T00:00:00Z'", true, true),
        ("@.t =~ /^2021/", true, false),
    ] {
        let path = format!("$[?({test})]");
        assert_eq!(!select(&path, json).is_empty(), default, "{test}");
        assert_eq!(
            !select_as(&path, json, Compat::Strict).is_empty(),
            strict,
            "{test}"
        );
    }
}

#[test]
fn patterns() {
    check(
        r#"["Heart Rate","heart/beat","x\ny",7]"#,
        &[
            ("$[?(@ =~ /^heart/)]", r#""heart/beat""#),
            ("$[?(@ =~ /^heart/i)]", r#""Heart Rate" "heart/beat""#),
            (r"$[?(@ =~ /t\/b/)]", r#""heart/beat""#),
            ("$[?(@ =~ '/^HEART /i')]", r#""Heart Rate""#),
            ("$[?(@ =~ /x.y/s)]", r#""x\ny""#),
            ("$[?(@ =~ /^y/m)]", r#""x\ny""#),
            ("$[?(@ =~ /7/)]", ""),
            ("$[?(@ =~ /[)]|beat/ && @ != 1)]", r#""heart/beat""#),
        ],
    );
}

#[test]
fn joins_nest_to_the_right() {
    let json = |a: bool, b: bool, c: bool| {
        let member = |name: &str, there: bool| {
            if there {
                format!("\"{name}\":1,")
            } else {
                String::new()
            }
        };
        format!(
            "[{{{}{}{}\"z\":0}}]",
            member("a", a),
            member("b", b),
            member("c", c)
        )
    };
    for bits in 0..8 {
        let (a, b, c) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let holds = |test: &str| !select(&format!("$[?({test})]"), &json(a, b, c)).is_empty();
        assert_eq!(holds("@a && @b || @c"), a && (b || c));
        assert_eq!(holds("@a || @b && @c"), a || (b && c));
        assert_eq!(holds("@.a&&@.b&&@.c"), a && b && c);
        assert_eq!(holds("@.a||@.b||@.c"), a || b || c);
        assert_eq!(holds("@a || @b && @c || @z"), a || b);
        assert_eq!(holds("@a == 1 && @b == 1 || @c == 1"), a && (b || c));
    }
}

#[test]
fn faults_name_their_character() {
    for (path, want) in [
        (
            "$.",
            "expected a name or '[' after '.', found the end (character 3)",
        ),
        (
            "$..",
            "expected a name or '[' after '.', found the end (character 4)",
        ),
        (
            "$.a.",
            "expected a name or '[' after '.', found the end (character 5)",
        ),
        (
            "$.a b",
            "expected the end, '.' or '[', found 'b' (character 5)",
        ),
        (
            "$.a]",
            "expected the end, '.' or '[', found ']' (character 4)",
        ),
        (
            "$.é[",
            "expected an index, '*', '?' or a name in single quotes, found the end (character 5)",
        ),
        (
            "$[]",
            "expected an index, '*', '?' or a name in single quotes, found ']' (character 3)",
        ),
        (
            "$[\"a\"]",
            "names are quoted in single quotes here (character 3)",
        ),
        ("$['a]", "a quoted text without an end (character 3)"),
        (
            "$['a',]",
            "expected a name in single quotes, found ']' (character 7)",
        ),
        (
            "$['a' 'b']",
            "expected ',' or the closing bracket after a name, found '\\'' (character 7)",
        ),
        (
            "$[0]a",
            "expected '.' or '[' after a bracket, found 'a' (character 5)",
        ),
        (
            "$[-1]",
            "a negative index selects nothing here; a slice does: [-1:] takes the last item (character 3)",
        ),
        ("$[99999999999]", "99999999999 is no index (character 3)"),
        ("$[1-2]", "1-2 is no index (character 3)"),
        (
            "$[1,]",
            "expected an index, '*', '?' or a name in single quotes, found ']' (character 5)",
        ),
        ("$[::0]", "the step of a slice is zero (character 5)"),
        (
            "$[1:2:3:4]",
            "expected the closing bracket after a slice, found ':' (character 8)",
        ),
        (
            "$[?@.a]",
            "expected '(' right behind '?', found '@' (character 4)",
        ),
        (
            "$[?(@.a]",
            "expected one of == != <> < <= > >= === !== =~ && || ), found ']' (character 8)",
        ),
        (
            "$[?(@.a)",
            "expected the bracket that ends the filter, found the end (character 9)",
        ),
        (
            "$[?(@.a == )]",
            "expected a path from @ or $, or a literal, found ')' (character 12)",
        ),
        (
            "$[?(@.a = 1)]",
            "expected one of == != <> < <= > >= === !== =~ && || ), found '=' (character 9)",
        ),
        (
            "$[?(a > 1)]",
            "expected a path from @ or $, or a literal, found 'a' (character 5)",
        ),
        ("$[?(!@.a)]", "this dialect has no negation (character 5)"),
        (
            "$[?((@.a))]",
            "this dialect has no grouping by parentheses (character 5)",
        ),
        (
            "$[?(@.a == \"x\")]",
            "strings are quoted in single quotes here (character 12)",
        ),
        (
            "$[?(@.a == 1 && )]",
            "expected a path from @ or $, or a literal, found ')' (character 17)",
        ),
        (
            "$[?(@.a & @.b)]",
            "expected an operator, '&&', '||' or ')', found '&' (character 9)",
        ),
        (
            "$[?(@.a == 99999999999999999999)]",
            "99999999999999999999 is no number, or an integer beyond 64 bits (character 12)",
        ),
        (
            r"$[?(@.a == '\x')]",
            "expected one of b f n r t \\ \" ' / after '\\', found 'x' (character 14)",
        ),
        ("$[?(@.a =~ /x)]", "a pattern without an end (character 12)"),
        (
            "$[?(@.a =~ 'x')]",
            "=~ wants a pattern as /pattern/ behind it (character 12)",
        ),
        (
            "$[?(@.a =~ @.b)]",
            "=~ wants a pattern as /pattern/ behind it (character 12)",
        ),
        (
            "$[?(@.a == /x/)]",
            "a pattern is compared by =~ (character 12)",
        ),
        (
            "$[?(/x/ =~ @.a)]",
            "a pattern stands behind =~ (character 5)",
        ),
        (
            "$[?(@.a =~ /(?<=a)b/)]",
            "the pattern cannot be used: look-around, including look-ahead and look-behind, is not supported (character 12)",
        ),
        (
            r"$[?(@.a =~ /(a)\1/)]",
            "the pattern cannot be used: backreferences are not supported (character 12)",
        ),
    ] {
        let error: SyntaxError = Path::parse(path).unwrap_err();
        assert_eq!(error.to_string(), want, "{path}");
    }
    let nested =
        |depth: usize| "$[?(@".to_owned() + &"[?(@".repeat(depth - 1) + &")]".repeat(depth);
    assert!(Path::parse(&nested(16)).is_ok());
    assert!(
        Path::parse(&nested(17))
            .unwrap_err()
            .message
            .contains("16 filters")
    );
    assert!(
        Path::parse(&"a.".repeat(300))
            .unwrap_err()
            .message
            .contains("256 steps")
    );
}

#[test]
fn plans_in_words() {
    for (path, want) in [
        ("$", "the whole document"),
        ("a.b['c d']", r#"member a → member b → member "c d""#),
        (
            "$..[?(@Body.hr)]",
            "of itself and all below where (member Body → member hr exists)",
        ),
        (
            "$.v[?(@.t == 'hr' && @.v > 0.5 || $.x)]..['a','b'][0,1][*].*..*",
            r#"member v → items where (member t = "hr" and (member v > 0.5 or (root → member x exists))) → members a, b at any depth → items 0, 1 → every item → every member → itself and all below"#,
        ),
        (
            "$[1:][:-2:3][::-1][?(@ =~ /x/i)]",
            "items from 1 on → items from the first until before -2 in steps of 3 → items from the last on in steps of -1 → items where (itself matches /x/)",
        ),
    ] {
        assert_eq!(Path::parse(path).unwrap().to_string(), want);
        assert_eq!(Path::parse(path).unwrap().source(), path);
    }
}

#[test]
fn work_is_bounded() {
    let arena = Bump::new();
    let text = format!("[{}1]", "1,".repeat(2000));
    let root = parse(text.as_bytes(), &arena, ParseOptions::default()).unwrap();
    let path = Path::parse("$[?($[?($[*] == 2)])]").unwrap();
    let mut found = Vec::new();
    assert!(
        path.select(root, &mut Budget::new(100_000), &mut found)
            .is_err()
    );
    assert!(
        path.select(root, &mut Budget::new(100), &mut found)
            .is_err()
    );
    let deep = "[".repeat(512) + &"]".repeat(512);
    let root: Value<'_> = parse(deep.as_bytes(), &arena, ParseOptions::default()).unwrap();
    let path = Path::parse(&("$".to_owned() + &"..*".repeat(3))).unwrap();
    assert!(
        path.select(root, &mut Budget::new(100_000), &mut found)
            .is_err()
    );
}
