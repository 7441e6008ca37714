//! Texts of mappings and devices as FHIR can have them.
//!
//! FHIR knows no blank string, no control character but tab and line ends, and no code with blanks at its ends or two
//! in a row. By default such texts are mended, so that one slip of an author or device spoils no Observation; strict
//! writes them as they are, but for empty ones.

use crate::mapping::Compat;
use std::borrow::Cow;

/// A text for people; `None` when nothing is left of it.
pub(super) fn string(text: &str, compat: Compat) -> Option<Cow<'_, str>> {
    if compat == Compat::Strict {
        return (!text.is_empty()).then_some(Cow::Borrowed(text));
    }
    let unfit = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    let clean = if text.contains(unfit) {
        Cow::Owned(text.chars().filter(|c| !unfit(*c)).collect())
    } else {
        Cow::Borrowed(text)
    };
    (!clean.trim().is_empty()).then_some(clean)
}

/// A code: words with one blank between them.
pub(super) fn code(text: &str, compat: Compat) -> Option<Cow<'_, str>> {
    let text = string(text, compat)?;
    if compat == Compat::Strict {
        return Some(text);
    }
    let mut words = text.split_whitespace();
    let proper = |text: &str| {
        let blanks = |c: char| c.is_whitespace() && c != ' ';
        text.trim() == text && !text.contains("  ") && !text.contains(blanks)
    };
    if proper(&text) {
        return Some(text);
    }
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        joined.push(' ');
        joined.push_str(word);
    }
    Some(Cow::Owned(joined))
}

/// A part of an identifier: characters that no string can have, those of `also`, and then the escape itself too, as
/// `%2E`.
pub(super) fn encoded(text: &str, also: impl Fn(char) -> bool) -> Cow<'_, str> {
    let unfit = |c: char| c.is_control() || also(c);
    if !text.chars().any(&unfit) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        if c == '%' || unfit(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_fhir_can_have() {
        for (text, as_string, as_code) in [
            ("heart rate", Some("heart rate"), Some("heart rate")),
            (" two  blanks ", Some(" two  blanks "), Some("two blanks")),
            ("a\tb", Some("a\tb"), Some("a b")),
            ("a\u{1}b", Some("ab"), Some("ab")),
            (" \u{1}", None, None),
            ("", None, None),
        ] {
            assert_eq!(string(text, Compat::Default).as_deref(), as_string);
            assert_eq!(code(text, Compat::Default).as_deref(), as_code);
            let strict = (!text.is_empty()).then_some(text);
            assert_eq!(string(text, Compat::Strict).as_deref(), strict);
            assert_eq!(code(text, Compat::Strict).as_deref(), strict);
        }
        assert_eq!(encoded("50%", |_| false), "50%");
        assert_eq!(encoded("50%\u{1}", |_| false), "50%25%01");
        assert_eq!(encoded("a.b%", |c| c == '.'), "a%2Eb%25");
    }
}
