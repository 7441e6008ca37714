//! Bundles, references within them, and documents that are none.

use super::*;
use proptest::prelude::*;

fn bundle(kind: &str, entries: &[&str]) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"{kind}","total":7,"entry":[{}]}}"#,
        entries.join(",")
    )
}

fn entry(resource: &str) -> String {
    format!(
        r#"{{"fullUrl":"urn:uuid:o","resource":{resource},"request":{{"method":"POST","url":"Observation"}}}}"#
    )
}

#[test]
fn every_type_of_bundle_is_a_list() {
    let patient = r#"{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient",
        "identifier":[{"use":"old","value":"7"},{"system":"urn:mrn","value":"MRN 8"}]}}"#;
    let device = r#"{"fullUrl":"urn:uuid:d","resource":{"resourceType":"Device","id":"x",
        "identifier":[{"system":"urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680","value":"0011AA00BB11CC22"}]}}"#;
    let metric = r#"{"fullUrl":"urn:uuid:m","resource":{"resourceType":"DeviceMetric","source":{"reference":"urn:uuid:d"}}}"#;
    let observation = |device: &str| {
        entry(&format!(
            r#"{{"resourceType":"Observation","status":"final","effectiveDateTime":"2026-11-22T13:00:00Z",
            "subject":{{"reference":"urn:uuid:p"}},"device":{{"reference":"{device}"}},
            "encounter":{{"identifier":{{"system":"urn:enc","value":"E1"}}}},{HEART_RATE},{BPM}}}"#
        ))
    };
    let row = "0011AA00BB11CC22 MDC_ECG_HEART_RATE 72 /min 2026-11-22T13:00:00Z code=8867-4 \
               patient=urn:mrn|MRN 8 encounter=urn:enc|E1\n";
    for kind in [
        "transaction",
        "batch",
        "collection",
        "message",
        "searchset",
        "history",
        "document",
    ] {
        // What the references mean may stand after them.
        let entries: [&str; 7] = [
            &observation("urn:uuid:d"),
            patient,
            device,
            r#"{"resource":{"resourceType":"OperationOutcome"}}"#,
            r#"{"response":{"status":"201"}}"#,
            &observation("urn:uuid:m"),
            metric,
        ];
        assert_eq!(lines(&bundle(kind, &entries)), format!("0 {row}5 {row}"));
    }
    assert_eq!(lines(r#"{"resourceType":"Bundle"}"#), "");
}

#[test]
fn literal_ids_name_devices_and_identifiers_name_patients() {
    let entries = [
        r#"{"fullUrl":"https://h/Patient/p1","resource":{"resourceType":"Patient","id":"p1","identifier":[{"value":"MRN1"}]}}"#,
        r#"{"fullUrl":"https://h/Device/d1","resource":{"resourceType":"Device","id":"d1","identifier":[{"value":"SN1"}]}}"#,
        r#"{"fullUrl":"urn:uuid:q","resource":{"resourceType":"Patient","id":"q1"}}"#,
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"reference":"https://h/Patient/p1"}}"#
        ))),
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"reference":"https://elsewhere/Patient/p1"}}"#
        ))),
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"reference":"Patient/p1"}}"#
        ))),
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"reference":"urn:uuid:q"}}"#
        ))),
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"display":"Somebody"}}"#
        ))),
        &entry(&with(&format!(
            r#"{HEART_RATE},{BPM},"subject":{{"reference":"Patient/p1","identifier":{{"value":"MRN2"}}}}"#
        ))),
    ];
    let text = lines(&bundle("batch", &entries));
    let patients: Vec<&str> = text
        .lines()
        .map(|line| line.split("patient=").nth(1).unwrap_or("-"))
        .collect();
    assert_eq!(patients, ["MRN1", "p1", "MRN1", "q1", "-", "MRN2"]);
    assert!(text.lines().all(|line| line.contains(" d1 MDC")));
}

#[test]
fn rejects_name_entry_and_element() {
    let good = entry(&with(&format!("{HEART_RATE},{BPM}")));
    let bad = entry(&with(&format!(
        r#"{HEART_RATE},"valueQuantity":{{"value":true,"unit":"bpm"}}"#
    )));
    let entries = [
        good.as_str(),
        "7",
        &bad,
        r#"{"resource":{"resourceType":"Bundle"}}"#,
        r#"{"request":{"method":"DELETE","url":"Observation/1"}}"#,
        r#"{"request":{"method":"DELETE","url":"Patient/1"}}"#,
        r#"{"resource":{"resourceType":"Observation","status":"final"},"modifierExtension":[{"url":"u"}]}"#,
        r#"{"resource":{"resourceType":"Patient","id":7}}"#,
        &good,
    ];
    let expected = format!(
        "1 ! undecodable Bundle.entry[1] is no JSON object\n\
         3 ! unsupported-field Bundle.entry[3].resource is a Bundle in a Bundle\n\
         4 ! unsupported-field Bundle.entry[4].request.method takes an Observation back or changes it\n\
         6 ! unsupported-field Bundle.entry[6].modifierExtension may change the meaning\n\
         7 ! undecodable Bundle.entry[7].resource.id is no text\n\
         {RATE}\n\
         2 ! undecodable Bundle.entry[2].resource.valueQuantity.value is no number\n\
         {}\n",
        RATE.replacen('0', "8", 1)
    );
    assert_eq!(lines(&bundle("batch", &entries)), expected);
}

