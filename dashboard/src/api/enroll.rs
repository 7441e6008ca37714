//! How a gateway gets its certificate: with a code once, later with the key it has.
//!
//! Both routes are open but for what the request itself proves. Whatever is wrong with a code or a proof, the
//! answer is the same; whether a request for a certificate can be read is judged first and tells nothing of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::app::Call;
use crate::backend::{Enrolled, Renewal};
use crate::reply::{Failure, Reply};

/// Longest certificate or request in PEM; ours have under 1 KB.
const MAX_PEM: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnrolIn {
    code: String,
    csr: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RenewalIn {
    certificate: String,
    csr: String,
    proof: String,
}

pub(crate) async fn enrol(mut call: Call) -> Result<Reply, Failure> {
    let body: EnrolIn = call.json().await?;
    pem("csr", &body.csr)?;
    if body.code.len() > 64 {
        return Err(refused());
    }
    let enrolled = call.app.backend.enrol(&body.code, &body.csr).await?;
    Ok(reply(enrolled.ok_or_else(refused)?, true))
}

pub(crate) async fn renew(mut call: Call) -> Result<Reply, Failure> {
    let body: RenewalIn = call.json().await?;
    pem("csr", &body.csr)?;
    pem("certificate", &body.certificate)?;
    let proof = STANDARD
        .decode(&body.proof)
        .map_err(|_| Failure::invalid("proof must be base64"))?;
    let renewal = Renewal {
        certificate: body.certificate,
        csr: body.csr,
        proof,
    };
    let enrolled = call.app.backend.renew(renewal).await?;
    Ok(reply(enrolled.ok_or_else(refused)?, false))
}

fn pem(name: &str, text: &str) -> Result<(), Failure> {
    if text.len() > MAX_PEM {
        return Err(Failure::invalid(format!(
            "{name} may have at most {MAX_PEM} bytes"
        )));
    }
    Ok(())
}

/// The same for every reason.
fn refused() -> Failure {
    Failure::new(
        axum::http::StatusCode::FORBIDDEN,
        "forbidden",
        "not accepted: ask for a new enrolment code",
    )
}

fn reply(enrolled: Enrolled, created: bool) -> Reply {
    let body = json(&enrolled);
    let mut reply = if created {
        Reply::created(&body)
    } else {
        Reply::json(&body)
    };
    reply.asked = Some(format!(
        "gateway {} serial {}",
        enrolled.gateway, enrolled.serial
    ));
    reply
}

fn json(enrolled: &Enrolled) -> Value {
    json!({
        "gateway": enrolled.gateway,
        "site": enrolled.site,
        "certificate": enrolled.certificate,
        "trust": enrolled.trust,
        "serial": enrolled.serial,
        "expires": format_rfc3339(enrolled.expires),
        "renew": format_rfc3339(enrolled.renew),
    })
}

/// The authority's certificate.
pub(crate) async fn authority(call: Call) -> Result<Reply, Failure> {
    let pem = call.app.backend.authority().await?;
    Ok(Reply::new(
        axum::http::StatusCode::OK,
        "application/x-pem-file",
        pem,
    ))
}

/// Its revocation list.
pub(crate) async fn revocations(call: Call) -> Result<Reply, Failure> {
    let der = call.app.backend.revocations().await?;
    Ok(Reply::new(
        axum::http::StatusCode::OK,
        "application/pkix-crl",
        der,
    ))
}
