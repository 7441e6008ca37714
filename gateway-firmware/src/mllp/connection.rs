//! One connection: messages in, acknowledgements out in the order of receipt.
//!
//! Messages are read ahead and put into the spool while earlier ones wait for their sync, so that one sync serves many,
//! of this connection and of all others. What is held is bounded: [`PIPELINE`] messages without an answer, a message of
//! at most `max-message`, and a common store of memory (`budget`). A peer that does not read its acknowledgements is
//! not read from, and closed after [`WRITE`].

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesOrdered, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::frames::{Found, Frames};
use super::message::{self, Done};
use super::origin::Origin;
use super::peer::Peer;

/// Messages of a connection that may wait for their acknowledgement: at a sync of 4 ms that is 16,000 a second.
const PIPELINE: usize = 64;
/// Bytes read at once: a message of numerics or more. Held by every connection.
const CHUNK: usize = 4 << 10;
/// For a peer to take its acknowledgements.
const WRITE: Duration = Duration::from_secs(30);
/// For a half message to find room in the common store.
const MEMORY: Duration = Duration::from_secs(10);
/// A sender without framing that pauses for this long has ended its message.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a connection ended, as in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By the peer.
    Closed,
    Idle,
    /// The peer takes no acknowledgements.
    Slow,
    Memory,
    Failed,
    Stopped,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Memory => "memory",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Serves a connection until it ends or the gateway does.
pub(crate) async fn run<S>(stream: S, origin: &Arc<Origin>, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send,
{
    origin.counts.opened();
    tracing::debug!(source = %origin.name, "a monitor's connection is open");
    let session = Session::new(origin, stream);
    let peer = Arc::clone(&session.peer);
    let end = session.serve(stop).await;
    peer.gone(end.as_str());
    origin.counts.closed(end.as_str());
    tracing::debug!(source = %origin.name, reason = end.as_str(), "a monitor's connection has ended");
}

struct Session<'a, S> {
    origin: &'a Arc<Origin>,
    peer: Arc<Peer>,
    reader: tokio::io::ReadHalf<S>,
    writer: WriteHalf<S>,
    chunk: Box<[u8]>,
    frames: Frames,
    budget: Budget,
    pending: FuturesOrdered<BoxFuture<'static, Done>>,
    /// Bytes of messages in `pending`.
    in_flight: usize,
    last_read: Instant,
    /// Since when there has been no room for more bytes.
    full: Option<Instant>,
    /// No more will be read.
    ended: Option<End>,
}

impl<'a, S: AsyncRead + AsyncWrite + Send> Session<'a, S> {
    fn new(origin: &'a Arc<Origin>, stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            origin,
            peer: Arc::new(Peer::new(Arc::clone(origin))),
            reader,
            writer,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            frames: Frames::default(),
            budget: Budget::new(Arc::clone(&origin.shared.memory)),
            pending: FuturesOrdered::new(),
            in_flight: 0,
            last_read: Instant::now(),
            full: None,
            ended: None,
        }
    }

    async fn serve(mut self, stop: &CancellationToken) -> End {
        loop {
            self.take_frames();
            if let Some(end) = self.ended
                && self.pending.is_empty()
            {
                // Fails when the peer has gone, which is as good.
                drop(timeout(WRITE, self.writer.shutdown()).await);
                return end;
            }
            let want = self.frames.held() + self.in_flight + CHUNK;
            let room = self.budget.fit(want);
            if room {
                self.full = None;
            }
            let full = (!room).then(|| *self.full.get_or_insert_with(Instant::now));
            // Answers make room in the pipeline, and they come without us.
            let taking = self.ended.is_none() && self.pending.len() < PIPELINE;
            let (reading, waiting) = (taking && room, taking && !room);
            let idle = self.origin.config.idle;
            let pause = self.frames.pauses().then_some(PAUSE);
            tokio::select! {
                // In this order: answers first, so that a sender that never pauses does not starve them.
                biased;
                Some(done) = self.pending.next() => {
                    if let Err(end) = self.answer(done).await {
                        return end;
                    }
                }
                read = self.reader.read(&mut self.chunk), if reading => self.on_read(read),
                () = stop.cancelled(), if self.ended.is_none() => self.ended = Some(End::Stopped),
                () = sleep_until(self.last_read + pause.unwrap_or_default()), if reading && pause.is_some() => {
                    self.frames.end();
                }
                () = sleep_until(self.last_read + idle), if reading && !idle.is_zero() => {
                    self.ended = Some(End::Idle);
                }
                () = self.budget.wait(want), if waiting => {}
                () = sleep_until(full.unwrap_or(self.last_read) + MEMORY), if waiting => {
                    return End::Memory;
                }
            }
        }
    }

    /// Takes whole messages out of what was read, as many as may wait for their answer.
    fn take_frames(&mut self) {
        while self.pending.len() < PIPELINE {
            let done = match self.frames.next() {
                Some(Found::Message(frame)) => {
                    self.in_flight += frame.bytes.len();
                    message::handle(Arc::clone(&self.peer), frame, self.last_read).boxed()
                }
                Some(Found::TooLong) => {
                    let done = message::too_long(&self.peer, self.last_read);
                    std::future::ready(done).boxed()
                }
                Some(Found::Truncated) => {
                    self.origin.counts.reject("truncated");
                    continue;
                }
                None => break,
            };
            self.pending.push_back(done);
        }
    }

    fn on_read(&mut self, read: std::io::Result<usize>) {
        match read {
            Ok(0) => {
                self.frames.end();
                self.ended = Some(End::Closed);
            }
            Ok(length) => {
                self.last_read = Instant::now();
                self.origin.counts.received(length);
                if let Some(bytes) = self.chunk.get(..length) {
                    self.frames.push(bytes);
                }
            }
            Err(_) => self.ended = Some(End::Failed),
        }
    }

    /// Writes the answers that are ready, all at once.
    async fn answer(&mut self, first: Done) -> Result<(), End> {
        let mut dones = vec![first];
        while let Some(Some(done)) = self.pending.next().now_or_never() {
            dones.push(done);
        }
        let mut bytes = Vec::new();
        for done in &dones {
            self.in_flight = self.in_flight.saturating_sub(done.length);
            bytes.extend_from_slice(&done.answer);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let written = timeout(WRITE, async {
            self.writer.write_all(&bytes).await?;
            self.writer.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(End::Failed),
            Err(_) => return Err(End::Slow),
        }
        for done in &dones {
            done.written(&self.origin.counts);
        }
        Ok(())
    }
}
