use bumpalo::Bump;

use super::*;
use crate::mapping::jmespath::Scope;
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::{Budget, Compat};

mod authors;
mod reference;

/// A mapping of these inner templates.
fn mapping(inner: &str) -> DeviceMapping {
    let text = format!(r#"{{"templateType":"CollectionContent","template":[{inner}]}}"#);
    DeviceMapping::compile(&text).unwrap_or_else(|faults| panic!("{text}: {}", faults[0]))
}

/// The measurements of an event as JSON lines, or the reason and the place of what is wrong.
fn run(mapping: &DeviceMapping, event: &str, compat: Compat) -> Result<Vec<String>, EventError> {
    let arena = Bump::new();
    let event = parse(event.as_bytes(), &arena, ParseOptions { compat }).unwrap();
    let scope = Scope {
        arena: &arena,
        compat,
    };
    let mut out = Vec::new();
    mapping.evaluate(event, &scope, &mut Budget::default(), &mut out)?;
    let line = |measurement: &crate::mapping::measurement::Measurement<'_>| {
        let mut line = Vec::new();
        measurement.to_json(&mut line);
        String::from_utf8(line).unwrap()
    };
    Ok(out.iter().map(line).collect())
}

/// A `CalculatedContent` template that matches `matched`; `more` follows its members.
fn calculated(language: &str, matched: &str, more: &str) -> String {
    let more = if more.is_empty() {
        r#""values":[]"#
    } else {
        more
    };
    let (d, t) = if language == "JsonPath" {
        ("$.d", "$.t")
    } else {
        ("d", "t")
    };
    format!(
        r#"{{"templateType":"CalculatedContent","template":{{"typeName":"x","defaultExpressionLanguage":"{language}",
        "typeMatchExpression":"{matched}","deviceIdExpression":"{d}","timestampExpression":"{t}",{more}}}}}"#
    )
}

/// What an event gives, shortly: `name=value` of all properties of all measurements, or `reason: detail`.
fn give(inner: &str, event: &str, compat: Compat) -> String {
    match run(&mapping(inner), event, compat) {
        Err(error) => format!("{}: {}", error.reason.as_str(), error.detail),
        Ok(lines) => {
            let shown = lines.iter().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let properties = line["properties"].as_array().unwrap();
                let pairs = properties.iter().map(|p| {
                    format!(
                        "{}={}",
                        p["name"].as_str().unwrap(),
                        p["value"].as_str().unwrap()
                    )
                });
                pairs.collect::<Vec<_>>().join(",")
            });
            format!("[{}]", shown.collect::<Vec<_>>().join("|"))
        }
    }
}

