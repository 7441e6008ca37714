//! Routers that begin without all that others know: no file, no state, other rules.

use super::Router;
use super::state::Open;
use crate::AlertEvent;

impl Router {
    /// No file is in force from now on: what is open is kept, and nobody is told by routes.
    pub fn release(&mut self) {
        self.routing = None;
        self.refused = None;
        let state = &mut self.state;
        state.groups.clear();
        state.timers.clear();
        state.moved.clear();
        state.alerts.retain(|_, open| !open.is_over());
        for open in state.alerts.values_mut() {
            open.places.clear();
            open.unwatched = false;
        }
    }

    /// Why no file is in force although one was: this version refuses it. The alerts are kept, with who was told of
    /// them; the file that comes next routes them.
    #[must_use]
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// For a router without state of its own: alerts that are open and asked for attention
    /// ([`crate::Engine::asking`]), of which nobody was told by routes. They are routed at the [`Router::advance`] that
    /// comes next, or when there is a file. What the router knows already stays as it is.
    pub fn seed(&mut self, alerts: impl IntoIterator<Item = AlertEvent>) {
        let state = &mut self.state;
        for alert in alerts {
            let id = alert.alert_id.clone();
            let open = Open::new(alert);
            if !open.is_over() && !state.alerts.contains_key(&id) {
                state.alerts.insert(id.clone(), open);
                state.moved.insert(id);
            }
        }
    }

    /// The rules begin anew and will never say that what is open is over: it is let go. Patients and the file stay.
    pub fn begin_anew(&mut self) {
        let state = &mut self.state;
        state.alerts.clear();
        state.groups.clear();
        state.moved.clear();
        state.timers.clear();
    }
}
