//! What is not acknowledged yet. Pure: it knows neither network nor time.
//!
//! rumqttc forgets its unacknowledged packets when the server answers a reconnect with a new session
//! (a server that restarted, for one), so this program keeps its own: every message stays here, in order,
//! until its PUBACK, and goes out again on the next connection.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// Messages by the order in which they came.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    next: u64,
    unacknowledged: BTreeMap<u64, T>,
    /// First message that the client has not been given on this connection.
    to_submit: u64,
    /// Given to the client and not yet on the wire, oldest first; `None` is a packet not kept here.
    submitted: VecDeque<Option<u64>>,
    /// On the wire, by packet id.
    on_wire: HashMap<u16, u64>,
}

impl<T> Outbox<T> {
    pub(crate) fn new() -> Self {
        Self {
            next: 0,
            unacknowledged: BTreeMap::new(),
            to_submit: 0,
            submitted: VecDeque::new(),
            on_wire: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.unacknowledged.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// What is unacknowledged, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.unacknowledged.values()
    }

    /// What is on the wire of it, oldest first.
    pub(crate) fn on_wire(&self) -> impl Iterator<Item = &T> {
        let mut seqs: Vec<u64> = self.on_wire.values().copied().collect();
        seqs.sort_unstable();
        seqs.into_iter()
            .filter_map(|seq| self.unacknowledged.get(&seq))
    }

    /// Takes a message over.
    pub(crate) fn accept(&mut self, message: T) {
        self.unacknowledged.insert(self.next, message);
        self.next += 1;
    }

    /// The oldest message that the client has not been given on this connection; it must be given now.
    pub(crate) fn submit(&mut self) -> Option<&T> {
        let (&seq, message) = self.unacknowledged.range(self.to_submit..).next()?;
        self.to_submit = seq + 1;
        self.submitted.push_back(Some(seq));
        Some(message)
    }

    /// The client has been given a packet that is sent anew on every connection and so not kept.
    pub(crate) fn submitted_unkept(&mut self) {
        self.submitted.push_back(None);
    }

    /// The client has put its next packet on the wire under `packet_id`.
    pub(crate) fn sent(&mut self, packet_id: u16) {
        if let Some(Some(seq)) = self.submitted.pop_front() {
            self.on_wire.insert(packet_id, seq);
        }
    }

    /// The server has answered `packet_id`; gives the message back.
    pub(crate) fn acknowledged(&mut self, packet_id: u16) -> Option<T> {
        let seq = self.on_wire.remove(&packet_id)?;
        self.unacknowledged.remove(&seq)
    }

    /// The connection is gone: everything unacknowledged is to be submitted again, in order.
    pub(crate) fn disconnected(&mut self) {
        self.to_submit = 0;
        self.submitted.clear();
        self.on_wire.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_acknowledged_goes_out_again_in_order() {
        let mut outbox = Outbox::new();
        for message in ["a", "b", "c", "d"] {
            outbox.accept(message);
        }
        outbox.submitted_unkept();
        for _ in 0..3 {
            outbox.submit();
        }
        for packet_id in 1..=3 {
            outbox.sent(packet_id);
        }
        assert_eq!(outbox.acknowledged(1), None, "not kept");
        assert_eq!(outbox.on_wire().collect::<Vec<_>>(), [&"a", &"b"]);
        assert_eq!(outbox.acknowledged(3), Some("b"));
        assert_eq!(outbox.acknowledged(3), None, "twice");
        outbox.disconnected();
        assert_eq!(outbox.acknowledged(2), None, "of the former connection");
        assert_eq!(outbox.submit(), Some(&"a"));
        assert_eq!(outbox.submit(), Some(&"c"));
        assert_eq!(outbox.submit(), Some(&"d"));
        assert_eq!(outbox.submit(), None);
        assert_eq!(outbox.len(), 3);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Accept,
        Submit,
        Send,
        Acknowledge(prop::sample::Index),
        Disconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Accept),
            4 => Just(Step::Submit),
            4 => Just(Step::Send),
            4 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
            1 => Just(Step::Disconnect),
        ]
    }

    proptest! {
        /// Whatever happens: every message is either acknowledged once or still to be had, and each
        /// connection sees messages in the order in which they were accepted.
        #[test]
        fn nothing_is_lost_or_reordered(steps in prop::collection::vec(step(), 0..300)) {
            let mut outbox = Outbox::new();
            let mut accepted = 0_u32;
            let mut acknowledged = Vec::new();
            let mut last = None;
            let mut given = VecDeque::new();
            let mut wire: Vec<(u16, u32)> = Vec::new();
            let mut packet_id = 0;
            for step in steps {
                match step {
                    Step::Accept => {
                        outbox.accept(accepted);
                        accepted += 1;
                    }
                    Step::Submit => {
                        if let Some(&message) = outbox.submit() {
                            prop_assert!(last.is_none_or(|last| last < message));
                            last = Some(message);
                            given.push_back(message);
                        }
                    }
                    Step::Send => {
                        if let Some(message) = given.pop_front() {
                            packet_id += 1;
                            outbox.sent(packet_id);
                            wire.push((packet_id, message));
                        }
                    }
                    Step::Acknowledge(which) => {
                        if !wire.is_empty() {
                            let (id, message) = wire.remove(which.index(wire.len()));
                            prop_assert_eq!(outbox.acknowledged(id), Some(message));
                            acknowledged.push(message);
                        }
                    }
                    Step::Disconnect => {
                        outbox.disconnected();
                        (last, given, wire) = (None, VecDeque::new(), Vec::new());
                    }
                }
            }
            outbox.disconnected();
            while let Some(&message) = outbox.submit() {
                acknowledged.push(message);
            }
            acknowledged.sort_unstable();
            prop_assert_eq!(acknowledged, (0..accepted).collect::<Vec<_>>());
        }
    }
}
