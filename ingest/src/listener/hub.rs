//! What connections share: sessions, subscriptions, kept messages, and messages going out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::packets::{Retained, Subscription, Will};
use super::protocol::Reason;
use crate::stats::Stats;
use crate::topics::{NativeTopic, is_topic, matches};
use crate::{Micros, Principal};

/// Retained messages kept: one status per gateway, so this many gateways.
const MAX_RETAINED: usize = 10_000;
/// Largest retained message: health is some hundred bytes, and some 300 for each device of the gateway.
pub(super) const MAX_RETAINED_BYTES: usize = 256 << 10;
/// All of them together: the states of a thousand gateways with dozens of devices each.
const MAX_RETAINED_TOTAL: usize = 64 << 20;
/// Messages that may wait for one subscriber; a pager that is 256 alerts behind is not reading.
const MAX_QUEUED: usize = 256;
/// Bytes that may wait for one subscriber.
const MAX_QUEUED_BYTES: usize = 1 << 20;
/// Subscriptions of one connection: its commands, or alerts and status of its sites.
const MAX_SUBSCRIPTIONS: usize = 32;

/// A message to subscribers.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) retain: bool,
    pub(crate) expires: Option<Instant>,
    published: Micros,
}

/// A message queued to one subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Queued {
    pub(crate) message: Arc<Message>,
    pub(crate) at_least_once: bool,
    pub(crate) retain: bool,
}

/// The state of a gateway, as it or its will said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Site id.
    pub site: String,
    /// Gateway id.
    pub gateway: String,
    /// The payload as published.
    pub payload: Bytes,
    /// When it arrived.
    pub received: Micros,
}

/// Why a message could not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Empty, too long or with wildcards.
    #[error("not a topic to publish on: {0}")]
    Topic(String),
    /// Too large to keep, or too many are kept already.
    #[error("the retained message is too large or one too many")]
    Retained,
}

/// One connected client. Sessions end with their connection.
#[derive(Debug)]
pub(crate) struct Session {
    key: Key,
    pub(crate) principal: Arc<Principal>,
    /// SHA-256 of the certificate it logged in with.
    certificate: Option<[u8; 32]>,
    pub(crate) wake: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Queued>,
    bytes: usize,
    subscriptions: Vec<Subscription>,
    will: Option<Will>,
    kicked: Option<Reason>,
}

/// Client ids are the principal's own name space, so nobody can take over another's session.
type Key = (String, String);

#[derive(Debug, Default)]
struct Shared {
    sessions: HashMap<Key, Arc<Session>>,
    subscribers: HashMap<Key, Arc<Session>>,
    retained: BTreeMap<String, Arc<Message>>,
}

#[derive(Debug)]
pub(crate) struct Hub {
    shared: Mutex<Shared>,
    pub(crate) stats: Arc<Stats>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// The next message in the queue.
    pub(crate) fn next(&self) -> Option<Queued> {
        let mut state = lock(&self.state);
        let queued = state.queue.pop_front()?;
        state.bytes -= queued.message.payload.len();
        Some(queued)
    }

    /// Puts back what `next` gave, at the front.
    pub(crate) fn put_back(&self, queued: Queued) {
        let mut state = lock(&self.state);
        state.bytes += queued.message.payload.len();
        state.queue.push_front(queued);
    }

    pub(crate) fn kicked(&self) -> Option<Reason> {
        lock(&self.state).kicked
    }

    pub(crate) fn take_will(&self) -> Option<Will> {
        lock(&self.state).will.take()
    }

    fn kick(&self, reason: Reason) {
        lock(&self.state).kicked.get_or_insert(reason);
        self.wake.notify_one();
    }

    /// Whether it was queued: a session that ends, or is too slow and ends by this, gets nothing.
    fn push(&self, queued: Queued, stats: &Stats) -> bool {
        let mut state = lock(&self.state);
        if state.kicked.is_some() {
            return false;
        }
        if state.queue.len() >= MAX_QUEUED
            || state.bytes + queued.message.payload.len() > MAX_QUEUED_BYTES
        {
            state.kicked = Some(Reason::QuotaExceeded);
            Stats::add(&stats.slow_subscribers, 1);
        } else {
            state.bytes += queued.message.payload.len();
            state.queue.push_back(queued);
            Stats::add(&stats.published, 1);
        }
        let queued = state.kicked.is_none();
        drop(state);
        self.wake.notify_one();
        queued
    }

    /// How a message reaches this session, if it subscribed to it: the best QoS it asked for.
    fn wants(&self, message: &Arc<Message>) -> Option<Queued> {
        let state = lock(&self.state);
        let mut matching = state
            .subscriptions
            .iter()
            .filter(|s| matches(&s.filter, &message.topic))
            .peekable();
        matching.peek()?;
        let (mut at_least_once, mut retain) = (false, false);
        for subscription in matching {
            at_least_once |= subscription.at_least_once;
            retain |= subscription.retain_as_published && message.retain;
        }
        Some(Queued {
            message: message.clone(),
            at_least_once,
            retain,
        })
    }
}

impl Hub {
    pub(crate) fn new(stats: Arc<Stats>) -> Arc<Self> {
        Arc::new(Self {
            shared: Mutex::new(Shared::default()),
            stats,
        })
    }

