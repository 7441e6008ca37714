//! What codes mean, alone and in panels.

use super::*;

#[test]
fn codes() {
    let code = |codings: &str| {
        let elements =
            format!(r#""code":{{"coding":[{codings}]}},"dataAbsentReason":{{"text":"lost"}}"#);
        let line = lines(&with(&elements));
        line.trim_end()
            .replace("0 d1 ", "")
            .replace(" absent unknown - 2026-11-22T13:00:00Z", "")
    };
    let mdc = |code: &str| format!(r#"{{"system":"urn:iso:std:iso:11073:10101","code":"{code}"}}"#);
    let loinc = |code: &str| format!(r#"{{"system":"http://loinc.org","code":"{code}"}}"#);
    let other = |system: &str, code: &str| format!(r#"{{"system":"{system}","code":"{code}"}}"#);
    for (codings, expected) in [
        (mdc("150456"), "MDC_PULS_OXIM_SAT_O2 code=2708-6"),
        (
            mdc("MDC_PULS_OXIM_SAT_O2"),
            "MDC_PULS_OXIM_SAT_O2 code=2708-6",
        ),
        // The number decides.
        (
            loinc("8310-5") + "," + &mdc("150456"),
            "MDC_PULS_OXIM_SAT_O2 code=2708-6",
        ),
        (loinc("59408-5"), "MDC_PULS_OXIM_SAT_O2 code=2708-6"),
        (loinc("8867-4"), "8867-4"),
        (
            loinc("8867-4") + "," + &loinc("8889-8"),
            "MDC_PULS_OXIM_PULS_RATE code=8867-4",
        ),
        (
            loinc("8331-1") + "," + &loinc("8310-5"),
            "MDC_TEMP_ORAL code=8310-5",
        ),
        (
            loinc("8480-6"),
            "MDC_PRESS_BLD_SYS code=8480-6 panel=MDC_PRESS_BLD",
        ),
        (
            loinc("76215-3") + "," + &loinc("8480-6"),
            "MDC_PRESS_BLD_ART_SYS code=8480-6 panel=MDC_PRESS_BLD_ART",
        ),
        (
            loinc("8440-0"),
            "MDC_PRESS_BLD_ART_PULM_SYS code=8440-0 panel=MDC_PRESS_BLD_ART_PULM",
        ),
        (loinc("2160-0"), "2160-0"),
        (
            other("http://snomed.info/sct", "364075005"),
            "local:sct/364075005",
        ),
        (
            other("http://snomed.info/sct", "364075005") + "," + &loinc("2160-0"),
            "2160-0",
        ),
        (mdc("MDC_NOPE"), "local:mdc/MDC_NOPE"),
        (mdc("999999"), "local:mdc/999999"),
        (
            other("https://acme.example/codes", "a b/c"),
            "local:acme.example.codes/a_b.c",
        ),
        (other("urn:oid:1.2.3", "x"), "local:1.2.3/x"),
        (r#"{"code":"x"}"#.to_owned(), "local:fhir/x"),
        (
            other("urn:wardline:local", "supplemental-oxygen"),
            "local:wardline/supplemental-oxygen",
        ),
        (
            other("urn:wardline:local", "native/mood"),
            "local:native/mood",
        ),
        (loinc("not a code"), "local:loinc.org/not_a_code"),
        (
            String::new(),
            "0 ! unknown-metric Observation.code has no coding with a code of at most 64 bytes",
        ),
    ] {
        assert_eq!(code(&codings), expected, "{codings}");
    }
    assert_eq!(
        lines(&with(BPM)),
        "0 ! unknown-metric Observation.code is missing\n"
    );
}

#[test]
fn panels() {
    let part = |system: &str, code: &str, value: &str| {
        format!(r#"{{"code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}},{value}}}"#)
    };
    let mmhg = |value: &str| format!(r#""valueQuantity":{{"value":{value},"unit":"mmHg"}}"#);
    let panel = |code: &str, components: &[String]| {
        lines(&with(&format!(
            r#"{code},"component":[{}]"#,
            components.join(",")
        )))
    };
    let loinc = "http://loinc.org";
    let pressure = r#""code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]}"#;
    let both = [
        part(loinc, "8480-6", &mmhg("120")),
        part(
            loinc,
            "8462-4",
            r#""dataAbsentReason":{"text":"x"},"interpretation":[{"coding":[{"code":"H"}]}]"#,
        ),
    ];
    assert_eq!(
        panel(pressure, &both),
        "0 d1 MDC_PRESS_BLD_SYS 120 mm[Hg] 2026-11-22T13:00:00Z code=8480-6 panel=MDC_PRESS_BLD\n\
         0 d1 MDC_PRESS_BLD_DIA absent unknown - 2026-11-22T13:00:00Z code=8462-4 panel=MDC_PRESS_BLD interpretation=H\n"
    );
    // The panel's own code says which pressures these are.
    let cuff = r#""code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"150020"}]}"#;
    assert!(panel(cuff, &both).starts_with("0 d1 MDC_PRESS_BLD_NONINV_SYS 120 mm[Hg]"));
    // Not a panel of the vocabulary: a row each.
    assert_eq!(
        panel(
            CULTURE,
            &[
                part(loinc, "8867-4", BPM),
                part(loinc, "8478-0", &mmhg("93"))
            ]
        ),
        "0 d1 8867-4 72 /min 2026-11-22T13:00:00Z\n\
         0 d1 MDC_PRESS_BLD_MEAN 93 mm[Hg] 2026-11-22T13:00:00Z code=8478-0 panel=MDC_PRESS_BLD\n"
    );
    // Taken whole or not at all.
    assert_eq!(
        panel(
            pressure,
            &[both[0].clone(), part(loinc, "8462-4", &mmhg("\"80\""))]
        ),
        "0 ! undecodable Observation.component[1].valueQuantity.value is no number\n"
    );
    assert_eq!(
        panel(pressure, &[both[0].clone(), both[0].clone()]),
        "0 ! bad-value Observation.component[1].code means the same as another one of this Observation\n"
    );
    assert_eq!(
        panel(pressure, &[part(loinc, "8480-6", r#""x":1"#)]),
        "0 ! bad-value Observation.component[0].value[x] is missing, and no reason is given\n"
    );
    // A value beside the components is a row of its own.
    assert_eq!(
        panel(
            &format!(r#"{CULTURE},"valueInteger":3"#),
            &[part(loinc, "8867-4", BPM)]
        ),
        "0 d1 600-7 3 1 2026-11-22T13:00:00Z\n0 d1 8867-4 72 /min 2026-11-22T13:00:00Z\n"
    );
    // The members of a group are Observations of their own.
    check(
        &format!(r#"{CULTURE},"hasMember":[{{"reference":"Observation/o"}}]"#),
        "",
    );
}
