//! Silences by matcher: begin, list, end.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::alerts::{MAX_SILENCE, MINUTE};
use crate::api::{id_option, page, reason, short_option, when};
use crate::app::Call;
use crate::backend::{Micros, Shorter, Silence, SilenceNew, SilenceSearch};
use crate::reply::{Failure, Reply, Touched};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let search = SilenceSearch {
        patient: query.owned("patient")?,
        rule: query.owned("rule")?,
        in_force: query.flag("inForce")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.silences(&search).await?;
    let touched: Touched = found
        .items
        .iter()
        .filter_map(|one| one.data.patient.as_deref())
        .collect();
    let now = call.app.now();
    Ok(Reply::json(&page(&found, |one| silence_json(one, now))).touching(touched))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SilenceIn {
    #[serde(default)]
    patient: Option<String>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    ward: Option<String>,
    #[serde(default)]
    class: Option<String>,
    minutes: u32,
    reason: String,
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: SilenceIn = call.json().await?;
    let matchers = [
        &body.patient,
        &body.rule,
        &body.device,
        &body.ward,
        &body.class,
    ];
    if matchers.iter().all(|matcher| matcher.is_none()) {
        return Err(Failure::invalid(
            "give at least one of patient, rule, device, ward, class",
        ));
    }
    let known = ["physiological", "technical"];
    if let Some(class) = &body.class
        && !known.contains(&class.as_str())
    {
        return Err(Failure::invalid("class is one of physiological, technical"));
    }
    if !(1..=MAX_SILENCE).contains(&body.minutes) {
        return Err(Failure::invalid(format!(
            "minutes must be from 1 to {MAX_SILENCE}"
        )));
    }
    let new = SilenceNew {
        patient: id_option("patient", body.patient)?,
        rule: short_option("rule", body.rule)?,
        device: id_option("device", body.device)?,
        ward: id_option("ward", body.ward)?,
        class: body.class,
        until: call.app.now() + Micros::from(body.minutes) * MINUTE,
        reason: reason(body.reason)?,
    };
    let made = call.app.backend.silence(new, call.principal()?).await?;
    Ok(answer(&call, &made, Reply::created))
}

pub(crate) async fn end(call: Call) -> Result<Reply, Failure> {
    let by = call.principal()?;
    let ended = call.app.backend.end_silence(&call.id()?, by).await?;
    Ok(answer(&call, &ended, Reply::json))
}

fn answer(call: &Call, silence: &Silence, reply: fn(&Value) -> Reply) -> Reply {
    let touched: Touched = silence.data.patient.as_deref().into_iter().collect();
    reply(&silence_json(silence, call.app.now())).touching(touched)
}

fn silence_json(silence: &Silence, now: Micros) -> Value {
    let data = &silence.data;
    let left = if silence.in_force {
        (data.until - now).max(0) / 1_000_000
    } else {
        0
    };
    json!({
        "id": silence.id,
        "patient": data.patient,
        "rule": data.rule,
        "device": data.device,
        "ward": data.ward,
        "class": data.class,
        "from": format_rfc3339(silence.from),
        "until": format_rfc3339(data.until),
        "secondsLeft": left,
        "reason": data.reason,
        "by": silence.by,
        "endedBy": silence.ended_by,
        "inForce": silence.in_force,
        "shorter": silence.shorter.iter().map(shorter_json).collect::<Vec<_>>(),
    })
}

fn shorter_json(shorter: &Shorter) -> Value {
    json!({ "rule": shorter.rule, "until": when(shorter.until) })
}