    /// Enters a session; an earlier one of the same principal and client id is disconnected,
    /// and its will returned for publication before the new one speaks.
    pub(crate) fn enter(
        &self,
        principal: Arc<Principal>,
        certificate: Option<[u8; 32]>,
        client_id: &str,
        will: Option<Will>,
        wake: Arc<Notify>,
    ) -> (Arc<Session>, Option<(Arc<Principal>, Will)>) {
        let key = (principal.name.clone(), client_id.to_owned());
        let state = Mutex::new(State {
            will,
            ..State::default()
        });
        let session = Arc::new(Session {
            key: key.clone(),
            principal,
            certificate,
            wake,
            state,
        });
        let mut shared = lock(&self.shared);
        shared.subscribers.remove(&key);
        let earlier = shared.sessions.insert(key, session.clone());
        drop(shared);
        let will = earlier.and_then(|earlier| {
            Stats::add(&self.stats.takeovers, 1);
            earlier.kick(Reason::SessionTakenOver);
            earlier
                .take_will()
                .map(|will| (earlier.principal.clone(), will))
        });
        (session, will)
    }

    /// Ends the sessions of these certificates; says how many.
    pub(crate) fn disconnect(&self, certificates: &[[u8; 32]]) -> usize {
        let shared = lock(&self.shared);
        let theirs = |session: &&Arc<Session>| {
            session
                .certificate
                .is_some_and(|one| certificates.contains(&one))
        };
        let ended: Vec<_> = shared.sessions.values().filter(theirs).cloned().collect();
        drop(shared);
        for session in &ended {
            session.kick(Reason::NotAuthorized);
        }
        ended.len()
    }

    /// Leaves; a later session of the same key stays.
    pub(crate) fn leave(&self, session: &Arc<Session>) {
        let mut shared = lock(&self.shared);
        let shared = &mut *shared;
        for map in [&mut shared.sessions, &mut shared.subscribers] {
            if map
                .get(&session.key)
                .is_some_and(|current| Arc::ptr_eq(current, session))
            {
                map.remove(&session.key);
            }
        }
    }

    /// Adds or replaces a subscription that was found permitted. Returns the kept messages it
    /// brings, or nothing if the session has too many subscriptions.
    pub(crate) fn subscribe(
        &self,
        session: &Arc<Session>,
        subscription: Subscription,
    ) -> Option<Vec<Queued>> {
        let mut shared = lock(&self.shared);
        let mut state = lock(&session.state);
        let existing = state
            .subscriptions
            .iter()
            .position(|s| s.filter == subscription.filter);
        if existing.is_none() && state.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return None;
        }
        let deliver = match subscription.retained {
            Retained::Always => true,
            Retained::IfNew => existing.is_none(),
            Retained::Never => false,
        };
        let kept =
            |message: &&Arc<Message>| deliver && matches(&subscription.filter, &message.topic);
        let retained = shared.retained.values().filter(kept).map(|message| Queued {
            message: message.clone(),
            at_least_once: subscription.at_least_once,
            retain: true,
        });
        let retained = retained.collect();
        if let Some(existing) = existing {
            state.subscriptions.remove(existing);
        }
        state.subscriptions.push(subscription);
        drop(state);
        if shared
            .sessions
            .get(&session.key)
            .is_some_and(|current| Arc::ptr_eq(current, session))
        {
            shared
                .subscribers
                .insert(session.key.clone(), session.clone());
        }
        Some(retained)
    }

    /// Whether the filter had been subscribed.
    pub(crate) fn unsubscribe(&self, session: &Arc<Session>, filter: &str) -> bool {
        let mut shared = lock(&self.shared);
        let mut state = lock(&session.state);
        let before = state.subscriptions.len();
        state.subscriptions.retain(|s| s.filter != filter);
        let existed = state.subscriptions.len() < before;
        if state.subscriptions.is_empty()
            && shared
                .subscribers
                .get(&session.key)
                .is_some_and(|current| Arc::ptr_eq(current, session))
        {
            shared.subscribers.remove(&session.key);
        }
        existed
    }

    /// Keeps the message if it is to be retained, and queues it to whoever subscribed; returns
    /// for how many.
    pub(crate) fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        retain: bool,
        expiry: Option<Duration>,
        at: Micros,
    ) -> Result<usize, PublishError> {
        if !is_topic(topic) {
            return Err(PublishError::Topic(topic.to_owned()));
        }
        let expires = expiry.map(|expiry| Instant::now() + expiry);
        let message = Arc::new(Message {
            topic: topic.to_owned(),
            payload,
            retain,
            expires,
            published: at,
        });
        let mut shared = lock(&self.shared);
        if retain && message.payload.is_empty() {
            shared.retained.remove(topic);
        } else if retain {
            let one_too_many =
                shared.retained.len() >= MAX_RETAINED && !shared.retained.contains_key(topic);
            let others = shared.retained.iter().filter(|(other, _)| *other != topic);
            let held: usize = others.map(|(_, kept)| kept.payload.len()).sum();
            if message.payload.len() > MAX_RETAINED_BYTES
                || held + message.payload.len() > MAX_RETAINED_TOTAL
                || one_too_many
            {
                return Err(PublishError::Retained);
            }
            shared.retained.insert(topic.to_owned(), message.clone());
        }
        let wanting = shared
            .subscribers
            .values()
            .filter_map(|s| s.wants(&message).map(|queued| (s.clone(), queued)));
        let wanting: Vec<_> = wanting.collect();
        // Queued under the lock, so that every subscriber sees messages in the same order.
        let queue =
            |(session, queued): &(Arc<Session>, Queued)| session.push(queued.clone(), &self.stats);
        Ok(wanting.iter().filter(|one| queue(one)).count())
    }

    pub(crate) fn statuses(&self) -> Vec<Status> {
        let shared = lock(&self.shared);
        let status = |message: &Arc<Message>| match NativeTopic::parse(&message.topic) {
            Some(NativeTopic::Status { site, gateway }) => Some(Status {
                site: site.to_owned(),
                gateway: gateway.to_owned(),
                payload: message.payload.clone(),
                received: message.published,
            }),
            _ => None,
        };
        shared.retained.values().filter_map(status).collect()
    }
}
