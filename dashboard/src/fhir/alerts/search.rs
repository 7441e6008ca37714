//! A page of alerts or messages.

use super::Kind;
use super::item::{Item, of_alert, of_message};
use super::query::{self, Query};
use crate::app::Call;
use crate::backend::{AlertSearch, BackendError, MessageSearch};
use crate::fhir::bundle::{self, Page};
use crate::fhir::{cursor, negotiate, query::CURSOR};
use crate::params::Params;
use crate::reply::{Failure, Reply, Touched};

/// Pages asked of the backend for one of ours, when conditions it cannot push down leave most of them empty.
/// After that the page goes out as it is, with a link to the next.
const MAX_PAGES: usize = 32;

pub(super) async fn search(mut call: Call, kind: Kind) -> Result<Reply, Failure> {
    let (params, asked) = bundle::asked(&mut call).await?;
    let result = found(&call, kind, &params).await;
    // What was asked is audited also when it is refused.
    let mut reply = result.unwrap_or_else(|failure| failure.into_reply(true));
    reply.asked = asked;
    Ok(reply)
}

async fn found(call: &Call, kind: Kind, params: &Params) -> Result<Reply, Failure> {
    negotiate::json_only(call, params)?;
    let query = query::parse(kind, params, bundle::is_strict(call), call.app.now())?;
    let (items, next) = if query.is_vain(kind) {
        (Vec::new(), None)
    } else if !query.ids.is_empty() {
        by_id(call, kind, &query).await?
    } else {
        scan(call, kind, &query).await?
    };
    let place = format!("{}?{}", kind.as_str(), query.used);
    let mut touched = Touched::default();
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        found.push((item.resource.id, bundle::raw(item.resource.json)?));
        touched.patients.extend(item.patients);
    }
    let page = Page {
        base: &negotiate::base(call),
        kind: kind.as_str(),
        used: &query.used,
        ignored: &query.ignored,
        mark: params.one(CURSOR)?,
        next: next.map(|next| cursor::encode_mark(&next, &place)),
        found,
        touched,
    };
    page.answer(call)
}

/// Items and where the next page begins.
type Found = (Vec<Item>, Option<String>);

/// The list itself is what is paged through.
async fn by_id(call: &Call, kind: Kind, query: &Query) -> Result<Found, Failure> {
    let from: usize = match &query.after {
        None => 0,
        Some(after) => after
            .parse()
            .map_err(|_| Failure::invalid("_cursor is not of this search"))?,
    };
    let until = from.saturating_add(query.count);
    let mut items = Vec::new();
    for id in query.ids.iter().skip(from).take(query.count) {
        items.extend(
            one(call, kind, id)
                .await?
                .filter(|item| query.matches(item)),
        );
    }
    let next = (until < query.ids.len()).then(|| until.to_string());
    Ok((items, next))
}

/// One by its id, if it is served.
pub(super) async fn one(call: &Call, kind: Kind, id: &str) -> Result<Option<Item>, Failure> {
    if kind == Kind::Communication {
        let search = MessageSearch {
            ids: vec![id.to_owned()],
            limit: 1,
            ..MessageSearch::default()
        };
        let found = call.app.backend.messages(&search).await?;
        return Ok(found.items.first().and_then(of_message));
    }
    match call.app.backend.alert(id).await {
        Ok(alert) => Ok(of_alert(kind, &alert)),
        Err(BackendError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn scan(call: &Call, kind: Kind, query: &Query) -> Result<Found, Failure> {
    let mut items: Vec<Item> = Vec::new();
    let mut after = query.after.clone();
    for _ in 0..MAX_PAGES {
        // No more than are missing: what were cut off would have no mark to go on from.
        let limit = query.count - items.len();
        let (found, next) = page(call, kind, query, after, limit).await?;
        items.extend(found.into_iter().filter(|item| query.matches(item)));
        after = next;
        if after.is_none() || items.len() >= query.count {
            break;
        }
    }
    Ok((items, after))
}

async fn page(
    call: &Call,
    kind: Kind,
    query: &Query,
    after: Option<String>,
    limit: usize,
) -> Result<Found, Failure> {
    if kind == Kind::Communication {
        let search = MessageSearch {
            ids: Vec::new(),
            patients: query.patients.clone(),
            states: query.states(kind),
            after,
            limit,
        };
        let found = call.app.backend.messages(&search).await?;
        return Ok((
            found.items.iter().filter_map(of_message).collect(),
            found.next,
        ));
    }
    let search = AlertSearch {
        states: query.states(kind),
        patient: match query.patients.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        },
        until: query.onset_before(),
        after,
        limit,
        ..AlertSearch::default()
    };
    let found = call.app.backend.alerts(&search).await?;
    let items = found.items.iter().filter_map(|alert| of_alert(kind, alert));
    Ok((items.collect(), found.next))
}
