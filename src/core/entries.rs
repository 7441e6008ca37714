//! What the registry knows and people set, as the log has it.

use wardline_rules::{GatewayLimits, PatientAttributes};
use wardline_store::registry::{Assignment, Limit, LimitScope, Patient, Silence};
use wardline_store::{
    AssignmentEntry, Entry, GatewayLimitsEntry, LimitEntry, PatientEntry, ScopeEntry, SilenceEntry,
};

/// An assignment as the log has it; a cancelled one ends where it begins.
pub(crate) fn assignment_entry(assignment: &Assignment) -> Entry {
    Entry::Assignment(AssignmentEntry {
        device: assignment.device.clone(),
        device_user: assignment.device_user.clone(),
        patient: assignment.patient.clone(),
        from: assignment.from,
        until: if assignment.cancelled {
            Some(assignment.from)
        } else {
            assignment.until
        },
        at: crate::clock::now(),
    })
}

/// What gateways are watched for, as the log has it.
pub(super) fn limits_entry(limits: GatewayLimits) -> Entry {
    Entry::GatewayLimits(GatewayLimitsEntry {
        at: crate::clock::now(),
        watch: limits.watch,
        silent_after: limits.silent_after,
        offline_after: limits.offline_after,
        clock_offset: limits.clock_offset,
        spool_percent: limits.spool_percent,
        spool_age: limits.spool_age,
        device_states: limits.device_states,
    })
}

/// What the rules may ask about a patient, as the log has it.
pub(crate) fn patient_entry(patient: &Patient) -> Entry {
    Entry::Patient(PatientEntry {
        id: patient.id.clone(),
        birth_date: patient.fields.birth_date.clone(),
        tags: patient.fields.tags.clone(),
        ward: patient.fields.ward.clone(),
        care_team: patient.fields.care_team.clone(),
        at: crate::clock::now(),
    })
}

/// The same in the words of the rules.
pub(super) fn attributes(patient: &Patient) -> PatientAttributes {
    let fields = &patient.fields;
    PatientAttributes {
        id: patient.id.clone(),
        birth_date: fields.birth_date.clone(),
        tags: Some(fields.tags.clone()),
        ward: fields.ward.clone(),
        care_team: fields.care_team.clone(),
        at: patient.updated_at,
    }
}

/// A limit as the log has it: what was set, and that it was reviewed or ended.
pub(crate) fn limit_entry(limit: &Limit) -> Entry {
    let set = &limit.set;
    Entry::Limit(LimitEntry {
        id: limit.id.clone(),
        scope: match &set.scope {
            LimitScope::Ward(id) => ScopeEntry::Ward(id.clone()),
            LimitScope::Patient(id) => ScopeEntry::Patient(id.clone()),
        },
        rule: set.rule.clone(),
        off: set.off,
        above: set.above,
        below: set.below,
        clear_above: set.clear_above,
        clear_below: set.clear_below,
        unit: set.unit.clone(),
        from: set.from,
        until: limit.over(),
        author: set.author.clone(),
        reviewed: limit.reviewed_at,
        ended: limit.ended_at.is_some(),
        at: crate::clock::now(),
    })
}

/// A silence as the log has it.
pub(crate) fn silence_entry(silence: &Silence) -> Entry {
    let set = &silence.set;
    Entry::Silence(SilenceEntry {
        id: silence.id.clone(),
        patient: set.patient.clone(),
        rule: set.rule.clone(),
        device: set.device.clone(),
        ward: set.ward.clone(),
        class: set.class.clone(),
        from: set.from,
        until: silence.over(),
        author: set.author.clone(),
        ended: silence.ended_at.is_some(),
        at: crate::clock::now(),
    })
}
