//! Times, and the texts that strict restores.

use super::{check, check_errors, run};
use crate::mapping::Compat;

#[test]
fn times() {
    check(
        r#"{"s":1625677200,"ms":1626799080123,"text":"1625677200"}"#,
        &[
            ("fromUnixTimestamp(s)", "\"2021-07-07T17:00:00Z\""),
            ("fromUnixTimestampMs(ms)", "\"2021-07-20T16:38:00.123Z\""),
            ("fromUnixTimestampMs(`-1`)", "\"1969-12-31T23:59:59.999Z\""),
            (
                "fromUnixTimestamp(to_number(text))",
                "\"2021-07-07T17:00:00Z\"",
            ),
            (
                "fromUnixTimestamp(s) == fromUnixTimestampMs(multiply(s, `1000`))",
                "true",
            ),
            ("fromUnixTimestamp(s) == '2021-07-07T17:00:00Z'", "false"),
            (
                "to_string(fromUnixTimestamp(s))",
                "\"2021-07-07T17:00:00Z\"",
            ),
            ("starts_with(fromUnixTimestamp(s), '2021')", "true"),
            (
                "insertString(fromUnixTimestamp(`0`), 'x', `0`)",
                "\"x1970-01-01T00:00:00Z\"",
            ),
            (
                "sort([fromUnixTimestamp(s), fromUnixTimestamp(`0`)])",
                r#"["1970-01-01T00:00:00Z","2021-07-07T17:00:00Z"]"#,
            ),
            ("!fromUnixTimestamp(`0`)", "false"),
        ],
    );
    let integer = "must be an integer, not a number with a fraction, an exponent or over 64 bits";
    check_errors(
        r#"{"text":"1625677200"}"#,
        &[
            (
                "fromUnixTimestamp(`1.5`)",
                &format!("fromUnixTimestamp: argument 1 {integer}"),
            ),
            (
                "fromUnixTimestampMs(`1.0`)",
                &format!("fromUnixTimestampMs: argument 1 {integer}"),
            ),
            (
                "fromUnixTimestamp(`98765432109876543210`)",
                &format!("fromUnixTimestamp: argument 1 {integer}"),
            ),
            (
                "fromUnixTimestamp(text)",
                "fromUnixTimestamp: argument 1 must be a number, not a string",
            ),
            (
                "fromUnixTimestamp(missing)",
                "fromUnixTimestamp: argument 1 must be a number, not null",
            ),
            (
                "fromUnixTimestamp(`9223372036854775807`)",
                "fromUnixTimestamp: the time is outside the years 1 to 9999",
            ),
            (
                "fromUnixTimestamp(`253402300800`)",
                "fromUnixTimestamp: the time is outside the years 1 to 9999",
            ),
            (
                "fromUnixTimestampMs(`-62135596800001`)",
                "fromUnixTimestampMs: the time is outside the years 1 to 9999",
            ),
        ],
    );
}

#[test]
fn strict_restores_the_originals_texts() {
    let event = r#"{"at":"2026-01-05T10:00:00.5Z","v":72.50}"#;
    let strict = |text| run(text, event, Compat::Strict);
    assert_eq!(strict("to_string(v)").unwrap(), "\"72.5\"");
    assert_eq!(strict("to_string(at)").unwrap(), "\"01/05/2026 10:00:00\"");
    assert_eq!(strict("starts_with(at, '01/05')").unwrap(), "true");
    assert_eq!(strict("length(at)").unwrap(), "19");
    assert_eq!(strict("type(at)").unwrap(), "\"string\"");
    assert_eq!(strict("at == '2026-01-05T10:00:00.5Z'").unwrap(), "false");
    assert_eq!(strict("divide(`40`, `50`)").unwrap(), "0");
    let refused = strict("insertString(at, 'x', `0`)").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "insertString: argument 1 must be a string, not a time"
    );
    assert_eq!(
        run("insertString(at, 'x', `0`)", event, Compat::Default).unwrap(),
        "\"x2026-01-05T10:00:00.5Z\""
    );
    // What depends on the rules is not computed beforehand.
    assert_eq!(
        strict("to_string(fromUnixTimestamp(`0`))").unwrap(),
        "\"01/01/1970 00:00:00\""
    );
    assert_eq!(strict("to_string(`1.50`)").unwrap(), "\"1.5\"");
    assert_eq!(
        run("to_string(`1.50`)", "{}", Compat::Default).unwrap(),
        "\"1.50\""
    );
}
