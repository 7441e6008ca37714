//! One client's task: reads and writes at the same time, holds answers until the sink's, and
//! stops reading when the client or the whole edge holds as much as it may.

mod inbound;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Buf, BytesMut};
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::Shared;
use super::connect::Peer;
use super::hub::{Queued, Session};
use super::protocol::{Front, Outgoing, Protocol, PubackReason, Reason, Sent};
use crate::batcher::{Acks, Ticket};
use crate::stats::Stats;
use crate::{Answer, Closed, Micros};

/// Bytes read at a time: some 40 packets of 200 bytes, and what an idle connection costs.
pub(super) const READ_BUFFER: usize = 8 << 10;
/// Written bytes waiting for the client beyond which nothing more is read from it or queued.
const OUT_HIGH_WATER: usize = 64 << 10;
/// How long a goodbye may take to reach a client that still sends.
const GOODBYE: Duration = Duration::from_secs(2);

/// A publication that is not answered yet, in the order of receipt.
#[derive(Debug)]
struct Flight {
    /// None for QoS 0, which has no answer.
    id: Option<u16>,
    bytes: usize,
    /// None while it is with the sink.
    outcome: Option<PubackReason>,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client said goodbye: its will is void.
    Clean,
    /// Anything else of the client's doing: its will is published.
    Abnormal,
    /// The server stops; state goes with it, so no wills.
    Stopping,
}

/// What the connection waits for before it goes on with what it has read.
enum Gate {
    Read,
    /// Answers of its own messages.
    Acks,
    /// Its turn at the edge's budget, for a packet of this many bytes.
    Budget(usize),
}

