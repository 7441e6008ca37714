//! Questions to the rules, answered between two records of the log.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wardline_rules::routing::{OnCall, Watch};
use wardline_rules::{Pending, RuleSet};

/// Questions that wait: people ask them, one per request, and a request waits.
const QUESTIONS: usize = 16;

/// Calendars and schedules as they stand.
pub(crate) type Watching = (Vec<Watch>, Vec<OnCall>);

/// What may be asked, with the way back.
#[derive(Debug)]
pub(crate) enum Question {
    /// What is on its way to an alert.
    Pending(oneshot::Sender<Vec<Pending>>),
    /// The rules in force.
    Rules(oneshot::Sender<Arc<RuleSet>>),
    /// Who watches now.
    Watch(oneshot::Sender<Watching>),
}

/// Who asks; clones share the way. No answer: the rules have stopped.
#[derive(Debug, Clone)]
pub(crate) struct Asker(mpsc::Sender<Question>);

impl Asker {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Question>) {
        let (ask, asked) = mpsc::channel(QUESTIONS);
        (Self(ask), asked)
    }

    pub(crate) async fn pending(&self) -> Option<Vec<Pending>> {
        self.ask(Question::Pending).await
    }

    pub(crate) async fn rules(&self) -> Option<Arc<RuleSet>> {
        self.ask(Question::Rules).await
    }

    pub(crate) async fn watch(&self) -> Option<Watching> {
        self.ask(Question::Watch).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.send(question(reply)).await.ok()?;
        answer.await.ok()
    }
}
