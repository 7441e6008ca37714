//! Vocabulary, payload codecs and FHIR Observations: pure functions from bytes to measurements
