//! Events in, outcomes out.
//!
//! What an event asks for is noted at once and told when all events of the same input and time are noted
//! ([`Router::take`]); what has to wait is told by the log clock ([`Router::advance`]).

mod begin;
mod checkpoint;
mod ends;
mod find;
mod handover;
mod letters;
mod place;
mod state;
mod tell;

use super::{OnCall, Outcome, Routing, Watch};
use crate::{AlertEvent, EventKind, PatientAttributes};
use state::{Call, Known, Open, State};
use std::collections::BTreeSet;
use std::sync::Arc;
use wardline_normalize::time::Micros;

pub use checkpoint::Error;

/// When the log says nothing for longer, the server was down: what was due meanwhile is due once, when it is back.
const UNWATCHED_AFTER: Micros = 120_000_000;

/// Routes alert events to people. Without a routing file it keeps what is open, and says nothing.
///
/// For every input of the log, in this order: [`Router::configure`] or [`Router::patient`] where the input is one,
/// [`Router::take`] with the engine's events of it, then [`Router::advance`]. A deterministic function of these calls.
#[derive(Debug, Clone, Default)]
pub struct Router {
    routing: Option<Arc<Routing>>,
    state: State,
    /// Alert and target, of the events being taken.
    escalations: BTreeSet<(String, String)>,
    /// Alerts that are over, of the events being taken.
    ending: BTreeSet<String>,
    /// Why the file of the checkpoint is of no use to this version.
    refused: Option<String>,
}

impl Router {
    /// This file is in force from now on. Open alerts are routed anew, at the [`Router::advance`] that follows; who was
    /// told of a page is not told of it again. The same text again changes nothing.
    pub fn configure(&mut self, at: Micros, routing: Arc<Routing>) {
        if self
            .routing
            .as_ref()
            .is_some_and(|known| **known == *routing)
        {
            return;
        }
        self.state.clock = self.state.clock.max(at);
        self.routing = Some(routing);
        self.refused = None;
        self.state.moved = self.state.alerts.keys().cloned().collect();
    }

    /// The file in force.
    #[must_use]
    pub fn routing(&self) -> Option<&Arc<Routing>> {
        self.routing.as_ref()
    }

    /// Ward, care team and tags of a patient; open alerts follow at the [`Router::advance`] that comes next.
    pub fn patient(&mut self, attributes: &PatientAttributes) {
        let known = Known {
            ward: attributes.ward.clone(),
            team: attributes.care_team.clone(),
            tags: attributes.tags.clone().unwrap_or_default(),
        };
        let before = if known == Known::default() {
            self.state.patients.remove(&attributes.id)
        } else {
            self.state
                .patients
                .insert(attributes.id.clone(), known.clone())
        };
        if before.unwrap_or_default() == known || self.routing.is_none() {
            return;
        }
        let own = self
            .state
            .alerts
            .iter()
            .filter(|(_, open)| open.latest.subject.patient() == Some(attributes.id.as_str()));
        let own: Vec<String> = own.map(|(id, _)| id.clone()).collect();
        if !own.is_empty() {
            self.state.clock = self.state.clock.max(attributes.at);
        }
        self.state.moved.extend(own);
    }

    /// The engine's events of one input, in order.
    pub fn take(&mut self, events: &[AlertEvent], out: &mut Vec<Outcome>) {
        let mut before = None;
        for event in events {
            let moment = (event.seq, event.processed_time);
            if before != Some(moment) {
                self.settle(out);
                self.run(event.seq, event.processed_time, out);
                before = Some(moment);
            }
            self.event(event, out);
        }
        self.settle(out);
    }

    /// The log clock after an input: group waits, repeats, opening hours. Called for every input.
    pub fn advance(&mut self, seq: u64, at: Micros, out: &mut Vec<Outcome>) {
        self.run(seq, at, out);
    }

    /// When the clock may next have an effect.
    #[must_use]
    pub fn next_due(&self) -> Option<Micros> {
        if self.routing.is_some() && !self.state.moved.is_empty() {
            return Some(self.state.clock);
        }
        self.state.timers.first().map(|((at, _), _)| *at)
    }

    /// Alerts that asked for attention and are open, or not yet told.
    #[must_use]
    pub fn open_alerts(&self) -> usize {
        self.state.alerts.len()
    }

    /// Every calendar of the file at a time.
    #[must_use]
    pub fn watch(&self, at: Micros) -> Vec<Watch> {
        self.routing
            .as_ref()
            .map_or_else(Vec::new, |routing| routing.watch(at))
    }

    /// Every schedule of the file at a time.
    #[must_use]
    pub fn on_call(&self, at: Micros) -> Vec<OnCall> {
        self.routing
            .as_ref()
            .map_or_else(Vec::new, |routing| routing.on_call(at))
    }

    /// Notes what an event asks for.
    fn event(&mut self, event: &AlertEvent, out: &mut Vec<Outcome>) {
        let id = &event.alert_id;
        let wanted = event.page;
        let known = self.state.alerts.contains_key(id);
        match self.state.alerts.get_mut(id) {
            Some(open) => {
                // Without a page of its own: another priority may be another route's.
                if !wanted && open.latest.priority != event.priority {
                    self.state.moved.insert(id.clone());
                }
                open.latest = event.clone();
            }
            None if wanted => {
                let open = Open::new(event.clone());
                self.state.alerts.insert(id.clone(), open);
            }
            None => return,
        }
        match (event.event, &event.escalate_to) {
            (EventKind::Escalated, Some(target)) if wanted => {
                self.escalations.insert((id.clone(), target.clone()));
                // Nobody was told of it by routes: the state of the routing was lost.
                if !known {
                    self.call(id, Call::Page, out);
                }
            }
            (kind, _) if wanted => {
                let call = match kind {
                    EventKind::Worsened => Call::Worsened,
                    EventKind::Silenced => Call::Again,
                    _ => Call::Page,
                };
                self.call(id, call, out);
            }
            (EventKind::Silenced, _) if event.silenced_until.is_some() => self.hush_waiting(id),
            _ => self.unhush(id),
        }
        if event.event == EventKind::Resolved {
            self.ending.insert(id.clone());
        }
    }

    /// The log clock moves; what becomes due on the way happens at its own time.
    fn run(&mut self, seq: u64, to: Micros, out: &mut Vec<Outcome>) {
        let state = &mut self.state;
        state.seq = state.seq.max(seq);
        let to = to.max(state.clock);
        if state.clock == 0 || to - state.clock > UNWATCHED_AFTER {
            state.clock = to;
        }
        self.move_alerts(out);
        self.fire(to, out);
        self.state.clock = to;
    }

    /// All events of one input and time are noted.
    fn settle(&mut self, out: &mut Vec<Outcome>) {
        // Steps first: what is over of the same input leaves with its group.
        self.escalate(out);
        self.fire(self.state.clock, out);
        self.end(out);
    }

    fn fire(&mut self, to: Micros, out: &mut Vec<Outcome>) {
        while self
            .state
            .timers
            .first()
            .is_some_and(|((at, _), _)| *at <= to)
            && let Some(((at, _), group)) = self.state.timers.pop_first()
        {
            self.state.clock = self.state.clock.max(at);
            self.due(&group, out);
            self.end(out);
        }
    }
}
