use super::*;
use wardline_gateway::gatt::{CHARACTERISTICS, Quirks, decode};
use wardline_normalize::measurement::{Claims, Measurement, Reason, Sink};
use wardline_normalize::senml::{self, Context, Pack};

const TAKEN: Micros = 1_795_341_600_000_000;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn told(characteristic: u16, bytes: &str) -> Vec<Record> {
    let raw = hex(bytes);
    let values = decode(characteristic, &raw, &Quirks::default()).expect("it decodes");
    records(characteristic, &values, &raw, |_| TAKEN)
}

/// What the server makes of the records: `metric value unit quality`, and what it refuses.
#[derive(Default)]
struct Seen(Vec<String>, Vec<String>);

impl Sink for Seen {
    fn take(&mut self, _: u32, m: &Measurement<'_>, _: Option<Claims>) {
        use wardline_normalize::measurement::Value;
        let value = match m.value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.to_owned(),
            Value::Absent(reason) => format!("<{reason}>"),
        };
        let words = [Some(m.metric()), Some(&value), m.unit, m.quality];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        self.0.push(words.join(" "));
    }

    fn refuse(&mut self, _: Option<u32>, reason: Reason, detail: String) {
        self.1.push(format!("{}: {detail}", reason.as_str()));
    }
}

fn served(records: Vec<Record>) -> Seen {
    let pack = Pack {
        device: "dev-1".to_owned(),
        gateway: Some(senml::Gateway::default()),
        records,
    };
    let context = Context {
        received: TAKEN,
        keep_raw: true,
        ..Context::default()
    };
    let mut json = Seen::default();
    senml::decode(&pack.to_json(), None, &context, &mut json);
    let mut cbor = Seen::default();
    senml::decode(&pack.to_cbor(), None, &context, &mut cbor);
    assert_eq!(json.0, cbor.0);
    json
}

#[test]
fn the_server_reads_what_is_published() {
    for (characteristic, bytes, lines) in [
        (
            0x2A37,
            "16484003",
            &[
                "MDC_ECG_HEART_RATE 72 /min",
                "MDC_ECG_TIME_PD_RR_GL 812.5 ms",
            ][..],
        ),
        (0x2A1C, "00c80000fe", &["MDC_TEMP_BODY 2.00 Cel"]),
        (
            0x2A1E,
            "006f0100ff",
            &["local:wardline/temperature-intermediate 36.7 Cel"],
        ),
        (
            0x2A36,
            "049600ff07ff074800",
            &["local:wardline/cuff-pressure 150 mm[Hg]"],
        ),
        (
            0x2A35,
            "107c005000ff070200",
            &[
                "MDC_PRESS_BLD_NONINV_SYS 124 mm[Hg] questionable",
                "MDC_PRESS_BLD_NONINV_DIA 80 mm[Hg] questionable",
                "MDC_PRESS_BLD_NONINV_MEAN <not-a-number> mm[Hg] questionable",
                "MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS cuff-too-loose",
            ],
        ),
        (
            0x2A5F,
            "04610048000080",
            &[
                "MDC_PULS_OXIM_SAT_O2 <error> %",
                "MDC_PULS_OXIM_PULS_RATE <error> /min",
                "MDC_PULS_OXIM_DEV_STATUS invalid",
            ],
        ),
        (
            0x2A5F,
            "04610048000004",
            &[
                "MDC_PULS_OXIM_SAT_O2 97 % demo",
                "MDC_PULS_OXIM_PULS_RATE 72 /min demo",
            ],
        ),
        (
            0x2A18,
            "020500ea070b160a1e0f5ab01a",
            &["MDC_CONC_GLU_CONTROL 90 mg/dL test"],
        ),
        (
            0x2A34,
            "320000020120d1",
            &[
                "MDC_CTXT_GLU_MEAL MDC_CTXT_GLU_MEAL_POSTPRANDIAL",
                "local:wardline/medication-volume 0.288 L",
            ],
        ),
        (0x2A9D, "00ffff", &["MDC_MASS_BODY_ACTUAL <error> kg"]),
        (0x2A19, "40", &["MDC_ATTR_VAL_BATT_CHARGE 64 %"]),
        (
            0x2A29,
            "41636d65",
            &["local:native/MDC_ID_MODEL_MANUFACTURER Acme"],
        ),
        (
            0x2B8B,
            "03010c000100b84b0200200262000000",
            &["MDC_PULS_OXIM_SAT_O2 98 %"],
        ),
        (
            0x2B8B,
            "03010c00010040420f00200262000000",
            &["local:native/mdc-1000000 98 %"],
        ),
        (
            0x2B8B,
            "03020a000100b84b020062000000",
            &["local:native/MDC_PULS_OXIM_SAT_O2 98"],
        ),
        (
            0x2AA8,
            "00800159ffff",
            &["local:native/cgm-features 98304 1"],
        ),
        (0x2AA9, "0500010000", &["MDC_CGM_DEV_STAT session-stopped"]),
    ] {
        let seen = served(told(characteristic, bytes));
        assert_eq!(seen.1, [""; 0], "{characteristic:04X}");
        assert_eq!(seen.0, lines, "{characteristic:04X}");
    }
}

