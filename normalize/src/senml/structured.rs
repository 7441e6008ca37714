//! Labels whose value is a map: `sd` (a piece of waveform) and `al` (a monitor's alarm).

use super::raw::{Number, Token, short};
use super::{MAX_TEXT, MAX_WAVEFORM_TEXT};
use crate::decimal::Decimal;
use crate::measurement::{AlarmPriority, AlarmState, AlertKind, Phase, Presence, SampledData};
use std::borrow::Cow;

type Fields<'a> = Vec<(Cow<'a, str>, Token<'a>)>;

pub(super) fn sampled(fields: Fields<'_>) -> Result<SampledData, String> {
    let (mut origin, mut period, mut factor, mut data) = (None, None, None, None);
    for (name, token) in fields {
        let slot = match &*name {
            "origin" => &mut origin,
            "period" => &mut period,
            "factor" => &mut factor,
            "data" => {
                data = Some(text("sd", &name, token, MAX_WAVEFORM_TEXT)?);
                continue;
            }
            _ => continue,
        };
        *slot = Some(number("sd", &name, token)?);
    }
    let sampled = SampledData {
        origin: origin.unwrap_or(Decimal::integer(0)),
        period: period.ok_or("label sd has no period")?,
        factor: factor.unwrap_or(Decimal::integer(1)),
        data: data.ok_or("label sd has no data")?,
    };
    sampled
        .check()
        .map_err(|fault| format!("label sd: {fault}"))?;
    Ok(sampled)
}

pub(super) fn alarm(fields: Fields<'_>) -> Result<AlarmState, String> {
    let mut alarm = AlarmState::default();
    for (name, token) in fields {
        if name == "value" {
            alarm.value = Some(number("al", &name, token)?);
            continue;
        }
        let known = matches!(
            &*name,
            "id" | "phase" | "state" | "audio" | "priority" | "type" | "source" | "unit" | "limits"
        );
        if !known {
            continue;
        }
        let text = text("al", &name, token, MAX_TEXT)?;
        let unknown = || format!("label al: {} is no {name}", short(&text));
        match &*name {
            "phase" => alarm.phase = Some(Phase::parse(&text).ok_or_else(unknown)?),
            "state" => alarm.state = Some(Presence::parse(&text).ok_or_else(unknown)?),
            "priority" => alarm.priority = Some(AlarmPriority::parse(&text).ok_or_else(unknown)?),
            "type" => alarm.kind = Some(AlertKind::parse(&text).ok_or_else(unknown)?),
            "id" => alarm.id = Some(text),
            "audio" => alarm.audio = Some(text),
            "source" => alarm.source = Some(text),
            "unit" => alarm.unit = Some(text),
            _ => alarm.limits = Some(text),
        }
    }
    Ok(alarm)
}

fn number(label: &str, name: &str, token: Token<'_>) -> Result<Decimal, String> {
    match token {
        Token::Number(Number::Finite(number)) => Ok(number),
        _ => Err(format!("label {label}: {name} is no number")),
    }
}

fn text(label: &str, name: &str, token: Token<'_>, most: usize) -> Result<String, String> {
    match token {
        Token::Text(text) if text.len() <= most => Ok(text.into_owned()),
        Token::Text(_) => Err(format!("label {label}: {name} has more than {most} bytes")),
        _ => Err(format!("label {label}: {name} is no text")),
    }
}
