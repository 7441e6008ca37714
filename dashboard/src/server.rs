//! The listener: accept loop, TLS, time limits, orderly end.

mod stall;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Peer};
use crate::backend::Backend;
use crate::config::{Config, Limits};
use crate::live::Live;
use crate::routes;
use stall::Stall;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after an accept error such as running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Requests one HTTP/2 connection may have under way; a browser page needs a handful.
const H2_STREAMS: u32 = 32;
/// Header lists beyond this are refused; tokens and cookies of ours need a tenth.
const MAX_HEADERS: u32 = 16 * 1024;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Patients' data would cross a network in the clear.
    #[error(
        "refusing to serve {0} without TLS: give a certificate, bind to loopback, or set insecure = true"
    )]
    Insecure(SocketAddr),
    /// The listener has no address.
    #[error("listener: {0}")]
    Listener(#[from] std::io::Error),
}

/// The routes without a listener, for requests of this process itself (the command line on a data directory).
/// Nothing bounds its connections: there are none.
pub fn router(config: Config, backend: Arc<dyn Backend>, live: Arc<Live>) -> Router {
    routes::router(Arc::new(App::new(
        config,
        backend,
        live,
        CancellationToken::new(),
    )))
}

/// Serves until `shutdown`, then ends live streams, lets requests under way finish within
/// [`Limits::grace`], and returns when every connection is closed.
///
/// `tls` should offer `h2` and `http/1.1` by ALPN; without TLS, HTTP/1.1 is served.
///
/// # Errors
/// The listener is not on a loopback address and there is neither TLS nor [`Config::insecure`].
pub async fn serve(
    config: Config,
    backend: Arc<dyn Backend>,
    live: Arc<Live>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() && tls.is_none() && !config.insecure {
        return Err(ServeError::Insecure(address));
    }
    let limits = config.limits.clone();
    let app = Arc::new(App::new(config, backend, live, shutdown.clone()));
    let router = routes::router(app);
    let acceptor = tls.map(TlsAcceptor::from);
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = Connection {
            router: router.clone(),
            acceptor: acceptor.clone(),
            limits: limits.clone(),
            shutdown: shutdown.clone(),
        };
        let abort = abort.clone();
        connections.spawn(async move {
            let _place = place;
            tokio::select! {
                () = connection.run(stream, peer) => {}
                () = abort.cancelled() => {}
            }
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "closing connections that did not end in time"
        );
        abort.cancel();
        connections.wait().await;
    }
    Ok(())
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Waits for a place before it accepts: clients beyond the bound wait in the kernel's backlog.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

struct Connection {
    router: Router,
    acceptor: Option<TlsAcceptor>,
    limits: Limits,
    shutdown: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        let stream = Stall::new(stream, self.limits.stall_timeout);
        let Some(acceptor) = &self.acceptor else {
            return self.http(stream, peer, false, false).await;
        };
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.http(stream, peer, true, h2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn http<S>(self, stream: S, peer: SocketAddr, tls: bool, h2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(64 * 1024);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(H2_STREAMS)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(self.limits.stall_timeout)
            .keep_alive_timeout(self.limits.stall_timeout);
        // The protocol is known, so no connection sits in hyper's untimed guess at it.
        let builder = if h2 {
            builder.http2_only()
        } else {
            builder.http1_only()
        };
        let inner = TowerToHyperService::new(self.router);
        let peer = Peer {
            ip: peer.ip().to_canonical(),
            tls,
        };
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            inner.call(request.map(Body::new))
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut closing = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "connection ended");
                    }
                    return;
                }
                () = self.shutdown.cancelled(), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
