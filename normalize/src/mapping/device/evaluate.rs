//! One event through the plan (specification 1.3 to 1.7).

use bumpalo::collections::Vec as ArenaVec;

use super::plan::{Code, MATCHED, Part, Place, Role, Template};
use super::{DeviceMapping, EventError, EventReason};
use crate::mapping::document::device::Language;
use crate::mapping::jmespath::{EvalError, Scope};
use crate::mapping::jsonpath::Single;
use crate::mapping::measurement::{Measurement, Property};
use crate::mapping::ticks::Ticks;
use crate::mapping::value::{Number, Value};
use crate::mapping::{Budget, Compat, OutOfBudget};

/// Steps that a match costs before its expressions: its measurement takes memory, about eight bytes a step, so that
/// the budget of an event bounds that too.
const MATCH_STEPS: u64 = 16;
/// The same for a property, and for a member of a root with `matchedToken`.
const PROPERTY_STEPS: u64 = 4;

impl DeviceMapping {
    /// Appends the measurements of an event: templates in the document's order, matches in theirs. An event that no
    /// template matches appends nothing.
    ///
    /// # Errors
    /// [`EventError`] for the first thing that is wrong; then nothing is appended.
    pub fn evaluate<'a>(
        &'a self,
        event: Value<'a>,
        scope: &Scope<'a>,
        budget: &mut Budget,
        out: &mut Vec<Measurement<'a>>,
    ) -> Result<(), EventError> {
        let before = out.len();
        let mut run = Run::new(self, event, scope, budget)?;
        let mut tokens = Vec::new();
        for template in &self.templates {
            tokens.clear();
            let result = run
                .tokens(&template.type_match, &mut tokens)
                .map_err(|failure| failure.of(template, &template.type_match))
                .and_then(|()| {
                    out.reserve(tokens.len());
                    for token in &tokens {
                        out.push(run.measurement(template, *token)?);
                    }
                    Ok(())
                });
            if let Err(error) = result {
                out.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The state of one event.
pub(super) struct Run<'a, 'b> {
    event: Value<'a>,
    scope: &'b Scope<'a>,
    budget: &'b mut Budget,
    /// Results that hold for the whole event, by slot.
    kept: &'b mut [Option<Option<Value<'a>>>],
    /// The root with `matchedToken`, once an expression of this match has asked for it.
    scoped: Option<Value<'a>>,
}

/// What is wrong; the expression is added by whoever knows it.
#[derive(Debug)]
pub(super) struct Failure {
    reason: EventReason,
    pub(super) detail: String,
}

impl Failure {
    fn new(reason: EventReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    #[cold]
    pub(super) fn of(self, template: &Template, part: &Part) -> EventError {
        let name = template
            .values
            .iter()
            .find(|value| std::ptr::eq(&raw const value.part, part));
        let name = name.map_or_else(String::new, |value| format!(" {}", value.name));
        EventError {
            reason: self.reason,
            template: template.index,
            type_name: template.type_name.clone(),
            expression: format!("{}{name} `{}`", part.role.as_str(), part.text),
            detail: self.detail,
        }
    }
}

impl From<OutOfBudget> for Failure {
    fn from(error: OutOfBudget) -> Self {
        Self::new(EventReason::TooManySteps, error.to_string())
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::OutOfBudget(error) => error.into(),
            error => Self::new(EventReason::ExpressionError, error.to_string()),
        }
    }
}

impl<'a, 'b> Run<'a, 'b> {
    pub(super) fn new(
        mapping: &DeviceMapping,
        event: Value<'a>,
        scope: &'b Scope<'a>,
        budget: &'b mut Budget,
    ) -> Result<Self, EventError> {
        if !matches!(event, Value::Object(_)) {
            return Err(EventError {
                reason: EventReason::NotAnObject,
                template: 0,
                type_name: String::new(),
                expression: String::new(),
                detail: format!("expected an object, found {}", event.kind()),
            });
        }
        let kept = match mapping.slots {
            0 => &mut [],
            slots => scope.arena.alloc_slice_fill_copy(slots, None),
        };
        Ok(Self {
            event,
            scope,
            budget,
            kept,
            scoped: None,
        })
    }

    /// The tokens that a type's expression selects: each becomes one measurement.
    pub(super) fn tokens(
        &mut self,
        part: &'a Part,
        out: &mut Vec<Value<'a>>,
    ) -> Result<(), Failure> {
        match &part.code {
            Code::Names(names) => out.extend(self.walk(self.event, names)?),
            Code::Path(path) => path.select(self.event, self.budget, out)?,
            Code::JmesPath(expression) => {
                let selected = expression.select(self.event, self.scope, self.budget)?;
                match selected.value {
                    Value::Null => {}
                    Value::Array(elements) if selected.projection => {
                        out.extend_from_slice(elements)
                    }
                    _ if selected.projection => {}
                    value => out.push(value),
                }
            }
        }
        // JMESPath's null is no match; a node of JSONPath may be null.
        if part.language == Language::JmesPath {
            out.retain(|token| !token.is_null());
        }
        Ok(())
    }

    /// What an expression gives for a token: one value, or nothing.
    pub(super) fn value(
        &mut self,
        part: &'a Part,
        token: Value<'a>,
    ) -> Result<Option<Value<'a>>, Failure> {
        match part.place {
            Place::Token => self.one(&part.code, token),
            Place::Event(None) => self.one(&part.code, self.event),
            Place::Event(Some(slot)) => {
                if let Some(Some(kept)) = self.kept.get(slot) {
                    return Ok(*kept);
                }
                let value = self.one(&part.code, self.event)?;
                if let Some(kept) = self.kept.get_mut(slot) {
                    *kept = Some(value);
                }
                Ok(value)
            }
            Place::Scoped => {
                let root = self.root(token)?;
                self.one(&part.code, root)
            }
        }
    }

    fn one(&mut self, code: &'a Code, root: Value<'a>) -> Result<Option<Value<'a>>, Failure> {
        match code {
            Code::Names(names) => self.walk(root, names),
            Code::Path(path) => match path.single(root, self.budget)? {
                Single::None => Ok(None),
                Single::One(value) => Ok(Some(value)),
                Single::Many => Err(Failure::new(
                    EventReason::Ambiguous,
                    "selects more than one token where one is wanted",
                )),
            },
            Code::JmesPath(expression) => {
                Ok(Some(expression.evaluate(root, self.scope, self.budget)?))
            }
        }
    }

    fn walk(&mut self, root: Value<'a>, names: &[String]) -> Result<Option<Value<'a>>, Failure> {
        self.budget.take(1 + names.len() as u64)?;
        Ok(names.iter().try_fold(root, |value, name| value.get(name)))
    }

    /// The event's members, and `matchedToken`: in place of one of that name, else behind them.
    fn root(&mut self, token: Value<'a>) -> Result<Value<'a>, Failure> {
        if let Some(root) = self.scoped {
            return Ok(root);
        }
        let Value::Object(members) = self.event else {
            return Ok(self.event);
        };
        self.budget
            .take(PROPERTY_STEPS * (1 + members.len() as u64))?;
        let mut scoped = ArenaVec::with_capacity_in(members.len() + 1, self.scope.arena);
        scoped.extend_from_slice(members);
        match scoped.iter_mut().find(|(name, _)| *name == MATCHED) {
            Some(member) => member.1 = token,
            None => scoped.push((MATCHED, token)),
        }
        let root = Value::Object(scoped.into_bump_slice());
        self.scoped = Some(root);
        Ok(root)
    }

    /// Makes ready for the next token.
    pub(super) const fn next_token(&mut self) {
        self.scoped = None;
    }

    /// The measurement of a match; the parts in the order of specification 1.5.
    pub(super) fn measurement(
        &mut self,
        template: &'a Template,
        token: Value<'a>,
    ) -> Result<Measurement<'a>, EventError> {
        self.next_token();
        let steps = MATCH_STEPS + PROPERTY_STEPS * template.values.len() as u64;
        if let Err(error) = self.budget.take(steps) {
            return Err(Failure::from(error).of(template, &template.type_match));
        }
        let device_id = self.device_id(&template.device_id, token);
        let device_id = device_id.map_err(|failure| failure.of(template, &template.device_id))?;
        let occurrence = self.occurrence(&template.timestamps, token);
        let occurrence = occurrence.map_err(|(failure, part)| failure.of(template, part))?;
        let mut of = |part: &'a Option<Part>| match part {
            None => Ok(None),
            Some(part) => self
                .id(part, token)
                .map_err(|failure| failure.of(template, part)),
        };
        let correlation_id = of(&template.correlation_id)?;
        let patient_id = of(&template.patient_id)?;
        let encounter_id = of(&template.encounter_id)?;
        let mut properties = ArenaVec::with_capacity_in(template.values.len(), self.scope.arena);
        for value in &template.values {
            let text = self.property(&value.part, value.required, token);
            let text = text.map_err(|failure| failure.of(template, &value.part))?;
            if let Some(text) = text {
                properties.push(Property {
                    name: &value.name,
                    value: text,
                });
            }
        }
        Ok(Measurement {
            type_name: &template.type_name,
            occurrence,
            device_id,
            patient_id,
            encounter_id,
            correlation_id,
            properties: properties.into_bump_slice(),
        })
    }

    pub(super) fn device_id(
        &mut self,
        part: &'a Part,
        token: Value<'a>,
    ) -> Result<&'a str, Failure> {
        let value = self.value(part, token)?;
        let id = self
            .text(value)
            .map_err(|kind| not_a_scalar("a device's name", kind))?;
        id.filter(|id| !blank(id)).ok_or_else(|| {
            Failure::new(
                EventReason::MissingDevice,
                "the device's name is missing or blank",
            )
        })
    }

    /// The time, by the first expression that gives something.
    pub(super) fn occurrence(
        &mut self,
        parts: &'a [Part],
        token: Value<'a>,
    ) -> Result<Ticks, (Failure, &'a Part)> {
        let mut failure = None;
        for part in parts {
            match self.value(part, token).map_err(|failure| (failure, part))? {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if blank(text) => {}
                Some(value) => return time(value).map_err(|failure| (failure, part)),
            }
            let missing = || {
                (
                    Failure::new(EventReason::BadTime, "the time is missing or blank"),
                    part,
                )
            };
            failure.get_or_insert_with(missing);
        }
        Err(failure.expect("every template has an expression for its time"))
    }

    /// Patient and encounter may be absent, the correlation may not.
    pub(super) fn id(
        &mut self,
        part: &'a Part,
        token: Value<'a>,
    ) -> Result<Option<&'a str>, Failure> {
        let value = self.value(part, token)?;
        let id = self.text(value);
        if part.role == Role::CorrelationId {
            let id = id.map_err(|kind| not_a_scalar("a correlation id", kind))?;
            let id = id.filter(|id| !blank(id));
            return id.map(Some).ok_or_else(|| {
                Failure::new(
                    EventReason::MissingCorrelation,
                    "the correlation id is missing or blank",
                )
            });
        }
        // A blank name of a patient is none; the original hands it on.
        let strict = self.scope.compat == Compat::Strict;
        Ok(id.unwrap_or(None).filter(|id| strict || !blank(id)))
    }

    pub(super) fn property(
        &mut self,
        part: &'a Part,
        required: bool,
        token: Value<'a>,
    ) -> Result<Option<&'a str>, Failure> {
        let value = self.value(part, token)?;
        match self.text(value) {
            Ok(Some(text)) if required && blank(text) => Err(Failure::new(
                EventReason::MissingValue,
                "a required value is blank",
            )),
            Ok(Some(text)) => Ok(Some(text)),
            Ok(None) if required => Err(Failure::new(
                EventReason::MissingValue,
                "a required value is missing or null",
            )),
            Err(kind) if required => Err(not_a_scalar("a required value", kind)),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// The text of a value; the kind of what has none.
    fn text(&self, value: Option<Value<'a>>) -> Result<Option<&'a str>, &'static str> {
        let Some(value) = value else { return Ok(None) };
        match value {
            Value::String(text) => Ok(Some(text)),
            // As `to_text` has it, here for speed.
            Value::Number(Number::Text(text)) if self.scope.compat == Compat::Default => {
                Ok(Some(text))
            }
            value => {
                let text = value.to_text(self.scope.arena, self.scope.compat);
                text.transpose().map_err(|_| value.kind())
            }
        }
    }
}

fn time(value: Value<'_>) -> Result<Ticks, Failure> {
    let bad = |detail: String| Failure::new(EventReason::BadTime, detail);
    match value {
        Value::Date(ticks) => Ok(ticks),
        Value::String(text) => Ticks::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            bad(format!("`{shown}` is no date and time"))
        }),
        Value::Number(_) => Err(bad(
            "a number is no time; JMESPath's fromUnixTimestamp and fromUnixTimestampMs make one of it".to_owned(),
        )),
        value => Err(bad(format!("expected a date and time, found {}", value.kind()))),
    }
}

fn not_a_scalar(wanted: &str, kind: &str) -> Failure {
    Failure::new(
        EventReason::NotAScalar,
        format!("expected {wanted}, found {kind}"),
    )
}

fn blank(text: &str) -> bool {
    // Mostly the first byte tells.
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}
