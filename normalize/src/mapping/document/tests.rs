use super::device::{DeviceDocument, Language, TemplateKind};
use super::fhir::FhirDocument;
use super::*;

mod fhir;
mod schema;

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

proptest::proptest! {
    #[test]
    fn any_text_loads_to_templates_and_faults(
        cuts in proptest::collection::vec((0..4000usize, 0..40usize, "[\\x00-\\x7fé]{0,3}"), 1..4),
    ) {
        let mut text: Vec<char> = format!("{{'templateType':'CollectionContent',\n'template':[{CALCULATED},{CALCULATED}]}}").chars().collect();
        for (at, length, more) in cuts {
            let at = at % text.len().max(1);
            let end = (at + length).min(text.len());
            text.splice(at.min(text.len())..end, more.chars());
        }
        let text: String = text.into_iter().collect();
        for faults in [load_device(&text).1, load_fhir(&text).1] {
            for fault in faults {
                let line = text.split('\n').nth(fault.line - 1);
                let length = line.map(|line| line.chars().count());
                proptest::prop_assert!(length.is_some_and(|length| (1..=length + 1).contains(&fault.column)), "{}", fault);
            }
        }
    }
}
