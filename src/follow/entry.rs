//! Log records in the words of the rule engine.

use std::sync::Arc;

use wardline_rules::{
    Action, ActionKind, Assignment, Input, PatientAttributes, Reattributed, RuleSet,
};
use wardline_store::Entry;

use super::{people, standing};

/// The rules of a log record. They were checked before they were logged, by a version that may have been another.
fn rules(text: &str) -> Result<Arc<RuleSet>, String> {
    match RuleSet::parse(text) {
        Ok(_) if crate::sabotage::refuses(text.as_bytes()) => Err("asked for".to_owned()),
        Ok(rules) => Ok(Arc::new(rules)),
        Err(faults) => Err(faults.first().map(ToString::to_string).unwrap_or_default()),
    }
}

/// What the engine is told; none for what concerns only the tables. Rules that this version refuses come back as the
/// reason.
pub(super) fn input(entry: &Entry) -> Result<Option<Input<'_>>, String> {
    Ok(Some(match entry {
        Entry::Batch { received, rows, .. } if rows.num_rows() == 0 => {
            Input::Tick { at: *received }
        }
        Entry::Batch { rows, .. } => Input::Readings(rows),
        Entry::Tick { at } => Input::Tick { at: *at },
        Entry::Assignment(assignment) => Input::Assignment(Assignment {
            device: assignment.device.clone(),
            device_user: assignment.device_user.clone(),
            patient: assignment.patient.clone(),
            from: assignment.from,
            until: assignment.until,
            at: assignment.at,
        }),
        Entry::Patient(patient) => Input::Patient(PatientAttributes {
            id: patient.id.clone(),
            birth_date: patient.birth_date.clone(),
            tags: Some(patient.tags.clone()),
            ward: patient.ward.clone(),
            care_team: patient.care_team.clone(),
            at: patient.at,
        }),
        Entry::RuleSet { at, text } => Input::RuleSet {
            at: *at,
            rules: rules(text)?,
        },
        Entry::Action(action) => Input::Action(Action {
            alert_id: action.alert_id.clone(),
            kind: match action.kind {
                wardline_store::ActionKind::Acknowledge => ActionKind::Acknowledge,
                wardline_store::ActionKind::Silence { until } => ActionKind::Silence { until },
            },
            by: action.by.clone(),
            at: action.at,
            note: action.note.clone(),
        }),
        Entry::Reattributed(moved) => match &moved.former {
            Some(former) => Input::Reattributed(Reattributed {
                device: moved.device.clone(),
                former: former.clone(),
                from: moved.from,
                until: moved.until,
                at: moved.at,
            }),
            None => return Ok(None),
        },
        // For the tables; the time that they came passes for the rules too.
        Entry::Waveforms { received, .. } => Input::Tick { at: *received },
        Entry::Alarms(alarms) => Input::Alarms {
            at: alarms.at,
            alarms: alarms.alarms.iter().filter_map(standing::alarm).collect(),
        },
        Entry::Gateway(gateway) => Input::Gateway(standing::gateway(gateway)),
        Entry::GatewayLimits(limits) => Input::GatewayLimits {
            at: limits.at,
            limits: standing::limits(limits),
        },
        Entry::Limit(limit) => Input::Limit(people::limit(limit)),
        Entry::Silence(silence) => {
            people::silence(silence).map_or(Input::Tick { at: silence.at }, Input::Silence)
        }
        // For the router; the time passes for the rules too.
        Entry::Routing { at, .. } => Input::Tick { at: *at },
    }))
}
