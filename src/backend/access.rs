//! Tokens and audit records for HTTP, out of the registry.

use wardline_dashboard::backend::{
    AuditOutcome, AuditRecord, BackendError, BackendResult, Principal, Role, TokenGrant, TokenInfo,
    TokenIssued, TokenNew,
};
use wardline_store::registry::{
    self, AuditEntry, NewToken, Outcome, Registry, SETTING_SITE, Token,
};

use super::fault;

/// The role of the registry that a token over HTTP needs.
fn role(role: registry::Role) -> Option<Role> {
    match role {
        registry::Role::Read => Some(Role::Read),
        registry::Role::Operate => Some(Role::Operate),
        registry::Role::Admin => Some(Role::Admin),
        registry::Role::Publish => None,
    }
}

fn stored_role(role: Role) -> registry::Role {
    match role {
        Role::Read => registry::Role::Read,
        Role::Operate => registry::Role::Operate,
        Role::Admin => registry::Role::Admin,
    }
}

pub(super) fn principal(registry: &Registry, secret: &str) -> Option<Principal> {
    let token = registry.verify(secret, crate::clock::now())?;
    Some(Principal {
        name: token.name.clone(),
        role: role(token.role)?,
    })
}

fn info(token: Token) -> TokenInfo {
    let grant = match role(token.role) {
        Some(role) => TokenGrant::Http(role),
        None => TokenGrant::Publish {
            site: token.site,
            gateway: token.gateway,
            device: token.device,
        },
    };
    TokenInfo {
        name: token.name,
        grant,
        created: token.created_at,
        expires: token.expires_at,
        last_used: token.last_used,
        san_uris: token.san_uris,
        revoked: token.revoked_at,
    }
}

pub(super) fn tokens(registry: &Registry) -> Vec<TokenInfo> {
    let mut tokens = registry.tokens();
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    tokens.into_iter().map(info).collect()
}

pub(super) fn create(registry: &Registry, new: TokenNew) -> BackendResult<TokenIssued> {
    let (role, site, gateway, device) = match new.grant {
        TokenGrant::Http(role) => (stored_role(role), None, None, None),
        TokenGrant::Publish {
            site,
            gateway,
            device,
        } => {
            let site = site.map_or_else(|| own_site(registry), Ok)?;
            (registry::Role::Publish, Some(site), gateway, device)
        }
    };
    let new = NewToken {
        name: new.name,
        role,
        site,
        gateway,
        device,
        san_uris: new.san_uris,
        expires_at: new.expires,
    };
    let (token, secret) = registry
        .create_token(&new, crate::clock::now())
        .map_err(fault)?;
    Ok(TokenIssued {
        info: info(token),
        secret: secret.expose().to_owned(),
    })
}

/// The site of the installation, for who names none.
fn own_site(registry: &Registry) -> BackendResult<String> {
    let site = registry.setting(SETTING_SITE).map_err(fault)?;
    site.ok_or_else(|| {
        BackendError::Conflict(
            "give the site: the installation has none before its first start".to_owned(),
        )
    })
}

pub(super) fn revoke(registry: &Registry, name: &str) -> BackendResult<()> {
    registry
        .revoke_token(name, crate::clock::now())
        .map(|_| ())
        .map_err(fault)
}

/// Writes the record. Patients that an open stream comes to show get a record of their own with the same
/// request id: the trail is append-only.
pub(super) fn audit(registry: &Registry, record: &AuditRecord) -> BackendResult<()> {
    registry.audit(&[entry(record)]).map(|_| ()).map_err(fault)
}

fn entry(record: &AuditRecord) -> AuditEntry {
    let asked = record
        .query
        .as_ref()
        .map(|query| format!("{} {query}", record.path));
    let continued = record.continues.then(|| "continued".to_owned());
    let denied = match (record.outcome, &record.principal) {
        (AuditOutcome::Denied, None) => Some("login-failed"),
        (AuditOutcome::Denied, Some(_)) => Some("denied"),
        _ => None,
    };
    AuditEntry {
        at: record.at,
        actor: record.principal.clone(),
        role: record.role.map(stored_role),
        action: denied.unwrap_or(record.action).to_owned(),
        route: record.route.clone(),
        patients: record.patients.clone(),
        any_patient: record.any_patient,
        outcome: match record.outcome {
            AuditOutcome::Success => Outcome::Success,
            AuditOutcome::Denied => Outcome::Denied,
            AuditOutcome::Refused => Outcome::Refused,
            AuditOutcome::Failed => Outcome::Failed,
        },
        status: Some(record.status),
        request_id: record.request_id.clone(),
        client: record.peer.map(|peer| peer.to_string()),
        detail: continued.or(asked).or(Some(record.path.clone())),
        repeats: record.repeats,
        continues: None,
    }
}
