//! What a measurement must have to be part of an Observation.

use super::plan::{Kind, Plan};
use super::{FhirMapping, ProblemReason, Unfit, identity, number};
use crate::mapping::Compat;
use crate::mapping::measurement::Measurement;

impl FhirMapping {
    /// Whether this measurement, by itself, can be part of an Observation. [`super::groups`] asks the same.
    ///
    /// # Errors
    /// No template for its type, no correlation id where one is wanted, a value that its type cannot have.
    pub fn check(&self, measurement: &Measurement<'_>) -> Result<(), Unfit> {
        self.fitting(measurement).map(|_| ())
    }

    /// The plan of a measurement that passes [`Self::check`].
    pub(super) fn fitting(&self, measurement: &Measurement<'_>) -> Result<&Plan, Unfit> {
        let type_name = measurement.type_name;
        let plan = self.plan(type_name).ok_or_else(|| Unfit {
            reason: ProblemReason::NoTemplate,
            detail: format!("the FHIR mapping has no template for type {type_name:?}"),
        })?;
        let time = measurement.occurrence;
        let correlation = measurement.correlation_id;
        if identity::segment(plan.template.period, time, correlation).is_none() {
            return Err(Unfit {
                reason: ProblemReason::NoCorrelationId,
                detail: format!("type {type_name:?} groups by correlation id, and there is none"),
            });
        }
        for property in measurement.properties {
            let Some(place) = plan.place(property.name) else {
                continue;
            };
            for kind in plan.readers(place) {
                fits(kind, property.value, self.options.compat).map_err(|(reason, what)| {
                    Unfit {
                        reason,
                        detail: format!("value {:?} of type {type_name:?} {what}", property.name),
                    }
                })?;
            }
        }
        Ok(plan)
    }
}

fn fits(kind: &Kind, text: &str, compat: Compat) -> Result<(), (ProblemReason, &'static str)> {
    match kind {
        Kind::Quantity { .. } if number(text, compat).is_none() => Err((
            ProblemReason::BadQuantity,
            "is no number, and becomes a Quantity",
        )),
        Kind::Sampled { .. }
            if compat == Compat::Default
                && text
                    .trim()
                    .contains(|c: char| c.is_whitespace() || c.is_control()) =>
        {
            Err((
                ProblemReason::BadSample,
                "holds white space, which separates samples, or control characters",
            ))
        }
        _ => Ok(()),
    }
}
