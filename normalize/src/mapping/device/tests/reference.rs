//! The plan agrees with a plain reading of the specification: every match gets a deep copy of the event with
//! `matchedToken` in it, every expression is parsed and evaluated anew on it.

use bumpalo::Bump;
use proptest::prelude::*;

use super::{EventReason, run};
use crate::mapping::device::DeviceMapping;
use crate::mapping::document::device::{DeviceTemplate, ExpressionText, Language, TemplateKind};
use crate::mapping::document::load_device;
use crate::mapping::jmespath::{EvalError, Expression, Scope};
use crate::mapping::jsonpath::Path;
use crate::mapping::parse::{ParseOptions, parse};
use crate::mapping::ticks::Ticks;
use crate::mapping::value::Value;
use crate::mapping::{Budget, Compat};

type Told = Result<Vec<serde_json::Value>, (usize, EventReason)>;

/// Nodes of an expression; JMESPath's is one unless it is a projection.
fn nodes<'a>(
    text: &ExpressionText,
    root: Value<'a>,
    scope: &Scope<'a>,
) -> Result<Vec<Value<'a>>, EventReason> {
    let mut budget = Budget::default();
    match text.language {
        Language::JsonPath => {
            let mut out = Vec::new();
            let path = Path::parse(&text.text).unwrap();
            path.select(root, &mut budget, &mut out)
                .map_err(|_| EventReason::TooManySteps)?;
            Ok(out)
        }
        Language::JmesPath => {
            // Results borrow from the expression: leave it to the arena.
            let expression: &'a Expression =
                scope.arena.alloc(Expression::parse(&text.text).unwrap());
            let selected =
                expression
                    .select(root, scope, &mut budget)
                    .map_err(|error| match error {
                        EvalError::OutOfBudget(_) => EventReason::TooManySteps,
                        _ => EventReason::ExpressionError,
                    })?;
            Ok(match selected.value {
                Value::Array(items) if selected.projection => items.to_vec(),
                value => vec![value],
            })
        }
    }
}

fn single<'a>(
    text: &ExpressionText,
    root: Value<'a>,
    scope: &Scope<'a>,
) -> Result<Value<'a>, EventReason> {
    if text.language == Language::JmesPath {
        let expression: &'a Expression = scope.arena.alloc(Expression::parse(&text.text).unwrap());
        return expression
            .evaluate(root, scope, &mut Budget::default())
            .map_err(|_| EventReason::ExpressionError);
    }
    match nodes(text, root, scope)?.as_slice() {
        [] => Ok(Value::Null),
        [value] => Ok(*value),
        _ => Err(EventReason::Ambiguous),
    }
}

/// `Err` of an object or array.
fn text<'a>(value: Value<'a>, scope: &Scope<'a>) -> Result<Option<String>, ()> {
    value
        .to_text(scope.arena, scope.compat)
        .transpose()
        .map(|text| text.map(str::to_owned))
        .map_err(|_| ())
}

fn copy<'a>(event: Value<'_>, token: Option<Value<'_>>, scope: &Scope<'a>) -> Value<'a> {
    let mut json = String::new();
    match (event, token) {
        (Value::Object(members), Some(token)) => {
            let mut members = members.to_vec();
            match members.iter_mut().find(|(name, _)| *name == "matchedToken") {
                Some(member) => member.1 = token,
                None => members.push(("matchedToken", token)),
            }
            Value::Object(&members).write_json(&mut json);
        }
        _ => event.write_json(&mut json),
    }
    let options = ParseOptions {
        compat: scope.compat,
    };
    parse(
        scope.arena.alloc_str(&json).as_bytes(),
        scope.arena,
        options,
    )
    .unwrap()
}

