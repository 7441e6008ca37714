//! What becomes of an alert once it is raised: ladders, worsening.

use super::fields::{Faults, Fields};
use super::rule::{Condition, Escalation, Ladders};
use wardline_normalize::time::Micros;

/// The file's ladders by priority, for rules without one of their own and for alerts that no rule decides.
pub(super) fn ladders(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Ladders {
    let Some(mut table) = fields.table("escalation", faults) else {
        return Ladders::default();
    };
    let ladders = Ladders {
        high: ladder(&mut table, "high", faults),
        medium: ladder(&mut table, "medium", faults),
        low: ladder(&mut table, "low", faults),
    };
    table.finish("`escalation`", faults);
    ladders
}

pub(super) fn ladder(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
) -> Vec<Escalation> {
    let mut steps: Vec<Escalation> = Vec::new();
    let mut before: Option<Micros> = None;
    for mut step in fields.tables(key, faults) {
        let offset = step.offset();
        let after = step.duration("after", faults);
        let to = step.text("to", faults);
        for needed in ["after", "to"] {
            if !step.has(needed) {
                faults.at(offset, format!("a step of `{key}` needs `{needed}`"));
            }
        }
        step.finish(&format!("a step of `{key}`"), faults);
        let Some(after) = after else { continue };
        if before.is_some_and(|before| before >= after.value) {
            faults.at(
                after.offset,
                "`after` must be longer than in the step before",
            );
        }
        before = Some(after.value);
        steps.extend(to.map(|to| Escalation {
            after: after.value,
            to: to.value,
        }));
    }
    steps
}

/// `worsens = { by = 10 }`.
pub(super) fn worsens(
    fields: &mut Fields<'_, '_>,
    condition: Option<&Condition>,
    faults: &mut Faults<'_>,
) -> Option<f64> {
    let mut table = fields.table("worsens", faults)?;
    let offset = table.offset();
    let by = table.number("by", faults);
    if !table.has("by") {
        faults.at(offset, "`worsens` needs `by`");
    }
    table.finish("`worsens`", faults);
    let by = by?;
    if by.value <= 0.0 {
        faults.at(by.offset, "`by` must be above 0");
        return None;
    }
    match condition? {
        Condition::Judged(judge) if !judge.by_words() => Some(by.value),
        _ => {
            faults.at(
                offset,
                "`worsens` is for values: there is nothing further beyond",
            );
            None
        }
    }
}
