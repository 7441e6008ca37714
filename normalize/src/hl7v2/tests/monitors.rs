//! ORU^R01 of monitors, ventilators and pumps.

use super::*;

const HEADER: &str = r"MSH|^~\&|MON^0102030405060708^EUI-64|WARD|||20261122115000||ORU^R01^ORU_R01|7|P|2.6|||NE|AL||UNICODE UTF-8";

fn with(lines: &str) -> String {
    format!(
        "{HEADER}\nPID|||A17^^^CLINIC^MR\nPV1||I|ICU^2^23||||||||||||||||V99\nOBR|1|||182777000^monitoring of patient^SCT|||20261122115000\n{lines}"
    )
}

/// Without set ids, two oximeters under two channels, empty values, a private code, a code that its name contradicts.
const WITHOUT_SET_IDS: &str = r"
MSH|^~\&|NC_Monitor|SERIAL77|||20261122195127+0800||ORU^R01^ORU_R01|20261122|P|2.6||||||UNICODE UTF-8
PID|||10006
OBR||||1^MON_PARAM^99VENDOR|||20261122195127+0800
OBX||NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456|97|262688^MDC_DIM_PERCENT^MDC|||||F|||20261122195127+0800
OBX||NM|149522^MDC_PULS_RATE^MDC|1.0.0.149522|59|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20261122195127+0800
OBX||NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.2.150456|96|262688^MDC_DIM_PERCENT^MDC|||||F|||20261122195127+0800
OBX||NM|150344^MDC_TEMP^MDC|1.2.1.150344|37.0|268192^MDC_DIM_DEGC^MDC|||||F|||20261122195127+0800
OBX||NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.9.150021|120|266016^MDC_DIM_MMHG^MDC|||||F|||20261122192705+0800
OBX||NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.1.9.150022|80|266016^MDC_DIM_MMHG^MDC|||||F|||20261122192705+0800
OBX||CNE|2453^VENDOR_POS_BODY^99VENDOR|1.1.9.2453|2821^VENDOR_POS_SITTING^99VENDOR||||||F|||20261122195127+0800
OBX||NM|188740^MDC_LEN_BODY_ACTUAL^MDC|1.10.1.188740||263441^MDC_DIM_CENTI_M^MDC|||||F|||20261122195127+0800";

#[test]
fn the_number_decides_and_two_oximeters_stay_two() {
    check(
        WITHOUT_SET_IDS,
        &Profile::default(),
        "NC-Monitor.SERIAL77
         MDC_PULS_OXIM_SAT_O2 97 % @ 2026-11-22T11:51:27Z
         MDC_BLD_PULS_RATE_INV 59 /min @ 2026-11-22T11:51:27Z sent-as=MDC_PULS_RATE
         MDC_PULS_OXIM_SAT_O2 96 % ch=2 @ 2026-11-22T11:51:27Z
         MDC_TEMP 37.0 Cel @ 2026-11-22T11:51:27Z
         MDC_PRESS_BLD_NONINV_SYS 120 mm[Hg] @ 2026-11-22T11:27:05Z
         MDC_PRESS_BLD_NONINV_DIA 80 mm[Hg] @ 2026-11-22T11:27:05Z
         local.99VENDOR.VENDOR_POS_BODY \"VENDOR_POS_SITTING\" @ 2026-11-22T11:51:27Z
         MDC_LEN_BODY_ACTUAL absent:unknown @ 2026-11-22T11:51:27Z
         set-id 8
         name-disagrees 1",
    );
}

#[test]
fn device_rows_hand_their_id_and_the_order_its_time_down() {
    check(
        &with(
            r"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||AABBCCDDEEFF0011^M1
              OBX|2||69798^MDC_DEV_ECG_VMD^MDC|1.5.0.0|||||||X
              OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|68|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R
              OBX|4||69642^MDC_DEV_ANALY_SAT_O2_VMD^MDC|1.22.0.0|||||||X|||||||AA-BB-CC-DD-EE-FF-00-22
              OBX|5|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.22.1.2|97|262688^MDC_DIM_PERCENT^MDC|||||R",
        ),
        &zoned("Europe/Berlin"),
        "AABBCCDDEEFF0011
         MDC_ECG_HEART_RATE 68 /min @ 2026-11-22T10:50:00Z (zone)
         AABBCCDDEEFF0022
         MDC_PULS_OXIM_SAT_O2 97 % @ 2026-11-22T10:50:00Z (zone)",
    );
}

