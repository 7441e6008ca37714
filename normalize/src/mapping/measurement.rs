//! What a device mapping makes of an event (specification 1.9): strings, in template order.

use super::ticks::Ticks;

/// One normalised measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement<'a> {
    /// The template's `typeName`: the join key to the FHIR mapping.
    pub type_name: &'a str,
    pub occurrence: Ticks,
    /// As the event names it.
    pub device_id: &'a str,
    pub patient_id: Option<&'a str>,
    pub encounter_id: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
    pub properties: &'a [Property<'a>],
}

/// A named value of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    pub name: &'a str,
    pub value: &'a str,
}
