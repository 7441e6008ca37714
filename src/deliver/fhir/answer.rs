//! What a FHIR server's answer means for the next attempt, and what is kept of its OperationOutcome.
//!
//! A server may quote what it was sent, and what else it knows, in the free text of an OperationOutcome. Only its coded
//! parts are kept: issue codes, the code of its details, paths of elements, and HAPI's message numbers.

use reqwest::StatusCode;
use serde_json::Value;

use crate::deliver::{Failure, answer};

/// Longest body of an answer that is looked at; what is longer is not understood.
const MAX_BODY: usize = 1024 * 1024;
/// Issues told of an outcome.
const MAX_ISSUES: usize = 3;
/// Longest text kept of an outcome.
const MAX_TEXT: usize = 300;

/// Whether all of the transaction was taken: by a status of 2xx and a transaction-response that says so of each entry.
pub(super) async fn taken(
    sent: Result<reqwest::Response, reqwest::Error>,
    entries: usize,
) -> Result<(), Failure> {
    let answer = sent.map_err(answer::unsent)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = body(answer).await?;
    let now = crate::clock::now();
    if let Some(failure) = answer::judge(status, &headers, now) {
        return Err(told(failure, &body));
    }
    complete(&body, entries)
}

/// The body as JSON; null for what is none or too long.
async fn body(mut answer: reqwest::Response) -> Result<Value, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(answer::unsent)? {
        if bytes.len() + chunk.len() > MAX_BODY {
            return Ok(Value::Null);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// The failure with what the outcome says.
fn told(failure: Failure, body: &Value) -> Failure {
    let Some(text) = outcome(body) else {
        return failure;
    };
    match failure {
        Failure::Permanent(why) => Failure::Permanent(format!("{why}: {text}")),
        Failure::Transient { why, after } => Failure::Transient {
            why: format!("{why}: {text}"),
            after,
        },
    }
}

fn complete(body: &Value, entries: usize) -> Result<(), Failure> {
    if body["resourceType"] != "Bundle" || body["type"] != "transaction-response" {
        return Err(Failure::transient(
            "answered with no transaction-response: is the URL the base of a FHIR server?",
        ));
    }
    let answered = body["entry"].as_array().map_or(&[][..], Vec::as_slice);
    if answered.len() != entries {
        let found = answered.len();
        let why = format!("answered {found} of {entries} entries of the transaction");
        return Err(Failure::permanent(why));
    }
    for entry in answered {
        let text = entry["response"]["status"].as_str().unwrap_or_default();
        let code: u16 = text
            .split(' ')
            .next()
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        if !(200..300).contains(&code) {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            let failure = answer::judge(status, &reqwest::header::HeaderMap::new(), 0);
            let failure = failure.unwrap_or_else(|| Failure::transient("an entry was not taken"));
            return Err(told(failure, &entry["response"]["outcome"]));
        }
    }
    Ok(())
}

/// The coded parts of an OperationOutcome.
fn outcome(body: &Value) -> Option<String> {
    if body["resourceType"] != "OperationOutcome" {
        return None;
    }
    let issues = body["issue"].as_array()?.iter();
    let serious = issues
        .filter(|issue| !matches!(issue["severity"].as_str(), Some("information" | "warning")));
    let told: Vec<String> = serious.take(MAX_ISSUES).filter_map(issue).collect();
    let mut text = told.join("; ");
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    (!text.is_empty()).then_some(text)
}

fn issue(issue: &Value) -> Option<String> {
    let mut parts = vec![coded(issue["code"].as_str()?)?];
    let details = issue.pointer("/details/coding/0/code");
    parts.extend(details.and_then(Value::as_str).and_then(coded));
    let texts = [issue.get("diagnostics"), issue.pointer("/details/text")];
    let texts = texts.into_iter().flatten().filter_map(Value::as_str);
    parts.extend(texts.flat_map(numbers).take(2));
    let place = issue
        .pointer("/expression/0")
        .or_else(|| issue.pointer("/location/0"))
        .and_then(Value::as_str);
    parts.extend(place.and_then(path).map(|path| format!("at {path}")));
    parts.dedup();
    Some(parts.join(" "))
}

/// A code: short, and of the characters that codes have.
fn coded(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.to_owned())
}

/// A path of elements; a condition in brackets may quote values, so only numbers stand there.
fn path(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".[]".contains(&byte);
    let fits = (1..=120).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.to_owned())
}

/// HAPI's message numbers, `HAPI-1094`: others could be somebody's number.
fn numbers(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_number = |word: &&str| {
        word.strip_prefix("HAPI-").is_some_and(|digits| {
            (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(is_number)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused() -> Value {
        json!({
            "resourceType": "OperationOutcome",
            "issue": [
                {"severity": "warning", "code": "informational", "diagnostics": "passed over"},
                {
                    "severity": "error",
                    "code": "processing",
                    "details": {"coding": [{"code": "MSG_REF_MISSING"}], "text": "Jane Roe is not known"},
                    "diagnostics": "HAPI-1094: Resource Patient/p1 (Jane Roe, MRN-19510) not found",
                    "expression": ["Bundle.entry[0].resource.subject"],
                },
            ],
        })
    }

    #[test]
    fn an_outcome_is_told_by_its_coded_parts_alone() {
        assert_eq!(
            outcome(&refused()).unwrap(),
            "processing MSG_REF_MISSING HAPI-1094 at Bundle.entry[0].resource.subject"
        );
        let quoting = json!({
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "fatal", "code": "not a code", "diagnostics": "Jane"}, {
                "severity": "error", "code": "invalid", "expression": ["name.where(family='Roe')"],
            }],
        });
        assert_eq!(outcome(&quoting).unwrap(), "invalid");
        assert_eq!(outcome(&json!({"resourceType": "Bundle"})), None);
    }

    #[test]
    fn conflicts_are_of_the_moment_and_refusals_are_not() {
        for (status, again) in [
            (409, true),
            (412, true),
            (400, false),
            (401, true),
            (404, true),
            (422, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let judged = answer::judge(status, &reqwest::header::HeaderMap::new(), 0).unwrap();
            let failure = told(judged, &refused());
            assert!(failure.why().contains("HAPI-1094"), "{failure:?}");
            let transient = matches!(failure, Failure::Transient { .. });
            assert_eq!(transient, again, "{status}");
        }
    }

    #[test]
    fn only_a_whole_transaction_response_is_a_delivery() {
        let answered = |statuses: &[&str]| {
            let entry = statuses
                .iter()
                .map(|status| json!({"response": {"status": status}}));
            let entry: Vec<Value> = entry.collect();
            json!({"resourceType": "Bundle", "type": "transaction-response", "entry": entry})
        };
        assert_eq!(complete(&answered(&["201 Created", "200"]), 2), Ok(()));
        for (body, again) in [
            (answered(&["200 OK"]), false),
            (answered(&["200 OK", "422 Unprocessable Entity"]), false),
            (answered(&["200 OK", "409 Conflict"]), true),
            (answered(&["200 OK", "503"]), true),
            (answered(&["200 OK", "soon"]), true),
            (json!({"ok": true}), true),
            (Value::Null, true),
        ] {
            let failure = complete(&body, 2).unwrap_err();
            let transient = matches!(failure, Failure::Transient { .. });
            assert_eq!(transient, again, "{body}");
        }
    }
}
