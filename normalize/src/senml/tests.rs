use super::*;
use crate::decimal::Decimal;
use crate::measurement::Value;
use crate::measurement::{Claims, Measurement};
use proptest::prelude::*;
use std::fmt::Write;

const NOW: Micros = 1_795_352_400_000_000;

/// What came out, in words: one line a record.
#[derive(Default)]
struct Lines(String);

impl Sink for Lines {
    fn take(&mut self, record: u32, m: &Measurement<'_>, claims: Option<Claims>) {
        let value = match m.value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Absent(reason) => format!("absent:{reason}"),
        };
        write!(
            self.0,
            "{record} {} {} {value} {}",
            m.device,
            m.metric(),
            m.unit.unwrap_or("-")
        )
        .unwrap();
        write!(
            self.0,
            " {} {}",
            crate::time::format_rfc3339(m.effective),
            m.time_source.as_str()
        )
        .unwrap();
        if let Some(time) = m.device_time {
            write!(self.0, " dt={}", crate::time::format_rfc3339(time)).unwrap();
        }
        let texts = [
            ("ch", m.channel),
            ("us", m.device_user),
            ("bs", m.body_site),
            ("md", m.method),
            ("q", m.quality),
        ];
        for (name, text) in texts {
            text.iter()
                .for_each(|text| write!(self.0, " {name}={text}").unwrap());
        }
        if m.status != "final" {
            write!(self.0, " st={}", m.status).unwrap();
        }
        m.sequence
            .iter()
            .for_each(|sequence| write!(self.0, " sq={sequence}").unwrap());
        m.raw
            .iter()
            .for_each(|raw| write!(self.0, " rw={raw:?}").unwrap());
        claims.iter().for_each(|claims| {
            write!(
                self.0,
                " {:?} {:?} {:?}",
                claims.patient, claims.bed, claims.encounter
            )
            .unwrap()
        });
        self.0.push('\n');
    }

    fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String) {
        let record = record.map_or("pack".to_owned(), |record| record.to_string());
        writeln!(self.0, "{record} refused {}: {detail}", reason.as_str()).unwrap();
    }
}

fn lines(payload: &[u8], content_type: Option<&str>, device: Option<&str>) -> String {
    let mut sink = Lines::default();
    let context = Context {
        device,
        received: NOW,
        keep_raw: true,
        ..Context::default()
    };
    decode(payload, content_type, &context, &mut sink);
    sink.0
}

fn check(json: &str, expected: &[&str]) {
    assert_eq!(
        lines(json.as_bytes(), None, Some("dev-1"))
            .lines()
            .collect::<Vec<_>>(),
        expected,
        "{json}"
    );
}

#[test]
fn a_pack() {
    check(
        r#" [{"bn":"dev-1:","bt":1795352000,"bu":"/min","n":"MDC_ECG_HEART_RATE","v":72},
            {"n":"150456","u":"%","v":97.0,"t":1.5},
            {"n":"19384","v":96,"u":"%"},
            {"n":"local.consciousness","vs":"V"},
            {"n":"local.mood","u":"{score}","v":3},
            {"n":"local.note","vs":"caf\u00e9 \"x\""},
            {"n":"local.on","vb":true},
            {"n":"MDC_TEMP","u":"°C","v":37.20,"t":-0.000001}]"#,
        &[
            "0 dev-1 MDC_ECG_HEART_RATE 72 /min 2026-11-22T12:53:20Z device",
            "1 dev-1 MDC_PULS_OXIM_SAT_O2 97.0 % 2026-11-22T12:53:21.500Z device",
            "2 dev-1 MDC_PULS_OXIM_SAT_O2 96 % 2026-11-22T12:53:20Z device",
            "3 dev-1 67775-7 \"V\" - 2026-11-22T12:53:20Z device",
            "4 dev-1 local:native/mood 3 {score} 2026-11-22T12:53:20Z device",
            "5 dev-1 local:native/note \"café \\\"x\\\"\" - 2026-11-22T12:53:20Z device",
            "6 dev-1 local:native/on \"true\" - 2026-11-22T12:53:20Z device",
            "7 dev-1 MDC_TEMP 37.20 Cel 2026-11-22T12:53:19.999999Z device",
        ],
    );
}

