//! What people set, in the words of the rule engine.

use wardline_rules::{Class, LimitChange, Scope, Silence};
use wardline_store::{LimitEntry, ScopeEntry, SilenceEntry};

pub(crate) fn limit(entry: &LimitEntry) -> LimitChange {
    LimitChange {
        id: entry.id.clone(),
        scope: match &entry.scope {
            ScopeEntry::Ward(id) => Scope::Ward(id.clone()),
            ScopeEntry::Patient(id) => Scope::Patient(id.clone()),
        },
        rule: entry.rule.clone(),
        off: entry.off,
        above: entry.above,
        below: entry.below,
        clear_above: entry.clear_above,
        clear_below: entry.clear_below,
        unit: entry.unit.clone(),
        from: entry.from,
        until: entry.until,
        author: entry.author.clone(),
        reviewed: entry.reviewed,
        ended: entry.ended,
        at: entry.at,
    }
}

/// None for a class that is none: without that matcher it would silence more than was meant.
pub(crate) fn silence(entry: &SilenceEntry) -> Option<Silence> {
    let class = match entry.class.as_deref() {
        Some(word) => Some(Class::from_word(word)?),
        None => None,
    };
    Some(Silence {
        id: entry.id.clone(),
        patient: entry.patient.clone(),
        rule: entry.rule.clone(),
        device: entry.device.clone(),
        ward: entry.ward.clone(),
        class,
        from: entry.from,
        until: entry.until,
        author: entry.author.clone(),
        ended: entry.ended,
        at: entry.at,
    })
}
