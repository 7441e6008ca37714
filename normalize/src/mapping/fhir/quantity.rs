//! The number in a text (specification 2.5, Quantity).

use crate::mapping::Compat;
use std::borrow::Cow;

/// The number as JSON writes it: as sent, but for a plus sign, separators of thousands, and zeros and digits that
/// JSON wants otherwise (`+5`, `1,234`, `007`, `.5`, `5.`). `None` when the text is no number.
///
/// Exponents are read by default only. By default separators must part groups of three (`1,5` is a European decimal,
/// not fifteen); strict takes them anywhere between digits, as .NET does.
pub(crate) fn number(text: &str, compat: Compat) -> Option<Cow<'_, str>> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        None => (unsigned, None),
        Some(_) if compat == Compat::Strict => return None,
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    }
    let (whole, fraction) = match mantissa.split_once('.') {
        None => (mantissa, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    if !is_whole(whole, compat) || !fraction.is_none_or(all_digits) {
        return None;
    }
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    // What no double can hold, no reader of the Observation can either.
    let grouped = whole.contains(',');
    let proper = !grouped
        && !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && fraction != Some("");
    let json = if proper {
        Cow::Borrowed(text.strip_prefix('+').unwrap_or(text))
    } else {
        let digits: String = whole.chars().filter(|c| *c != ',').collect();
        let digits = digits.trim_start_matches('0');
        let mut out = String::with_capacity(text.len() + 1);
        out.push_str(if negative { "-" } else { "" });
        out.push_str(if digits.is_empty() { "0" } else { digits });
        if let Some(fraction) = fraction.filter(|fraction| !fraction.is_empty()) {
            out.push('.');
            out.push_str(fraction);
        }
        if let Some(exponent) = exponent {
            out.push('E');
            out.push_str(exponent);
        }
        Cow::Owned(out)
    };
    json.parse::<f64>()
        .is_ok_and(f64::is_finite)
        .then_some(json)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, possibly in groups.
fn is_whole(text: &str, compat: Compat) -> bool {
    if !text.contains(',') {
        return all_digits(text);
    }
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    if first.is_empty() || !all_digits(first) {
        return false;
    }
    match compat {
        Compat::Strict => groups.all(all_digits),
        Compat::Default => {
            first.len() <= 3 && groups.all(|group| group.len() == 3 && all_digits(group))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let both = [
            ("72", Some("72")),
            ("72.50", Some("72.50")),
            ("-0.00", Some("-0.00")),
            ("+5", Some("5")),
            (" 5 ", Some("5")),
            ("007", Some("7")),
            ("-00.10", Some("-0.10")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("1,234", Some("1234")),
            ("1,234,567.8", Some("1234567.8")),
            ("", None),
            (" ", None),
            (".", None),
            ("-", None),
            (",1", None),
            ("1.2.3", None),
            ("1.2,3", None),
            ("abc", None),
            ("True", None),
            ("NaN", None),
            ("Infinity", None),
            ("0x10", None),
            ("--1", None),
            ("1 2", None),
            ("٣", None),
        ];
        for (text, expected) in both {
            for compat in [Compat::Default, Compat::Strict] {
                assert_eq!(
                    number(text, compat).as_deref(),
                    expected,
                    "{text:?} {compat:?}"
                );
            }
        }
        for (text, default, strict) in [
            ("1E-05", Some("1E-05"), None),
            ("1.5e3", Some("1.5e3"), None),
            ("01e3", Some("1E3"), None),
            ("1,000e3", Some("1000E3"), None),
            ("1e", None, None),
            ("1e+", None, None),
            ("1e999", None, None),
            ("e5", None, None),
            ("1,5", None, Some("15")),
            ("1,2,3", None, Some("123")),
            ("1234,567", None, Some("1234567")),
            ("1,", None, Some("1")),
        ] {
            assert_eq!(
                number(text, Compat::Default).as_deref(),
                default,
                "{text:?}"
            );
            assert_eq!(number(text, Compat::Strict).as_deref(), strict, "{text:?}");
        }
    }
}
