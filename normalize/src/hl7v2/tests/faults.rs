//! What senders get wrong and is read all the same.

use super::*;

const ROW: &str = "OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20261122115000+0000||||AABBCCDDEEFF0011";
const HEADER: &str = r"MSH|^~\&|M||||20261122115000+0000||ORU^R01|1|P|2.6";

fn repairs(bytes: &[u8]) -> Vec<&'static str> {
    let message = Message::parse(bytes, &Profile::default()).unwrap();
    let mut repairs = Repairs::default();
    let readings = message.readings(&Profile::default(), received(), &mut repairs);
    assert_eq!(readings[0].records.len(), 1, "{readings:?}");
    assert_eq!(readings[0].device, "AABBCCDDEEFF0011");
    let counts = message.repairs().iter().chain(repairs.iter());
    counts.map(|(repair, _)| repair.as_str()).collect()
}

#[test]
fn line_ends_junk_and_missing_segments() {
    let good = format!("{HEADER}\rOBR|1\r{ROW}\r");
    assert!(repairs(good.as_bytes()).is_empty());
    let with = |ends: &str| good.replace('\r', ends).into_bytes();
    assert_eq!(repairs(&with("\n")), ["line-ends"]);
    assert_eq!(repairs(&with("\r\n")), ["line-ends"]);
    assert_eq!(repairs(good.trim_end().as_bytes()), ["open-end"]);
    assert_eq!(repairs(format!("\x0b{good}\x1c\r").as_bytes()), [""; 0]);
    assert_eq!(
        repairs(format!("garbage {good}").as_bytes()),
        ["junk-before-header"]
    );
    assert_eq!(
        repairs(format!("{HEADER}\r{ROW}\r").as_bytes()),
        ["missing-order"]
    );
    assert_eq!(
        repairs(format!("{HEADER}\rOBR|1\r???\r{ROW}\r").as_bytes()),
        ["no-segment"]
    );
    assert_eq!(
        repairs(format!("{HEADER}\r\rOBR|1\r  {ROW}\r").as_bytes()),
        [""; 0]
    );
    let other = good.replace(r"^~\&", "");
    assert_eq!(repairs(other.as_bytes()), ["delimiters"]);
    let early = good.replace("|||||F|||2026", "||||F||||2026");
    assert_eq!(repairs(early.as_bytes()), ["shifted-status"]);
}

#[test]
fn character_sets_lose_no_message() {
    let with = |name: &str, text: &[u8]| {
        let header = r"MSH|^~\&|M||||20261122115000+0000||ORU^R01|1|P|2.6||||||".to_owned() + name;
        let mut bytes = format!("{header}\rPID|||1||").into_bytes();
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(format!("\rOBR|1\r{ROW}\r").as_bytes());
        bytes
    };
    let none: [&str; 0] = [];
    assert_eq!(repairs(&with("", "тест".as_bytes())), none);
    assert_eq!(repairs(&with("UNICODE UTF-8", "тест".as_bytes())), none);
    assert_eq!(repairs(&with("8859/1", b"\xe4\xf6")), none);
    assert_eq!(repairs(&with("ISO 8859-15", b"\xe4\xf6")), none);
    assert_eq!(repairs(&with("GB 18030-2000", b"\xb2\xe2\xca\xd4")), none);
    assert_eq!(
        repairs(&with("UNICODE UTF-8", b"\xe4\xf6")),
        ["character-set"]
    );
    assert_eq!(repairs(&with("", b"\xe4\xf6")), ["character-set"]);
    assert_eq!(
        repairs(&with("KLINGON", b"\xe4\xf6")),
        ["unknown-character-set"]
    );
    let wide: Vec<u8> = String::from_utf8(with("", b"x"))
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(repairs(&wide), none);
}

#[test]
fn what_is_no_message_is_refused() {
    for bytes in [
        &b""[..],
        b"hello",
        b"MSH",
        b"PID|1\r",
        b"MSHX|^~\\&|",
        b"\x0b\x1c\r",
        b"MSH ",
    ] {
        assert_eq!(
            Message::parse(bytes, &Profile::default()),
            Err(Fault::NoHeader)
        );
    }
    let long = vec![b'x'; frame::MAX_MESSAGE + 1];
    assert_eq!(
        Message::parse(&long, &Profile::default()),
        Err(Fault::TooLong)
    );
    let many = format!("{HEADER}\r{}", "A00|\r".repeat(20_001));
    assert_eq!(
        Message::parse(many.as_bytes(), &Profile::default()),
        Err(Fault::TooManySegments)
    );
}

#[test]
fn a_device_that_nobody_names_is_said() {
    let nobody = r"MSH|^~\&||||||||1|P|2.6
                   OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|70|/min|||||F";
    let text = said(nobody, &Profile::default());
    assert!(
        text.contains("no-device segment 2 (OBX): expected an id of the device in OBX-18 or MSH-3, or a bed in PV1-3"),
        "{text}"
    );
}

#[test]
fn the_same_place_twice_is_two_readings_or_one() {
    let text = |second: &str| {
        said(
            &format!("{HEADER}\nOBR|1\n{ROW}\n{}", ROW.replace("|70|", second)),
            &Profile::default(),
        )
    };
    assert_eq!(text("|70|").matches("MDC_ECG_HEART_RATE").count(), 1);
    let two = text("|71|");
    assert!(
        two.contains("MDC_ECG_HEART_RATE 71 /min ch=same.2"),
        "{two}"
    );
    assert!(two.contains("repeated-sub-id 1"), "{two}");
}