#[test]
fn our_labels() {
    check(
        r#"[{"gw":{"boot":"b1","clock":"synchronized","offset":0.001,"config":"c9"},"n":"MDC_TEMP_ORAL","v":36.9,"t":1795352000,
            "ch":"2","bs":"mouth","md":"probe","st":"preliminary","q":"questionable","fl":["low-battery"],"dt":1795351000.5,
            "sq":17,"us":"1","rw":"AQL_","pt":"MRN 7","bed":"ICU 5","enc":"E-1","zz":[1,{"a":2}]},
            {"n":"MDC_TEMP_ORAL","v":36.9,"t":1795352000},
            {"n":"MDC_TEMP_ORAL","absent_":true,"vs":"temp-unknown","t":1795352000,"dt":"2026-11-22T12:53:20Z"},
            {"n":"MDC_TEMP_ORAL","absent_":true,"dt":"2026-11-22T13:53:20","t":1795352000}]"#,
        &[
            "0 dev-1 MDC_TEMP_ORAL 36.9 Cel 2026-11-22T12:53:20Z corrected dt=2026-11-22T12:36:40.500Z ch=2 us=1 bs=mouth md=probe q=questionable st=preliminary sq=17 rw=[1, 2, 255] Some(\"MRN 7\") Some(\"ICU 5\") Some(\"E-1\")",
            "1 dev-1 MDC_TEMP_ORAL 36.9 Cel 2026-11-22T12:53:20Z gateway",
            "2 dev-1 MDC_TEMP_ORAL absent:temp-unknown - 2026-11-22T12:53:20Z device dt=2026-11-22T12:53:20Z",
            "3 dev-1 MDC_TEMP_ORAL absent:unknown - 2026-11-22T12:53:20Z assumed-zone dt=2026-11-22T13:53:20Z",
        ],
    );
}

#[test]
fn relative_times_resolve_against_receipt() {
    check(
        r#"[{"n":"MDC_TEMP","v":37},{"n":"MDC_TEMP","v":37,"t":-5},{"n":"MDC_TEMP","v":37,"bt":-60,"t":0.25},{"n":"MDC_TEMP","v":37,"t":268435516}]"#,
        &[
            "0 dev-1 MDC_TEMP 37 Cel 2026-11-22T13:00:00Z server",
            "1 dev-1 MDC_TEMP 37 Cel 2026-11-22T12:59:55Z server",
            "2 dev-1 MDC_TEMP 37 Cel 2026-11-22T12:59:00.250Z server",
            "3 dev-1 MDC_TEMP 37 Cel 1978-07-04T21:24:16Z device",
        ],
    );
}

/// What a gateway could not read comes with its bytes under a name that no metric has.
#[test]
fn what_a_gateway_could_not_read_is_refused_and_never_a_reading() {
    check(
        r#"[{"n":"hl7v2","vs":"bad-value: segment 4 (OBX)","rw":"TVNI","t":1795352000},
            {"n":"gatt-2A35","vs":"2A35: cut off","rw":"FqA"},
            {"n":"gatt-2A35","absent_":true,"vs":"error","rw":"FqA"},
            {"n":"MDC_TEMP","v":36.5}]"#,
        &[
            "0 refused unknown-metric: no metric is called \"hl7v2\"",
            "1 refused unknown-metric: no metric is called \"gatt-2A35\"",
            "2 refused unknown-metric: no metric is called \"gatt-2A35\"",
            "3 dev-1 MDC_TEMP 36.5 Cel 2026-11-22T13:00:00Z server",
        ],
    );
}

