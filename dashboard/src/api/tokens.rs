//! Tokens; administrators only.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{id, id_option, when};
use crate::app::Call;
use crate::backend::{Role, TokenGrant, TokenInfo, TokenNew};
use crate::params::time;
use crate::reply::{Failure, Reply};

/// Most certificate names of one token.
const MAX_SAN_URIS: usize = 16;

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let tokens = call.app.backend.tokens().await?;
    let items: Vec<Value> = tokens.iter().map(token_json).collect();
    Ok(Reply::json(&json!({ "items": items, "next": null })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenIn {
    name: String,
    role: String,
    #[serde(default)]
    site: Option<String>,
    #[serde(default)]
    gateway: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    san_uris: Vec<String>,
    #[serde(default)]
    expires: Option<String>,
}

impl TokenIn {
    fn new_token(self) -> Result<TokenNew, Failure> {
        let site = id_option("site", self.site)?;
        let gateway = id_option("gateway", self.gateway)?;
        let device = id_option("device", self.device)?;
        let grant = match (self.role.as_str(), Role::parse(&self.role)) {
            ("publish", _) => {
                if gateway.is_none() && device.is_none() {
                    return Err(Failure::invalid(
                        "a publish token needs a gateway or a device",
                    ));
                }
                TokenGrant::Publish {
                    site,
                    gateway,
                    device,
                }
            }
            (_, Some(role)) => {
                if site.is_some()
                    || gateway.is_some()
                    || device.is_some()
                    || !self.san_uris.is_empty()
                {
                    let detail = "site, gateway, device and sanUris belong to publish tokens";
                    return Err(Failure::invalid(detail));
                }
                TokenGrant::Http(role)
            }
            _ => {
                return Err(Failure::invalid(
                    "role is one of read, operate, admin, publish",
                ));
            }
        };
        if self.san_uris.len() > MAX_SAN_URIS {
            return Err(Failure::invalid(format!("at most {MAX_SAN_URIS} sanUris")));
        }
        Ok(TokenNew {
            name: id("name", self.name)?,
            grant,
            san_uris: self.san_uris,
            expires: self
                .expires
                .map(|text| time("expires", &text))
                .transpose()?,
        })
    }
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: TokenIn = call.json().await?;
    let new = body.new_token()?;
    if new.expires.is_some_and(|expires| expires <= call.app.now()) {
        return Err(Failure::invalid("expires lies in the past"));
    }
    let asked = new.name.clone();
    let issued = call
        .app
        .backend
        .create_token(new, call.principal()?)
        .await?;
    let mut body = token_json(&issued.info);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("secret".into(), json!(issued.secret));
    }
    let mut reply = Reply::created(&body);
    reply.asked = Some(asked);
    Ok(reply)
}

pub(crate) async fn revoke(call: Call) -> Result<Reply, Failure> {
    call.app
        .backend
        .revoke_token(&call.id()?, call.principal()?)
        .await?;
    Ok(Reply::empty())
}

fn token_json(token: &TokenInfo) -> Value {
    let (role, site, gateway, device) = match &token.grant {
        TokenGrant::Http(role) => (role.as_str(), None, None, None),
        TokenGrant::Publish {
            site,
            gateway,
            device,
        } => ("publish", site.as_ref(), gateway.as_ref(), device.as_ref()),
    };
    json!({
        "name": token.name,
        "role": role,
        "site": site,
        "gateway": gateway,
        "device": device,
        "sanUris": token.san_uris,
        "created": format_rfc3339(token.created),
        "expires": when(token.expires),
        "lastUsed": when(token.last_used),
        "revoked": when(token.revoked),
    })
}