#[test]
fn raw_bytes_flags_and_order_travel_along() {
    let records = told(0x2A35, "1e7c0050005d00ea070b160a1e0f4800020400");
    assert_eq!(records.len(), 5);
    assert_eq!(
        records[0].raw.as_deref(),
        Some(&hex("1e7c0050005d00ea070b160a1e0f4800020400")[..])
    );
    assert!(records[1..].iter().all(|record| record.raw.is_none()));
    for record in &records[..4] {
        assert_eq!(record.flags, ["irregular-pulse"]);
        assert_eq!(record.user.as_deref(), Some("2"));
        assert_eq!(
            record.device_time,
            Some(DeviceTime::Local(1_795_343_415_000_000))
        );
        assert!(!record.undated);
    }
    let fast = told(0x2A5F, "01610048006000 4700");
    assert_eq!(fast[2].channel.as_deref(), Some("fast"));
    let glucose = &told(0x2A18, "020500ea070b160a1e0f5ab011")[0];
    assert_eq!(
        (glucose.sequence, glucose.body_site.as_deref()),
        (Some(5), Some("finger"))
    );
}

#[test]
fn earlier_beats_are_dated_back() {
    let records = told(0x2A37, "103c00040002");
    let times: Vec<_> = records.iter().map(|record| record.time - TAKEN).collect();
    assert_eq!(times, [0, -500_000, 0]);
}

#[test]
fn times_that_cannot_be_used_are_kept_as_sent() {
    let partial = &told(0x2A1C, "026f0100ff 0000 00 00 17 3b 3b")[0];
    assert!(partial.undated);
    assert_eq!(
        partial.device_time,
        Some(DeviceTime::Text("0000-00-00T23:59:59".to_owned()))
    );
    // A clock of its own timeline, and one of a past timeline.
    let live = |flags: &str| {
        told(
            0x2B8B,
            &format!("0301150003 00b84b0200{flags}729d2b2900000600200262000000"),
        )[0]
        .clone()
    };
    assert_eq!(
        live("22").device_time,
        Some(DeviceTime::Instant(1_637_409_010_000_000))
    );
    assert!(!live("22").undated);
    assert!(live("02").undated);
    assert_eq!((live("21").device_time, live("21").undated), (None, false));
    let cgm = &told(0x2AA7, "0600780005 00")[0];
    assert_eq!((cgm.device_time.as_ref(), cgm.undated), (None, false));
}

#[test]
fn a_waveform_is_sampled_data() {
    let records = told(
        0x2B8B,
        "0304 2400 0100 01010200 b210 4c0600fd 00080000 0a0000fd 01 01 0a000000 f907fb07f507ff070c08",
    );
    let RecordValue::Waveform(wave) = &records[0].value else {
        panic!("{records:?}")
    };
    assert_eq!(wave.data, "249 7 251 7 245 7 255 7 12 8");
    assert_eq!(
        (wave.period.to_string(), wave.factor.to_string()),
        ("10.000".into(), "1.612".into())
    );
    assert_eq!(records[0].name, "MDC_ECG_ELEC_POTL_I");
    assert_eq!(records[0].unit.as_deref(), Some("mV"));
}

#[test]
fn names_agree_with_the_vocabulary() {
    // Metrics of every characteristic that the vocabulary knows have its code.
    for known in CHARACTERISTICS {
        for length in 0..30_usize {
            let bytes = vec![0x03; length];
            for value in decode(known.number, &bytes, &Quirks::default()).unwrap_or_default() {
                if let Some(metric) = vocabulary::by_mdc(value.metric.name) {
                    assert_eq!(metric.code, value.metric.code, "{}", metric.mdc);
                }
                if let Some(alias) = value.metric.name.strip_prefix("local.") {
                    assert_eq!(value.metric.code, 0, "{alias}");
                }
            }
        }
    }
}
