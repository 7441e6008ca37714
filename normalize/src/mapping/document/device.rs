//! The typed device mapping document: `CollectionContent` (specification 1.2, 1.3).

use super::At;
use crate::mapping::jmespath::Expression;
use crate::mapping::jsonpath::{Path, SyntaxError};

/// A whole document. Templates with faults are left out of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceDocument {
    pub templates: Vec<DeviceTemplate>,
}

/// One inner template: which tokens of an event are measurements of a type, and where their parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTemplate {
    /// Its place in the document's array, from 0.
    pub index: usize,
    pub at: At,
    pub kind: TemplateKind,
    /// The join key to the FHIR mapping.
    pub type_name: String,
    pub type_match: ExpressionText,
    /// `None` where the kind fixes it ([`TemplateKind::fixed_device_id`]).
    pub device_id: Option<ExpressionText>,
    /// `None` where the kind fixes it ([`TemplateKind::fixed_timestamps`]).
    pub timestamp: Option<ExpressionText>,
    pub patient_id: Option<ExpressionText>,
    pub encounter_id: Option<ExpressionText>,
    /// Its value is required once it is defined.
    pub correlation_id: Option<ExpressionText>,
    pub values: Vec<ValueExpression>,
}

/// A named value of a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueExpression {
    pub name: String,
    pub at: At,
    pub expression: ExpressionText,
    pub required: bool,
}

/// An expression as written. Its syntax has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionText {
    pub text: String,
    pub language: Language,
    pub at: At,
}

/// The expression languages of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    #[default]
    JsonPath,
    JmesPath,
}

impl Language {
    /// As documents name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonPath => "JsonPath",
            Self::JmesPath => "JmesPath",
        }
    }
}

/// The types of template (specification 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateKind {
    /// Expressions see the whole event and `matchedToken`.
    Calculated,
    /// Expressions see the matched token alone, here and below.
    JsonPath,
    IotJsonPath,
    IotCentralJsonPath,
}

impl TemplateKind {
    pub const ALL: [Self; 4] = [
        Self::Calculated,
        Self::JsonPath,
        Self::IotJsonPath,
        Self::IotCentralJsonPath,
    ];

    /// `templateType` as documents name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calculated => "CalculatedContent",
            Self::JsonPath => "JsonPathContent",
            Self::IotJsonPath => "IotJsonPathContent",
            Self::IotCentralJsonPath => "IotCentralJsonPathContent",
        }
    }

    /// Where the device's name is, if the kind says so.
    #[must_use]
    pub const fn fixed_device_id(self) -> Option<&'static str> {
        match self {
            Self::Calculated | Self::JsonPath => None,
            Self::IotJsonPath => Some("$.SystemProperties.iothub-connection-device-id"),
            Self::IotCentralJsonPath => Some("$.deviceId"),
        }
    }

    /// Where the time is, if the kind says so; the first that is there counts.
    #[must_use]
    pub const fn fixed_timestamps(self) -> &'static [&'static str] {
        match self {
            Self::Calculated | Self::JsonPath => &[],
            Self::IotJsonPath => &[
                "$.Properties.iothub-creation-time-utc",
                "$.SystemProperties.iothub-enqueuedtime",
            ],
            Self::IotCentralJsonPath => &["$.enqueuedTime"],
        }
    }
}

impl Language {
    /// Whether `text` is an expression of the language.
    pub(super) fn check(self, text: &str) -> Result<(), SyntaxError> {
        match self {
            Self::JsonPath => Path::parse(text).map(drop),
            Self::JmesPath => Expression::parse(text).map(drop),
        }
    }
}
