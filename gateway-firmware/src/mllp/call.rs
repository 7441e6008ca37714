//! A server that pushes once it is connected to.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::config::Connect;
use super::connection;
use super::origin::Origin;
use super::tls;

/// For a connection with its TLS handshake.
const CONNECT: Duration = Duration::from_secs(15);
/// A connection that held this long was a good one: the next wait is a short one.
const GOOD: Duration = Duration::from_secs(30);

/// Calls, and calls again whenever the connection ends, until stopped.
pub(crate) async fn run(config: Connect, origin: Arc<Origin>, stop: CancellationToken) {
    let mut backoff = Backoff::new();
    loop {
        let started = Instant::now();
        let called = tokio::select! {
            called = timeout(CONNECT, call(&config, &origin, &stop)) => called,
            () = stop.cancelled() => return,
        };
        match called {
            Ok(Ok(session)) => session.await,
            Ok(Err(error)) => origin.failed(&error.to_string()),
            Err(_) => origin.failed("no connection in time"),
        }
        if stop.is_cancelled() {
            return;
        }
        backoff.reset_if(started.elapsed() >= GOOD);
        let wait = backoff.next();
        tracing::info!(source = %origin.name, ?wait, "calling the monitors' server again");
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Tls(#[from] tls::Error),
    #[error("{0}")]
    Connect(#[from] std::io::Error),
}

/// The session on a new connection.
async fn call<'a>(
    config: &'a Connect,
    origin: &'a Arc<Origin>,
    stop: &'a CancellationToken,
) -> Result<futures::future::BoxFuture<'a, ()>, Error> {
    // Read anew, so that renewed certificates are used.
    let tls = tls::connector(config)?;
    let stream = TcpStream::connect(&config.address).await?;
    stream.set_nodelay(true)?;
    Ok(match tls {
        None => Box::pin(connection::run(stream, origin, stop)),
        Some((connector, name)) => {
            let stream = connector.connect(name, stream).await?;
            Box::pin(connection::run(stream, origin, stop))
        }
    })
}