pub(super) struct Connection<S> {
    shared: Arc<Shared>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    protocol: Protocol,
    peer: Peer,
    session: Option<Arc<Session>>,
    wake: Arc<Notify>,
    acks: Arc<Acks>,
    flights: VecDeque<Flight>,
    held: usize,
    assembling: Option<Ticket>,
    admission: Option<BoxFuture<'static, Result<Ticket, Closed>>>,
    input: BytesMut,
    output: BytesMut,
    unflushed: bool,
    backlog: VecDeque<Queued>,
    keep_alive: Duration,
    heard: Instant,
    written: Instant,
    draining: Option<Instant>,
    end: Option<End>,
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    pub(super) fn new(shared: Arc<Shared>, stream: S, peer: Peer) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let wake = Arc::new(Notify::new());
        let now = Instant::now();
        Self {
            protocol: Protocol::new(shared.config.max_packet, shared.config.receive_maximum),
            keep_alive: Duration::ZERO,
            acks: Acks::new(wake.clone()),
            shared,
            reader,
            writer,
            peer,
            session: None,
            wake,
            flights: VecDeque::new(),
            held: 0,
            assembling: None,
            admission: None,
            input: BytesMut::new(),
            output: BytesMut::new(),
            unflushed: false,
            backlog: VecDeque::new(),
            heard: now,
            written: now,
            draining: None,
            end: None,
        }
    }

    pub(super) async fn run(mut self) {
        let connect_by = Instant::now() + self.shared.config.connect_timeout;
        while self.end.is_none() {
            self.answer();
            let gate = if self.draining.is_some() {
                Gate::Acks
            } else {
                self.take_input()
            };
            self.send_queued();
            if self.end.is_none() {
                self.wait(gate, connect_by).await;
            }
        }
        let end = self.end.unwrap_or(End::Abnormal);
        if let Some(session) = self.session.take() {
            self.shared.hub.leave(&session);
            match (end, session.take_will()) {
                (End::Abnormal, Some(will)) => self.shared.publish_will(&session.principal, will),
                (End::Abnormal | End::Clean | End::Stopping, _) => {}
            }
        }
        // The budget of a packet that will not arrive must not wait for the goodbye.
        self.assembling = None;
        self.admission = None;
        // A peer that resets while we say goodbye has nothing more to hear.
        match timeout(GOODBYE, self.goodbye()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::trace!(%error, "goodbye"),
        }
    }

    async fn wait(&mut self, gate: Gate, connect_by: Instant) {
        let shared = self.shared.clone();
        if let Gate::Budget(size) = gate
            && self.admission.is_none()
        {
            let intake = shared.intake.clone();
            self.admission = Some(async move { intake.admit(size).await }.boxed());
        }
        let reading = matches!(gate, Gate::Read)
            && self.draining.is_none()
            && self.output.len() < OUT_HIGH_WATER;
        let deadline = self.deadline(matches!(gate, Gate::Read), connect_by);
        if reading && self.input.capacity() - self.input.len() < READ_BUFFER / 2 {
            self.input.reserve(READ_BUFFER);
        }
        tokio::select! {
            biased;
            () = shared.intake.closed().cancelled() => self.stop(),
            () = shared.stopping.cancelled(), if self.draining.is_none() => {
                self.draining = Some(Instant::now() + shared.config.drain_timeout);
                self.admission = None;
                self.assembling = None;
            }
            () = self.wake.notified() => {}
            done = write_some(&mut self.writer, &mut self.output, &mut self.unflushed),
                if !self.output.is_empty() || self.unflushed =>
            {
                self.written = Instant::now();
                if done.is_err() {
                    self.end = Some(End::Abnormal);
                }
            }
            Some(ticket) = OptionFuture::from(self.admission.as_mut()), if self.admission.is_some() => {
                self.admission = None;
                match ticket {
                    Ok(ticket) => self.assembling = Some(ticket),
                    Err(Closed) => self.stop(),
                }
            }
            read = self.reader.read_buf(&mut self.input), if reading => {
                if !matches!(read, Ok(1..)) {
                    self.end = Some(End::Abnormal);
                }
            }
            () = sleep_until(deadline.unwrap_or(connect_by)), if deadline.is_some() => self.expire(connect_by),
        }
    }

    /// When something is overdue: CONNECT, keep-alive, a write, the end of draining. Keep-alive
    /// is enforced only while the client can be heard and nothing of it waits for the sink.
    fn deadline(&self, reading: bool, connect_by: Instant) -> Option<Instant> {
        let connect = self.session.is_none().then_some(connect_by);
        let idle = reading
            && self.flights.is_empty()
            && self.draining.is_none()
            && !self.keep_alive.is_zero();
        let silent = (self.session.is_some() && idle).then(|| self.silent_at());
        let writing =
            (!self.output.is_empty()).then(|| self.written + self.shared.config.write_timeout);
        [connect, silent, writing, self.draining]
            .into_iter()
            .flatten()
            .min()
    }

    /// One and a half keep-alives after the last packet (MQTT 5, 3.1.2.10).
    fn silent_at(&self) -> Instant {
        self.heard + self.keep_alive + self.keep_alive / 2
    }

    fn expire(&mut self, connect_by: Instant) {
        let now = Instant::now();
        if self.draining.is_some_and(|at| at <= now) {
            return self.stop();
        }
        let unconnected = self.session.is_none() && connect_by <= now;
        let unwritten =
            !self.output.is_empty() && self.written + self.shared.config.write_timeout <= now;
        if unconnected || unwritten {
            self.end = Some(End::Abnormal);
        } else if self.session.is_some() && self.silent_at() <= now {
            Stats::add(&self.shared.stats.keep_alive_timeouts, 1);
            self.disconnect(Reason::KeepAliveTimeout);
        }
    }

    /// Ends the connection; MQTT 5 clients are told why.
    fn disconnect(&mut self, reason: Reason) {
        self.protocol.disconnect(reason, &mut self.output);
        self.end.get_or_insert(End::Abnormal);
    }

    fn stop(&mut self) {
        self.protocol
            .disconnect(Reason::ServerShuttingDown, &mut self.output);
        self.end = Some(End::Stopping);
    }

    /// Turns the sink's answers into acknowledgements.
    fn answer(&mut self) {
        for answer in self.acks.take() {
            let Some(flight) = self.flights.pop_front() else {
                return;
            };
            self.held -= flight.bytes;
            self.heard = Instant::now();
            match (answer, flight.id) {
                (Answer::Stored, Some(id)) => {
                    self.protocol
                        .puback(id, PubackReason::Success, &mut self.output);
                    Stats::add(&self.shared.stats.acked, 1);
                }
                (Answer::Stored, None) => {}
                (Answer::QuotaExceeded, _) => {
                    Stats::add(&self.shared.stats.refused_quota, 1);
                    return self.disconnect(Reason::QuotaExceeded);
                }
            }
            while let Some(outcome) = self.flights.front().and_then(|flight| flight.outcome) {
                let id = self.flights.pop_front().and_then(|flight| flight.id);
                if let Some(id) = id {
                    self.protocol.puback(id, outcome, &mut self.output);
                }
            }
        }
        if let Some(reason) = self.session.as_ref().and_then(|session| session.kicked()) {
            self.disconnect(reason);
        }
        if self.draining.is_some() && self.flights.is_empty() {
            self.stop();
        }
    }

    /// Takes what has been read as far as limits allow, and says what to wait for.
    fn take_input(&mut self) -> Gate {
        let received = now();
        let mut parcel = Vec::new();
        let mut inbound = Vec::new();
        let gate = loop {
            if self.end.is_some() {
                break Gate::Read;
            }
            match self.protocol.front(&self.input) {
                Front::Incomplete => break Gate::Read,
                Front::Publish { size, qos }
                    if self.session.is_some() && self.assembling.is_none() =>
                {
                    // An MQTT 5 client that exceeds the receive maximum is refused by the state machine.
                    let told = qos > 0 && self.protocol.is_v5();
                    let most = usize::from(self.shared.config.receive_maximum);
                    if (!told && self.flights.len() >= most)
                        || self.held >= self.shared.config.connection_bytes
                    {
                        break Gate::Acks;
                    }
                    if self.admission.is_some() {
                        break Gate::Budget(size);
                    }
                    match self.shared.intake.try_admit(size) {
                        Some(ticket) => self.assembling = Some(ticket),
                        None => break Gate::Budget(size),
                    }
                }
                Front::Body | Front::Publish { .. } | Front::Other => {}
            }
            let taken = self
                .protocol
                .feed(&self.input, &mut self.output, &mut inbound);
            self.input.advance(taken);
            for packet in inbound.drain(..) {
                self.heard = Instant::now();
                self.handle(packet, received, &mut parcel);
                if self.end.is_some() {
                    break;
                }
            }
        };
        if self.shared.intake.push(parcel).is_err() {
            self.stop();
        }
        gate
    }

    /// Moves messages for this subscriber into the output as far as its window goes.
    fn send_queued(&mut self) {
        let Some(session) = self.session.clone() else {
            return;
        };
        while self.end.is_none() && self.output.len() < OUT_HIGH_WATER {
            let kept = self.backlog.pop_front();
            let from_backlog = kept.is_some();
            let Some(queued) = kept.or_else(|| session.next()) else {
                return;
            };
            let left = queued
                .message
                .expires
                .map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                Stats::add(&self.shared.stats.expired, 1);
                continue;
            }
            let outgoing = Outgoing {
                topic: &queued.message.topic,
                payload: &queued.message.payload,
                at_least_once: queued.at_least_once,
                retain: queued.retain,
                expiry: left,
            };
            match self.protocol.publish_out(&outgoing, &mut self.output) {
                Ok(Sent::Written) => {}
                Ok(Sent::NoWindow) if from_backlog => return self.backlog.push_front(queued),
                Ok(Sent::NoWindow) => return session.put_back(queued),
                Ok(Sent::TooLarge) => Stats::add(&self.shared.stats.undeliverable, 1),
                Err(error) => {
                    tracing::warn!(?error, "a message to a subscriber could not be written");
                    return self.disconnect(Reason::ImplementationSpecificError);
                }
            }
        }
    }

    /// Writes what is left, then waits for the client to close, so that a reset for bytes we
    /// did not read does not take the last packet from it.
    async fn goodbye(&mut self) -> std::io::Result<()> {
        self.writer.write_all_buf(&mut self.output).await?;
        self.writer.shutdown().await?;
        let mut discarded = [0u8; 1024];
        while self.reader.read(&mut discarded).await? > 0 {}
        Ok(())
    }
}

async fn write_some<S: AsyncRead + AsyncWrite>(
    writer: &mut WriteHalf<S>,
    output: &mut BytesMut,
    unflushed: &mut bool,
) -> std::io::Result<()> {
    if output.is_empty() {
        writer.flush().await?;
        *unflushed = false;
    } else {
        *unflushed = true;
        if writer.write_buf(output).await? == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// The wall clock, in µs since 1970 UTC.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}
