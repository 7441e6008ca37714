//! What the edge counts about itself, for `/metrics` and for the tests of its bounds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! stats {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Counters and gauges of the whole edge; one instance per process, shared.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[doc = $doc])* pub(crate) $name: AtomicU64,)* }

        /// The values at one moment (each exact, together approximate).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Snapshot { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Stats {
            /// Reads every value.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Snapshot {
            /// Name and value of each, in order; names are stable.
            #[must_use]
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

stats! {
    /// Counter: messages taken for the sink.
    received,
    /// Counter: payload bytes of those.
    received_bytes,
    /// Counter: acknowledgements of stored messages sent.
    acked,
    /// Counter: publications without the right to the topic.
    refused_rights,
    /// Counter: publications to a topic no route takes.
    refused_route,
    /// Counter: packets over the maximum size.
    refused_oversize,
    /// Counter: publications, wills and subscriptions with QoS 2.
    refused_qos,
    /// Counter: malformed packets and other protocol errors.
    refused_protocol,
    /// Counter: messages beyond a device's quarantine quota.
    refused_quota,
    /// Counter: status messages too large or beyond the number kept.
    refused_status,
    /// Counter: subscriptions refused.
    refused_subscription,
    /// Counter: connections beyond the maximum number.
    refused_connections,
    /// Counter: failed authentication, and client ids or wills of somebody else.
    auth_failures,
    /// Counter: TLS handshakes that failed.
    tls_failures,
    /// Counter: sockets accepted.
    accepted,
    /// Gauge: sockets open on the listener.
    connections,
    /// Counter: connections closed because keep-alive ran out.
    keep_alive_timeouts,
    /// Counter: sessions taken over by the same principal.
    takeovers,
    /// Counter: wills published.
    wills,
    /// Gauge: messages taken and not yet answered by the sink.
    in_flight,
    /// Gauge: bytes held for packets under assembly and messages in flight.
    bytes_buffered,
    /// High-water mark of `bytes_buffered`.
    bytes_buffered_max,
    /// Counter: batches handed to the sink.
    batches,
    /// Counter: messages in those batches.
    batched_messages,
    /// Gauge: batches at the sink now.
    batches_in_flight,
    /// Counter: messages queued to subscribers.
    published,
    /// Counter: messages to subscribers that expired in the queue.
    expired,
    /// Counter: messages over a subscriber's own maximum packet size.
    undeliverable,
    /// Counter: subscribers disconnected for not keeping up.
    slow_subscribers,
    /// Counter: connections to a broker made after the first.
    broker_reconnects,
    /// Gauge: 1 while the broker source is connected.
    broker_connected,
    /// Counter: acknowledgements dropped because their connection to the broker is gone.
    broker_stale_acks,
    /// Counter: messages to the broker refused because its queue was full.
    broker_publish_refused,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    pub(crate) fn sub(gauge: &AtomicU64, n: u64) {
        gauge.fetch_sub(n, Relaxed);
    }

    pub(crate) fn hold(&self, bytes: u64) {
        let now = self.bytes_buffered.fetch_add(bytes, Relaxed) + bytes;
        self.bytes_buffered_max.fetch_max(now, Relaxed);
    }
}
