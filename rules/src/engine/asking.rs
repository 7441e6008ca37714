//! What people should know of, told as if it were raised now: for whoever has not followed from the beginning.

use super::Engine;
use super::context::{Key, What};
use crate::{AlertEvent, EventKind};
use std::sync::Arc;

impl Engine {
    /// The open alerts that people were to be told of, as they stand: what a router needs that has no state
    /// ([`crate::routing::Router::seed`]). What silences hold back is not among them; the end of the silence tells.
    #[must_use]
    pub fn asking(&mut self) -> Vec<AlertEvent> {
        let plan = Arc::clone(&self.ctx.plan);
        let mut open: Vec<(Key, usize)> = self.ctx.open.values().cloned().collect();
        open.sort();
        let mut asking = Vec::new();
        for (key, rule) in open {
            let subject = self.groups.get(key.kind, &key.id);
            let alert = subject.and_then(|subject| subject.shown(&plan, rule));
            if let Some(alert) = alert.filter(|alert| alert.paged.is_some()) {
                let what = What::new(EventKind::Raised, alert.onset).paging(true);
                asking.push(self.ctx.event(rule, &key, alert, what));
            }
        }
        asking.extend(self.standing.asking(&self.ctx));
        asking
    }
}
