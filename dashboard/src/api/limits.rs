//! Limits of wards and patients: set, list, review, end.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{id_option, page, reason, short, short_option, when};
use crate::app::Call;
use crate::backend::{Limit, LimitNew, LimitSearch};
use crate::params::time;
use crate::reply::{Failure, Reply, Touched};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let search = LimitSearch {
        patient: query.owned("patient")?,
        ward: query.owned("ward")?,
        rule: query.owned("rule")?,
        in_force: query.flag("inForce")?,
        review_due: query.flag("reviewDue")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.limits(&search).await?;
    let touched: Touched = found
        .items
        .iter()
        .filter_map(|one| one.data.patient.as_deref())
        .collect();
    let now = call.app.now();
    Ok(Reply::json(&page(&found, |one| limit_json(one, now))).touching(touched))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LimitIn {
    #[serde(default)]
    patient: Option<String>,
    #[serde(default)]
    ward: Option<String>,
    rule: String,
    #[serde(default)]
    off: bool,
    #[serde(default)]
    above: Option<f64>,
    #[serde(default)]
    below: Option<f64>,
    #[serde(default)]
    clear_above: Option<f64>,
    #[serde(default)]
    clear_below: Option<f64>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    until: Option<String>,
    reason: String,
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: LimitIn = call.json().await?;
    if body.patient.is_some() == body.ward.is_some() {
        return Err(Failure::invalid("limits are of a patient or of a ward"));
    }
    let numbers = [body.above, body.below, body.clear_above, body.clear_below];
    let any = numbers.iter().any(Option::is_some);
    if body.off == any {
        return Err(Failure::invalid(
            "give off, or at least one of above, below, clearAbove, clearBelow",
        ));
    }
    let from = body
        .from
        .map_or_else(|| Ok(call.app.now()), |text| time("from", &text))?;
    let until = body.until.map(|text| time("until", &text)).transpose()?;
    if until.is_some_and(|until| until <= from) {
        return Err(Failure::invalid("until must come after from"));
    }
    let new = LimitNew {
        patient: id_option("patient", body.patient)?,
        ward: id_option("ward", body.ward)?,
        rule: short("rule", body.rule)?,
        off: body.off,
        above: body.above,
        below: body.below,
        clear_above: body.clear_above,
        clear_below: body.clear_below,
        unit: short_option("unit", body.unit)?,
        from,
        until,
        reason: reason(body.reason)?,
    };
    let made = call.app.backend.set_limit(new, call.principal()?).await?;
    Ok(answer(&call, &made, Reply::created))
}

pub(crate) async fn end(call: Call) -> Result<Reply, Failure> {
    let by = call.principal()?;
    let ended = call.app.backend.end_limit(&call.id()?, by).await?;
    Ok(answer(&call, &ended, Reply::json))
}

pub(crate) async fn review(call: Call) -> Result<Reply, Failure> {
    let by = call.principal()?;
    let kept = call.app.backend.review_limit(&call.id()?, by).await?;
    Ok(answer(&call, &kept, Reply::json))
}

fn answer(call: &Call, limit: &Limit, reply: fn(&Value) -> Reply) -> Reply {
    let touched: Touched = limit.data.patient.as_deref().into_iter().collect();
    reply(&limit_json(limit, call.app.now())).touching(touched)
}

fn limit_json(limit: &Limit, now: i64) -> Value {
    let data = &limit.data;
    json!({
        "id": limit.id,
        "patient": data.patient,
        "ward": data.ward,
        "rule": data.rule,
        "off": data.off,
        "above": data.above,
        "below": data.below,
        "clearAbove": data.clear_above,
        "clearBelow": data.clear_below,
        "unit": data.unit,
        "from": format_rfc3339(data.from),
        "until": when(data.until),
        "reason": data.reason,
        "by": limit.by,
        "created": format_rfc3339(limit.created),
        "setSecondsAgo": (now - limit.created).max(0) / 1_000_000,
        "reviewed": when(limit.reviewed),
        "reviewedBy": limit.reviewed_by,
        "endedBy": limit.ended_by,
        "inForce": limit.in_force,
        "alertsLastDay": limit.alerts_last_day,
        "reviewDue": limit.review_due,
        "wardEmpty": limit.ward_empty,
    })
}
