use super::device::{DeviceDocument, Language, TemplateKind};
use super::fhir::{FhirDocument, PeriodInterval, ValueType};
use super::*;

/// The findings as people read them, one a line.
fn print(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// Loads a device mapping of these inner templates and compares the findings.
fn device(inner: &str, expected: &[&str]) -> DeviceDocument {
    let text = format!(r#"{{"templateType":"CollectionContent","template":[{inner}]}}"#);
    let (document, faults) = load_device(&text);
    compare(&text, &faults, expected);
    document
}

fn fhir(inner: &str, expected: &[&str]) -> FhirDocument {
    let text = format!(r#"{{"templateType":"CollectionFhir","template":[{inner}]}}"#);
    let (document, faults) = load_fhir(&text);
    compare(&text, &faults, expected);
    document
}

/// Each finding as severity, path, message, and the first characters of the document that it points at.
fn compare(text: &str, faults: &[Fault], expected: &[&str]) {
    let points_at = |fault: &Fault| -> String {
        let line = text.lines().nth(fault.line - 1).unwrap();
        line.chars()
            .skip(fault.column - 1)
            .take(6)
            .collect::<String>()
            .replace('"', "'")
    };
    let got: Vec<String> = faults
        .iter()
        .map(|fault| {
            let fault_at = points_at(fault);
            let text = fault.to_string();
            format!("{} @ {fault_at}", text.split_once(": ").unwrap().1)
        })
        .collect();
    assert_eq!(got, expected);
}

const CALCULATED: &str = r#"{"templateType":"CalculatedContent","template":{
 "typeName":"hr","typeMatchExpression":"$","deviceIdExpression":"$.d","timestampExpression":"$.t","values":[] }}"#;

#[test]
fn a_whole_device_document() {
    let text = r#"// A ward's monitors.
{
  'templateType': 'collectioncontenttemplate', /* any case, with the suffix */
  "TEMPLATE": [
    {
      "templateType": "CalculatedContent",
      "template": {
        "typeName": "heartrate",
        "typeMatchExpression": { "value": "Body[?hr]", "language": "jmespath" },
        "deviceIdExpression": "deviceId",
        "timestampExpression": "$.t",
        "patientIdExpression": null,
        "encounterIdExpression": " ",
        "correlationIdExpression": { "value": "c", "language": "JmesPath" },
        "defaultExpressionLanguage": "JsonPath",
        "values": [
          { "valueName": "hr", "valueExpression": "$.matchedToken.hr", "required": "true" },
          { "valueName": "q", "valueExpression": { "value": "$.q" }, "required": false },
        ],
      },
    },
    { "templateType": "IotJsonPathContent",
      "template": { "typeName": "iot", "typeMatchExpression": "$..[?(@Body.hr)]" } },
    { "templateType": "iotcentraljsonpathcontenttemplate",
      "template": { "typeName": "central", "typeMatchExpression": "$", "values": [] } },
    { "templateType": "JsonPathContent",
      "template": { "typeName": "plain", "typeMatchExpression": "$", "deviceIdExpression": "$.d",
                    "timestampExpression": "$.t", "values": null } }
  ]
}"#;
    let (document, faults) = load_device(text);
    assert_eq!(print(&faults), "");
    let kinds: Vec<_> = document.templates.iter().map(|t| t.kind).collect();
    use TemplateKind::{Calculated, IotCentralJsonPath, IotJsonPath, JsonPath};
    assert_eq!(
        kinds,
        [Calculated, IotJsonPath, IotCentralJsonPath, JsonPath]
    );
    let first = &document.templates[0];
    assert_eq!(
        (first.index, first.at),
        (
            0,
            At {
                line: 7,
                column: 19
            }
        )
    );
    assert_eq!(first.type_match.language, Language::JmesPath);
    assert_eq!(
        first.type_match.at,
        At {
            line: 9,
            column: 44
        }
    );
    let device = first.device_id.as_ref().unwrap();
    assert_eq!(
        (device.language, device.text.as_str()),
        (Language::JsonPath, "deviceId")
    );
    assert!(first.patient_id.is_none() && first.encounter_id.is_none());
    assert_eq!(
        first.correlation_id.as_ref().unwrap().language,
        Language::JmesPath
    );
    let required: Vec<_> = first
        .values
        .iter()
        .map(|v| (v.name.as_str(), v.required))
        .collect();
    assert_eq!(required, [("hr", true), ("q", false)]);
    assert!(document.templates[1].device_id.is_none());
}

#[test]
fn five_faults_are_reported_together_and_the_good_template_stays() {
    let text = r#"{
  "templateType": "CollectionContent",
  "template": [
    { "templateType": "CalculatedContent",
      "template": {
        "typeNme": "a",
        "typeMatchExpression": { "value": "Body[?hr", "language": "JmesPath" },
        "deviceIdExpression": 5,
        "timestampExpression": "$.t",
        "values": []
      } },
    { "templateType": "CalculatdContent", "template": {} },
    { "templateType": "JsonPathContent",
      "template": { "typeName": "good", "typeMatchExpression": "$", "deviceIdExpression": "$.d", "timestampExpression": "$.t" } }
  ]
}"#;
    let (document, faults) = load_device(text);
    assert_eq!(document.templates.len(), 1);
    assert_eq!(
        (
            document.templates[0].type_name.as_str(),
            document.templates[0].index
        ),
        ("good", 2)
    );
    let lines = faults.iter().map(|f| (f.line, f.column, f.path.as_str()));
    let base = "template[0].template";
    assert_eq!(
        lines
            .map(|(l, c, p)| format!("{l}:{c} {p}"))
            .collect::<Vec<_>>(),
        [
            format!("5:19 {base}.typeName"),
            format!("6:9 {base}.typeNme"),
            format!("7:52 {base}.typeMatchExpression.value"),
            format!("8:31 {base}.deviceIdExpression"),
            "12:23 template[1].templateType".to_owned(),
        ]
    );
    assert!(
        faults[1].message.contains("did you mean `typeName`?"),
        "{}",
        faults[1]
    );
    assert!(
        faults[4]
            .message
            .contains("did you mean `CalculatedContent`?"),
        "{}",
        faults[4]
    );
}

