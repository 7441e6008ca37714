//! Kinds, modes and acknowledgements.

use super::*;
use crate::hl7v2::ack::{AckCode, build, build_alarm};

fn answer(message: &str, code: AckCode, text: &str) -> Vec<String> {
    let bytes = build(&parse(message), code, text, received());
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\r'));
    text.split_terminator('\r').map(str::to_owned).collect()
}

#[test]
fn the_sender_is_answered_in_its_own_terms() {
    let message = r"MSH|^~\&|MON^1^EUI-64|WARD|RECV|HOSP|20261122||ORU^R01^ORU_R01|ID\T\7|P|2.6|||AL|NE||UNICODE UTF-8";
    let lines = answer(message, AckCode::CA, "");
    let fields: Vec<&str> = lines[0].split('|').collect();
    assert_eq!(
        &fields[1..6],
        [r"^~\&", "RECV", "HOSP", "MON^1^EUI-64", "WARD"]
    );
    assert_eq!(fields[6], "20261122120000.000+0000");
    assert_eq!(fields[8], "ACK^R01^ACK");
    assert_eq!(&fields[10..12], ["P", "2.6"]);
    assert_eq!(lines[1], r"MSA|CA|ID\T\7");
    assert_eq!(lines.len(), 2);
    // Never to be answered again.
    let again = Message::parse(lines.join("\r").as_bytes(), &Profile::default()).unwrap();
    assert_eq!(again.kind(), Kind::Ack);
    assert_eq!(again.accept_ack(), Some(Condition::Never));
    assert_eq!(again.answers(), Some((r"ID\T\7", "CA")));
}

#[test]
fn errors_say_what_by_version() {
    let new = r"MSH|^~\&|M||||1||ORU^R01^ORU_R01|9|P|2.6";
    assert_eq!(
        answer(new, AckCode::AE, "the spool | is full")[1..],
        [
            r"MSA|AE|9",
            r"ERR||||E||||the spool \F\ is full"
                .replace("ERR||||E", "ERR|||207^Application internal error^HL70357|E")
                .as_str()
        ]
    );
    let old = r"MSH|^~\&|M||||1||ORU^R01|9|P|2.4";
    assert_eq!(
        answer(old, AckCode::AR, "no such thing")[1..],
        ["MSA|AR|9|no such thing", "ERR|^^^102&Data type error"]
    );
    let query = r"MSH|^~\&|M||||1||QRY^A19|9|P|2.6";
    assert!(
        answer(query, AckCode::AR, "not supported")[2].contains("200^Unsupported message type")
    );
}

#[test]
fn other_encoding_characters_are_kept() {
    let message = Message::parse(
        b"MSH#*@!$#M####1##ORU*R40*ORU_R40#9#P#2.6\r",
        &Profile::default(),
    )
    .unwrap();
    assert_eq!(message.kind(), Kind::R40);
    let text = String::from_utf8(build_alarm(&message, AckCode::AA, "", received())).unwrap();
    assert!(text.starts_with("MSH#*@!$#"), "{text}");
    assert!(text.contains("#ORA*R41*ORA_R41#"), "{text}");
    assert!(text.contains("\rMSA#AA#9\r"), "{text}");
}

#[test]
fn kinds_and_modes() {
    for (kind, expected) in [
        ("ORU^R01^ORU_R01", Kind::R01),
        ("ORU", Kind::R01),
        ("ORU_R01", Kind::Other),
        ("^^ORU_R40", Kind::R40),
        ("oru^r40", Kind::R40),
        ("ORU^W01^ORU_R01", Kind::W01),
        ("ACK^R01^ACK", Kind::Ack),
        ("ORA^R41^ORA_R41", Kind::Ack),
        ("QRY^R02", Kind::Query),
        ("QRY^A19", Kind::Query),
        ("ADT^A01^ADT_A01", Kind::Admit),
        ("MDM^T02", Kind::Other),
        ("", Kind::Other),
    ] {
        let message = parse(&format!(r"MSH|^~\&|M||||1||{kind}|9|P|2.6"));
        assert_eq!(message.kind(), expected, "{kind}");
        assert_eq!(message.accept_ack(), None);
        assert!(!message.is_enhanced());
    }
    let asked = parse(r"MSH|^~\&|M||||1||ORU^R01|9|P|2.6|||ER|SU");
    assert!(asked.is_enhanced());
    let (accept, application) = (
        asked.accept_ack().unwrap(),
        asked.application_ack().unwrap(),
    );
    assert!(accept.wants(false) && !accept.wants(true));
    assert!(application.wants(true) && !application.wants(false));
}
