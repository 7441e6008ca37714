//! A group into an Observation that exists (specification 2.6).

mod members;

use super::create::{Effective, printed};
use super::plan::{Kind, ValuePlan};
use super::types::{Component, Period, Value};
use super::{Group, Observation, identity, sampled};
use crate::mapping::Compat;
use crate::mapping::document::fhir::PeriodInterval;
use crate::mapping::ticks::Ticks;
use members::{Members, raw, same};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a merge leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Nothing would change: no write.
    NoOperation,
    /// To be written in place of the existing one, under its id and with `If-Match` of its version.
    Amended(Observation),
    /// The existing Observation is not one that this group can be merged into, and why.
    NotSupported(String),
}

/// First and last instant of the result, and whether they are those of the existing Observation.
struct Bounds {
    start: Ticks,
    end: Ticks,
    /// Of the existing one: where its samples begin.
    origin: Ticks,
}

/// Merges a group into the Observation that exists under its identifier. What the merge does not touch stays as it
/// is, byte for byte.
#[must_use]
pub fn merge(existing: &str, group: &Group<'_>) -> Merged {
    match merged(existing, group) {
        Ok(None) => Merged::NoOperation,
        Ok(Some(observation)) => Merged::Amended(observation),
        Err(detail) => Merged::NotSupported(detail),
    }
}

fn merged(existing: &str, group: &Group<'_>) -> Result<Option<Observation>, String> {
    let old = Members::parse(existing).map_err(|error| format!("not a JSON object: {error}"))?;
    let id = old.text("id").unwrap_or_else(|| group.id());
    let mut new = old.clone();
    match &group.plan.category {
        Some(category) => new.set("category", category.clone()),
        None => new.remove("category"),
    }
    let bounds = widen(&mut new, group)?;
    if let Some(plan) = &group.plan.value {
        merge_value(&mut new, plan, group, &bounds)?;
    }
    merge_components(&mut new, group, &bounds)?;
    if same(&old, &new) {
        return Ok(None);
    }
    new.set("status", raw(&"amended"));
    Ok(Some(Observation {
        id,
        subject: group.patient.map(str::to_owned),
        device: group.device.to_owned(),
        json: new.to_json(),
    }))
}

#[derive(Deserialize)]
struct Stored {
    start: Option<String>,
    end: Option<String>,
}

/// Widens `effective[x]`; it becomes a Period, but for a single instant that stays what it is.
fn widen(new: &mut Members, group: &Group<'_>) -> Result<Bounds, String> {
    let compat = group.options.compat;
    let time = |text: &str| Ticks::parse(text).ok_or("the effective time cannot be read");
    let stored = if let Some(text) = new.text("effectiveDateTime") {
        let at = time(&text)?;
        Some(("effectiveDateTime", at, at))
    } else if let Some(text) = new.text("effectiveInstant") {
        let at = time(&text)?;
        Some(("effectiveInstant", at, at))
    } else if let Some(period) = new.get("effectivePeriod") {
        let period: Stored = serde_json::from_str(period.get())
            .map_err(|_| "the effective period cannot be read".to_owned())?;
        let start = period.start.as_deref().map(time).transpose()?;
        let end = period.end.as_deref().map(time).transpose()?;
        let start = start.or(end).unwrap_or(group.start);
        Some(("effectivePeriod", start, end.unwrap_or(start)))
    } else if new.get("effectiveTiming").is_some() {
        return Err("the effective time is a timing".to_owned());
    } else {
        None
    };
    let Some((name, start, end)) = stored else {
        new.set(
            match group.effective() {
                Effective::At(_) => "effectiveDateTime",
                Effective::Over(_) => "effectivePeriod",
            },
            match group.effective() {
                Effective::At(time) => raw(&time),
                Effective::Over(period) => raw(&period),
            },
        );
        return Ok(Bounds {
            start: group.start,
            end: group.end,
            origin: group.start,
        });
    };
    // Compared as they are written: what is finer than that is no change.
    let written = |time: Ticks| match compat {
        Compat::Default => time.floor(10_000),
        Compat::Strict => time,
    };
    let first = written(group.start).min(start);
    let last = written(group.end).max(end);
    let single = compat == Compat::Default
        && group.plan.template.period == PeriodInterval::Single
        && first == last;
    if (first, last) != (start, end) || (name != "effectivePeriod" && !single) {
        let period = Period {
            start: printed(first, compat),
            end: printed(last, compat),
        };
        new.replace(name, "effectivePeriod", raw(&period));
    }
    Ok(Bounds {
        start: group.start.min(start),
        end: group.end.max(end),
        origin: start,
    })
}

