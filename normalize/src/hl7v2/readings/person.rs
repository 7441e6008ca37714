//! Identifiers of patient, bed and encounter, and body sites, as read. Nothing else of a person is looked at.

use super::super::message::{Field, Message};
use super::super::repair::Repairs;
use crate::senml::MAX_TEXT;

/// Identifiers as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) patient: Option<String>,
    pub(super) bed: Option<String>,
    pub(super) encounter: Option<String>,
}

/// PID-3: `assigner|id` or the id alone; the first repetition that has one.
pub(super) fn identifier(field: Field<'_>, repairs: &mut Repairs) -> Option<String> {
    field.repeats().find_map(|repeat| {
        let id = repeat.text(1, repairs).into_owned();
        if id.is_empty() {
            return None;
        }
        let name = repeat.sub(4, 1).trim();
        let assigner = if name.is_empty() {
            repeat.sub(4, 2).trim()
        } else {
            name
        };
        let text = if assigner.is_empty() {
            id
        } else {
            format!("{}|{id}", repeat.plain(assigner, repairs))
        };
        (text.len() <= MAX_TEXT).then_some(text)
    })
}

/// PV1-3 as sent, with the usual separators and without empty ends: `ICU^2^23`.
pub(super) fn bed(field: Field<'_>, message: &Message) -> Option<String> {
    let d = message.delimiters;
    let first = field.repeats().next()?;
    let text: String = first
        .raw()
        .trim()
        .chars()
        .map(|c| match c {
            _ if c == d.component => '^',
            _ if c == d.sub => '&',
            _ => c,
        })
        .collect();
    let text = text.trim_end_matches(['^', '&']);
    let said = text.chars().any(|c| !matches!(c, '^' | '&' | ' '));
    (said && text.len() <= MAX_TEXT).then(|| text.to_owned())
}

/// OBX-20: its text, else its code.
pub(super) fn site(field: Field<'_>, repairs: &mut Repairs) -> Option<String> {
    let (code, text) = (field.text(1, repairs), field.text(2, repairs));
    let said = if text.is_empty() { code } else { text };
    (!said.is_empty() && said.len() <= MAX_TEXT).then(|| said.into_owned())
}