#[test]
fn loinc_first_and_mdc_second_with_site_method_and_limits() {
    check(
        &with(
            "OBX|1|NM|8889-8^Heart Rate by Oximetry^LN^149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.11.2.3|55|{beats}/min^beats per minute^UCUM|35-125||99||R|||20261122114940|||AMEAS^auto-measurement^MDC|0123456789ABCDEF^Vendor^0123456789ABCDEF^EUI-64||49521004^left ear structure^SCT",
        ),
        &Profile::default(),
        "0123456789ABCDEF
         MDC_PULS_OXIM_PULS_RATE 55 /min md=auto-measurement bs=left ear structure @ 2026-11-22T11:49:40Z (zone) alarm-limits=35-125",
    );
}

#[test]
fn no_value_is_never_a_number() {
    check(
        &with(
            "OBX|1|NM|150301^MDC_PRESS_CUFF_SYS^MDC|1.1.9.1|-999|266016^MDC_DIM_MMHG^MDC|||||F
             OBX|2|NM|150344^MDC_TEMP^MDC|1.1.9.2|-99.90|268192^MDC_DIM_DEGC^MDC|||||F
             OBX|3|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.9.3|8388607|262688^MDC_DIM_PERCENT^MDC|||||X
             OBX|4|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.9.4|-1|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F
             OBX|5|NM|151562^MDC_RESP_RATE^MDC|1.1.9.5|---|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F
             OBX|6|ST|160212^MDC_CONC_GLU_ISF^MDC|1.1.9.6|High|264274^MDC_DIM_MILLI_G_PER_DL^MDC|||||F
             OBX|7|NM|150087^MDC_PRESS_BLD_VEN_CENT_MEAN^MDC|1.1.9.7|-1|266016^MDC_DIM_MMHG^MDC|||||F
             OBX|8|NM|149514^MDC_PULS_RATE^MDC|1.1.9.8|0|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F
             OBX|9|NM|150364^MDC_TEMP_BODY^MDC|1.1.9.9|36.6|268192^MDC_DIM_DEGC^MDC|||||X",
        ),
        &Profile::default(),
        "0102030405060708
         MDC_PRESS_CUFF_SYS absent:unknown ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_TEMP absent:unknown ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_PULS_OXIM_SAT_O2 absent:not-a-number ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_ECG_HEART_RATE absent:unknown ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_RESP_RATE absent:unknown ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_CONC_GLU_ISF absent:unknown ch=ICU-2-23 in=> @ 2026-11-22T11:50:00Z (zone)
         MDC_PRESS_BLD_VEN_CENT_MEAN -1 mm[Hg] ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_PULS_RATE 0 /min ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         MDC_TEMP_BODY absent:unknown ch=ICU-2-23 @ 2026-11-22T11:50:00Z (zone)
         status-disagrees 1",
    );
    let own = Profile {
        sentinels: vec![Sentinel::configured("0")],
        device: Some("mon-1".to_owned()),
        ..Profile::default()
    };
    check(
        &with(
            "OBX|1|NM|149514^MDC_PULS_RATE^MDC|1.1.9.8|0.0|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F",
        ),
        &own,
        "mon-1
         MDC_PULS_RATE absent:unknown @ 2026-11-22T11:50:00Z (zone)",
    );
}

