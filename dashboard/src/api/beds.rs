//! Beds, and who lies in them when.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{id, id_option, list_request, page, short, when};
use crate::app::Call;
use crate::backend::{Bed, BedNew, Micros, Stay, StayNew, StaySearch};
use crate::params::time;
use crate::reply::{Failure, Reply, Touched};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let request = list_request(&call.query()?)?;
    let found = call.app.backend.beds(&request).await?;
    let stays = found.items.iter().filter_map(|bed| bed.stay.as_ref());
    let touched: Touched = stays.map(|stay| stay.patient.as_str()).collect();
    Ok(Reply::json(&page(&found, bed_json)).touching(touched))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BedIn {
    #[serde(default)]
    id: Option<String>,
    label: String,
    #[serde(default)]
    site: Option<String>,
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: BedIn = call.json().await?;
    let new = BedNew {
        id: id_option("id", body.id)?,
        label: named("label", body.label)?,
        site: id_option("site", body.site)?,
    };
    let made = call.app.backend.create_bed(new, call.principal()?).await?;
    Ok(Reply::created(&bed_json(&made)))
}

pub(crate) async fn stays(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let search = StaySearch {
        bed: query.owned("bed")?,
        patient: query.owned("patient")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.stays(&search).await?;
    let touched: Touched = found.items.iter().map(|one| one.patient.as_str()).collect();
    Ok(Reply::json(&page(&found, stay_json)).touching(touched))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StayIn {
    bed: String,
    patient: String,
    #[serde(default)]
    from: Option<String>,
}

pub(crate) async fn place(mut call: Call) -> Result<Reply, Failure> {
    let body: StayIn = call.json().await?;
    let new = StayNew {
        bed: named("bed", body.bed)?,
        patient: id("patient", body.patient)?,
        from: by_now(&call, "from", body.from)?,
    };
    let made = call.app.backend.place(new, call.principal()?).await?;
    Ok(Reply::created(&stay_json(&made)).touching(Touched::one(made.patient)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StayEnd {
    #[serde(default)]
    at: Option<String>,
}

pub(crate) async fn end(mut call: Call) -> Result<Reply, Failure> {
    let body: StayEnd = call.json_or_nothing().await?;
    let at = by_now(&call, "at", body.at)?;
    let (id, by) = (call.id()?, call.principal()?);
    let ended = call.app.backend.end_stay(&id, at, by).await?;
    Ok(Reply::json(&stay_json(&ended)).touching(Touched::one(ended.patient)))
}

/// A moment that has come: who lies where is told as it is, not as it is planned.
fn by_now(call: &Call, name: &str, text: Option<String>) -> Result<Micros, Failure> {
    let now = call.app.now();
    match text {
        None => Ok(now),
        Some(text) => match time(name, &text)? {
            at if at > now => Err(Failure::invalid(format!("{name} lies in the future"))),
            at => Ok(at),
        },
    }
}

/// A bed as people name it: never empty.
fn named(name: &str, text: String) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(Failure::invalid(format!("{name} is empty"))),
        _ => short(name, text),
    }
}

fn bed_json(bed: &Bed) -> Value {
    json!({
        "id": bed.id,
        "label": bed.label,
        "site": bed.site,
        "stay": bed.stay.as_ref().map(stay_json),
    })
}

fn stay_json(stay: &Stay) -> Value {
    json!({
        "id": stay.id,
        "bed": stay.bed,
        "patient": stay.patient,
        "from": format_rfc3339(stay.from),
        "until": when(stay.until),
        "by": stay.by,
        "endedBy": stay.ended_by,
    })
}