fn template(
    template: &DeviceTemplate,
    event: Value<'_>,
    scope: &Scope<'_>,
) -> Result<Vec<serde_json::Value>, EventReason> {
    let fixed = |text: &str| ExpressionText {
        text: text.to_owned(),
        language: Language::JsonPath,
        at: template.at,
    };
    let strict = scope.compat == Compat::Strict;
    let envelope = copy(event, None, scope);
    let mut measurements = Vec::new();
    for token in nodes(&template.type_match, envelope, scope)? {
        if token.is_null() && template.type_match.language == Language::JmesPath {
            continue;
        }
        let calculated = template.kind == TemplateKind::Calculated;
        let root = if calculated {
            copy(envelope, Some(token), scope)
        } else {
            copy(token, None, scope)
        };
        let device = template
            .device_id
            .clone()
            .unwrap_or_else(|| fixed(template.kind.fixed_device_id().unwrap()));
        let device =
            text(single(&device, root, scope)?, scope).map_err(|()| EventReason::NotAScalar)?;
        let device = device
            .filter(|id| !id.trim().is_empty())
            .ok_or(EventReason::MissingDevice)?;
        let times: Vec<_> = match &template.timestamp {
            Some(time) => vec![time.clone()],
            None => template
                .kind
                .fixed_timestamps()
                .iter()
                .map(|text| fixed(text))
                .collect(),
        };
        let mut time = Value::Null;
        for text in times {
            time = single(&text, root, scope)?;
            if !matches!(time, Value::Null)
                && !matches!(time, Value::String(text) if text.trim().is_empty())
            {
                break;
            }
        }
        let time = match time {
            Value::Date(time) => Some(time),
            Value::String(text) => Ticks::parse(text),
            _ => None,
        };
        let time = time.ok_or(EventReason::BadTime)?;
        let mut correlation = None;
        if let Some(expression) = &template.correlation_id {
            let id = text(single(expression, root, scope)?, scope)
                .map_err(|()| EventReason::NotAScalar)?;
            correlation = Some(
                id.filter(|id| !id.trim().is_empty())
                    .ok_or(EventReason::MissingCorrelation)?,
            );
        }
        let optional =
            |expression: &Option<ExpressionText>| -> Result<Option<String>, EventReason> {
                let Some(expression) = expression else {
                    return Ok(None);
                };
                let id = text(single(expression, root, scope)?, scope).unwrap_or_default();
                Ok(id.filter(|id| strict || !id.trim().is_empty()))
            };
        let (patient, encounter) = (
            optional(&template.patient_id)?,
            optional(&template.encounter_id)?,
        );
        let mut properties = Vec::new();
        for value in &template.values {
            match text(single(&value.expression, root, scope)?, scope) {
                Err(()) if value.required => return Err(EventReason::NotAScalar),
                Ok(None) if value.required => return Err(EventReason::MissingValue),
                Ok(Some(text)) if value.required && text.trim().is_empty() => {
                    return Err(EventReason::MissingValue);
                }
                Ok(Some(text)) => {
                    properties.push(serde_json::json!({"name": value.name, "value": text}))
                }
                Err(()) | Ok(None) => {}
            }
        }
        measurements.push(serde_json::json!({
            "type": template.type_name, "occurrenceTime": time.format(), "deviceId": device, "patientId": patient,
            "encounterId": encounter, "correlationId": correlation, "properties": properties,
        }));
    }
    Ok(measurements)
}

fn reference(mapping: &str, event: &str, compat: Compat) -> Told {
    let arena = Bump::new();
    let scope = Scope {
        arena: &arena,
        compat,
    };
    let event = parse(event.as_bytes(), &arena, ParseOptions { compat }).unwrap();
    let (document, _) = load_device(mapping);
    let mut all = Vec::new();
    for one in &document.templates {
        all.extend(template(one, event, &scope).map_err(|reason| (one.index, reason))?);
    }
    Ok(all)
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::json!(null)),
        Just(serde_json::json!(true)),
        (0..100i64).prop_map(|n| serde_json::json!(n)),
        Just(serde_json::json!(72.5)),
        Just(serde_json::json!("")),
        Just(serde_json::json!(" ")),
        Just(serde_json::json!("dev-1")),
        Just(serde_json::json!("2026-01-05T10:00:00.25Z")),
        Just(serde_json::json!("2026-01-05T10:00:00+02:00")),
        Just(serde_json::json!("01/05/2026 10:00:00 PM")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            members(inner),
        ]
    })
}

fn members(
    inner: impl Strategy<Value = serde_json::Value>,
) -> impl Strategy<Value = serde_json::Value> {
    let name = prop::sample::select(vec![
        "a",
        "b",
        "d",
        "t",
        "Body",
        "data",
        "matchedToken",
        "deviceId",
        "enqueuedTime",
    ]);
    let member = (name.prop_map(str::to_owned), inner);
    prop::collection::vec(member, 0..6)
        .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
}

/// An event that often has a device and a time, so that it gets far.
fn event() -> impl Strategy<Value = String> {
    (members(json()), any::<bool>(), any::<bool>()).prop_map(|(mut event, device, time)| {
        let members = event.as_object_mut().unwrap();
        if device {
            members.insert("d".to_owned(), "dev-1".into());
        }
        if time {
            members.insert("t".to_owned(), "2026-01-05T10:00:00Z".into());
        }
        event.to_string()
    })
}

