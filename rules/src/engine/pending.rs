//! Conditions that hold, not yet for as long as their rule asks.

use super::Engine;
use crate::{Priority, Subject};
use wardline_normalize::time::Micros;

/// A condition that will raise an alert if it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    pub rule_id: String,
    pub title: String,
    pub subject: Subject,
    pub priority: Priority,
    /// Effective time of the first reading beyond the limit.
    pub since: Micros,
    /// The last reading, in `unit`.
    pub value: f64,
    /// UCUM unit of the rule.
    pub unit: String,
    /// The first reading beyond the limit from here on raises it: `since` and the rule's `for`.
    pub due: Micros,
}

impl Engine {
    /// What is on its way to an alert and is still heard of, by subject; no more than there are open
    /// runs of rules with `for`.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let plan = &self.ctx.plan;
        let mut pending = Vec::new();
        for key in self.groups.keys() {
            let Some(subject) = self.groups.peek(key.kind, &key.id) else {
                continue;
            };
            for (index, lane) in &subject.lanes {
                for (series, (rule, judge)) in lane.series.iter().zip(&plan.lanes[*index].rules) {
                    let run = series.current.run.as_deref();
                    let Some(run) = run.filter(|run| run.fired.is_none()) else {
                        continue;
                    };
                    let (first, last) = (&run.evidence.first, &run.evidence.last);
                    if judge.hold == 0 || self.ctx.clock - last.time > judge.max_gap {
                        continue;
                    }
                    let definition = &plan.set.rules()[*rule];
                    pending.push(Pending {
                        rule_id: definition.id.clone(),
                        title: definition.title.clone(),
                        subject: key.subject(),
                        priority: definition.priority,
                        since: first.time,
                        value: last.value,
                        unit: judge.unit.clone(),
                        due: first.time.saturating_add(judge.hold),
                    });
                }
            }
        }
        pending
    }
}