/// An event with a device, a time and these members.
fn event(members: &str) -> String {
    format!(r#"{{"d":"dev","t":"2026-01-05T10:00:00Z",{members}}}"#)
}

/// The result of one value in both languages, optional and required.
fn value(path: &str, jmes: &str, members: &str, compat: Compat) -> [String; 2] {
    ["false", "true"].map(|required| {
        let results = [("JsonPath", path, "$"), ("JmesPath", jmes, "@")].map(|(language, text, root)| {
            let values = format!(r#""values":[{{"valueName":"v","required":{required},"valueExpression":"{text}"}}]"#);
            give(&calculated(language, root, &values), &event(members), compat)
        });
        assert_eq!(results[0], results[1], "{members}");
        results.into_iter().next().unwrap()
    })
}

#[test]
fn every_kind_of_value_as_a_property() {
    use Compat::{Default, Strict};
    let not = |kind: &str| format!("not-a-scalar: expected a required value, found {kind}");
    let missing = "missing-value: a required value is missing or null".to_owned();
    let blank = "missing-value: a required value is blank".to_owned();
    for (json, optional, required, strict) in [
        (r#""text""#, "[v=text]", "[v=text]".to_owned(), "[v=text]"),
        (
            r#""2026-01-05T10:00:00.5Z""#,
            "[v=2026-01-05T10:00:00.5Z]",
            "[v=2026-01-05T10:00:00.5Z]".to_owned(),
            "[v=01/05/2026 10:00:00]",
        ),
        ("65", "[v=65]", "[v=65]".to_owned(), "[v=65]"),
        ("72.50", "[v=72.50]", "[v=72.50]".to_owned(), "[v=72.5]"),
        (
            "0.00001",
            "[v=0.00001]",
            "[v=0.00001]".to_owned(),
            "[v=1E-05]",
        ),
        ("true", "[v=True]", "[v=True]".to_owned(), "[v=True]"),
        ("false", "[v=False]", "[v=False]".to_owned(), "[v=False]"),
        ("null", "[]", missing.clone(), "[]"),
        (r#""""#, "[v=]", blank.clone(), "[v=]"),
        (r#"" \t""#, "[v= \t]", blank, "[v= \t]"),
        (r#"{"a":1}"#, "[]", not("object"), "[]"),
        ("[1]", "[]", not("array"), "[]"),
    ] {
        let members = format!(r#""v":{json}"#);
        assert_eq!(
            value("$.v", "v", &members, Default),
            [optional.to_owned(), required],
            "{json}"
        );
        assert_eq!(value("$.v", "v", &members, Strict)[0], strict, "{json}");
    }
    assert_eq!(
        value("$.w", "w", r#""v":1"#, Default),
        ["[]".to_owned(), missing]
    );
}

#[test]
fn more_than_one_token_and_failing_expressions_count_for_optional_values_too() {
    let of = |language: &str, text: &str, required: bool| {
        let root = if language == "JsonPath" { "$" } else { "@" };
        let values = format!(
            r#""values":[{{"valueName":"v","required":"{required}","valueExpression":"{text}"}}]"#
        );
        give(
            &calculated(language, root, &values),
            &event(r#""a":[1,2],"s":"x""#),
            Compat::Default,
        )
    };
    for required in [false, true] {
        assert_eq!(
            of("JsonPath", "$.a[*]", required),
            "ambiguous: selects more than one token where one is wanted"
        );
        assert!(of("JmesPath", "abs(s)", required).starts_with("expression-error: abs: "));
    }
    // A projection of one element is an array still.
    assert_eq!(of("JmesPath", "a[?@ == `1`]", false), "[]");
    assert_eq!(
        of("JmesPath", "a[?@ == `1`]", true),
        "not-a-scalar: expected a required value, found array"
    );
    assert_eq!(of("JmesPath", "a[?@ == `1`] | [0]", true), "[v=1]");
}

#[test]
fn tokens_of_a_type() {
    let of = |language: &str, text: &str, values: &str, members: &str| {
        let values = format!(r#""values":[{{"valueName":"v","valueExpression":"{values}"}}]"#);
        give(
            &calculated(language, text, &values),
            &event(members),
            Compat::Default,
        )
    };
    let data = r#""b":{"data":[{"v":1},{"v":2},{"w":3}],"n":null}"#;
    for (language, text, value, expected) in [
        ("JsonPath", "$.b.data[*]", "$.matchedToken.v", "[v=1|v=2|]"),
        ("JsonPath", "$..[?(@v)]", "$.matchedToken.v", "[v=1|v=2]"),
        ("JsonPath", "$.b.data", "$.matchedToken[1].v", "[v=2]"),
        ("JsonPath", "$.b.nothing", "$.matchedToken.v", "[]"),
        ("JsonPath", "$.b.n", "$.b.data[0].v", "[v=1]"),
        ("JmesPath", "b.data[*]", "matchedToken.v", "[v=1|v=2|]"),
        ("JmesPath", "b.data[?v]", "matchedToken.v", "[v=1|v=2]"),
        ("JmesPath", "b.data", "matchedToken[1].v", "[v=2]"),
        ("JmesPath", "b.data[*].v | [0]", "matchedToken", "[v=1]"),
        ("JmesPath", "b.n", "matchedToken", "[]"),
        ("JmesPath", "b.nothing", "matchedToken", "[]"),
        ("JmesPath", "b.nothing[*]", "matchedToken", "[]"),
        (
            "JmesPath",
            "to_array(@)[?b]",
            "matchedToken.b.data[0].v",
            "[v=1]",
        ),
    ] {
        // An empty result is no measurement; a measurement may be without properties.
        assert_eq!(of(language, text, value, data), expected, "{text}");
    }
    let none = mapping(&calculated("JmesPath", "b.nothing", ""));
    assert_eq!(run(&none, &event(data), Compat::Default).unwrap().len(), 0);
    let bare = mapping(&calculated("JsonPath", "$.b.data[*]", ""));
    assert_eq!(run(&bare, &event(data), Compat::Default).unwrap().len(), 3);
}

#[test]
fn the_scope_of_calculated_templates_is_the_event_and_the_matched_token() {
    let of = |value: &str, members: &str| {
        let values = format!(r#""values":[{{"valueName":"v","valueExpression":{value}}}]"#);
        give(
            &calculated("JsonPath", "$.data[*]", &values),
            &event(members),
            Compat::Default,
        )
    };
    let jmes = |text: &str| format!(r#"{{"value":"{text}","language":"JmesPath"}}"#);
    let data = r#""unit":"bpm","data":[{"v":1},{"v":2}]"#;
    assert_eq!(of(r#""$.matchedToken.v""#, data), "[v=1|v=2]");
    assert_eq!(of(r#""$.unit""#, data), "[v=bpm|v=bpm]");
    assert_eq!(
        of(&jmes("join('-', [unit, to_string(matchedToken.v)])"), data),
        "[v=bpm-1|v=bpm-2]"
    );
    assert_eq!(
        of(&jmes("add(matchedToken.v, data[1].v)"), data),
        "[v=3|v=4]"
    );
    // Last of the root, or in the place of one of its name.
    assert_eq!(
        of(&jmes("keys(@)[-1]"), data),
        "[v=matchedToken|v=matchedToken]"
    );
    let own = r#""matchedToken":{"v":9},"data":[{"v":1},{"v":2}]"#;
    assert_eq!(of(r#""$.matchedToken.v""#, own), "[v=1|v=2]");
    assert_eq!(
        of(&jmes("keys(@)[2]"), own),
        "[v=matchedToken|v=matchedToken]"
    );
    assert_eq!(of(&jmes("matchedToken.v"), own), "[v=1|v=2]");
}

#[test]
fn legacy_templates_see_the_matched_token_alone() {
    let template = |kind: &str, matched: &str, more: &str| {
        format!(
            r#"{{"templateType":"{kind}","template":{{"typeName":"x","typeMatchExpression":"{matched}",{more}"values":[
        {{"valueName":"v","valueExpression":"$.v"}},{{"valueName":"m","valueExpression":"$.matchedToken.v"}}]}}}}"#
        )
    };
    let plain = template(
        "JsonPathContent",
        "$.data[*]",
        r#""deviceIdExpression":"$.d","timestampExpression":"$.t","#,
    );
    let item = r#"{"d":"dev","t":"2026-01-05","v":1}"#;
    assert_eq!(
        give(
            &plain,
            &format!(r#"{{"data":[{item},{item}]}}"#),
            Compat::Default
        ),
        "[v=1|v=1]"
    );
    let outside = r#"{"d":"dev","t":"2026-01-05","data":[{"v":1}]}"#;
    assert_eq!(
        give(&plain, outside, Compat::Default),
        "missing-device: the device's name is missing or blank"
    );

    let iot = template(
        "IotJsonPathContent",
        "$..[?(@Body.hr)]",
        r#""patientIdExpression":"$.Body.p","#,
    )
    .replace("$.v", "$.Body.hr");
    let envelope = |properties: &str, system: &str| {
        format!(
            r#"{{"Body":{{"hr":70,"p":"p1"}},"Properties":{{{properties}}},"SystemProperties":{{{system}}}}}"#
        )
    };
    let device = r#""iothub-connection-device-id":"dev-1""#;
    let created = r#""iothub-creation-time-utc":"2026-01-05T10:00:00Z""#;
    let enqueued = format!(r#"{device},"iothub-enqueuedtime":"2026-01-05T11:00:00Z""#);
    let line =
        |event: &str| run(&mapping(&iot), event, Compat::Default).map(|lines| lines.join("\n"));
    let expected = r#"{"type":"x","occurrenceTime":"2026-01-05T10:00:00Z","deviceId":"dev-1","patientId":"p1","encounterId":null,"correlationId":null,"properties":[{"name":"v","value":"70"}]}"#;
    assert_eq!(line(&envelope(created, &enqueued)).unwrap(), expected);
    let later = expected.replace("T10:", "T11:");
    assert_eq!(line(&envelope("", &enqueued)).unwrap(), later);
    assert_eq!(
        line(&envelope(r#""iothub-creation-time-utc":null"#, &enqueued)).unwrap(),
        later
    );
    assert_eq!(
        line(&envelope(r#""iothub-creation-time-utc":" ""#, &enqueued)).unwrap(),
        later
    );
    let error = line(&envelope(r#""iothub-creation-time-utc":"soon""#, &enqueued)).unwrap_err();
    assert_eq!(
        (error.reason, error.detail.as_str()),
        (EventReason::BadTime, "`soon` is no date and time")
    );
    let error = line(&envelope("", device)).unwrap_err();
    assert_eq!(
        error.expression,
        "timestampExpression `$.Properties.iothub-creation-time-utc`"
    );
    assert_eq!(
        line(&envelope(created, "")).unwrap_err().reason,
        EventReason::MissingDevice
    );

    let central =
        template("IotCentralJsonPathContent", "$.Body[*]", "").replace("$.v", "$.telemetry.v");
    let message = r#"{"deviceId":"c","enqueuedTime":"2026-01-05T10:00:00Z","telemetry":{"v":3}}"#;
    assert_eq!(
        give(
            &central,
            &format!(r#"{{"Body":[{message},{message}]}}"#),
            Compat::Default
        ),
        "[v=3|v=3]"
    );
}

#[test]
fn ids_and_times() {
    let of = |more: &str, event: &str, compat: Compat| {
        let inner = calculated("JsonPath", "$", &format!(r#"{more}"values":[]"#));
        match run(&mapping(&inner), event, compat) {
            Err(error) => format!("{}: {}", error.reason.as_str(), error.detail),
            Ok(lines) => lines[0]
                .split_once(r#","deviceId":"#)
                .unwrap()
                .1
                .replace(r#","properties":[]}"#, ""),
        }
    };
    let all = r#""patientIdExpression":"$.p","encounterIdExpression":"$.e","correlationIdExpression":"$.c","#;
    let ids = |p: &str, e: &str, c: &str| {
        of(
            all,
            &event(&format!(r#""p":{p},"e":{e},"c":{c}"#)),
            Compat::Default,
        )
    };
    let given = |p: &str, e: &str, c: &str| {
        format!(r#""dev","patientId":{p},"encounterId":{e},"correlationId":{c}"#)
    };
    assert_eq!(
        ids("\"p\"", "5", "true"),
        given("\"p\"", "\"5\"", "\"True\"")
    );
    assert_eq!(ids("null", "{}", "\"c\""), given("null", "null", "\"c\""));
    assert_eq!(ids("\" \"", "[]", "\"c\""), given("null", "null", "\"c\""));
    let strict = of(all, &event(r#""p":"","c":"c""#), Compat::Strict);
    assert_eq!(strict, given("\"\"", "null", "\"c\""));
    let missing = "missing-correlation: the correlation id is missing or blank";
    assert_eq!(ids("null", "null", "null"), missing);
    assert_eq!(ids("null", "null", "\"\""), missing);
    assert_eq!(
        ids("null", "null", "[]"),
        "not-a-scalar: expected a correlation id, found array"
    );
    assert_eq!(
        of(
            r#""correlationIdExpression":"","#,
            &event("\"a\":1"),
            Compat::Default
        ),
        given("null", "null", "null")
    );
    assert_eq!(
        of(
            r#""patientIdExpression":"$.p[*]","#,
            &event("\"p\":[1,2]"),
            Compat::Default
        ),
        "ambiguous: selects more than one token where one is wanted"
    );

    let device = |json: &str| {
        of(
            "",
            &format!(r#"{{"d":{json},"t":"2026-01-05"}}"#),
            Compat::Default,
        )
    };
    assert_eq!(
        device("17"),
        r#""17","patientId":null,"encounterId":null,"correlationId":null"#
    );
    for json in ["null", "\"\"", "\" \\n\""] {
        assert_eq!(
            device(json),
            "missing-device: the device's name is missing or blank"
        );
    }
    assert_eq!(
        device("{}"),
        "not-a-scalar: expected a device's name, found object"
    );

    let time = |json: &str| of("", &format!(r#"{{"d":"dev","t":{json}}}"#), Compat::Default);
    assert!(time("\"/Date(1234656000000)/\"").starts_with("\"dev\""));
    assert_eq!(time("\"x\""), "bad-time: `x` is no date and time");
    assert_eq!(time("null"), "bad-time: the time is missing or blank");
    assert_eq!(time("\"\""), "bad-time: the time is missing or blank");
    assert_eq!(
        time("[]"),
        "bad-time: expected a date and time, found array"
    );
    assert!(
        time("1767607200")
            .starts_with("bad-time: a number is no time; JMESPath's fromUnixTimestamp")
    );
}

#[test]
fn templates_in_order_and_all_or_nothing() {
    let of = |name: &str, matched: &str, value: &str, required: bool| {
        let values = format!(
            r#""values":[{{"valueName":"{name}","required":{required},"valueExpression":"{value}"}}]"#
        );
        calculated("JsonPath", matched, &values)
    };
    let both = format!(
        "{},{}",
        of("b", "$.x[*]", "$.matchedToken", false),
        of("a", "$.x[1]", "$.matchedToken", false)
    );
    assert_eq!(
        give(&both, &event("\"x\":[1,2]"), Compat::Default),
        "[b=1|b=2|a=2]"
    );

    let second = format!(
        "{},{}",
        of("b", "$.x[*]", "$.matchedToken", false),
        of("a", "$.x[1]", "$.y", true)
    );
    let mapping = mapping(&second);
    let arena = Bump::new();
    let scope = Scope {
        arena: &arena,
        compat: Compat::Default,
    };
    let parsed = |text: &str| {
        let text = arena.alloc_str(text).as_bytes();
        parse(text, &arena, ParseOptions::default()).unwrap()
    };
    let mut out = Vec::new();
    let good = event("\"x\":[1,2],\"y\":3");
    mapping
        .evaluate(parsed(&good), &scope, &mut Budget::default(), &mut out)
        .unwrap();
    assert_eq!(out.len(), 3);
    let bad = parsed(&event("\"x\":[1,2]"));
    let error = mapping
        .evaluate(bad, &scope, &mut Budget::default(), &mut out)
        .unwrap_err();
    assert_eq!(
        out.len(),
        3,
        "nothing of the bad event stays, all of the good one does"
    );
    assert_eq!(
        error.to_string(),
        "template[1] (x), valueExpression a `$.y`: a required value is missing or null"
    );
    assert_eq!(
        (error.reason, error.template),
        (EventReason::MissingValue, 1)
    );
    let none =
        DeviceMapping::compile(r#"{"templateType":"CollectionContent","template":[]}"#).unwrap();
    none.evaluate(parsed(&good), &scope, &mut Budget::default(), &mut out)
        .unwrap();
    assert_eq!(out.len(), 3);
}

#[test]
fn the_order_of_evaluation_decides_which_fault_is_told() {
    let all = r#""patientIdExpression":"$.p[*]","encounterIdExpression":"$.e[*]","correlationIdExpression":"$.c",
        "values":[{"valueName":"a","required":true,"valueExpression":"$.a"},{"valueName":"b","required":true,"valueExpression":"$.b"}]"#;
    let inner = calculated("JsonPath", "$", all);
    let mapping = mapping(&inner);
    let bad = [
        (r#""d":"#, "\"\"", "\"d\"", "deviceIdExpression"),
        (r#""t":"#, "1", "\"2026-01-05\"", "timestampExpression"),
        (r#""c":"#, "null", "\"c\"", "correlationIdExpression"),
        (r#""p":"#, "[1,2]", "[1]", "patientIdExpression"),
        (r#""e":"#, "[1,2]", "[1]", "encounterIdExpression"),
        (r#""a":"#, "null", "1", "valueExpression a"),
        (r#""b":"#, "null", "1", "valueExpression b"),
    ];
    for first in 0..bad.len() {
        let members: Vec<String> = bad
            .iter()
            .enumerate()
            .map(|(i, (name, bad, good, _))| {
                format!("{name}{}", if i < first { good } else { bad })
            })
            .collect();
        let error = run(
            &mapping,
            &format!("{{{}}}", members.join(",")),
            Compat::Default,
        )
        .unwrap_err();
        assert!(error.expression.starts_with(bad[first].3), "{error}");
    }
}

#[test]
fn events_that_are_no_objects_and_budgets() {
    let mapping = mapping(&calculated("JsonPath", "$.x[*]", ""));
    for event in ["[]", "1", "null", "\"a\""] {
        let error = run(&mapping, event, Compat::Default).unwrap_err();
        assert_eq!(error.reason, EventReason::NotAnObject);
        assert!(
            error
                .to_string()
                .starts_with("event: expected an object, found "),
            "{error}"
        );
    }
    let arena = Bump::new();
    let scope = Scope {
        arena: &arena,
        compat: Compat::Default,
    };
    let text = event("\"x\":[1,2,3,4,5,6,7,8,9]");
    let value = parse(text.as_bytes(), &arena, ParseOptions::default()).unwrap();
    let mut out = Vec::new();
    let error = mapping
        .evaluate(value, &scope, &mut Budget::new(100), &mut out)
        .unwrap_err();
    assert_eq!((error.reason.as_str(), out.len()), ("too-many-steps", 0));
}