#[test]
fn documents_that_are_none() {
    for (text, expected) in [
        ("", "line 1, column 1: error: the document is empty\n"),
        (
            "[]",
            "line 1, column 1: error: expected an object, found an array\n",
        ),
        (
            "{\n\"a\":1 \"b\":2}",
            "line 2, column 7: error: not JSON: expected comma\n",
        ),
        (
            "{}",
            "line 1, column 1: error: templateType: missing required property `templateType`\n\
             line 1, column 1: error: template: missing required property `template`\n",
        ),
        (
            r#"{"templateType":"CollectionContent","template":{}}"#,
            "line 1, column 48: error: template: expected an array, found an object\n",
        ),
        (
            r#"{"templateType":"CollectionContents","template":[]}"#,
            "line 1, column 17: error: templateType: expected templateType `CollectionContent`, \
             found `CollectionContents`; did you mean `CollectionContent`?\n",
        ),
        (
            r#"{"templateType":"CollectionFhir","template":[{}]}"#,
            "line 1, column 17: error: templateType: expected templateType `CollectionContent`, \
             found `CollectionFhir`; this is the other document of a mapping\n",
        ),
        (
            r#"{"templateType":"CollectionContent","template":[{"templateType":"JsonPathContent","template":[]},7]}"#,
            "line 1, column 94: error: template[0].template: expected an object, found an array\n\
             line 1, column 98: error: template[1]: expected an object, found a number\n",
        ),
    ] {
        let (document, faults) = load_device(text);
        assert_eq!(print(&faults), expected, "{text}");
        assert!(document.templates.is_empty());
    }
    let (_, faults) = load_device(&"[".repeat(100_000));
    assert_eq!(faults.len(), 1);
    let (_, faults) =
        load_device("\u{feff}{\"templateType\":\"CollectionContent\",\"template\":[]}");
    assert_eq!(print(&faults), "");
}

