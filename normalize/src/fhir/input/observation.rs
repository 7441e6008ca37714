//! One Observation to its rows. It is taken whole or not at all.

use super::super::codes;
use super::concept::Concept;
use super::frame::{Frame, frame};
use super::json::{At as _, Fault, Object};
use super::metric::{self, Meaning};
use super::reference::{Resources, Scope};
use super::stamp::{self, Effective};
use super::value::{self, Content, Reading, Value};
use super::{Context, MAX_ROWS};
use crate::measurement::{self, Claims, Measurement, Reason, STATUSES, TimeSource};
use crate::time::Micros;
use std::collections::HashSet;

struct Row {
    meaning: Meaning,
    reading: Reading,
    interpretation: Option<String>,
    start: Micros,
    end: Option<Micros>,
}

/// Reads an Observation and hands its rows to `take`; `budget` is how many rows the message may still have.
pub(super) fn observation(
    object: &Object<'_>,
    bundle: &Resources,
    context: &Context<'_>,
    budget: &mut usize,
    mut take: impl FnMut(&Measurement<'_>, Option<Claims>),
) -> Result<(), Fault> {
    object.refuse_modifiers()?;
    if object.has("focus")? {
        let what = "makes the reading another one's than the subject's";
        return Err(Fault::new(Reason::UnsupportedField, what).at("focus"));
    }
    let status = status(object)?;
    let contained = Resources::contained(object)?;
    let scope = Scope {
        bundle,
        contained: &contained,
    };
    let rows = rows(object, status, *budget)?;
    let frame = frame(object, status, scope, context)?;
    *budget -= rows.len();
    for row in &rows {
        let claims = (frame.claims != Claims::default()).then(|| frame.claims.clone());
        take(&measurement(row, &frame, context), claims);
    }
    Ok(())
}

fn measurement<'m>(row: &'m Row, frame: &'m Frame, context: &Context<'m>) -> Measurement<'m> {
    let implied = row.meaning.metric.filter(|_| row.meaning.is_exact());
    // What the code says already is not the sender's addition.
    let said = |text: &'m Option<String>, implied: Option<&str>| {
        text.as_deref().filter(|text| Some(*text) != implied)
    };
    Measurement {
        definition: row.meaning.metric,
        device: &frame.device,
        gateway: context.gateway.or(frame.gateway.as_deref()),
        site: context.site,
        code: &row.meaning.code,
        mdc: row.meaning.mdc,
        panel: row.meaning.panel,
        channel: None,
        device_user: frame.user.as_deref(),
        sequence: None,
        value: match &row.reading.value {
            Value::Number(number) => measurement::Value::Number(*number),
            Value::Text(text) => measurement::Value::Text(text),
            Value::Absent(reason) => measurement::Value::Absent(reason),
        },
        text: None,
        unit: row.reading.unit.as_deref(),
        effective: row.start,
        effective_end: row.end,
        device_time: None,
        time_source: TimeSource::Device,
        source_time: row.start,
        received: context.received,
        status: frame.status,
        interpretation: row.interpretation.as_deref().or(row.reading.off_scale),
        body_site: said(&frame.body_site, implied.and_then(|metric| metric.site)),
        method: said(&frame.method, implied.and_then(|metric| metric.method)),
        quality: frame.quality,
        source: context.source,
        type_name: None,
        value_name: None,
        correlation_id: None,
        raw: None,
    }
}

fn status(object: &Object<'_>) -> Result<&'static str, Fault> {
    let fault = |what: &'static str| Fault::new(Reason::BadValue, what).at("status");
    let status = object.text("status")?.ok_or_else(|| fault("is missing"))?;
    STATUSES
        .into_iter()
        .find(|known| *known == status)
        .ok_or_else(|| fault("is no status of an Observation"))
}

/// Why an Observation of this status may be without a value.
fn without_value(status: &str) -> Option<&'static str> {
    match status {
        "registered" => Some("temp-unknown"),
        "cancelled" => Some("not-performed"),
        "entered-in-error" => Some("error"),
        _ => None,
    }
}

