//! Opaque ids and names.

use super::{Error, Result};

/// Crockford base32, lowercase.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// FHIR's rule for ids, which topics use too: `[A-Za-z0-9.-]{1,64}`.
pub(super) fn valid(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Refuses anything but an opaque id.
pub(super) fn check(entity: &'static str, field: &'static str, id: &str) -> Result<()> {
    if valid(id) {
        Ok(())
    } else {
        Err(Error::invalid(
            entity,
            field,
            "must be 1 to 64 of letters, digits, '.' and '-'",
        ))
    }
}

/// The same for a field that may be absent.
pub(super) fn check_option(
    entity: &'static str,
    field: &'static str,
    id: Option<&str>,
) -> Result<()> {
    id.map_or(Ok(()), |id| check(entity, field, id))
}

/// Longest free text (name, model, tag, identifier): a registry is no document store.
const MAX_TEXT: usize = 256;

/// Refuses empty, very long or control-character text.
pub(super) fn check_text(entity: &'static str, field: &'static str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        Err(Error::invalid(entity, field, "must not be empty"))
    } else if text.len() > MAX_TEXT {
        Err(Error::invalid(
            entity,
            field,
            format!("is longer than {MAX_TEXT} bytes"),
        ))
    } else if text.chars().any(char::is_control) {
        Err(Error::invalid(
            entity,
            field,
            "contains a control character",
        ))
    } else {
        Ok(())
    }
}

/// The same for a field that may be absent.
pub(super) fn check_text_option(
    entity: &'static str,
    field: &'static str,
    text: Option<&str>,
) -> Result<()> {
    text.map_or(Ok(()), |text| check_text(entity, field, text))
}

/// A new opaque id: 80 random bits in 16 characters. Two of a billion ids collide with
/// probability 4e-7, and then the insert is refused.
pub(super) fn generate() -> String {
    let bytes: [u8; 16] = rand::random();
    bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b % 32)]))
        .collect()
}
