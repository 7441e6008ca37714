//! Our own MQTT 3.1.1 and 5 endpoint.

mod connect;
mod connection;
mod hub;
mod packets;
mod protocol;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use connection::now;
pub use hub::{PublishError, Status};

use crate::batcher::Intake;
use crate::routes::Routes;
use crate::stats::Stats;
use crate::{Authenticate, tls};
use connect::Peer;
use connection::Connection;
use hub::Hub;

/// Limits of the listener. What it may hold at most is [`crate::BatchConfig::buffered_bytes`]
/// for all connections together, and per connection a read buffer of 8 KiB, an output of at
/// most some 64 KiB that a client is slow to take, and with TLS about 40 KiB.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Address; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Allows a bind off loopback without TLS.
    pub insecure: bool,
    /// Connections at a time; further ones are closed at once.
    pub max_connections: usize,
    /// From accept to CONNECT, TLS handshake included.
    pub connect_timeout: Duration,
    /// Largest packet in bytes, fixed header included.
    pub max_packet: u32,
    /// QoS 1 messages a client may have unacknowledged: the window times 1/latency of the sync
    /// is what one connection can carry.
    pub receive_maximum: u16,
    /// Bytes one connection may have in flight before it is not read any more; one packet may
    /// exceed it.
    pub connection_bytes: usize,
    /// Seconds; the most an MQTT 5 client gets, and what one gets that asks for none.
    pub max_keep_alive: u16,
    /// Topic aliases a client may use.
    pub topic_alias_maximum: u16,
    /// How long a client may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// How long an orderly stop waits for the answers of what is in flight.
    pub drain_timeout: Duration,
}

impl ListenerConfig {
    /// The defaults at an address.
    #[must_use]
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            insecure: false,
            max_connections: 10_000,
            connect_timeout: Duration::from_secs(10),
            max_packet: 1 << 20,
            receive_maximum: 1_024,
            connection_bytes: 1 << 20,
            max_keep_alive: 600,
            topic_alias_maximum: 8,
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Why the listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Names, passwords and readings would cross the network in the clear.
    #[error("{0} is not a loopback address: give a certificate, or say insecure = true")]
    Insecure(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Io(SocketAddr, #[source] std::io::Error),
}

/// What all connections use.
pub(crate) struct Shared {
    config: ListenerConfig,
    routes: Arc<Routes>,
    authenticate: Arc<dyn Authenticate>,
    intake: Intake,
    hub: Arc<Hub>,
    stats: Arc<Stats>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// A bound listener; [`Listener::run`] serves it.
pub struct Listener {
    socket: TcpListener,
    local_addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

/// Publishes to subscribers of the listener and tells gateway states. Cheap to clone; lives
/// longer than the listener without harm.
#[derive(Debug, Clone)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Handle {
    /// Queues a message to every subscriber of `topic`, QoS 0 or 1 as each subscribed, and
    /// returns how many there are. With `retain` it is kept for later ones; an empty payload
    /// clears what is kept. After `expiry` it is not delivered any more.
    pub fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        retain: bool,
        expiry: Option<Duration>,
    ) -> Result<usize, PublishError> {
        self.hub.publish(topic, payload, retain, expiry, now())
    }

    /// Ends every session that logged in with one of these certificates, wills published; says how many. Revoke
    /// first: who comes back is asked for by [`Authenticate::certificate`].
    pub fn disconnect(&self, revoked: &[[u8; 32]]) -> usize {
        self.hub.disconnect(revoked)
    }

    /// The last state of every gateway that has told one since the start.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.hub.statuses()
    }
}

impl Listener {
    /// Binds, and refuses a bind off loopback without TLS unless `insecure`.
    pub async fn bind(
        config: ListenerConfig,
        tls: Option<Arc<rustls::ServerConfig>>,
        routes: Arc<Routes>,
        authenticate: Arc<dyn Authenticate>,
        intake: Intake,
    ) -> Result<Self, BindError> {
        let bind = config.bind;
        if tls.is_none() && !bind.ip().is_loopback() && !config.insecure {
            return Err(BindError::Insecure(bind));
        }
        let socket = TcpListener::bind(bind)
            .await
            .map_err(|e| BindError::Io(bind, e))?;
        let local_addr = socket.local_addr().map_err(|e| BindError::Io(bind, e))?;
        let stats = intake.stats().clone();
        let hub = Hub::new(stats.clone());
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Shared {
            config,
            routes,
            authenticate,
            intake,
            hub,
            stats,
            stopping,
            tasks,
        };
        Ok(Self {
            socket,
            local_addr,
            tls: tls.map(TlsAcceptor::from),
            shared: Arc::new(shared),
        })
    }

    /// The bound address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// For publishing to subscribers.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            hub: self.shared.hub.clone(),
        }
    }

    /// Serves until `shutdown` or until the sink closes. On shutdown: stops accepting and
    /// reading, waits for the answers of what is in flight, says goodbye, and returns when
    /// every connection is gone.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self {
            socket,
            tls,
            shared,
            ..
        } = self;
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = shared.intake.closed().cancelled() => break,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    let ip = Some(from.ip().to_canonical());
                    accept(&shared, tls.clone(), stream, ip);
                }
                Err(error) => {
                    // Out of descriptors, mostly: what is open goes on, new ones wait.
                    tracing::warn!(%error, "accept failed");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = shutdown.cancelled() => break,
                    }
                }
            }
        }
        drop(socket);
        shared.stopping.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}

/// Pause after a failed accept, or the loop would spin on an exhausted table of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Counts a connection while it lives.
struct Open(Arc<Stats>);

impl Drop for Open {
    fn drop(&mut self) {
        Stats::sub(&self.0.connections, 1);
    }
}

fn accept(shared: &Arc<Shared>, tls: Option<TlsAcceptor>, stream: TcpStream, ip: Option<IpAddr>) {
    let stats = shared.stats.clone();
    Stats::add(&stats.accepted, 1);
    let most = shared.config.max_connections as u64;
    if stats.connections.load(Relaxed) >= most {
        Stats::add(&stats.refused_connections, 1);
        return;
    }
    Stats::add(&stats.connections, 1);
    let open = Open(stats);
    let shared = shared.clone();
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let _open = open;
        // Acknowledgements are small and must not wait for one another.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay");
        }
        let Some(tls) = tls else {
            let peer = Peer {
                ip,
                certificate: None,
            };
            return Connection::new(shared, stream, peer).run().await;
        };
        let handshake = timeout(shared.config.connect_timeout, tls.accept(stream));
        let handshake = tokio::select! {
            handshake = handshake => handshake,
            () = shared.stopping.cancelled() => return,
        };
        if let Ok(Ok(stream)) = handshake {
            let certificate = stream
                .get_ref()
                .1
                .peer_certificates()
                .and_then(<[_]>::first);
            let certificate = certificate.map(tls::client);
            let peer = Peer { ip, certificate };
            Connection::new(shared, stream, peer).run().await;
        } else {
            Stats::add(&shared.stats.tls_failures, 1);
        }
    });
}

#[cfg(test)]
mod tests;
