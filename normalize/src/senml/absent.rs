//! FHIR's reasons for a missing value.

/// `http://terminology.hl7.org/CodeSystem/data-absent-reason` (R4), every code.
pub const DATA_ABSENT_REASONS: [&str; 15] = [
    "unknown",
    "asked-unknown",
    "temp-unknown",
    "not-asked",
    "asked-declined",
    "masked",
    "not-applicable",
    "unsupported",
    "as-text",
    "error",
    "not-a-number",
    "negative-infinity",
    "positive-infinity",
    "not-performed",
    "not-permitted",
];

/// Whether `code` is one of them.
#[must_use]
pub fn is_data_absent_reason(code: &str) -> bool {
    DATA_ABSENT_REASONS.contains(&code)
}
