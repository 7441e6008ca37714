//! The schemas and the loader agree: what one takes the other takes, what one refuses the other refuses.

use serde_json::{Map, Value, json};

use crate::mapping::document::{DEVICE_SCHEMA, FHIR_SCHEMA, Fault, load_device, load_fhir};

/// Whether a value meets a schema, for the keywords that ours use; another keyword fails the test.
fn meets(root: &Value, schema: &Value, value: &Value) -> bool {
    let Value::Object(schema) = schema else {
        return schema.as_bool().unwrap();
    };
    schema.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "$defs" | "title" | "description" | "default" | "deprecated" | "then" => true,
        "$ref" => meets(
            root,
            root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap())
                .unwrap(),
            value,
        ),
        "type" => match rule {
            Value::Array(names) => names.iter().any(|name| is(name, value)),
            name => is(name, value),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "pattern" => {
            assert_eq!(rule, "\\S");
            value.as_str().is_none_or(|text| !text.trim().is_empty())
        }
        "exclusiveMinimum" => value
            .as_f64()
            .is_none_or(|number| number > rule.as_f64().unwrap()),
        "required" => value.as_object().is_none_or(|members| {
            rule.as_array()
                .unwrap()
                .iter()
                .all(|name| members.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|members| {
            let rules = rule.as_object().unwrap();
            members
                .iter()
                .all(|(name, value)| rules.get(name).is_none_or(|rule| meets(root, rule, value)))
        }),
        "additionalProperties" => {
            assert_eq!(rule, &json!(false));
            let known = schema["properties"].as_object().unwrap();
            value
                .as_object()
                .is_none_or(|members| members.keys().all(|name| known.contains_key(name)))
        }
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| meets(root, rule, item))),
        "allOf" => rule
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| meets(root, rule, value)),
        "anyOf" => rule
            .as_array()
            .unwrap()
            .iter()
            .any(|rule| meets(root, rule, value)),
        "oneOf" => {
            rule.as_array()
                .unwrap()
                .iter()
                .filter(|rule| meets(root, rule, value))
                .count()
                == 1
        }
        "if" => !meets(root, rule, value) || meets(root, &schema["then"], value),
        unknown => panic!("keyword {unknown}"),
    })
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        unknown => panic!("type {unknown}"),
    }
}

/// A device mapping that uses every member.
fn device() -> Value {
    let jmes = json!({"value": "Body[?hr]", "language": "JmesPath"});
    let ids = json!({"patientIdExpression": "$.p", "encounterIdExpression": null, "correlationIdExpression": ""});
    let legacy = json!({"typeName": "a", "typeMatchExpression": "$", "values": [
        {"valueName": "v", "valueExpression": "$.v", "required": "true"}]});
    let with = |base: &Value, more: Value| {
        let mut base: Map<String, Value> = base.as_object().unwrap().clone();
        base.extend(more.as_object().unwrap().clone());
        base.extend(ids.as_object().unwrap().clone());
        Value::Object(base)
    };
    let own = json!({"deviceIdExpression": "$.d", "timestampExpression": "$.t"});
    let calculated = json!({"typeMatchExpression": jmes, "deviceIdExpression": "$.d", "timestampExpression": {"value": "$.t"},
        "defaultExpressionLanguage": "JsonPath", "values": [
            {"valueName": "v", "valueExpression": jmes, "required": false}, {"valueName": "w", "valueExpression": "$.w"}]});
    json!({"$schema": "s", "templateType": "CollectionContent", "template": [
        {"templateType": "CalculatedContent", "template": with(&legacy, calculated)},
        {"templateType": "JsonPathContentTemplate", "template": with(&legacy, own)},
        {"templateType": "IotJsonPathContent", "template": with(&legacy, json!({}))},
        {"templateType": "IotCentralJsonPathContent", "template": with(&legacy, json!({}))},
    ]})
}

fn fhir() -> Value {
    let codes = json!([{"code": "c", "system": "s", "display": null}]);
    let value = |kind: &str, more: Value| {
        let mut value = more;
        value["valueType"] = kind.into();
        value["valueName"] = "v".into();
        value
    };
    let concept = value("CodeableConcept", json!({"codes": codes, "text": "t"}));
    let series = value("SampledData", json!({"defaultPeriod": 1000, "unit": "u"}));
    let quantity = value("Quantity", json!({"unit": "u", "system": "s", "code": "c"}));
    let components: Vec<Value> = [concept, series, quantity, value("String", json!({}))]
        .into_iter()
        .map(|value| json!({"codes": codes, "value": value}))
        .collect();
    json!({"templateType": "CollectionFhirTemplate", "template": [
        {"templateType": "CodeValueFhir", "template": {"typeName": "a", "periodInterval": 60, "codes": codes,
            "category": [{"text": "t", "codes": codes}], "components": components, "value": null}},
        {"templateType": "CodeValueFhir", "template": {"typeName": "b", "periodInterval": "Daily", "codes": [],
            "value": value("Quantity", json!({"unit": null}))}},
    ]})
}

/// Every document that differs from `document` in one member: left out, of another type, or one too many.
fn variants(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        match document.pointer(&path).unwrap() {
            Value::Object(members) => {
                let mut more = document.clone();
                more.pointer_mut(&path).unwrap()["unheardOf"] = json!(1);
                all.push((format!("{path} + unheardOf"), more));
                for name in members.keys() {
                    let mut less = document.clone();
                    less.pointer_mut(&path)
                        .unwrap()
                        .as_object_mut()
                        .unwrap()
                        .remove(name);
                    all.push((format!("{path} - {name}"), less));
                    for other in [
                        json!(null),
                        json!("  "),
                        json!([]),
                        json!({}),
                        json!(true),
                        json!("unheard of"),
                    ] {
                        let mut changed = document.clone();
                        changed.pointer_mut(&path).unwrap()[name] = other.clone();
                        all.push((format!("{path}/{name} = {other}"), changed));
                    }
                    paths.push(format!("{path}/{name}"));
                }
            }
            Value::Array(items) => paths.extend((0..items.len()).map(|i| format!("{path}/{i}"))),
            _ => {}
        }
    }
    all
}

fn agree(schema: &str, document: &Value, load: impl Fn(&str) -> Vec<Fault>) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert_eq!(load(&document.to_string()), [], "the sample is good");
    assert!(meets(&schema, &schema, document));
    let mut refused = 0;
    for (change, variant) in variants(document) {
        let faults = load(&variant.to_string());
        let good = !faults.iter().any(Fault::is_error);
        // The text of an expression is no matter of the schema; a container may hold what it likes.
        let inside = faults
            .iter()
            .any(|f| f.message.starts_with("JsonPath: ") || f.message.starts_with("JmesPath: "));
        if !inside {
            assert_eq!(
                meets(&schema, &schema, &variant),
                good,
                "{change}: {faults:?}"
            );
            refused += usize::from(!good);
        }
    }
    assert!(refused > 100, "{refused} variants refused by both");
}

#[test]
fn device_schema_and_loader_agree() {
    agree(DEVICE_SCHEMA, &device(), |text| load_device(text).1);
}

#[test]
fn fhir_schema_and_loader_agree() {
    agree(FHIR_SCHEMA, &fhir(), |text| load_fhir(text).1);
}