const PATHS: [&str; 22] = [
    "$",
    "$.a",
    "$.d",
    "$.t",
    "a.b",
    "$.Body",
    "$.Body.data[*]",
    "$.data[0].a",
    "$..a",
    "$..[?(@a)]",
    "$..[?(@.a == 'dev-1')]",
    "$.matchedToken",
    "$.matchedToken.a",
    "$['matchedToken'].b",
    "$.matchedToken[0]",
    "$.matchedToken[*].a",
    "$.*",
    "$.data[-1:]",
    "$.Body[?(@.a == $.matchedToken.a)].b",
    "$.data[?(@.a)].t",
    "matchedToken.d",
    "$['Body']['a','b']",
];
const JMES: [&str; 22] = [
    "@",
    "a",
    "d",
    "t",
    "a.b",
    "Body.data",
    "Body.data[*]",
    "Body.data[]",
    "data[?a].b",
    "to_array(@)[?Body]",
    "matchedToken",
    "matchedToken.a",
    "[matchedToken, a] | [0]",
    "keys(@)[0]",
    "*.a | [0]",
    "length(data)",
    "add(a, `1`)",
    "fromUnixTimestamp(a)",
    "not_null(matchedToken.t, t)",
    "join('-', [d, 'x'])",
    "to_string(b)",
    "{m: matchedToken}.m.d",
];

fn expression(usual: &'static str) -> impl Strategy<Value = serde_json::Value> {
    let path =
        prop::sample::select(PATHS.to_vec()).prop_map(|text| serde_json::json!({"value": text}));
    let jmes = prop::sample::select(JMES.to_vec())
        .prop_map(|text| serde_json::json!({"value": text, "language": "JmesPath"}));
    prop_oneof![2 => Just(serde_json::json!({"value": usual})), 1 => path, 1 => jmes]
}

fn template_of() -> impl Strategy<Value = serde_json::Value> {
    let value = (expression("$.matchedToken.a"), any::<bool>());
    let parts = (
        expression("$.Body.data[*]"),
        expression("$.d"),
        expression("$.t"),
        prop::option::of(expression("$.Body.a")),
        prop::option::of(expression("$.matchedToken.b")),
        prop::option::weighted(0.2, expression("$.d")),
        prop::collection::vec(value, 0..4),
        0..5usize,
    );
    parts.prop_map(|(matched, device, time, patient, encounter, correlation, values, kind)| {
        let mut body = serde_json::json!({
            "typeName": "x", "typeMatchExpression": matched, "deviceIdExpression": device, "timestampExpression": time,
        });
        let ids = [("patient", patient), ("encounter", encounter), ("correlation", correlation)];
        for (name, expression) in ids {
            if let Some(expression) = expression {
                body[format!("{name}IdExpression")] = expression;
            }
        }
        let values: Vec<_> = values
            .into_iter()
            .enumerate()
            .map(|(i, (expression, required))| {
                let required = required && i % 2 == 0;
                serde_json::json!({"valueName": format!("v{i}"), "valueExpression": expression, "required": required})
            })
            .collect();
        body["values"] = values.into();
        let kind = ["CalculatedContent", "CalculatedContent", "CalculatedContent", "JsonPathContent", "IotCentralJsonPathContent"][kind];
        if kind != "CalculatedContent" {
            // Plain strings, JSONPath only.
            plain(&mut body);
        }
        serde_json::json!({"templateType": kind, "template": body})
    })
}

fn plain(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) if members.contains_key("value") => {
            let jmes = members.contains_key("language");
            *value = if jmes {
                "$.a".into()
            } else {
                members["value"].clone()
            };
        }
        serde_json::Value::Object(members) => members.values_mut().for_each(plain),
        serde_json::Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn the_plan_agrees_with_the_reference(
        templates in prop::collection::vec(template_of(), 1..4),
        event in event(),
        strict in any::<bool>(),
    ) {
        let compat = if strict { Compat::Strict } else { Compat::Default };
        let text = serde_json::json!({"templateType": "CollectionContent", "template": templates}).to_string();
        let mapping = DeviceMapping::compile(&text).unwrap();
        let planned = run(&mapping, &event, compat);
        let planned: Told = planned
            .map(|lines| lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
            .map_err(|error| (error.template, error.reason));
        prop_assert_eq!(planned, reference(&text, &event, compat));
    }
}
