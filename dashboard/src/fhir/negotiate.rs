//! Which representation a client takes, and where it reached us.

use axum::http::StatusCode;

use crate::app::Call;
use crate::params::Params;
use crate::reply::Failure;

/// Refuses a client that takes no JSON. `_format` outranks `Accept`.
pub(super) fn json_only(call: &Call, query: &Params) -> Result<(), Failure> {
    fn is_json(kind: &str) -> bool {
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .replace(' ', "+");
        matches!(
            kind.as_str(),
            "json"
                | "application/json"
                | "application/fhir+json"
                | "text/json"
                | "*/*"
                | "application/*"
                | ""
        )
    }
    let fits = match query.one("_format")? {
        Some(format) => is_json(format),
        None => call
            .header("accept")
            .is_none_or(|accept| accept.split(',').any(is_json)),
    };
    if fits {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::NOT_ACCEPTABLE,
        "not-supported",
        "only application/fhir+json is served",
    ))
}

/// `https://host/fhir/R4` as the client sees it.
pub(super) fn base(call: &Call) -> String {
    if let Some(url) = &call.app.config.public_url {
        return format!("{}/fhir/R4", url.trim_end_matches('/'));
    }
    let scheme = if call.tls { "https" } else { "http" };
    let host = call
        .uri
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| call.header("host"));
    let plain = |host: &&str| {
        (1..=255).contains(&host.len())
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    format!(
        "{scheme}://{}/fhir/R4",
        host.filter(plain).unwrap_or("localhost")
    )
}
