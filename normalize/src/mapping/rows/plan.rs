//! How the properties that a template reads become rows.

use crate::fhir::{LOINC, UCUM};
use crate::mapping::document::fhir::{CodeValueFhir, Coding, ValueTemplate, ValueType};
use crate::units;
use crate::vocabulary::{self, Metric};
use std::collections::HashMap;

/// What is read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Nothing.
    Text,
    /// JSON number syntax.
    Plain,
    /// What a Quantity takes.
    Quantity,
}

/// One property of a template.
#[derive(Debug, Clone)]
pub(crate) struct RowPlan {
    /// LOINC, or `local:{type}/{value}`.
    pub(crate) code: String,
    /// The vocabulary's only one for the code.
    pub(crate) metric: Option<&'static Metric>,
    pub(crate) unit: Option<String>,
    pub(crate) read: Read,
    /// Set when another property of the mapping has the same metric.
    pub(crate) channel: Option<String>,
    /// `{type}.{value}`.
    name: String,
}

/// The first LOINC code.
pub(crate) fn loinc(codes: &[Coding]) -> Option<&str> {
    codes
        .iter()
        .find(|coding| coding.system.as_deref() == Some(LOINC))
        .and_then(|coding| coding.code.as_deref())
        .filter(|code| !code.is_empty())
}

impl RowPlan {
    /// The properties of a template by their places. A component's codes go before the template's.
    pub(crate) fn of_template(
        template: &CodeValueFhir,
        places: &HashMap<String, usize>,
    ) -> Vec<Self> {
        let components = template
            .components
            .iter()
            .map(|component| (&component.value, component.codes.as_slice()));
        let own = template
            .value
            .iter()
            .map(|value| (value, template.codes.as_slice()));
        let mut plans: Vec<Option<Self>> = vec![None; places.len()];
        for (value, codes) in components.chain(own) {
            let place = places.get(&value.value_name);
            if let Some(free @ None) = place.and_then(|place| plans.get_mut(*place)) {
                *free = Some(Self::new(&template.type_name, value, codes));
            }
        }
        plans.into_iter().flatten().collect()
    }

    fn new(type_name: &str, value: &ValueTemplate, codes: &[Coding]) -> Self {
        let code = loinc(codes);
        let metric = match code.map_or(&[][..], vocabulary::by_loinc) {
            [only] => Some(*only),
            _ => None,
        };
        let (read, unit) = match &value.kind {
            ValueType::SampledData { unit, .. } => (Read::Plain, unit.as_ref()),
            ValueType::Quantity { unit, system, code } => {
                let ucum = code
                    .as_ref()
                    .filter(|code| system.as_deref() == Some(UCUM) && !code.is_empty());
                (Read::Quantity, ucum.or(unit.as_ref()))
            }
            ValueType::CodeableConcept(_) | ValueType::String => (Read::Text, None),
        };
        Self {
            code: code.map_or_else(
                || format!("local:{type_name}/{}", value.value_name),
                str::to_owned,
            ),
            metric,
            unit: unit
                .map(|unit| units::canonical(unit).as_str().to_owned())
                .filter(|unit| !unit.is_empty()),
            read,
            channel: None,
            name: format!("{type_name}.{}", value.value_name),
        }
    }

    /// What rows are told apart by beside channel and time.
    fn key(&self) -> &str {
        self.metric
            .and_then(Metric::mdc_id)
            .unwrap_or(self.code.as_str())
    }

    /// Gives all properties that share a metric a channel.
    pub(crate) fn separate<'a>(plans: impl Iterator<Item = &'a mut Self>) {
        let plans: Vec<&mut Self> = plans.collect();
        let mut uses: HashMap<String, usize> = HashMap::new();
        for plan in &plans {
            *uses.entry(plan.key().to_owned()).or_default() += 1;
        }
        for plan in plans {
            if uses.get(plan.key()).is_some_and(|uses| *uses > 1) {
                plan.channel = Some(plan.name.clone());
            }
        }
    }
}
