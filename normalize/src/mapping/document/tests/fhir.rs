//! FHIR mappings, and what both documents say of each other.

use super::{CALCULATED, device, fhir};
use crate::mapping::document::cross_check;
use crate::mapping::document::fhir::{PeriodInterval, ValueType};

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
