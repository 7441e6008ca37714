//! What people say beside the readings, drawn for the properties: limits of wards and patients, moves to other wards.

use crate::language::START;
use proptest::prelude::*;
use wardline_normalize::time::Micros;
use wardline_rules::{Input, LimitChange, PatientAttributes, Scope};

const SECOND: Micros = 1_000_000;

/// Rules of the properties, the kind of their limit, and where limits make sense.
const LIMITS: [(&str, char, f64); 8] = [
    ("low-now", '<', 87.0),
    ("low-held", '<', 88.0),
    ("rate", '>', 90.0),
    ("rate", '<', 55.0),
    ("rising", '>', 5.0),
    ("unusual", '<', -4.0),
    ("warning", '>', 1.0),
    ("both", '-', 0.0),
];

#[derive(Debug, Clone)]
pub(crate) struct Said {
    id: u8,
    scope: u8,
    rule: usize,
    step: u8,
    /// Seconds from the start of the log.
    from: i64,
    until: Option<i64>,
    /// 0: ended; 1: off; 2: a move to another ward; else a limit.
    kind: u8,
}

pub(crate) fn said() -> impl Strategy<Value = Said> {
    let said = (
        0..6u8,
        0..4u8,
        0..LIMITS.len(),
        0..5u8,
        0..400i64,
        prop::option::of(1..600i64),
        0..8u8,
    );
    said.prop_map(|(id, scope, rule, step, from, until, kind)| Said {
        id,
        scope,
        rule,
        step,
        from,
        until: until.map(|until| from + until),
        kind,
    })
}

impl Said {
    pub(crate) fn input(&self, at: Micros) -> Input<'static> {
        let (patient, ward) = (1 + self.scope % 2, 1 + self.scope / 2);
        if self.kind == 2 {
            return Input::Patient(PatientAttributes {
                id: format!("p{patient}"),
                ward: Some(format!("w{ward}")),
                at,
                ..PatientAttributes::default()
            });
        }
        let (rule, kind, least) = LIMITS[self.rule];
        let number = least + f64::from(self.step);
        let off = kind == '-' || self.kind == 1;
        let number = |of| (kind == of && !off).then_some(number);
        Input::Limit(LimitChange {
            id: format!("L{}", self.id),
            scope: match self.scope {
                0 | 1 => Scope::Patient(format!("p{patient}")),
                _ => Scope::Ward(format!("w{patient}")),
            },
            rule: rule.into(),
            off,
            above: number('>'),
            below: number('<'),
            clear_above: None,
            clear_below: None,
            unit: None,
            from: START + self.from * SECOND,
            until: self.until.map(|until| START + until * SECOND),
            author: "nurse1".into(),
            reviewed: None,
            ended: self.kind == 0,
            at,
        })
    }
}