#[test]
fn flags_become_quality_interpretation_or_absence() {
    let row = |flags: &str| {
        with(&format!(
            "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|140|264864^MDC_DIM_BEAT_PER_MIN^MDC||{flags}|||F|||||||AABBCCDDEEFF0011"
        ))
    };
    for (flags, expected) in [
        (
            "H~ALACT",
            "MDC_ECG_HEART_RATE 140 /min in=H @ 2026-11-22T11:50:00Z (zone) in-alarm",
        ),
        (
            "INV",
            "MDC_ECG_HEART_RATE absent:error @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "QUES~HH",
            "MDC_ECG_HEART_RATE 140 /min q=questionable in=HH @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "NAV",
            "MDC_ECG_HEART_RATE absent:temp-unknown @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "OFF",
            "MDC_ECG_HEART_RATE absent:not-performed @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "NI",
            "MDC_ECG_HEART_RATE absent:unknown @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "TEST~QUES",
            "MDC_ECG_HEART_RATE 140 /min q=test @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "DEMO",
            "MDC_ECG_HEART_RATE 140 /min q=demo @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            "EARLY",
            "MDC_ECG_HEART_RATE 140 /min q=early-estimate @ 2026-11-22T11:50:00Z (zone)",
        ),
        (
            ">",
            "MDC_ECG_HEART_RATE 140 /min in=> @ 2026-11-22T11:50:00Z (zone)",
        ),
    ] {
        check(
            &row(flags),
            &Profile::default(),
            &format!("AABBCCDDEEFF0011\n{expected}"),
        );
    }
    // A sender in training mode treats no patient.
    let training = row("").replace("|7|P|2.6", "|7|T|2.6");
    assert!(said(&training, &Profile::default()).contains("q=test"));
}

#[test]
fn statuses() {
    let row = |status: &str| {
        with(&format!(
            "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||{status}|||||||AABBCCDDEEFF0011"
        ))
    };
    let preliminary = Profile {
        raw_is: RawIs::Preliminary,
        ..Profile::default()
    };
    for (status, profile, expected) in [
        ("F", Profile::default(), ""),
        ("R", Profile::default(), ""),
        ("R", preliminary.clone(), "st=preliminary "),
        ("P", Profile::default(), "st=preliminary "),
        ("C", Profile::default(), "st=corrected "),
        ("W", Profile::default(), "st=entered-in-error "),
        ("D", Profile::default(), "st=entered-in-error "),
        ("", Profile::default(), ""),
        ("?", Profile::default(), "st=unknown "),
    ] {
        let text = said(&row(status), &profile);
        let line = format!("MDC_ECG_HEART_RATE 70 /min {expected}@");
        assert!(text.contains(&line), "{status}: {text}");
    }
    // O: nothing was observed.
    assert_eq!(said(&row("O"), &Profile::default()), "");
}

#[test]
fn a_setting_is_no_measurement() {
    check(
        &with(
            "OBX|1|NM|152196^MDC_CONC_AWAY_O2_INSP^MDC|1.2.1.1|40|262688^MDC_DIM_PERCENT^MDC|||||R||||||ASET|AABBCCDDEEFF0011
             OBX|2|NM|152196^MDC_CONC_AWAY_O2_INSP^MDC|1.2.1.2|38.5|262688^MDC_DIM_PERCENT^MDC|||||R||||||AMEAS|AABBCCDDEEFF0011
             OBX|3|NM|157784^MDC_FLOW_FLUID_PUMP^MDC|1.3.1.1|24.9|265266^MDC_DIM_MILLI_L_PER_HR^MDC|||||R||||||RSET|AABBCCDDEEFF0011",
        ),
        &Profile::default(),
        "AABBCCDDEEFF0011
         local.setting.MDC_CONC_AWAY_O2_INSP 40 % md=auto-setting @ 2026-11-22T11:50:00Z (zone)
         MDC_CONC_AWAY_O2_INSP 38.5 % ch=2 md=auto-measurement @ 2026-11-22T11:50:00Z (zone)
         local.setting.MDC_FLOW_FLUID_PUMP 24.9 mL/h md=remote-setting @ 2026-11-22T11:50:00Z (zone)",
    );
}

#[test]
fn two_arterial_lines_are_two_panels_and_one_cuff_is_one() {
    check(
        &with(
            "OBX|1||69855^MDC_DEV_METER_PRESS_BLD_CHAN^MDC|1.13.1.0|||||||X|||||||AABBCCDDEEFF0011
             OBX|2|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1.13.1.1|112|266016^MDC_DIM_MMHG^MDC|||||R
             OBX|3|NM|150035^MDC_PRESS_BLD_ART_MEAN^MDC|1.13.1.3|95|266016^MDC_DIM_MMHG^MDC|||||R
             OBX|4|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1.13.2.1|108|266016^MDC_DIM_MMHG^MDC|||||R
             OBX|5|NM|150034^MDC_PRESS_BLD_ART_DIA^MDC|1.13.2.2|70|266016^MDC_DIM_MMHG^MDC|||||R",
        ),
        &Profile::default(),
        "AABBCCDDEEFF0011
         MDC_PRESS_BLD_ART_SYS 112 mm[Hg] @ 2026-11-22T11:50:00Z (zone)
         MDC_PRESS_BLD_ART_MEAN 95 mm[Hg] @ 2026-11-22T11:50:00Z (zone)
         MDC_PRESS_BLD_ART_SYS 108 mm[Hg] ch=2 @ 2026-11-22T11:50:00Z (zone)
         MDC_PRESS_BLD_ART_DIA 70 mm[Hg] ch=2 @ 2026-11-22T11:50:00Z (zone)",
    );
}

