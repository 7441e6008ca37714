//! What the answer of an HTTP receiver means for the next attempt.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use wardline_normalize::time::Micros;

use super::Failure;

/// What came of a request: the answer when it was taken. The URL, which may be a secret, is in no failure.
pub(super) fn taken(
    sent: Result<reqwest::Response, reqwest::Error>,
) -> Result<reqwest::Response, Failure> {
    let answer = sent.map_err(unsent)?;
    let now = crate::clock::now();
    match judge(answer.status(), answer.headers(), now) {
        None => Ok(answer),
        Some(failure) => Err(failure),
    }
}

/// A request that got no answer, or that could not even be made: then the configuration is at fault, and somebody mends it.
pub(super) fn unsent(error: reqwest::Error) -> Failure {
    // The whole chain: "error sending request" alone tells nobody that the name cannot be resolved.
    let error = anyhow::Error::new(error.without_url());
    Failure::transient(format!("{error:#}"))
}

/// Answers about the body itself, or the receiver's word that it is gone for good: the same would be refused again.
/// Every other refusal is about the receiver (its address, its access, its state): somebody mends it, and then hears all.
const FINAL: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::GONE,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// None: taken.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, now: Micros) -> Option<Failure> {
    if status.is_success() {
        return None;
    }
    let why = format!("answered {status}");
    if FINAL.contains(&status) {
        return Some(Failure::permanent(why));
    }
    let why = if status.is_redirection() {
        format!("{why}: a redirect is not followed")
    } else {
        why
    };
    let after = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let after = after.and_then(|text| retry_after(text, now));
    Some(Failure::Transient { why, after })
}

/// RFC 9110, 10.2.3: seconds, or a date.
fn retry_after(text: &str, now: Micros) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    let wait = date.timestamp_micros().saturating_sub(now);
    Some(Duration::from_micros(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    use super::super::Failure;
    use super::{judge, retry_after};

    #[test]
    fn a_body_is_refused_for_good_and_a_receiver_is_mended() {
        let headers = HeaderMap::new();
        let last = [400, 410, 413, 415, 422].map(|status| (status, false));
        let again = [
            301, 302, 304, 308, 401, 402, 403, 404, 405, 407, 408, 409, 412, 423, 425, 429, 451,
            500, 502, 503, 504,
        ];
        for (status, again) in last.into_iter().chain(again.map(|status| (status, true))) {
            let failure = judge(StatusCode::from_u16(status).unwrap(), &headers, 0);
            let transient = matches!(failure, Some(Failure::Transient { .. }));
            assert_eq!(transient, again, "{status}");
        }
        assert_eq!(judge(StatusCode::ACCEPTED, &headers, 0), None);
    }

    #[test]
    fn a_receiver_says_when() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("120"));
        let Some(Failure::Transient { after, .. }) =
            judge(StatusCode::TOO_MANY_REQUESTS, &headers, 0)
        else {
            panic!("429 is for patience");
        };
        assert_eq!(after, Some(Duration::from_secs(120)));
        // 784111777 is the second of that date in RFC 9110, 5.6.7.
        let now = 784_111_777 * 1_000_000 - 30_000_000;
        let date = retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now);
        assert_eq!(date, Some(Duration::from_secs(30)));
        assert_eq!(retry_after("soon", now), None);
    }
}