#[test]
fn faults_stay_in_their_record() {
    check(
        r#"[{"n":"MDC_TEMP","v":37,"x_":1},{"n":"MDC_TEMP","s":1},{"n":"MDC_TEMP","vd":"AA"},{"n":"MDC_TEMP","v":37,"bs":4},
            {"n":"MDC_NOPE","v":1},{"n":"7","v":1},{"n":"local.a b","u":"1","v":1},{"v":1},{"n":"local.x","v":1},
            {"n":"MDC_TEMP"},{"n":"MDC_TEMP","v":1,"vs":"a"},{"n":"MDC_TEMP","vs":"hot"},{"n":"MDC_TEMP","v":"37"},
            {"n":"MDC_TEMP","v":null},{"n":"MDC_TEMP","v":1e999},{"n":"MDC_TEMP","absent_":true,"v":1},
            {"n":"MDC_TEMP","absent_":true,"vs":"gone"},{"n":"local.consciousness","vs":"X"},{"n":"MDC_TEMP","v":1,"v":2},
            {"n":"MDC_TEMP","v":1,"st":"done"},{"n":"MDC_TEMP","v":1,"dt":"soon"},{"n":"MDC_TEMP","v":1,"t":1e30},
            {"n":"MDC_TEMP","v":1,"sq":1.5},{"n":"MDC_TEMP","v":1,"rw":"*"},{"n":"MDC_TEMP","v":1,"u":""},{"n":"MDC_TEMP","v":36.5}]"#,
        &[
            "0 refused unsupported-field: label x_ must be understood and is not",
            "1 refused unsupported-field: label s is not taken",
            "2 refused unsupported-field: label vd is not taken",
            "3 refused unsupported-field: label bs is not taken",
            "4 refused unknown-metric: no metric is called \"MDC_NOPE\"",
            "5 refused unknown-metric: no metric is called \"7\"",
            "6 refused unknown-metric: no metric is called \"local.a b\"",
            "7 refused unknown-metric: no metric is called \"\"",
            "8 refused bad-unit: a local metric states its unit",
            "9 refused bad-value: no value",
            "10 refused bad-value: several values",
            "11 refused bad-value: the metric has another kind of value",
            "12 refused bad-value: label v has a text that does not fit",
            "13 refused bad-value: label v has a value of the wrong type",
            "14 refused bad-value: label v has a value of the wrong type",
            "15 refused bad-value: several values",
            "16 refused bad-value: vs is no data-absent-reason",
            "17 refused bad-value: vs is no code of this metric",
            "18 refused undecodable: label v twice",
            "19 refused bad-value: no FHIR status \"done\"",
            "20 refused bad-time: dt is no RFC 3339 time",
            "21 refused bad-time: t is out of range",
            "22 refused bad-value: label sq has a number that does not fit",
            "23 refused bad-value: label rw is not base64url",
            "24 refused bad-unit: the unit is empty",
            "25 dev-1 MDC_TEMP 36.5 Cel 2026-11-22T13:00:00Z server",
        ],
    );
}

