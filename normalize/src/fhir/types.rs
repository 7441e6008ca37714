//! The parts of the Observation resource that are written.

use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

type Text = Cow<'static, str>;

/// A FHIR R4 Observation, ready to be written.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    pub(super) resource_type: &'static str,
    pub(super) id: String,
    #[serde(skip)]
    pub(super) patient: String,
    pub(super) meta: Meta,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) extension: Vec<Extension>,
    pub(super) identifier: [Identifier; 1],
    pub(super) status: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) category: Vec<Concept>,
    pub(super) code: Concept,
    pub(super) subject: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encounter: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effective_period: Option<Period>,
    pub(super) issued: String,
    #[serde(flatten)]
    pub(super) value: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) interpretation: Vec<Concept>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) note: Vec<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body_site: Option<Concept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<Concept>,
    pub(super) device: Reference,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) component: Vec<Component>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) version_id: String,
    pub(super) last_updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) security: Vec<Coding>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extension {
    pub(super) url: &'static str,
    pub(super) value_reference: Reference,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Identifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<Text>,
    pub(super) value: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Reference {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identifier: Option<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Period {
    pub(super) start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Coding {
    pub(super) system: &'static str,
    pub(super) code: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<Text>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Concept {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) coding: Vec<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Text>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Note {
    pub(super) text: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Quantity {
    pub(super) value: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Component {
    pub(super) code: Concept,
    #[serde(flatten)]
    pub(super) value: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) interpretation: Vec<Concept>,
}

/// `value[x]`, or why there is none. A panel itself has neither.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Value {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_quantity: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_codeable_concept: Option<Concept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_boolean: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_string: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_absent_reason: Option<Concept>,
}
