//! The typed FHIR mapping document: `CollectionFhir` of `CodeValueFhir` (specification 2.1).

use super::At;

/// A whole document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FhirDocument {
    pub templates: Vec<CodeValueFhir>,
}

/// What one measurement type becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeValueFhir {
    /// Its place in the document's array, from 0.
    pub index: usize,
    pub at: At,
    pub type_name: String,
    pub period: PeriodInterval,
    pub category: Vec<Concept>,
    pub codes: Vec<Coding>,
    pub value: Option<ValueTemplate>,
    pub components: Vec<Component>,
}

/// Which measurements share an Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeriodInterval {
    CorrelationId,
    #[default]
    Single,
    Hourly,
    Daily,
}

/// A FHIR CodeableConcept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Concept {
    pub text: Option<String>,
    pub codes: Vec<Coding>,
}

/// A FHIR Coding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coding {
    pub code: Option<String>,
    pub system: Option<String>,
    pub display: Option<String>,
}

/// A component: its codes and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    pub codes: Vec<Coding>,
    pub value: ValueTemplate,
}

/// Which property is read and what it becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTemplate {
    /// Case-sensitive name of the property.
    pub value_name: String,
    /// Where the document has the value.
    pub at: At,
    pub kind: ValueType,
}

/// The types of value a FHIR mapping knows.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueType {
    SampledData {
        /// `defaultPeriod`: milliseconds between samples.
        period_ms: f64,
        unit: Option<String>,
    },
    Quantity {
        unit: Option<String>,
        system: Option<String>,
        code: Option<String>,
    },
    /// Constant; the measured value only signals presence.
    CodeableConcept(Concept),
    String,
}