#[test]
fn the_device_is_the_topics() {
    let reading = |bn: &str| format!(r#"[{{{bn}"n":"MDC_TEMP","v":37}}]"#);
    let first = |json: &str, device| {
        lines(json.as_bytes(), None, device)
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        first(&reading(r#""bn":"dev-2:","#), Some("dev-1")),
        "pack refused device-mismatch: bn names another device than the topic"
    );
    assert!(first(&reading(r#""bn":"dev-2:","#), None).starts_with("0 dev-2 MDC_TEMP 37"));
    assert!(first(&reading(""), None).starts_with("0 refused no-device"));
    for bn in ["dev-1", "dev 1:", ":", "dev-1:MDC_"] {
        assert!(
            first(&reading(&format!(r#""bn":"{bn}","#)), None)
                .starts_with("pack refused no-device"),
            "{bn}"
        );
    }
    assert!(first(&reading(""), Some("a/b")).starts_with("pack refused no-device"));
    check(
        r#"[{"bn":"dev-1:","n":"MDC_TEMP","v":1},{"bn":"dev-1:","n":"MDC_TEMP","v":2},{"n":"MDC_TEMP","v":3},{"bn":"dev-2:","n":"MDC_TEMP","v":4},{"n":"MDC_TEMP","v":5}]"#,
        &[
            "0 dev-1 MDC_TEMP 1 Cel 2026-11-22T13:00:00Z server",
            "1 refused unsupported-field: a second bn is not taken",
            "2 dev-1 MDC_TEMP 3 Cel 2026-11-22T13:00:00Z server",
            "3 refused unsupported-field: a second bn is not taken",
            "4 refused device-mismatch: follows a second, different bn",
        ],
    );
}

#[test]
fn base_values_add_up() {
    check(
        r#"[{"bn":"dev-1:","bt":1795352400,"bv":36,"bver":10},{"n":"MDC_TEMP","v":1.20},{"n":"MDC_TEMP","v":-0.5,"bv":37.25}]"#,
        &[
            "1 dev-1 MDC_TEMP 37.20 Cel 2026-11-22T13:00:00Z device",
            "2 dev-1 MDC_TEMP 36.75 Cel 2026-11-22T13:00:00Z device",
        ],
    );
    check(
        r#"[{"bver":11,"n":"MDC_TEMP","v":1}]"#,
        &["pack refused unsupported-field: only SenML version 10 is known"],
    );
}

#[test]
fn whole_packs_that_are_none() {
    for payload in [
        &b"[]"[..],
        b"",
        b"{}",
        b"[{",
        b"[{}] x",
        b"[1]",
        b"nonsense",
        b"[{\"n\":\"\xff\"}]",
        b"\x81\xa1",
        b"\x80",
        b"\x81\xa0\x00",
    ] {
        let text = lines(payload, None, Some("dev-1"));
        assert!(
            text.starts_with("pack refused undecodable"),
            "{payload:?} {text}"
        );
    }
    // The content type decides, not the first byte.
    assert!(lines(b"[]", Some("application/senml+cbor"), None).contains("CBOR"));
    let nested = ["[", "{\"a\":"].map(|open| open.repeat(1_000_000));
    for deep in nested.iter().chain(&[
        format!("[{{\"a\":{}", nested[0]),
        format!("[{{\"a\":{}", nested[1]),
    ]) {
        assert!(lines(deep.as_bytes(), None, Some("d")).starts_with("pack refused"));
    }
    let mut deep = vec![0x81, 0xa1, 0x61, b'a'];
    deep.resize(1_000_000, 0x81);
    assert!(lines(&deep, None, Some("d")).starts_with("pack refused undecodable"));
}

#[test]
fn at_most_ten_thousand_records() {
    let pack = |records: usize| Pack {
        device: "dev-1".to_owned(),
        gateway: None,
        records: vec![
            Record::new("MDC_TEMP", RecordValue::Number(Decimal::integer(37)), NOW);
            records
        ],
    };
    for (records, accepted) in [(MAX_RECORDS, true), (MAX_RECORDS + 1, false)] {
        for bytes in [pack(records).to_json(), pack(records).to_cbor()] {
            let text = lines(&bytes, None, None);
            assert_eq!(text.lines().count(), if accepted { records } else { 1 });
            assert_eq!(text.starts_with("pack refused too-many-records"), !accepted);
        }
    }
}

#[test]
fn cbor_floats_and_decimals() {
    let mut bytes = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut bytes);
    let mut record = |n: &str, write: &dyn Fn(&mut minicbor::Encoder<&mut Vec<u8>>)| {
        encoder
            .map(2)
            .unwrap()
            .i8(0)
            .unwrap()
            .str(n)
            .unwrap()
            .i8(2)
            .unwrap();
        write(&mut encoder);
    };
    record("MDC_TEMP", &|e| _ = e.f32(37.2).unwrap());
    record("MDC_TEMP", &|e| _ = e.f64(37.25).unwrap());
    record("MDC_TEMP", &|e| _ = e.f64(f64::NAN).unwrap());
    record("MDC_TEMP", &|e| _ = e.f32(f32::NEG_INFINITY).unwrap());
    record("MDC_TEMP", &|e| {
        _ = e
            .tag(minicbor::data::IanaTag::Decimal)
            .unwrap()
            .array(2)
            .unwrap()
            .i8(-2)
            .unwrap()
            .i64(3720)
            .unwrap()
    });
    record("MDC_TEMP", &|e| _ = e.null().unwrap());
    record("MDC_TEMP", &|e| {
        _ = e.tag(minicbor::data::Tag::new(99)).unwrap().u8(1).unwrap()
    });
    bytes.insert(0, 0x87);
    let text = lines(&bytes, Some(CBOR), Some("dev-1"));
    let values: Vec<_> = text
        .lines()
        .map(|line| line.split(' ').nth(3).unwrap())
        .collect();
    assert_eq!(
        values,
        [
            "37.2",
            "37.25",
            "absent:not-a-number",
            "absent:negative-infinity",
            "37.20",
            "label",
            "label"
        ]
    );
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ -~é\u{1F600}\t]{1,12}")
}

prop_compose! {
    fn any_record()(
        name in prop::sample::select(vec!["MDC_ECG_HEART_RATE", "150456", "MDC_TEMP", "local.consciousness", "local.mood", "MDC_NOPE"]),
        unit in prop::option::of(prop::sample::select(vec!["/min", "%", "Cel", "bpm", "thumps"])),
        value in prop_oneof![
            (-999_999_999_i64..=999_999_999, -6_i8..=0).prop_map(|(mantissa, exponent)| RecordValue::Number(Decimal { mantissa, exponent })),
            "[A-Z]{1,3}".prop_map(RecordValue::Text),
            any::<bool>().prop_map(RecordValue::Bool),
            prop::sample::select(DATA_ABSENT_REASONS.to_vec()).prop_map(|reason| RecordValue::Absent(reason.to_owned())),
        ],
        time in NOW - 1_000_000_000_000..NOW + 1_000_000,
        device_time in prop::option::of(prop_oneof![
            (0..NOW).prop_map(DeviceTime::Instant),
            (0..NOW).prop_map(DeviceTime::Local),
        ]),
        sequence in prop::option::of(-999_999_999_999_999_999_i64..=999_999_999_999_999_999),
        texts in prop::collection::vec(text(), 8),
        status in prop::option::of(Just("amended".to_owned())),
        flags in prop::collection::vec("[a-z-]{1,8}", 0..3),
        raw in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
    ) -> Record {
        let [channel, user, body_site, method, quality, patient, bed, encounter]: [_; 8] = texts.try_into().unwrap();
        Record {
            unit: unit.map(str::to_owned), device_time, sequence, channel, user, body_site, method, status, quality, flags,
            raw, patient, bed, encounter, ..Record::new(name, value, time)
        }
    }
}

prop_compose! {
    fn any_pack()(
        records in prop::collection::vec(any_record(), 1..8),
        gateway in prop::option::of(Just(Gateway { boot: "b".into(), clock: "synchronized".into(), offset: Some(-1_500), config: Some("7".into()) })),
    ) -> Pack {
        Pack { device: "dev-1".to_owned(), gateway, records }
    }
}

/// Collects what can be compared with what was encoded.
#[derive(Default)]
struct Read {
    taken: Vec<Taken>,
    refused: usize,
}

struct Taken {
    record: u32,
    number: Option<Decimal>,
    effective: Micros,
    device_time: Option<Micros>,
    sequence: Option<i64>,
    raw: Option<Vec<u8>>,
}

impl Sink for Read {
    fn take(&mut self, record: u32, m: &Measurement<'_>, _: Option<Claims>) {
        self.taken.push(Taken {
            record,
            number: if let Value::Number(number) = m.value {
                Some(number)
            } else {
                None
            },
            effective: m.effective,
            device_time: m.device_time,
            sequence: m.sequence,
            raw: m.raw.map(<[u8]>::to_vec),
        });
    }

    fn refuse(&mut self, _: Option<u32>, _: Reason, _: String) {
        self.refused += 1;
    }
}

proptest! {
    #[test]
    fn json_and_cbor_say_the_same(pack in any_pack()) {
        let json = lines(&pack.to_json(), Some("application/senml+json; charset=utf-8"), Some("dev-1"));
        let cbor = lines(&pack.to_cbor(), None, Some("dev-1"));
        prop_assert_eq!(json.lines().count(), pack.records.len());
        prop_assert_eq!(json, cbor);
    }

    #[test]
    fn encoding_loses_nothing(pack in any_pack()) {
        for bytes in [pack.to_json(), pack.to_cbor()] {
            let mut read = Read::default();
            let context = Context { received: NOW, keep_raw: true, ..Context::default() };
            decode(&bytes, None, &context, &mut read);
            prop_assert_eq!(read.taken.len() + read.refused, pack.records.len());
            for taken in read.taken {
                let record = &pack.records[taken.record as usize];
                if let RecordValue::Number(sent) = record.value {
                    prop_assert_eq!(taken.number, Some(sent));
                }
                let stated = record.device_time.as_ref().and_then(|time| match time {
                    DeviceTime::Instant(time) | DeviceTime::Local(time) => Some(*time),
                    DeviceTime::Text(_) => None,
                });
                prop_assert_eq!(taken.effective, record.time);
                prop_assert_eq!(taken.device_time, stated);
                prop_assert_eq!(taken.sequence, record.sequence);
                prop_assert_eq!(&taken.raw, &record.raw);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), first in prop::sample::select(vec![b'[', 0x81, 0x9f])) {
        let _ = lines(&bytes, None, Some("dev-1"));
        let mut bytes = bytes;
        bytes.insert(0, first);
        let _ = lines(&bytes, None, Some("dev-1"));
    }

    #[test]
    fn any_damage_is_survived(pack in any_pack(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for mut bytes in [pack.to_json(), pack.to_cbor()] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut { bytes.truncate(at); }
            let _ = lines(&bytes, None, Some("dev-1"));
        }
    }
}

proptest! {
    /// The reader takes exactly the texts that `serde_json` takes.
    #[test]
    fn strings_and_numbers_are_json(inside in "[ -~\\\\\"\u{0}-\u{1f}é/bnu0-9a-f]{0,20}", number in "-?[0-9.eE+-]{1,8}") {
        let text = format!(r#"[{{"n":"local.x","vs":"{inside}","zz":0}}]"#);
        let json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(!lines(text.as_bytes(), Some(JSON), Some("d")).contains("undecodable: invalid"), json, "{}", text);
        let text = format!(r#"[{{"n":"local.x","u":"1","v":{number}}}]"#);
        let json = serde_json::from_str::<&serde_json::value::RawValue>(&number).is_ok();
        prop_assert_eq!(!lines(text.as_bytes(), Some(JSON), Some("d")).contains("undecodable"), json, "{}", text);
    }
}
