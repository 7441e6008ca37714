//! A group as an Observation (specification 2.4, 2.5).

use super::plan::{Kind, ValuePlan};
use super::types::{
    Component, Identifier, Meta, Origin, Period, Quantity, Resource, SampledData, Value,
};
use super::{Group, Observation, ProblemReason, Unfit, identity, number, sampled, words};
use crate::mapping::Compat;
use crate::mapping::document::fhir::PeriodInterval;
use crate::mapping::ticks::Ticks;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// `effective[x]`.
pub(super) enum Effective {
    At(String),
    Over(Period),
}

/// A time as the Observation writes it.
pub(super) fn printed(time: Ticks, compat: Compat) -> String {
    match compat {
        Compat::Default => time.floor(10_000).format(),
        Compat::Strict => time.format_seven(),
    }
}

impl Group<'_> {
    /// The Observation of this group alone.
    ///
    /// # Errors
    /// Strict: several values where one may be. A SampledData with too many slots.
    pub fn observation(&self) -> Result<Observation, Unfit> {
        let plan = self.plan;
        let compat = self.options.compat;
        let identifier = self.identifier();
        let id = identity::id(&identifier, compat);
        let value = match &plan.value {
            Some(value) => self.value(value)?,
            None => None,
        };
        let mut component = Vec::new();
        for part in &plan.components {
            if let Some(value) = self.value(&part.value)? {
                component.push(Component {
                    code: &part.code,
                    value,
                });
            }
        }
        let (effective_date_time, effective_period) = match self.effective() {
            Effective::At(time) => (Some(time), None),
            Effective::Over(period) => (None, Some(period)),
        };
        let conforms = |needs: &[usize]| {
            self.patient.is_some()
                && needs
                    .iter()
                    .all(|&at| self.samples.get(at).is_some_and(|list| !list.is_empty()))
        };
        let claim = plan.profile.as_ref().filter(|claim| conforms(&claim.needs));
        let resource = Resource {
            resource_type: "Observation",
            id: &id,
            meta: claim.map(|claim| Meta {
                profile: [claim.profile],
            }),
            identifier: [Identifier {
                system: Some(identity::system(compat)),
                value: Cow::Borrowed(&identifier),
            }],
            status: if self.amended { "amended" } else { "final" },
            category: plan.category.as_deref(),
            code: &plan.code,
            subject: self
                .patient
                .map(|id| identity::reference("Patient", id, compat)),
            encounter: self
                .encounter()
                .map(|id| identity::reference("Encounter", id, compat)),
            effective_date_time,
            effective_period,
            issued: Ticks(self.received.saturating_mul(10))
                .floor(10_000)
                .format(),
            value,
            device: identity::reference("Device", self.device, compat),
            component,
        };
        let json = serde_json::to_string(&resource).expect("texts, lists and numbers are JSON");
        Ok(Observation {
            id,
            subject: self.patient.map(str::to_owned),
            device: self.device.to_owned(),
            json,
        })
    }

    pub(super) fn effective(&self) -> Effective {
        let compat = self.options.compat;
        if compat == Compat::Default && self.plan.template.period == PeriodInterval::Single {
            return Effective::At(printed(self.start, compat));
        }
        Effective::Over(Period {
            start: printed(self.start, compat),
            end: printed(self.end, compat),
        })
    }

    /// The value that `plan` makes of the group's; `None` when the group has none for it.
    pub(super) fn value<'s>(&'s self, plan: &'s ValuePlan) -> Result<Option<Value<'s>>, Unfit> {
        self.value_over(plan, self.start, self.end)
    }

    /// [`Self::value`], with samples over another window.
    pub(super) fn value_over<'s>(
        &'s self,
        plan: &'s ValuePlan,
        start: Ticks,
        end: Ticks,
    ) -> Result<Option<Value<'s>>, Unfit> {
        let compat = self.options.compat;
        let Some(samples) = self.samples.get(plan.name).filter(|list| !list.is_empty()) else {
            return Ok(None);
        };
        let single = matches!(plan.kind, Kind::Quantity { .. } | Kind::Text);
        if single && !self.latest && samples.len() > 1 {
            return Err(Unfit {
                reason: ProblemReason::SeveralValues,
                detail: format!(
                    "type {:?} has {} values where its Observation may have one",
                    self.plan.template.type_name,
                    samples.len()
                ),
            });
        }
        let mut latest = samples.iter().rev();
        Ok(match &plan.kind {
            Kind::Quantity { unit, system, code } => latest
                .find_map(|sample| number(&sample.text, compat))
                .map(|number| {
                    Value::Quantity(Quantity {
                        value: RawValue::from_string(number.into_owned())
                            .expect("a checked number is JSON"),
                        unit: unit.as_deref(),
                        system: system.as_deref(),
                        code: code.as_deref(),
                    })
                }),
            Kind::Text => latest
                .find_map(|sample| text(&sample.text, compat))
                .map(Value::String),
            Kind::Concept(concept) => concept.as_deref().map(Value::CodeableConcept),
            Kind::Sampled {
                period,
                printed,
                unit,
            } => {
                let values = self.series(plan);
                if values.is_empty() {
                    return Ok(None);
                }
                let data =
                    sampled::data(start, end, *period, &values).ok_or_else(|| self.too_many())?;
                Some(Value::SampledData(SampledData {
                    origin: Origin {
                        value: 0,
                        unit: unit.as_deref(),
                    },
                    period: printed,
                    dimensions: 1,
                    data,
                }))
            }
        })
    }

    /// The values of a SampledData, in order of time.
    pub(super) fn series(&self, plan: &ValuePlan) -> Vec<sampled::At<'_>> {
        let strict = self.options.compat == Compat::Strict;
        self.samples
            .get(plan.name)
            .into_iter()
            .flatten()
            .map(|sample| {
                let text: &str = &sample.text;
                (sample.time, if strict { text } else { text.trim() })
            })
            .filter(|(_, text)| strict || !text.is_empty())
            .collect()
    }

    pub(super) fn too_many(&self) -> Unfit {
        Unfit {
            reason: ProblemReason::TooManySamples,
            detail: format!(
                "type {:?}: between the ends of its window are more than {} periods",
                self.plan.template.type_name,
                sampled::MAX_SLOTS
            ),
        }
    }
}

/// The text of a String; strict: as it is, even empty.
fn text(text: &str, compat: Compat) -> Option<String> {
    match compat {
        Compat::Default => words::string(text, compat).map(Cow::into_owned),
        Compat::Strict => Some(text.to_owned()),
    }
}
