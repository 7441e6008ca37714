//! What authors are told.

use bumpalo::Bump;

use super::{calculated, event, give, mapping};
use crate::mapping::device::{DeviceMapping, EventReason};
use crate::mapping::jmespath::Scope;
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::{Budget, Compat};

#[test]
fn a_trace_tells_every_expression() {
    let values = r#""patientIdExpression":"$.a[*]","values":[{"valueName":"v","required":true,"valueExpression":"$.matchedToken.v"}]"#;
    let inner = format!(
        "{},{}",
        calculated("JsonPath", "$.data[*]", values),
        calculated("JmesPath", "nothing", "")
    );
    let mapping = mapping(&inner);
    let arena = Bump::new();
    let scope = Scope {
        arena: &arena,
        compat: Compat::Default,
    };
    let text = event(r#""data":[{"v":1.50}],"a":[1,2]"#);
    let value = parse(text.as_bytes(), &arena, ParseOptions::default()).unwrap();
    let traces = mapping
        .trace(value, &scope, &mut Budget::default())
        .unwrap();
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[0].type_match.value, Ok(Some("1".to_owned())));
    let [found] = traces[0].matches.as_slice() else {
        panic!("{traces:?}")
    };
    assert_eq!(found.token, r#"{"v":1.50}"#);
    let steps: Vec<String> = found
        .steps
        .iter()
        .map(|step| format!("{} {} {:?}", step.role, step.text, step.value))
        .collect();
    assert_eq!(
        steps,
        [
            r#"deviceIdExpression $.d Ok(Some("\"dev\""))"#,
            r#"timestampExpression $.t Ok(Some("\"2026-01-05T10:00:00Z\""))"#,
            r#"patientIdExpression $.a[*] Err("selects more than one token where one is wanted")"#,
            r#"valueExpression v $.matchedToken.v Ok(Some("1.50"))"#,
        ]
    );
    assert_eq!(
        found.measurement.as_ref().unwrap_err().reason,
        EventReason::Ambiguous
    );
    assert_eq!(
        (traces[1].type_match.value.clone(), traces[1].matches.len()),
        (Ok(None), 0)
    );
}

#[test]
fn the_plan_and_the_version_are_told() {
    let jmes = r#"{"value":"fromUnixTimestamp(ts)","language":"JmesPath"}"#;
    let values = format!(
        r#""values":[{{"valueName":"v","required":true,"valueExpression":"$.matchedToken.v"}},{{"valueName":"s","valueExpression":{jmes}}}]"#
    );
    let text = format!(
        r#"{{"templateType":"CollectionContent","template":[{}]}}"#,
        calculated("JsonPath", "$.data[*]", &values)
    );
    let mapping = DeviceMapping::compile(&text).unwrap();
    assert_eq!(mapping.version().len(), 12);
    assert!(mapping.version().bytes().all(|c| c.is_ascii_hexdigit()));
    let told = mapping.explain();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines[0],
        format!(
            "device mapping {}: 1 template(s), 3 shared result(s)",
            mapping.version()
        )
    );
    assert_eq!(lines[1], "template[0] x (CalculatedContent)");
    assert!(
        lines[2].starts_with("  typeMatchExpression: JsonPath `$.data[*]` = event: "),
        "{}",
        lines[2]
    );
    assert_eq!(
        lines[3],
        "  deviceIdExpression: JsonPath `$.d` [once per event, result 0] = event > d"
    );
    assert_eq!(
        lines[5],
        "  valueExpression v (required): JsonPath `$.matchedToken.v` = matchedToken > v"
    );
    assert!(
        lines[6].contains("`fromUnixTimestamp(ts)` [once per event, result 2] = event: "),
        "{}",
        lines[6]
    );
}

#[test]
fn a_mapping_with_errors_is_refused_and_warnings_are_kept() {
    let faults = DeviceMapping::compile("{}").unwrap_err();
    assert_eq!(faults.len(), 2);
    let twice = r#""values":[{"valueName":"v","valueExpression":"$.a"},{"valueName":"v","valueExpression":"$.b"}]"#;
    let mapping = mapping(&calculated("JsonPath", "$", twice));
    assert_eq!(mapping.warnings().len(), 1);
    assert_eq!(
        give(
            &calculated("JsonPath", "$", twice),
            &event("\"a\":1,\"b\":2"),
            Compat::Default
        ),
        "[v=1,v=2]"
    );
}
