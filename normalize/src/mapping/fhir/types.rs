//! The parts of the Observation resource that a mapping produces.

use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource<'a> {
    pub(super) resource_type: &'static str,
    pub(super) id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<Meta>,
    pub(super) identifier: [Identifier<'a>; 1],
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<&'a RawValue>,
    pub(super) code: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encounter: Option<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_period: Option<Period>,
    pub(super) issued: String,
    #[serde(flatten)]
    pub(super) value: Option<Value<'a>>,
    pub(super) device: Reference<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) component: Vec<Component<'a>>,
}

#[derive(Serialize)]
pub(super) struct Meta {
    pub(super) profile: [&'static str; 1],
}

#[derive(Serialize)]
pub(super) struct Identifier<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<&'a str>,
    pub(super) value: Cow<'a, str>,
}

/// Literal, or (for a name that is no FHIR id) logical.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reference<'a> {
    Reference(String),
    Identifier(Identifier<'a>),
}

#[derive(Serialize)]
pub(super) struct Period {
    pub(super) start: String,
    pub(super) end: String,
}

#[derive(Serialize)]
pub(super) struct Component<'a> {
    pub(super) code: &'a RawValue,
    #[serde(flatten)]
    pub(super) value: Value<'a>,
}

/// `value[x]`.
#[derive(Serialize)]
pub(super) enum Value<'a> {
    #[serde(rename = "valueQuantity")]
    Quantity(Quantity<'a>),
    #[serde(rename = "valueSampledData")]
    SampledData(SampledData<'a>),
    #[serde(rename = "valueCodeableConcept")]
    CodeableConcept(&'a RawValue),
    #[serde(rename = "valueString")]
    String(String),
}

#[derive(Serialize)]
pub(super) struct Quantity<'a> {
    pub(super) value: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct SampledData<'a> {
    pub(super) origin: Origin<'a>,
    /// Milliseconds.
    pub(super) period: &'a RawValue,
    pub(super) dimensions: u8,
    pub(super) data: String,
}

#[derive(Serialize)]
pub(super) struct Origin<'a> {
    pub(super) value: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<&'a str>,
}
