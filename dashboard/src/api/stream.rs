//! The live stream: server-sent events over a picture that never queues.
//!
//! Events, each with the server's clock as `now` so that ages can be told whatever the client's clock says:
//! * `snapshot`: all values and open alerts; replaces what the client has;
//! * `change`: what changed since the last event, each at its latest; `skipped` counts what was passed over;
//! * `beat`: nothing changed for a heartbeat, the line is alive;
//! * `end`: the server stops, or the token no longer holds; with the reason.
//!
//! The body is pulled by the connection: a client that reads slowly is asked less often and gets the latest
//! state when it is. A client that comes back with `Last-Event-ID` gets the changes since, while they are
//! remembered, else a snapshot.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use wardline_normalize::time::format_rfc3339;

use crate::app::{App, Call, Secret};
use crate::audit::Trail;
use crate::json;
use crate::live::{Filter, Frame};
use crate::reply::{Failure, Reply, Touched};

/// A place among the open streams.
pub(super) fn place(call: &Call) -> Result<OwnedSemaphorePermit, Failure> {
    call.app
        .streams
        .clone()
        .try_acquire_owned()
        .map_err(|_| Failure::busy("too many open streams"))
}

/// Counts an open stream.
pub(super) struct Open(Arc<App>);

impl Open {
    pub(super) fn new(app: Arc<App>) -> Self {
        app.metrics.streams.inc();
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

pub(crate) async fn open(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let alerts = query.words("alerts", &["only"])?;
    let filter = Filter {
        patients: query.list("patient"),
        alerts_only: !alerts.is_empty(),
    };
    let place = place(&call)?;
    let app = call.app.clone();
    let seen = call
        .header("last-event-id")
        .and_then(|id| resume(id, app.live.epoch()));
    let first = match seen {
        Some(seq) => app.live.since(seq, &filter),
        None => app.live.snapshot(&filter),
    };
    let mut touched: Touched = patients(&first).collect();
    touched.patients.extend(filter.patients.iter().cloned());
    let secret = call
        .secret
        .clone()
        .ok_or_else(|| Failure::internal("a stream without a token"))?;
    let start = move |trail: Trail| {
        let limits = &app.config.limits;
        let now = Instant::now();
        let feed = Feed {
            changed: app.live.watch(),
            seq: first.seq,
            first: Some(first),
            filter,
            trail,
            secret,
            looked: now,
            sent: now,
            recheck: now + limits.recheck,
            _place: place,
            _open: Open::new(app.clone()),
            app,
        };
        let events = futures::stream::unfold(Some(feed), |feed| async move {
            let mut feed = feed?;
            let (bytes, last) = feed.next().await;
            Some((
                Ok::<_, std::convert::Infallible>(bytes),
                (!last).then_some(feed),
            ))
        });
        Body::from_stream(events)
    };
    Ok(Reply::stream("text/event-stream", Box::new(start))
        .touching(touched)
        .header(header::HeaderName::from_static("x-accel-buffering"), "no"))
}

/// The sequence number of an event id of this run.
fn resume(id: &str, epoch: u64) -> Option<u64> {
    let (run, seq) = id.split_once('-')?;
    (u64::from_str_radix(run, 16).ok()? == epoch)
        .then(|| seq.parse().ok())
        .flatten()
}

fn patients(frame: &Frame) -> impl Iterator<Item = &str> {
    let values = frame.values.iter().map(|value| value.patient.as_str());
    values.chain(frame.alerts.iter().filter_map(|alert| alert.patient()))
}

struct Feed {
    app: Arc<App>,
    changed: watch::Receiver<u64>,
    filter: Filter,
    /// What the client has seen.
    seq: u64,
    first: Option<Frame>,
    trail: Trail,
    secret: Secret,
    /// When the picture was last looked at, and when something was last sent.
    looked: Instant,
    sent: Instant,
    recheck: Instant,
    _place: OwnedSemaphorePermit,
    _open: Open,
}

enum Wake {
    Stop,
    Recheck,
    Beat,
    Change,
}

impl Feed {
    /// The next event, and whether it is the last.
    async fn next(&mut self) -> (Bytes, bool) {
        if let Some(first) = self.first.take() {
            return (self.event(&first), false);
        }
        loop {
            match self.wake().await {
                Wake::Stop => return (self.end("stopping"), true),
                Wake::Recheck => {
                    self.recheck = Instant::now() + self.app.config.limits.recheck;
                    if !matches!(
                        self.app.backend.authenticate(&self.secret.0).await,
                        Ok(Some(_))
                    ) {
                        return (self.end("token"), true);
                    }
                }
                Wake::Beat => {
                    self.sent = Instant::now();
                    let data = json!({ "now": format_rfc3339(self.app.now()) });
                    return (Bytes::from(format!("event: beat\ndata: {data}\n\n")), false);
                }
                Wake::Change => {
                    let frame = self.app.live.since(self.seq, &self.filter);
                    self.seq = frame.seq;
                    self.looked = Instant::now();
                    if !frame.snapshot && frame.values.is_empty() && frame.alerts.is_empty() {
                        continue;
                    }
                    if let Err(error) = self.trail.touch(patients(&frame)).await {
                        tracing::error!(%error, "live stream ended: audit");
                        return (self.end("audit"), true);
                    }
                    self.sent = self.looked;
                    return (self.event(&frame), false);
                }
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let limits = &self.app.config.limits;
        let (frame_at, beat_at): (Instant, Instant) = (
            self.looked + limits.frame_interval,
            self.sent + limits.heartbeat.max(Duration::from_millis(1)),
        );
        let seq = self.seq;
        let changed = &mut self.changed;
        let change = async {
            tokio::time::sleep_until(frame_at).await;
            changed.wait_for(|latest| *latest != seq).await.is_ok()
        };
        tokio::select! {
            biased;
            () = self.app.shutdown.cancelled() => Wake::Stop,
            () = tokio::time::sleep_until(self.recheck) => Wake::Recheck,
            alive = change => if alive { Wake::Change } else { Wake::Stop },
            () = tokio::time::sleep_until(beat_at) => Wake::Beat,
        }
    }

    fn event(&self, frame: &Frame) -> Bytes {
        let name = if frame.snapshot { "snapshot" } else { "change" };
        let data = json!({
            "now": format_rfc3339(self.app.now()),
            "values": frame.values.iter().map(|value| json::latest(value)).collect::<Vec<_>>(),
            "alerts": frame.alerts.iter().map(|alert| json::alert(alert)).collect::<Vec<_>>(),
            "skipped": frame.skipped,
        });
        let epoch = self.app.live.epoch();
        Bytes::from(format!(
            "id: {epoch:x}-{}\nevent: {name}\ndata: {data}\n\n",
            frame.seq
        ))
    }

    fn end(&self, reason: &str) -> Bytes {
        let data = json!({ "now": format_rfc3339(self.app.now()), "reason": reason });
        Bytes::from(format!("event: end\ndata: {data}\n\n"))
    }
}