#[test]
fn documents_that_are_none() {
    for (payload, expected) in [
        ("", "all ! undecodable the payload is no JSON object"),
        ("[]", "all ! undecodable the payload is no JSON object"),
        (
            "<Bundle/>",
            "all ! undecodable the payload is no JSON object",
        ),
        (
            r#"{"resourceType":"Observation"} x"#,
            "all ! undecodable the payload is no JSON object",
        ),
        (
            "{}",
            "all ! undecodable resourceType is neither Observation nor Bundle",
        ),
        (
            r#"{"resourceType":"Patient"}"#,
            "all ! undecodable resourceType is neither Observation nor Bundle",
        ),
        (
            r#"{"resourceType":7}"#,
            "all ! undecodable resourceType is no text",
        ),
        (
            r#"{"resourceType":"Bundle","entry":{}}"#,
            "all ! undecodable Bundle.entry is no list",
        ),
        (
            r#"{"resourceType":"Bundle","implicitRules":"u"}"#,
            "all ! unsupported-field Bundle.implicitRules may change the meaning",
        ),
    ] {
        assert_eq!(lines(payload).trim_end(), expected, "{payload}");
    }
    let many = vec!["{}"; MAX_ENTRIES + 1];
    assert_eq!(
        lines(&bundle("batch", &many)),
        "all ! too-many-records Bundle.entry has more than 10000 items\n"
    );
    let mut lines = Lines::default();
    decode(
        b"{\"resourceType\":\"\xff\"}",
        &Context::default(),
        &mut lines,
    );
    assert_eq!(lines.0, "all ! undecodable the payload is no UTF-8\n");
}

#[test]
fn depth_is_no_danger() {
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let elsewhere = with(&format!(r#"{HEART_RATE},{BPM},"note2":{deep}"#));
    assert_eq!(lines(&elsewhere).trim_end(), RATE);
    let read = with(&format!(
        r#"{HEART_RATE},{BPM},"note":{deep},"meta":{{"security":[{{"code":"R"}}]}}"#
    ));
    assert!(lines(&read).contains("undecodable Observation.note[0] is no JSON object"));
    let objects = format!(
        "{}7{}",
        r#"{"resource":"#.repeat(200_000),
        "}".repeat(200_000)
    );
    assert!(lines(&bundle("batch", &[&objects])).is_empty());
}

#[test]
fn a_message_has_a_bounded_number_of_rows() {
    let samples = |count: usize| {
        entry(&with(&format!(
            r#"{HEART_RATE},"valueSampledData":{{"origin":{{"value":0,"unit":"bpm"}},"period":1,"dimensions":1,"data":"{}"}}"#,
            "70 ".repeat(count)
        )))
    };
    let half = samples(MAX_ROWS / 2 + 1);
    let text = lines(&bundle("batch", &[&half, &half]));
    assert_eq!(text.lines().count(), MAX_ROWS / 2 + 2);
    assert!(text.ends_with(
        "1 ! too-many-records Bundle.entry[1].resource.valueSampledData.data has more samples than are taken\n"
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut lines = Lines::default();
        decode(&payload, &Context::default(), &mut lines);
        prop_assert!(lines.0.starts_with("all ! "));
    }

    #[test]
    fn any_damage_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(), drop in 0_usize..20) {
        let whole = bundle("batch", &[
            &entry(&with(&format!(r#"{HEART_RATE},{BPM},"subject":{{"reference":"urn:uuid:p"}}"#))),
            &entry(&with(&format!(r#"{CULTURE},"valueSampledData":{{"origin":{{"value":2.5,"unit":"mV"}},"period":4,"factor":0.01,"dimensions":1,"data":"1 E 2"}},"component":[{{{CULTURE},"valueInteger":1}}]"#))),
            r#"{"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","id":"p","identifier":[{"value":"1"}]}}"#,
        ]);
        let mut bytes = whole.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let cut = cut.index(bytes.len());
        let end = (cut + drop).min(bytes.len());
        bytes.drain(cut..end);
        let mut lines = Lines::default();
        decode(&bytes, &Context { received: NOW, ..Context::default() }, &mut lines);
    }

    #[test]
    fn any_numbers_and_times_are_survived(
        number in "-?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        period in "-?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        time in "[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?",
    ) {
        let payload = with(&format!(
            r#"{HEART_RATE},"valueSampledData":{{"origin":{{"value":{number},"unit":"bpm"}},"period":{period},"factor":{number},"dimensions":1,"data":"1 {number} 3"}}"#
        )).replace("2026-11-22T13:00:00Z", &time);
        prop_assert!(!lines(&payload).is_empty());
    }
}
