//! Bytes to text, by MSH-18 or in spite of it.
//!
//! Names of persons are not carried, and all that is read is ASCII in practice, so no message is lost because of its
//! character set: what is not of the named one is read byte by byte as Windows-1252, which gives every byte a meaning.

use super::repair::{Repair, Repairs};
use encoding_rs::{Encoding, WINDOWS_1252};

/// The message from MSH on, as text.
pub(super) fn decode(bytes: &[u8], repairs: &mut Repairs) -> Option<String> {
    let wide = wide(bytes);
    let bytes = wide.as_deref().unwrap_or(bytes);
    let begin = find(bytes)?;
    let skipped = &bytes[..begin];
    let blank = |byte: &u8| matches!(byte, 0x0B | b'\r' | b'\n' | b' ' | 0xEF | 0xBB | 0xBF);
    if !skipped.iter().all(blank) {
        repairs.note(Repair::JunkBeforeHeader);
    }
    let bytes = &bytes[begin..];
    let end = bytes.iter().position(|byte| *byte == super::frame::END);
    let bytes = &bytes[..end.unwrap_or(bytes.len())];
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let name = character_set(bytes);
    let (encoding, known) = match name.as_deref().map(encoding) {
        Some(Some(encoding)) => (encoding, true),
        Some(None) => {
            repairs.note(Repair::UnknownCharacterSet);
            (WINDOWS_1252, true)
        }
        None => (WINDOWS_1252, false),
    };
    let (text, wrong) = encoding.decode_without_bom_handling(bytes);
    if known && !wrong && encoding != encoding_rs::UTF_8 {
        return Some(text.into_owned());
    }
    repairs.note(Repair::CharacterSet);
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    Some(text.into_owned())
}

/// Where the message begins: `MSH` and a separator, best at the begin of a line.
fn find(bytes: &[u8]) -> Option<usize> {
    let mut first = None;
    for (at, window) in bytes.windows(4).enumerate() {
        if &window[..3] == b"MSH" && !window[3].is_ascii_alphanumeric() && window[3] > b' ' {
            let line = at == 0 || matches!(bytes[at - 1], b'\r' | b'\n' | 0x0B);
            if line {
                return Some(at);
            }
            first.get_or_insert(at);
        }
    }
    first
}

/// UTF-16 as UTF-8, if it is that.
fn wide(bytes: &[u8]) -> Option<Vec<u8>> {
    let seen = |pattern: &[u8]| bytes.windows(6).take(64).any(|window| window == pattern);
    let encoding = if seen(b"M\0S\0H\0") {
        encoding_rs::UTF_16LE
    } else if seen(b"\0M\0S\0H") {
        encoding_rs::UTF_16BE
    } else {
        return None;
    };
    let (text, _, _) = encoding.decode(bytes);
    Some(text.into_owned().into_bytes())
}

/// MSH-18, its first repetition.
fn character_set(bytes: &[u8]) -> Option<String> {
    let separator = *bytes.get(3)?;
    let line = bytes.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    // MSH-1 is the separator itself.
    let field = line.split(|b| *b == separator).nth(17)?;
    let first = field.split(|b| matches!(b, b'~' | b'^')).next()?;
    let name = std::str::from_utf8(first).ok()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// HL7 table 0211, and what is written instead.
fn encoding(name: &str) -> Option<&'static Encoding> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(32)
        .collect();
    let label = match plain.as_str() {
        "ASCII" | "USASCII" | "ISOIR6" | "UNICODE" | "UNICODEUTF8" | "UTF8" => "utf-8",
        "GB180302000" | "GB18030" | "GB2312" | "GBK" => "gb18030",
        "BIG5" => "big5",
        "KSX1001" | "ISOIR149" => "euc-kr",
        "ISOIR13" | "ISOIR14" | "ISOIR87" | "ISOIR159" | "SHIFTJIS" | "SJIS" => "shift_jis",
        _ => {
            if let Some(part) = plain.strip_prefix("ISO8859").or(plain.strip_prefix("8859")) {
                return Encoding::for_label(format!("iso-8859-{part}").as_bytes());
            }
            return Encoding::for_label(name.as_bytes());
        }
    };
    Encoding::for_label(label.as_bytes())
}
