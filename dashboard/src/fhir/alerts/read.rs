//! Read: `GET …/{type}/{id}`.

use super::{Kind, search};
use crate::app::Call;
use crate::fhir::negotiate;
use crate::fhir::read::answer;
use crate::reply::{Failure, Reply};

pub(super) async fn read(call: Call, kind: Kind) -> Result<Reply, Failure> {
    negotiate::json_only(&call, &call.query()?)?;
    let id = call.id()?;
    let Some(item) = search::one(&call, kind, &id).await? else {
        return Err(Failure::not_found(kind.as_str()));
    };
    answer(
        &call,
        (kind.as_str(), &item.resource.id),
        item.resource.json,
        item.updated,
        item.patients.into_iter().collect(),
    )
}
