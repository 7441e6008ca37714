//! `/metrics` and `/healthz` for the machine's own monitoring. Nothing in them names a person.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::metrics::Page;

/// Connections at one time: a scraper or two, and somebody who looks.
const CONNECTIONS: usize = 16;
/// A request's head must come within this.
const HEAD: Duration = Duration::from_secs(10);

/// Binds, then serves in the background until the end.
pub(super) async fn serve(
    bind: SocketAddr,
    page: Page,
    end: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(bind).await?;
    let bound = listener.local_addr()?;
    tracing::info!(%bound, "metrics");
    tokio::spawn(accept(listener, Arc::new(page), end));
    Ok(bound)
}

async fn accept(listener: TcpListener, page: Arc<Page>, end: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    // Out of descriptors, mostly: at once it would be the same.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            },
        };
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let response = answer(&page, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a metrics connection");
            }
            drop(place);
        });
    }
}

fn answer(page: &Page, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, kind, text) = match request.uri().path() {
        "/metrics" => match page.text() {
            Ok(text) => (StatusCode::OK, "text/plain; version=0.0.4", text),
            Err(error) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                format!("{error}\n"),
            ),
        },
        "/healthz" => match page.stuck() {
            stuck if stuck.is_empty() => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
            stuck => (
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                format!("stuck: {}\n", stuck.join(", ")),
            ),
        },
        _ => (StatusCode::NOT_FOUND, "text/plain", "not here\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(kind),
    );
    response
}
