//! `value[x]` of every type.

use super::*;

#[test]
fn values_of_every_type() {
    for (value, expected) in [
        (
            r#""valueQuantity":{"value":37.20,"unit":"°C"}"#,
            "37.20 Cel",
        ),
        (
            r#""valueQuantity":{"value":-1.50E1,"system":"http://unitsofmeasure.org","code":"mg/dL","unit":"Cel"}"#,
            "-15.0 mg/dL",
        ),
        (r#""valueQuantity":{"value":3,"unit":"blips"}"#, "3 blips"),
        (
            r#""valueQuantity":{"value":3,"code":"264864","system":"urn:iso:std:iso:11073:10101"}"#,
            "3 264864",
        ),
        (r#""valueInteger":7"#, "7 1"),
        (r#""valueBoolean":false"#, "\"false\" -"),
        (r#""valueString":"no \"growth\"""#, r#""no \"growth\"" -"#),
        (
            r#""valueDateTime":"2026-11-22T10:00:00+01:00""#,
            r#""2026-11-22T10:00:00+01:00" -"#,
        ),
        (r#""valueTime":"10:00:00""#, r#""10:00:00" -"#),
        (
            r#""valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"10828004","display":"Positive"}]}"#,
            r#""Positive (10828004)" -"#,
        ),
        (
            r#""valueCodeableConcept":{"coding":[{"code":"LA6576-8"}]}"#,
            r#""LA6576-8" -"#,
        ),
        (r#""valueCodeableConcept":{"text":"clear"}"#, r#""clear" -"#),
        (
            r#""valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}"#,
            r#""1:128" -"#,
        ),
        (
            r#""valueRatio":{"numerator":{"value":2.50,"unit":"mg"},"denominator":{"value":1,"unit":"mL"}}"#,
            r#""2.50 mg:1 mL" -"#,
        ),
        (
            r#""valueRange":{"low":{"value":3.5,"unit":"mmol/l"},"high":{"value":5.0,"unit":"mmol/L"}}"#,
            r#""3.5 mmol/L to 5.0 mmol/L" -"#,
        ),
        (r#""valueRange":{"high":{"value":5}}"#, r#""up to 5" -"#),
        (
            r#""valuePeriod":{"start":"2026-11-22"}"#,
            r#""2026-11-22/.." -"#,
        ),
        (
            r#""dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"asked-declined"}]}"#,
            "absent asked-declined -",
        ),
        (r#""dataAbsentReason":{"text":"lost"}"#, "absent unknown -"),
        (
            r#""valueQuantity":{"value":1,"unit":"kg"},"dataAbsentReason":{"text":"lost"}"#,
            "0 ! bad-value Observation.dataAbsentReason stands next to a value",
        ),
        (
            r#""valueInteger":1,"valueString":"1""#,
            "0 ! bad-value Observation.value[x] is there in several forms",
        ),
        (
            r#""valueInteger":1,"valueInteger":2"#,
            "0 ! bad-value Observation.value[x] is there in several forms",
        ),
        (
            r#""valueInteger":1.0"#,
            "0 ! bad-value Observation.valueInteger is no whole number",
        ),
        (
            r#""valueQuantity":{"value":1}"#,
            "0 ! bad-unit Observation.valueQuantity.unit is missing",
        ),
        (
            r#""valueQuantity":{"unit":"kg"}"#,
            "0 ! bad-value Observation.valueQuantity.value is missing",
        ),
        (
            r#""valueQuantity":{"value":"1","unit":"kg"}"#,
            "0 ! undecodable Observation.valueQuantity.value is no number",
        ),
        (
            r#""valueQuantity":{"value":1234567890123456789,"unit":"kg"}"#,
            "0 ! bad-value Observation.valueQuantity.value has more digits than can be kept",
        ),
        (
            r#""valueAttachment":{"data":"AA=="}"#,
            "0 ! unsupported-field Observation.value[x] is of no type of R4",
        ),
        (
            r#""valueString":" ""#,
            "0 ! bad-value Observation.valueString is blank",
        ),
        (
            r#""valueRatio":{"numerator":{"value":1}}"#,
            "0 ! bad-value Observation.valueRatio.denominator is missing",
        ),
        (
            r#""valueRange":{}"#,
            "0 ! bad-value Observation.valueRange says nothing",
        ),
    ] {
        check_value(value, expected);
    }
    let long = format!(r#""valueString":"{}""#, "x".repeat(4_097));
    check_value(
        &long,
        "0 ! bad-value Observation.valueString has more than 4096 bytes",
    );
}

#[test]
fn a_limit_is_no_measured_number() {
    let glucose = |quantity: &str| {
        let code = r#""code":{"coding":[{"system":"http://loinc.org","code":"99504-3"}]}"#;
        lines(&with(&format!(r#"{code},"valueQuantity":{quantity}"#)))
    };
    assert_eq!(
        glucose(r#"{"value":600,"comparator":">","unit":"mg/dl"}"#),
        "0 d1 MDC_CONC_GLU_ISF \"> 600 mg/dL\" - 2026-11-22T13:00:00Z code=99504-3 interpretation=>\n"
    );
    assert_eq!(
        glucose(r#"{"value":20,"comparator":"<=","unit":"mg/dl"}"#),
        "0 d1 MDC_CONC_GLU_ISF \"<= 20 mg/dL\" - 2026-11-22T13:00:00Z code=99504-3 interpretation=<\n"
    );
    assert_eq!(
        glucose(r#"{"value":20,"comparator":"~","unit":"mg/dl"}"#),
        "0 ! bad-value Observation.valueQuantity.comparator is not known\n"
    );
}

#[test]
fn metrics_have_values_of_their_kind_and_dimension() {
    let loinc = |code: &str| {
        format!(r#""code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}}"#)
    };
    let row = |code: &str, value: &str| {
        lines(&with(&format!("{},{value}", loinc(code))))
            .trim_end()
            .to_owned()
    };
    assert_eq!(
        row(
            "8867-4",
            r#""valueQuantity":{"value":1,"code":"kg","system":"http://unitsofmeasure.org"}"#
        ),
        "0 ! bad-unit Observation.valueQuantity.unit cannot be converted to /min"
    );
    assert_eq!(
        row("8867-4", r#""valueInteger":72"#),
        "0 ! bad-unit Observation.valueInteger.unit is missing"
    );
    assert_eq!(
        row("8867-4", r#""valueString":"72""#),
        "0 ! bad-value Observation.valueString is not the kind of value this metric has"
    );
    assert_eq!(
        row("9269-2", r#""valueInteger":15"#),
        "0 d1 MDC_SCORE_GLAS_COMA 15 {score} 2026-11-22T13:00:00Z code=9269-2"
    );
    assert_eq!(
        row("8310-5", r#""valueQuantity":{"value":98.6,"unit":"degF"}"#),
        "0 d1 8310-5 98.6 [degF] 2026-11-22T13:00:00Z"
    );
    assert_eq!(
        row(
            "67775-7",
            r#""valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"LA9340-6","display":"alert"}]}"#
        ),
        "0 d1 67775-7 \"A\" - 2026-11-22T13:00:00Z"
    );
    assert_eq!(
        row("67775-7", r#""valueCodeableConcept":{"text":"sleepy"}"#),
        "0 ! bad-value Observation.valueCodeableConcept is no code of this metric"
    );
}

#[test]
fn sampled_data() {
    let samples = |fields: &str| {
        let elements = format!(
            r#"{HEART_RATE},"valueSampledData":{{"origin":{{"value":2,"unit":"bpm"}},{fields}}}"#
        );
        lines(&with(&elements))
            .replace("0 d1 MDC_ECG_HEART_RATE ", "")
            .replace("2026-11-22T13:00:", "")
            .replace(" code=8867-4", "")
    };
    assert_eq!(
        samples(r#""period":250,"factor":0.5,"dimensions":1,"data":"140 E 141  U L""#),
        "72.0 /min 00Z\nabsent error - 00.250Z\n72.5 /min 00.500Z\n\
         absent positive-infinity - 00.750Z interpretation=>\nabsent negative-infinity - 01Z interpretation=<\n"
    );
    assert_eq!(
        samples(r#""period":0.0625,"dimensions":1,"data":"70 70.0 70""#),
        "72 /min 00Z\n72.0 /min 00.000062Z\n72 /min 00.000125Z\n"
    );
    for (fields, expected) in [
        (
            r#""dimensions":1,"data":"1""#,
            "bad-value Observation.valueSampledData.period is missing",
        ),
        (
            r#""period":1,"data":"1""#,
            "unsupported-field Observation.valueSampledData.dimensions is not 1",
        ),
        (
            r#""period":1,"dimensions":2,"data":"1""#,
            "unsupported-field Observation.valueSampledData.dimensions is not 1",
        ),
        (
            r#""period":1,"dimensions":1"#,
            "bad-value Observation.valueSampledData.data is missing",
        ),
        (
            r#""period":1,"dimensions":1,"data":"1 x""#,
            "bad-value Observation.valueSampledData.data has a sample that is no number",
        ),
        (
            r#""period":0.0001,"dimensions":1,"data":"1 2""#,
            "bad-value Observation.valueSampledData.period is less than a microsecond",
        ),
        (
            r#""period":-5,"dimensions":1,"data":"1 2""#,
            "bad-value Observation.valueSampledData.period is less than a microsecond",
        ),
        (
            r#""period":1e120,"dimensions":1,"data":"1 2""#,
            "bad-value Observation.valueSampledData.period is out of range",
        ),
    ] {
        assert_eq!(samples(fields), format!("0 ! {expected}\n"), "{fields}");
    }
    let many = format!(
        r#""period":1,"dimensions":1,"data":"{}""#,
        "1 ".repeat(MAX_ROWS + 1)
    );
    assert_eq!(
        samples(&many),
        "0 ! too-many-records Observation.valueSampledData.data has more samples than are taken\n"
    );
}
