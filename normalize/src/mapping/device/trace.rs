//! What every expression of a mapping gives for an event, for authors.

use super::evaluate::{Failure, Run};
use super::plan::{Part, Role, Template};
use super::{DeviceMapping, EventError};
use crate::mapping::Budget;
use crate::mapping::jmespath::Scope;
use crate::mapping::measurement::Measurement;
use crate::mapping::value::Value;

/// What one template makes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateTrace<'a> {
    /// Place in the document's array, from 0.
    pub template: usize,
    pub type_name: &'a str,
    /// `templateType`.
    pub kind: &'static str,
    /// The type's expression; its value is the number of tokens.
    pub type_match: Step<'a>,
    pub matches: Vec<MatchTrace<'a>>,
}

/// What a matched token becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchTrace<'a> {
    /// The token as JSON, cut at 400 characters.
    pub token: String,
    /// Every expression, also those behind the first that fails.
    pub steps: Vec<Step<'a>>,
    pub measurement: Result<Measurement<'a>, EventError>,
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// `deviceIdExpression`, `valueExpression hr`.
    pub role: String,
    /// `JsonPath` or `JmesPath`.
    pub language: &'static str,
    pub text: &'a str,
    /// JSON, cut at 400 characters; `None` if it selects nothing; else what is wrong.
    pub value: Result<Option<String>, String>,
}

/// Longer JSON is cut.
const SHOWN: usize = 400;

impl DeviceMapping {
    /// Each template's matches and each expression's value. Measurements are those of [`DeviceMapping::evaluate`] but
    /// for its all or nothing.
    ///
    /// # Errors
    /// [`EventError`] if the event is no object.
    pub fn trace<'a>(
        &'a self,
        event: Value<'a>,
        scope: &Scope<'a>,
        budget: &mut Budget,
    ) -> Result<Vec<TemplateTrace<'a>>, EventError> {
        let mut run = Run::new(self, event, scope, budget)?;
        Ok(self
            .templates
            .iter()
            .map(|template| trace(&mut run, template))
            .collect())
    }
}

fn trace<'a>(run: &mut Run<'a, '_>, template: &'a Template) -> TemplateTrace<'a> {
    let mut tokens = Vec::new();
    let selected = run.tokens(&template.type_match, &mut tokens);
    let selected = selected.map(|()| (!tokens.is_empty()).then(|| tokens.len().to_string()));
    let matches = tokens.into_iter().map(|token| MatchTrace {
        token: shown(token),
        steps: steps(run, template, token),
        measurement: run.measurement(template, token),
    });
    let matches = matches.collect();
    TemplateTrace {
        template: template.index,
        type_name: &template.type_name,
        kind: template.kind.as_str(),
        type_match: step(&template.type_match, "", selected),
        matches,
    }
}

fn steps<'a>(run: &mut Run<'a, '_>, template: &'a Template, token: Value<'a>) -> Vec<Step<'a>> {
    run.next_token();
    let ids = [
        &template.correlation_id,
        &template.patient_id,
        &template.encounter_id,
    ];
    let parts = std::iter::once(&template.device_id)
        .chain(&template.timestamps)
        .chain(ids.into_iter().flatten())
        .map(|part| (part, ""));
    let values = template
        .values
        .iter()
        .map(|value| (&value.part, value.name.as_str()));
    let mut step_of = |(part, name): (&'a Part, &str)| {
        let value = run.value(part, token);
        step(part, name, value.map(|value| value.map(shown)))
    };
    parts.chain(values).map(&mut step_of).collect()
}

fn step<'a>(part: &'a Part, name: &str, value: Result<Option<String>, Failure>) -> Step<'a> {
    let role = part.role.as_str();
    Step {
        role: if part.role == Role::Value {
            format!("{role} {name}")
        } else {
            role.to_owned()
        },
        language: part.language.as_str(),
        text: &part.text,
        value: value.map_err(|failure| failure.detail),
    }
}

fn shown(value: Value<'_>) -> String {
    let mut json = String::new();
    // A character has four bytes at most.
    value.write_json_start(4 * (SHOWN + 1), &mut json);
    if let Some((cut, _)) = json.char_indices().nth(SHOWN) {
        json.truncate(cut);
        json.push('…');
    }
    json
}