#[test]
fn philips_writes_partition_and_term_in_hex() {
    check(
        r"MSH|^~\&|Monitor^11-22-33-44-55-66-77-88|||||| ORU^R01|7|P|2.4
          OBR|||||||20261122115000+0100
          OBX||NM|0002-4182^HR^MDIL||61|0004-0aa0^bpm^MDIL|||||F
          OBX||NM|0002-4bb8^SpO2^MDIL||97|0004-0220^%^MDIL|||||F
          OBX||NM|0002-f0a1^Own^MDIL||3|0004-0220^%^MDIL|||||F
          OBX||NM|0002-5000^Resp^MDIL||15|0004-0ae0^rpm^MDIL|||||F
          OBX||NM|40^HR||-100|0002-4182^bpm^MDIL|||||F",
        &Profile::default(),
        "1122334455667788
         MDC_ECG_HEART_RATE 61 /min @ 2026-11-22T10:50:00Z
         MDC_PULS_OXIM_SAT_O2 97 % @ 2026-11-22T10:50:00Z
         local.MDIL.Own 3 % @ 2026-11-22T10:50:00Z
         MDC_RESP_RATE 15 /min @ 2026-11-22T10:50:00Z
         local.HR absent:unknown @ 2026-11-22T10:50:00Z
         set-id 5
         sub-id 5",
    );
}

#[test]
fn value_types_and_units() {
    check(
        &with(
            "OBX|1|SN|160184^MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD^MDC|1.2.1.1|>^600|mg/dL^^UCUM|||||F|||||||AABBCCDDEEFF0011
             OBX|2|NM|150344^MDC_TEMP^MDC|1.2.1.2|36,80|C|||||F
             OBX|3|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.2.1.3|154.30|[lb_av]^pound^UCUM|||||F
             OBX|4|ST|147842^MDC_ECG_HEART_RATE^MDC|1.2.1.4|72|bpm|||||F
             OBX|5|NR|1234^Range^99X|1.2.1.5|3^7||||||F
             OBX|6|TX|1235^NOTE^99X|1.2.1.6|a\\T\\b\\S\\c \\X41\\||||||F
             OBX|7|NM|1236^IDX^99X|1.2.1.7|.5||||||F
             OBX|8|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.8|97|266016^MDC_DIM_MMHG^MDC|||||F
             OBX|9|NM|151562^MDC_RESP_RATE^MDC|1.2.1.9|many|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F
             OBX|10|ED|1237^PIC^99X|1.2.1.10|^IMAGE^^Base64^AAAA||||||F
             OBX|11|NM|2708-6^Oxygen saturation^LN|1.2.1.11|95|%|||||F
             OBX|12|NM|8867-4^Heart rate^LN|1.2.1.12|71|/min|||||F",
        ),
        &Profile::default(),
        "AABBCCDDEEFF0011
         MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD 600 mg/dL in=> @ 2026-11-22T11:50:00Z (zone)
         MDC_TEMP 36.80 Cel @ 2026-11-22T11:50:00Z (zone)
         MDC_MASS_BODY_ACTUAL 154.30 [lb_av] @ 2026-11-22T11:50:00Z (zone)
         MDC_ECG_HEART_RATE 72 /min @ 2026-11-22T11:50:00Z (zone)
         local.99X.Range \"3 - 7\" @ 2026-11-22T11:50:00Z (zone)
         local.99X.NOTE \"a&b^c A\" @ 2026-11-22T11:50:00Z (zone)
         local.99X.IDX 0.5 1 @ 2026-11-22T11:50:00Z (zone)
         MDC_PULS_OXIM_SAT_O2 95 % ch=2 @ 2026-11-22T11:50:00Z (zone)
         loinc.8867-4 71 /min @ 2026-11-22T11:50:00Z (zone)
         bad-unit segment 12 (OBX): expected a unit that converts to % in OBX-6, for MDC_PULS_OXIM_SAT_O2
         bad-value segment 13 (OBX): expected a number (NM) in OBX-5, for MDC_RESP_RATE
         bad-value segment 14 (OBX): expected a value, not data of type ED, in OBX-5, for local.99X.PIC
         number-format 2
         value-type 1
         missing-unit 1",
    );
}

