//! A template with its constant parts written out.

use super::{Options, enrich, identity, sampled, words};
use crate::mapping::Compat;
use crate::mapping::document::fhir::{CodeValueFhir, Coding, Concept, ValueTemplate, ValueType};
use crate::mapping::rows::RowPlan;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;
use std::collections::HashMap;

/// A compiled template.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) template: CodeValueFhir,
    pub(super) category: Option<Box<RawValue>>,
    pub(super) code: Box<RawValue>,
    /// Names of the properties that are read, and their place among the samples of a group.
    pub(super) names: HashMap<String, usize>,
    pub(super) value: Option<ValuePlan>,
    pub(super) components: Vec<ComponentPlan>,
    pub(super) profile: Option<enrich::Claim>,
    /// How the properties that are read become rows, by place.
    pub(crate) rows: Vec<RowPlan>,
}

#[derive(Debug, Clone)]
pub(super) struct ValuePlan {
    /// Place among the samples.
    pub(super) name: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Sampled {
        /// 100 ns; under 1 when the document's is not positive.
        period: i64,
        /// Milliseconds, as written.
        printed: Box<RawValue>,
        unit: Option<String>,
    },
    Quantity {
        unit: Option<String>,
        system: Option<String>,
        code: Option<String>,
    },
    /// `None` when the document's has neither text nor codes.
    Concept(Option<Box<RawValue>>),
    Text,
}

#[derive(Debug, Clone)]
pub(super) struct ComponentPlan {
    pub(super) code: Box<RawValue>,
    /// The code that names the value.
    pub(super) value_code: String,
    pub(super) value: ValuePlan,
}

#[derive(Serialize)]
struct CodeableConcept<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coding: Vec<Code<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct Code<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<Cow<'a, str>>,
}

impl<'a> CodeableConcept<'a> {
    fn new(codes: &'a [Coding], text: Option<&'a str>, compat: Compat) -> Self {
        let string = |text: &'a Option<String>| words::string(text.as_deref()?, compat);
        let code = |text: &'a Option<String>| words::code(text.as_deref()?, compat);
        let coding = codes.iter().map(|coding| Code {
            system: code(&coding.system),
            code: code(&coding.code),
            display: string(&coding.display),
        });
        Self {
            coding: coding
                .filter(|c| c.system.is_some() || c.code.is_some() || c.display.is_some())
                .collect(),
            text: text.and_then(|text| words::string(text, compat)),
        }
    }

    /// Codes as mapped, then the one that names type or value.
    fn named(codes: &'a [Coding], name: &'a str, compat: Compat) -> Self {
        let mut concept = Self::new(codes, Some(name), compat);
        concept.coding.push(Code {
            system: Some(identity::system(compat).into()),
            code: words::code(name, compat),
            display: words::string(name, compat),
        });
        concept
    }

    fn is_empty(&self) -> bool {
        self.coding.is_empty() && self.text.is_none()
    }

    fn of(concept: &'a Concept, compat: Compat) -> Option<Self> {
        let concept = Self::new(&concept.codes, concept.text.as_deref(), compat);
        (!concept.is_empty()).then_some(concept)
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("texts and lists are JSON")
}

impl Plan {
    pub(crate) fn new(template: CodeValueFhir, options: Options) -> Self {
        let mut names = HashMap::new();
        let mut value_of = |value: &ValueTemplate, codes: &[Coding]| {
            let next = names.len();
            ValuePlan {
                name: *names.entry(value.value_name.clone()).or_insert(next),
                kind: kind(&value.kind, codes, options),
            }
        };
        let value = template
            .value
            .as_ref()
            .map(|value| value_of(value, &template.codes));
        let components: Vec<ComponentPlan> = template
            .components
            .iter()
            .map(|component| ComponentPlan {
                code: raw(&CodeableConcept::named(
                    &component.codes,
                    &component.value.value_name,
                    options.compat,
                )),
                value_code: words::code(&component.value.value_name, options.compat)
                    .unwrap_or_default()
                    .into_owned(),
                value: value_of(&component.value, &component.codes),
            })
            .collect();
        let mut categories: Vec<CodeableConcept<'_>> = template
            .category
            .iter()
            .filter_map(|concept| CodeableConcept::of(concept, options.compat))
            .collect();
        let vital = Concept {
            text: None,
            codes: vec![enrich::vital_signs()],
        };
        if options.enrich && enrich::is_vital_sign(&template) {
            categories.extend(CodeableConcept::of(&vital, options.compat));
        }
        let category = (!categories.is_empty()).then(|| raw(&categories));
        let code = raw(&CodeableConcept::named(
            &template.codes,
            &template.type_name,
            options.compat,
        ));
        let profile = options
            .enrich
            .then(|| enrich::claim(&template, value.as_ref(), &components))
            .flatten();
        let rows = RowPlan::of_template(&template, &names);
        Self {
            template,
            category,
            code,
            names,
            value,
            components,
            profile,
            rows,
        }
    }

    /// The place of a property that is read.
    pub(crate) fn place(&self, value_name: &str) -> Option<usize> {
        self.names.get(value_name).copied()
    }

    /// Everything that reads the property at `place`.
    pub(super) fn readers(&self, place: usize) -> impl Iterator<Item = &Kind> {
        let components = self.components.iter().map(|component| &component.value);
        self.value
            .iter()
            .chain(components)
            .filter(move |value| value.name == place)
            .map(|value| &value.kind)
    }

    /// Gives values of different names that would share row ids a channel each.
    pub(super) fn separate_rows(plans: &mut [Self]) {
        RowPlan::separate(plans.iter_mut().flat_map(|plan| plan.rows.iter_mut()));
    }
}

fn kind(value: &ValueType, codes: &[Coding], options: Options) -> Kind {
    let compat = options.compat;
    let owned = |text: &Option<String>| Some(words::string(text.as_deref()?, compat)?.into_owned());
    let coded = |text: &Option<String>| Some(words::code(text.as_deref()?, compat)?.into_owned());
    match value {
        ValueType::SampledData { period_ms, unit } => {
            let printed = if period_ms.is_finite() {
                period_ms.to_string()
            } else {
                "0".to_owned()
            };
            Kind::Sampled {
                period: sampled::period(*period_ms),
                printed: RawValue::from_string(printed).expect("a finite double is JSON"),
                unit: owned(unit),
            }
        }
        ValueType::Quantity { unit, system, code } => {
            let (mut system, mut code) = (coded(system), coded(code));
            if options.enrich {
                enrich::unit(codes, unit.as_deref(), &mut system, &mut code);
            }
            Kind::Quantity {
                unit: owned(unit),
                system,
                code,
            }
        }
        ValueType::CodeableConcept(concept) => {
            Kind::Concept(CodeableConcept::of(concept, compat).map(|concept| raw(&concept)))
        }
        ValueType::String => Kind::Text,
    }
}
