//! What people do with an alert: facts beside its state.

use super::Engine;
use super::context::{Purpose, What};
use crate::{Action, ActionKind, EventKind, MAX_SILENCE};
use std::sync::Arc;

impl Engine {
    pub(super) fn action(&mut self, action: &Action) {
        self.advance(action.at);
        if self.standing.action(&mut self.ctx, action) {
            return;
        }
        let plan = Arc::clone(&self.ctx.plan);
        let found = self.ctx.open.get(&action.alert_id).cloned();
        let alert = found.as_ref().and_then(|(key, rule)| {
            let subject = self.groups.get(key.kind, &key.id)?;
            Some((key, *rule, subject.shown(&plan, *rule)?))
        });
        let Some((key, rule, alert)) = alert else {
            self.ctx.stats.unknown_alerts += 1;
            return;
        };
        let now = self.ctx.clock;
        let event = match action.kind {
            // The first acknowledgement counts; a repeat changes nothing.
            ActionKind::Acknowledge if alert.acknowledged.is_some() => return,
            ActionKind::Acknowledge => {
                alert.acknowledged = Some((action.by.clone(), now));
                EventKind::Acknowledged
            }
            ActionKind::Silence { until } => {
                let until = until.min(now.saturating_add(MAX_SILENCE));
                if until <= now && alert.silenced_until.is_none() {
                    return;
                }
                alert.silenced_until = (until > now).then_some(until);
                if let Some(until) = alert.silenced_until {
                    self.ctx.timer(until, Purpose::SilenceEnds, rule, key);
                }
                EventKind::Silenced
            }
        };
        self.ctx.emit(rule, key, alert, What::new(event, now));
    }
}
