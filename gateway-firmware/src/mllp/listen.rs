//! A port that monitors connect to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::config::Listen;
use super::connection;
use super::origin::Origin;
use super::tls;

/// For a TLS handshake: a peer that takes longer is no monitor.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After a failed accept: out of file descriptors, for one, which passes.
const PAUSE: Duration = Duration::from_millis(100);

/// How often certificates are read again: renewed ones are in use soon, and nobody is cut off for them.
const REREAD: Duration = Duration::from_secs(60);

/// Listens until stopped; a port that cannot be opened is tried again, since its address may come later than we.
pub(crate) async fn run(config: Listen, origin: Arc<Origin>, stop: CancellationToken) {
    let mut backoff = Backoff::new();
    loop {
        let opened = open(&config).await;
        let (listener, acceptor) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let wait = backoff.next();
                tracing::error!(source = %origin.name, %error, ?wait, "cannot listen to monitors");
                tokio::select! {
                    () = sleep(wait) => continue,
                    () = stop.cancelled() => return,
                }
            }
        };
        let bound = listener.local_addr().unwrap_or(config.bind);
        tracing::info!(source = %origin.name, address = %bound, "listening to monitors");
        accept(&config, &listener, acceptor, &origin, &stop).await;
        return;
    }
}

/// Why a port is not open.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}: {1}")]
    Bind(SocketAddr, #[source] std::io::Error),
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

async fn open(config: &Listen) -> Result<(TcpListener, Option<TlsAcceptor>), Error> {
    let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let listener = TcpListener::bind(config.bind).await;
    let listener = listener.map_err(|error| Error::Bind(config.bind, error))?;
    Ok((listener, acceptor))
}

async fn accept(
    config: &Listen,
    listener: &TcpListener,
    mut acceptor: Option<TlsAcceptor>,
    origin: &Arc<Origin>,
    stop: &CancellationToken,
) {
    let mut reread = interval_at(Instant::now() + REREAD, REREAD);
    let places = Arc::new(Semaphore::new(config.max_connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = reread.tick(), if acceptor.is_some() => {
                match config.tls.as_ref().map(tls::acceptor).transpose() {
                    Ok(renewed) => acceptor = renewed,
                    Err(error) => {
                        tracing::warn!(source = %origin.name, %error, "certificates cannot be read; the old ones stay");
                    }
                }
                continue;
            }
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(source = %origin.name, %error, "cannot accept a connection");
                sleep(PAUSE).await;
                continue;
            }
        };
        let allowed = config.allow.is_empty() || config.allow.iter().any(|n| n.contains(peer.ip()));
        if !allowed {
            origin.counts.turned_away("not-allowed");
            origin.warn_now_and_then(|| {
                tracing::warn!(source = %origin.name, peer = %peer.ip(), "a connection from outside `allow`");
            });
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            origin.counts.turned_away("too-many");
            origin.warn_now_and_then(|| {
                tracing::warn!(source = %origin.name, "more connections than max-connections");
            });
            continue;
        };
        let (origin, acceptor, stop) = (Arc::clone(origin), acceptor.clone(), stop.clone());
        connections.spawn(async move {
            serve(stream, acceptor, &origin, &stop).await;
            drop(place);
        });
    }
    // Those that are open end by the same token, once what they took is answered.
    while connections.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    origin: &Arc<Origin>,
    stop: &CancellationToken,
) {
    // Acknowledgements are short and each is waited for. Fails on a connection that is gone already.
    drop(stream.set_nodelay(true));
    let Some(acceptor) = acceptor else {
        return connection::run(stream, origin, stop).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE, acceptor.accept(stream)) => shaken,
        () = stop.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => connection::run(stream, origin, stop).await,
        Ok(Err(error)) => {
            origin.counts.turned_away("handshake");
            origin.warn_now_and_then(|| {
                tracing::warn!(source = %origin.name, %error, "a monitor's TLS handshake failed");
            });
        }
        Err(_) => origin.counts.turned_away("handshake"),
    }
}