/// Puts the group's value for `plan` in the place of the one in `holder`.
fn merge_value(
    holder: &mut Members,
    plan: &ValuePlan,
    group: &Group<'_>,
    bounds: &Bounds,
) -> Result<(), String> {
    if let Kind::Sampled { period, .. } = plan.kind {
        let values = group.series(plan);
        let stored = holder.get("valueSampledData");
        if values.is_empty() {
            // What is stored counts from the start of the Observation: when that moves, the samples move with it.
            let moved = bounds.start != bounds.origin && group.options.compat == Compat::Default;
            if !moved || stored.is_none() {
                return Ok(());
            }
        }
        let stored = stored.ok_or("there is no SampledData to merge into")?;
        let mut stored =
            Members::parse(stored.get()).map_err(|_| "the SampledData is no object".to_owned())?;
        if stored
            .number("dimensions")
            .is_some_and(|dimensions| dimensions > 1.0)
        {
            return Err("the SampledData has several dimensions".to_owned());
        }
        let data = stored.text("data").unwrap_or_default();
        let mut all = sampled::values(&data, bounds.origin, period);
        all.extend(values);
        // Stable: at equal times the new ones stay behind, and win.
        all.sort_by_key(|(time, _)| *time);
        let data = sampled::data(bounds.start, bounds.end, period, &all)
            .ok_or_else(|| group.too_many().detail)?;
        stored.set("data", raw(&data));
        holder.set("valueSampledData", raw(&stored));
        return Ok(());
    }
    let Some(value) = group.value(plan).map_err(|unfit| unfit.detail)? else {
        return Ok(());
    };
    let name = value_name(&value);
    let known = holder.first_with_prefix("value");
    let fresh = match value {
        Value::Quantity(quantity) => raw(&quantity),
        Value::SampledData(data) => raw(&data),
        Value::CodeableConcept(concept) => concept.to_owned(),
        Value::String(text) => raw(&text),
    };
    match known {
        Some(known) => holder.replace(&known, name, fresh),
        None => holder.set(name, fresh),
    }
    Ok(())
}

const fn value_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Quantity(_) => "valueQuantity",
        Value::SampledData(_) => "valueSampledData",
        Value::CodeableConcept(_) => "valueCodeableConcept",
        Value::String(_) => "valueString",
    }
}

#[derive(Deserialize)]
struct CodeOf {
    #[serde(default)]
    coding: Vec<CodingOf>,
}

#[derive(Deserialize)]
struct CodingOf {
    system: Option<String>,
    code: Option<String>,
}

fn merge_components(new: &mut Members, group: &Group<'_>, bounds: &Bounds) -> Result<(), String> {
    if group.plan.components.is_empty() {
        return Ok(());
    }
    let mut list: Vec<Box<RawValue>> = match new.get("component") {
        Some(stored) => serde_json::from_str(stored.get())
            .map_err(|_| "the components are no list".to_owned())?,
        None => Vec::new(),
    };
    let system = identity::system(group.options.compat);
    for part in &group.plan.components {
        let is_this = |component: &Members| {
            component
                .get("code")
                .and_then(|code| serde_json::from_str::<CodeOf>(code.get()).ok())
                .is_some_and(|code| {
                    code.coding.iter().any(|coding| {
                        coding.system.as_deref() == Some(system)
                            && coding.code.as_deref() == Some(&part.value_code)
                    })
                })
        };
        let mut found = None;
        for (index, stored) in list.iter().enumerate() {
            let component =
                Members::parse(stored.get()).map_err(|_| "a component is no object".to_owned())?;
            if is_this(&component) {
                found = Some((index, component));
                break;
            }
        }
        if let Some((index, mut component)) = found {
            merge_value(&mut component, &part.value, group, bounds)?;
            if let Some(place) = list.get_mut(index) {
                *place = raw(&component);
            }
        } else if let Some(value) = group
            .value_over(&part.value, bounds.start, bounds.end)
            .map_err(|unfit| unfit.detail)?
        {
            list.push(raw(&Component {
                code: &part.code,
                value,
            }));
        }
    }
    if !list.is_empty() {
        new.set("component", raw(&list));
    }
    Ok(())
}