#[test]
fn identifiers_as_read_and_no_names() {
    let message = parse(&with(
        "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||||||AABBCCDDEEFF0011",
    ).replace("PID|||A17^^^CLINIC^MR", "PID|||^^^^PI~A17^^^&1.2.3&ISO^MR||Nobody^Known"));
    let mut repairs = Repairs::default();
    let readings = message.readings(&Profile::default(), received(), &mut repairs);
    let record = &readings[0].records[0];
    assert_eq!(record.patient.as_deref(), Some("1.2.3|A17"));
    assert_eq!(record.bed.as_deref(), Some("ICU^2^23"));
    assert_eq!(record.encounter.as_deref(), Some("V99"));
    assert!(!format!("{readings:?}").contains("Nobody"));
}

#[test]
fn times_fall_back_and_unusable_ones_are_never_now() {
    let row = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||TIME||||AABBCCDDEEFF0011";
    let text = said(
        &with(&row.replace("TIME", "00000101000000")),
        &Profile::default(),
    );
    assert!(
        text.contains("undated Some(Text(\"00000101000000\"))"),
        "{text}"
    );
    let bare = with(&row.replace("TIME", "")).replace("|||20261122115000\n", "\n");
    let text = said(&bare, &Profile::default());
    assert!(text.contains("@ 2026-11-22T11:50:00Z (zone)"), "{text}");
    assert!(text.contains("time-of-message 1"), "{text}");
    let text = said(
        &bare.replace("|||20261122115000||ORU", "|||||ORU"),
        &Profile::default(),
    );
    assert!(text.contains("@ received"), "{text}");
    assert!(text.contains("no-time 1"), "{text}");
    // MSH-7 with an offset speaks for the whole message.
    let text = said(
        &with(&row.replace("TIME", ""))
            .replace("|||20261122115000||ORU", "|||20261122115000-0600||ORU"),
        &zoned("Europe/Berlin"),
    );
    assert!(text.contains("@ 2026-11-22T17:50:00Z\n"), "{text}");
}

#[test]
fn a_cuff_reading_sent_again_is_the_same_row_and_the_window_knows_it() {
    let cycle = |minute: u32, systolic: u32| {
        with(&format!(
            "OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.{minute}.1|{systolic}|266016^MDC_DIM_MMHG^MDC|||||F|||20261122112600||||AABBCCDDEEFF0011
             OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.7.{minute}.1|7{minute}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||2026112211500{minute}||||AABBCCDDEEFF0011"
        ))
    };
    let records = |text: &str| {
        let mut repairs = Repairs::default();
        let mut readings = parse(text).readings(&Profile::default(), received(), &mut repairs);
        readings.remove(0).records
    };
    let mut window = Repeats::new(8);
    let first = records(&cycle(1, 120));
    let mut again = first.clone();
    let stated = window.filter("d", &mut again);
    assert_eq!(again, first, "nothing is known before it is kept");
    window.remember(&stated);
    // The ordinals of the tree changed, the reading did not.
    let mut second = records(&cycle(2, 120));
    assert_eq!(second[0], first[0]);
    window.filter("d", &mut second);
    assert_eq!(second.len(), 1);
    assert_eq!(window.dropped(), 1);
    // A correction has another value; another device says something of its own.
    let mut corrected = records(&cycle(3, 121));
    window.filter("d", &mut corrected);
    window.filter("e", &mut first.clone());
    assert_eq!(window.dropped(), 1);
    // Bounded: many streams push the oldest out.
    for device in 0..40 {
        let stated = window.filter(&device.to_string(), &mut first.clone());
        window.remember(&stated);
    }
    window.filter("d", &mut first.clone());
    assert_eq!(window.dropped(), 1);
}