fn rows(object: &Object<'_>, status: &'static str, budget: usize) -> Result<Vec<Row>, Fault> {
    let code = Concept::of(object, "code")?;
    let missing = || Fault::new(Reason::UnknownMetric, "is missing").at("code");
    let code = code.ok_or_else(missing)?;
    let effective = stamp::effective(object)?;
    let components = object.objects("component")?;
    let mut rows = Rows {
        rows: Vec::new(),
        seen: HashSet::new(),
        effective,
        budget,
    };
    let own = metric::meaning(&code, None);
    let known = own.as_ref().ok().and_then(|meaning| meaning.metric);
    match value::content(object, known, budget)? {
        Content::Nothing if !components.is_empty() => {}
        // The members are Observations of their own.
        Content::Nothing if object.has("hasMember")? => {}
        Content::Nothing => {
            let reason = without_value(status).ok_or_else(|| {
                Fault::new(Reason::BadValue, "is missing, and no reason is given").at("value[x]")
            })?;
            let content = Content::One(Reading::absent(reason));
            rows.add(own.at("code")?, content, object).at("code")?;
        }
        content => rows.add(own.at("code")?, content, object).at("code")?,
    }
    let panel = metric::panel(&code);
    for (index, component) in components.iter().enumerate() {
        rows.component(component, panel, status)
            .in_item(index)
            .at("component")?;
    }
    Ok(rows.rows)
}

struct Rows {
    rows: Vec<Row>,
    /// Metrics so far: a second value of one would have the first one's id.
    seen: HashSet<String>,
    effective: Effective,
    budget: usize,
}

impl Rows {
    fn component(
        &mut self,
        component: &Object<'_>,
        panel: Option<&'static crate::vocabulary::Panel>,
        status: &'static str,
    ) -> Result<(), Fault> {
        component.refuse_modifiers()?;
        let missing = || Fault::new(Reason::UnknownMetric, "is missing").at("code");
        let code = Concept::of(component, "code")?.ok_or_else(missing)?;
        let meaning = metric::meaning(&code, panel).at("code")?;
        let left = self.budget.saturating_sub(self.rows.len());
        let content = match value::content(component, meaning.metric, left)? {
            Content::Nothing => {
                let reason = without_value(status).ok_or_else(|| {
                    Fault::new(Reason::BadValue, "is missing, and no reason is given")
                        .at("value[x]")
                })?;
                Content::One(Reading::absent(reason))
            }
            content => content,
        };
        self.add(meaning, content, component).at("code")
    }

    fn add(
        &mut self,
        meaning: Meaning,
        content: Content,
        holder: &Object<'_>,
    ) -> Result<(), Fault> {
        if !self.seen.insert(meaning.key().to_owned()) {
            let what = "means the same as another one of this Observation";
            return Err(Fault::new(Reason::BadValue, what));
        }
        let interpretation = interpretation(holder)?;
        let Effective { start, end } = self.effective;
        match content {
            Content::Nothing => {}
            Content::One(reading) => self.rows.push(Row {
                meaning,
                reading,
                interpretation,
                start,
                end,
            }),
            Content::Samples(samples) => {
                for sample in samples {
                    let start = start.checked_add(sample.offset).ok_or_else(|| {
                        Fault::new(Reason::BadTime, "has samples beyond all time")
                    })?;
                    self.rows.push(Row {
                        meaning: meaning.clone(),
                        reading: sample.reading,
                        interpretation: interpretation.clone(),
                        start,
                        end: None,
                    });
                }
            }
        }
        if self.rows.len() > self.budget {
            let what = format!("brings the message to more than {MAX_ROWS} readings");
            return Err(Fault::new(Reason::TooManyRecords, what));
        }
        Ok(())
    }
}

/// The first code that the table knows, else the first in words.
fn interpretation(holder: &Object<'_>) -> Result<Option<String>, Fault> {
    let mut words = None;
    for (index, object) in holder.objects("interpretation")?.iter().enumerate() {
        let within = |fault: Fault| fault.in_item(index).at("interpretation");
        let concept = Concept::read(object).map_err(within)?;
        let codes = concept.codings.iter().filter_map(|c| c.code.as_deref());
        if let Some(known) = codes.into_iter().find_map(codes::interpretation_code) {
            return Ok(Some(known.to_owned()));
        }
        if words.is_none() {
            words = concept.label().map_err(within)?;
        }
    }
    Ok(words)
}