#[test]
fn members_of_device_templates() {
    let loads = |inner: &str| device(inner, &[]).templates.len();
    assert_eq!(loads(CALCULATED), 1);
    assert_eq!(loads(&format!("{CALCULATED},{CALCULATED}")), 2);
    assert_eq!(loads(&CALCULATED.replace("typeName", "TYPENAME")), 1);

    let broken = |from: &str, to: &str, expected: &str| {
        let inner = CALCULATED.replace('\n', " ").replace(from, to);
        let document = device(&inner, &[expected]);
        document.templates.len()
    };
    let path = "template[0].template";
    let error = |rest: &str| format!("error: {path}.{rest}");
    let warning = |rest: &str| format!("warning: {path}.{rest}");
    assert_eq!(
        broken(
            r#""typeName":"hr","#,
            "",
            &error("typeName: missing required property `typeName` @ {  'ty")
        ),
        0
    );
    assert_eq!(
        broken(
            r#""$.d""#,
            "null",
            &error("deviceIdExpression: required property `deviceIdExpression` is null @ null,'")
        ),
        0
    );
    assert_eq!(
        broken(
            r#""$.d""#,
            r#""  ""#,
            &error("deviceIdExpression: the expression is blank @ '  ','")
        ),
        0
    );
    assert_eq!(
        broken(
            r#""values":[]"#,
            "",
            &error("values: missing required property `values` @ {  'ty")
        ),
        0
    );
    assert_eq!(
        broken(
            "[] }",
            "null }",
            &error("values: required property `values` is null @ null }")
        ),
        0
    );
    assert_eq!(
        broken(
            "[] }",
            "{} }",
            &error("values: expected an array, found an object @ {} }}]")
        ),
        0
    );
    assert_eq!(
        broken(
            "[] }",
            "[null] }",
            &error("values[0]: expected an object, found null @ null] ")
        ),
        0
    );
    assert_eq!(
        broken(
            r#""hr""#,
            "[]",
            &error("typeName: expected a string, found an array @ [],'ty")
        ),
        0
    );
    assert_eq!(
        broken(
            r#""hr""#,
            "7",
            &warning("typeName: a number where a string belongs; its text is taken @ 7,'typ")
        ),
        1
    );
    assert_eq!(
        broken(
            r#""hr""#,
            r#""""#,
            &warning("typeName: typeName is blank: no FHIR mapping can name it @ '','ty")
        ),
        1
    );
    assert_eq!(
        broken(
            r#""values":"#,
            r#""defaultExpressionLanguage":"JMES","values":"#,
            &error(
                "defaultExpressionLanguage: unknown expression language `JMES`; known: JsonPath, JmesPath @ 'JMES'"
            )
        ),
        0
    );
    assert_eq!(
        broken(
            r#""$.d""#,
            r#"{"value":"$.d","langage":"JsonPath"}"#,
            &error(
                "deviceIdExpression.langage: unknown property `langage`; did you mean `language`? @ 'langa"
            )
        ),
        0
    );
    assert_eq!(
        broken(
            r#""$.d""#,
            r#"{"language":"JsonPath"}"#,
            &error("deviceIdExpression.value: missing required property `value` @ {'lang")
        ),
        0
    );
    let value = |required: &str| {
        format!(r#"[{{"valueName":"a","valueExpression":"$.a","required":{required}}}] }}"#)
    };
    for (written, expected) in [
        ("true", true),
        ("\"TRUE\"", true),
        ("\"false\"", false),
        ("null", false),
    ] {
        let document = device(&CALCULATED.replace("[] }", &value(written)), &[]);
        assert_eq!(document.templates[0].values[0].required, expected);
    }
    assert_eq!(
        broken(
            "[] }",
            &value("1"),
            &error("values[0].required: expected true or false, found a number @ 1}] }}")
        ),
        0
    );
    assert_eq!(
        broken(
            "[] }",
            r#"[{"valueName":"a","valueExpression":"$.a"},{"valueName":"a","valueExpression":"$.b"}] }"#,
            &warning(
                "values[1].valueName: valueName `a` is already used in line 1; both are kept @ 'a','v"
            )
        ),
        1
    );
    assert_eq!(
        broken(
            r#""typeName":"hr""#,
            r#""typeName":"x","TypeName":"hr""#,
            &warning("TypeName: given twice; the last one counts @ 'TypeN")
        ),
        1
    );
    assert_eq!(
        broken(
            r#"t","template"#,
            r#"t","extra":1,"template"#,
            "warning: template[0].extra: unknown property `extra` (ignored) @ 'extra"
        ),
        1
    );
}

#[test]
fn members_of_legacy_templates() {
    let iot = r#"{"templateType":"IotJsonPathContent","template":{"typeName":"a","typeMatchExpression":"$","deviceIdExpression":"$.d"}}"#;
    let document = device(
        iot,
        &[
            "warning: template[0].template.deviceIdExpression: ignored: IotJsonPathContent fixes where it is @ '$.d'}",
        ],
    );
    assert!(document.templates[0].device_id.is_none());
    let object = r#"{"templateType":"IotJsonPathContent","template":{"typeName":"a","typeMatchExpression":{"value":"$"},"defaultExpressionLanguage":"JsonPath"}}"#;
    device(
        object,
        &[
            "error: template[0].template.typeMatchExpression: expected a string: only CalculatedContent takes expressions as objects @ {'valu",
            "error: template[0].template.defaultExpressionLanguage: unknown property `defaultExpressionLanguage` @ 'defau",
        ],
    );
}

#[test]
fn faults_inside_of_expressions_are_where_their_character_is() {
    // `\u0022` and `\"` are one character each, the emoji's pair of escapes too.
    let inner = CALCULATED.replace('\n', " ");
    for (text, shift) in [
        (r#"a.\"b\".!"#, 8),
        (r#"a.\u0022b\u0022.!"#, 16),
        (r#"a.\"\uD83D\uDE00\".!"#, 19),
        ("a.\\\"é\\\".!", 8),
    ] {
        let object = format!(r#"{{"value":"{text}","language":"JmesPath"}}"#);
        let text = format!(
            r#"{{"templateType":"CollectionContent","template":[{}]}}"#,
            inner.replace(r#""$.d""#, &object)
        );
        let (_, faults) = load_device(&text);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(
            faults[0].path,
            "template[0].template.deviceIdExpression.value"
        );
        // The `!` behind the second `.`.
        let string = text.find(r#"{"value":"#).unwrap() + r#"{"value":""#.len();
        assert_eq!(faults[0].column, string + shift + 1, "{text}");
        assert!(
            faults[0].message.starts_with("JmesPath: "),
            "{}",
            faults[0].message
        );
    }
}

#[test]
fn a_whole_fhir_document() {
    let document = fhir(
        r#"{"templateType":"codevaluefhirtemplate","template":{"typeName":"bp","periodInterval":"hourly",
        "category":[{"text":"Vital signs","codes":[{"code":"vital-signs","system":"s","display":null}]}],
        "codes":[{"code":"85354-9","system":"http://loinc.org","display":"Blood pressure"}],
        "components":[
          {"codes":[{"code":"8480-6"}],"value":{"valueType":"quantity","valueName":"sys","unit":"mmHg","system":"u","code":"mm[Hg]"}},
          {"codes":[],"value":{"valueType":"SampledData","valueName":"dia","defaultPeriod":"1000","unit":"mmHg"}}],
        "value":{"valueType":"CodeableConcept","valueName":"cuff","text":"cuff","codes":[{"code":"c"}]}}},
        {"templateType":"CodeValueFhir","template":{"typeName":"note","codes":[],"value":{"valueName":"n","valueType":"String"}}}"#,
        &[],
    );
    let [bp, note] = document.templates.as_slice() else {
        panic!()
    };
    assert_eq!(
        (bp.period, note.period),
        (PeriodInterval::Hourly, PeriodInterval::Single)
    );
    assert_eq!(bp.category[0].codes[0].display, None);
    assert!(
        matches!(&bp.components[0].value.kind, ValueType::Quantity { code: Some(code), .. } if code == "mm[Hg]")
    );
    assert!(matches!(
        &bp.components[1].value.kind,
        ValueType::SampledData {
            period_ms: 1000.0,
            ..
        }
    ));
    assert_eq!(note.value.as_ref().unwrap().kind, ValueType::String);
}

#[test]
fn members_of_fhir_templates() {
    let of = |body: &str| {
        format!(
            r#"{{"templateType":"CodeValueFhir","template":{{"typeName":"a","codes":[],{body}}}}}"#
        )
    };
    for (written, period) in [
        ("-1", PeriodInterval::CorrelationId),
        ("0", PeriodInterval::Single),
        ("60", PeriodInterval::Hourly),
        ("1440", PeriodInterval::Daily),
        ("\"CORRELATIONID\"", PeriodInterval::CorrelationId),
        ("null", PeriodInterval::Single),
    ] {
        assert_eq!(
            fhir(&of(&format!(r#""periodInterval":{written}"#)), &[]).templates[0].period,
            period
        );
    }
    let known = "known: -1 (CorrelationId), 0 (Single), 60 (Hourly), 1440 (Daily)";
    let path = "template[0].template";
    let quantity = r#"{"valueType":"Quantity","valueName":"v""#;
    for (body, templates, expected) in [
        (
            r#""periodInterval":61"#.to_owned(),
            0,
            format!(
                "error: {path}.periodInterval: unknown periodInterval `61`; {known} @ 61}}}}]}}"
            ),
        ),
        (
            r#""periodInterval":"hourl""#.to_owned(),
            0,
            format!(
                "error: {path}.periodInterval: unknown periodInterval `hourl`; did you mean `Hourly`?; {known} @ 'hourl"
            ),
        ),
        (
            r#""periodInterval":true"#.to_owned(),
            0,
            format!(
                "error: {path}.periodInterval: expected a number or a name, found a boolean @ true}}}}"
            ),
        ),
        (
            r#""value":{"valueName":"v"}"#.to_owned(),
            0,
            format!(
                "error: {path}.value.valueType: missing required property `valueType` @ {{'valu"
            ),
        ),
        (
            r#""value":{"valueName":"v","valueType":"Quantiy"}"#.to_owned(),
            0,
            format!(
                "error: {path}.value.valueType: unknown valueType `Quantiy`; did you mean `Quantity`?; known: SampledData, Quantity, CodeableConcept, String @ 'Quant"
            ),
        ),
        (
            format!(r#""value":{quantity},"units":"x"}}"#),
            1,
            format!(
                "warning: {path}.value.units: unknown property `units` (ignored); did you mean `unit`? @ 'units"
            ),
        ),
        (
            r#""value":{"valueType":"Quantity"}"#.to_owned(),
            0,
            format!(
                "error: {path}.value.valueName: missing required property `valueName` @ {{'valu"
            ),
        ),
        (
            r#""value":{"valueType":"SampledData","valueName":"v"}"#.to_owned(),
            0,
            format!(
                "error: {path}.value.defaultPeriod: missing required property `defaultPeriod` @ {{'valu"
            ),
        ),
        (
            r#""value":{"valueType":"SampledData","valueName":"v","defaultPeriod":0}"#.to_owned(),
            0,
            format!(
                "error: {path}.value.defaultPeriod: `0` is no number of milliseconds above 0 @ 0}}}}}}]}}"
            ),
        ),
        (
            r#""value":{"valueType":"CodeableConcept","valueName":"v"}"#.to_owned(),
            0,
            format!(
                "error: {path}.value: a CodeableConcept needs `codes` or `text`: they are its whole content @ {{'valu"
            ),
        ),
        (
            format!(r#""components":[{{"value":{quantity}}}}}]"#),
            0,
            format!(
                "error: {path}.components[0].codes: missing required property `codes` @ {{'valu"
            ),
        ),
        (
            r#""components":[{"codes":[]}]"#.to_owned(),
            0,
            format!(
                "error: {path}.components[0].value: missing required property `value` @ {{'code"
            ),
        ),
        (
            r#""colour":1"#.to_owned(),
            0,
            format!("error: {path}.colour: unknown property `colour` @ 'colou"),
        ),
        (
            r#""category":[{"codes":[{"sytem":"s"}]}]"#.to_owned(),
            0,
            format!(
                "error: {path}.category[0].codes[0].sytem: unknown property `sytem`; did you mean `system`? @ 'sytem"
            ),
        ),
    ] {
        assert_eq!(
            fhir(&of(&body), &[&expected]).templates.len(),
            templates,
            "{body}"
        );
    }
}

#[test]
fn names_of_fhir_types_are_there_and_unique() {
    let of = |name: &str| {
        format!(r#"{{"templateType":"CodeValueFhir","template":{{"typeName":{name},"codes":[]}}}}"#)
    };
    let path = "template[0].template";
    fhir(
        &of("\" \""),
        &[&format!(
            "error: {path}.typeName: typeName is blank @ ' ','c"
        )],
    );
    fhir(
        &of("null"),
        &[&format!(
            "error: {path}.typeName: required property `typeName` is null @ null,'"
        )],
    );
    let document = fhir(
        &format!("{},{}", of("\"hr\""), of("\"HR\"")),
        &[
            "error: template[1].template.typeName: typeName `HR` is already used in line 1; names have no case @ 'HR','",
        ],
    );
    assert_eq!(document.templates.len(), 1);
    let missing = r#"{"templateType":"CodeValueFhir","template":{"typeName":"a"}}"#;
    fhir(
        missing,
        &[&format!(
            "error: {path}.codes: missing required property `codes` @ {{'type"
        )],
    );
    fhir(
        r#"{"templateType":"CodeValueFhr","template":{}}"#,
        &[
            "error: template[0].templateType: unknown templateType `CodeValueFhr`; did you mean `CodeValueFhir`?; known here: CodeValueFhir @ 'CodeV",
        ],
    );
}

#[test]
fn types_and_values_that_do_not_meet() {
    let value = |name: &str| format!(r#"{{"valueName":"{name}","valueExpression":"$.v"}}"#);
    let template = |name: &str, values: &str| {
        CALCULATED
            .replace("\"hr\"", &format!("\"{name}\""))
            .replace("[] }", &format!("[{values}] }}"))
    };
    let document = device(
        &format!(
            "{},{},{}",
            template("BP", &format!("{},{}", value("sys"), value("Dia"))),
            template("bp", &value("map")),
            template("lost", "")
        ),
        &[],
    );
    let fhir = fhir(
        r#"{"templateType":"CodeValueFhir","template":{"typeName":"bp","codes":[],
          "value":{"valueType":"String","valueName":"map"},
          "components":[{"codes":[],"value":{"valueType":"String","valueName":"sys"}},
            {"codes":[],"value":{"valueType":"String","valueName":"dia"}}]}},
          {"templateType":"CodeValueFhir","template":{"typeName":"unused","codes":[]}}"#,
        &[],
    );
    let faults = cross_check(&document, &fhir);
    assert!(faults.iter().all(|fault| !fault.is_error()));
    let got: Vec<String> = faults
        .iter()
        .map(|f| format!("{:?} {} {}", f.document, f.path, f.message))
        .collect();
    assert_eq!(
        got,
        [
            "Device template[0].template.values[1].valueName the FHIR template `bp` does not read `Dia`; names of values have case: `dia`",
            "Device template[2].template.typeName no FHIR template has typeName `lost`: its measurements become no Observation",
            "Fhir template[0].template.components[1].value.valueName no device template of `bp` gives `dia`; names of values have case: `Dia`",
            "Fhir template[1].template.typeName no device template gives typeName `unused`",
        ]
    );
    assert_eq!(faults[2].line, 4);
}
