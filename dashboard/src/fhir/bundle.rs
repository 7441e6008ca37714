//! What searches have in common: how they are asked, and the Bundle they answer with.

use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use wardline_normalize::time::format_rfc3339;

use super::{CONTENT_TYPE, outcome, query};
use crate::app::Call;
use crate::params::Params;
use crate::reply::{Failure, Reply, Touched};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

#[derive(Serialize)]
struct Link {
    relation: &'static str,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<String>,
    resource: Box<RawValue>,
    search: Mode,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

/// Parameters of the query string and, by POST, of the form; and all of them as text, for the audit.
pub(super) async fn asked(call: &mut Call) -> Result<(Params, Option<String>), Failure> {
    let params = call.query()?;
    let asked = call.uri.query().map(str::to_owned);
    if call.method != Method::POST {
        return Ok((params, asked));
    }
    let form = form(call).await?;
    let params = params.and(Params::parse(&form)?);
    let text = [asked.unwrap_or_default(), form].join("&");
    Ok((params, Some(text.trim_matches('&').to_owned())))
}

async fn form(call: &mut Call) -> Result<String, Failure> {
    let bytes = call.bytes().await?;
    if !bytes.is_empty() && !call.has_content_type("application/x-www-form-urlencoded") {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-supported",
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Failure::invalid("the form is not UTF-8"))
}

/// Whether the client wants unknown parameters refused.
pub(super) fn is_strict(call: &Call) -> bool {
    call.header("prefer")
        .is_some_and(|prefer| prefer.contains("handling=strict"))
}

/// A page of resources of one type.
pub(super) struct Page<'a> {
    pub(super) base: &'a str,
    pub(super) kind: &'static str,
    /// Parameters as the server understood them, so that a client sees what was passed over.
    pub(super) used: &'a str,
    /// Names of those passed over.
    pub(super) ignored: &'a [String],
    /// The mark this page began at.
    pub(super) mark: Option<&'a str>,
    /// The mark of the next page.
    pub(super) next: Option<String>,
    pub(super) found: Vec<(String, Box<RawValue>)>,
    pub(super) touched: Touched,
}

impl Page<'_> {
    pub(super) fn answer(self, call: &Call) -> Result<Reply, Failure> {
        let (base, kind) = (self.base, self.kind);
        let mut link = vec![Link {
            relation: "self",
            url: self.url(self.mark),
        }];
        if let Some(next) = &self.next {
            link.push(Link {
                relation: "next",
                url: self.url(Some(next)),
            });
        }
        let mut entry: Vec<Entry> = self
            .found
            .into_iter()
            .map(|(id, resource)| Entry {
                full_url: Some(format!("{base}/{kind}/{id}")),
                resource,
                search: Mode { mode: "match" },
            })
            .collect();
        if !self.ignored.is_empty() {
            let names = self.ignored.join(", ");
            let detail = format!("passed over unknown parameters: {names}");
            entry.push(Entry {
                full_url: None,
                resource: to_raw_value(&outcome("warning", "not-supported", &detail))
                    .map_err(fault)?,
                search: Mode { mode: "outcome" },
            });
        }
        let bundle = Bundle {
            resource_type: "Bundle",
            kind: "searchset",
            timestamp: format_rfc3339(call.app.now()),
            link,
            entry,
        };
        let body = serde_json::to_vec(&bundle).map_err(fault)?;
        Ok(Reply::new(StatusCode::OK, CONTENT_TYPE, body).touching(self.touched))
    }

    fn url(&self, mark: Option<&str>) -> String {
        let mark = mark.map(|mark| format!("{}={mark}", query::CURSOR));
        let parts: Vec<&str> = [Some(self.used), mark.as_deref()]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        let question = if parts.is_empty() { "" } else { "?" };
        format!("{}/{}{question}{}", self.base, self.kind, parts.join("&"))
    }
}

pub(super) fn raw(json: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(json).map_err(fault)
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::internal(&error.to_string())
}
