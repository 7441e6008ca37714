//! `wardline observe`.

use serde::Serialize;
use serde_json::value::RawValue;

use super::time_or_now;
use crate::cli::Observe;
use crate::client::Client;
use crate::exit::{Exit, UsageError};
use crate::output;

#[derive(Serialize)]
struct Body<'a> {
    patient: &'a str,
    effective: String,
    readings: [Reading<'a>; 1],
}

#[derive(Serialize)]
struct Reading<'a> {
    metric: &'a str,
    value: Box<RawValue>,
    unit: Option<&'a str>,
}

pub(super) async fn run(observe: Observe) -> anyhow::Result<Exit> {
    // A number goes out as typed: 37.20 stays 37.20.
    let value = match (&observe.value, &observe.text) {
        (Some(number), _) => RawValue::from_string(number.clone())
            .map_err(|_| UsageError(format!("--value {number:?} is not a number")))?,
        (None, text) => serde_json::value::to_raw_value(text)?,
    };
    let body = Body {
        patient: &observe.patient,
        effective: time_or_now(observe.effective.as_deref())?,
        readings: [Reading {
            metric: &observe.metric,
            value,
            unit: observe.unit.as_deref(),
        }],
    };
    let client = Client::connect(&observe.target).await?;
    let answer = client
        .post("/api/v1/observations", serde_json::to_string(&body)?)
        .await;
    client.close().await?;
    for id in answer?
        .get("ids")
        .and_then(|ids| ids.as_array())
        .into_iter()
        .flatten()
    {
        output::line(id.as_str().unwrap_or_default())?;
    }
    Ok(Exit::Done)
}
