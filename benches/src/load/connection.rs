//! One publishing connection: many messages in flight, each answer timed.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use bytes::BytesMut;
use hdrhistogram::Histogram;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{Connect, ConnectReturnCode, Login, Packet, PubAckReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use wardline_normalize::time::Micros;

use super::wire::Encoded;
use super::{LONGEST_MICROS, Load, histogram};

/// Bytes that are gathered before they are written: a few dozen messages a system call.
const WRITE_BYTES: usize = 32 << 10;
const READ_BYTES: usize = 64 << 10;
/// A server that answers nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// One connection's part of a load.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) client_id: String,
    /// Numbers of its devices.
    pub(super) devices: Vec<u32>,
    pub(super) messages: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: u64,
    /// Answered with an error.
    pub(crate) refused: u64,
    /// Microseconds from when a message was due to its PUBACK.
    pub(crate) latency: Histogram<u64>,
    pub(crate) start: Instant,
    /// When the last answer came.
    pub(crate) end: Instant,
}

impl Outcome {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            acknowledged: 0,
            refused: 0,
            latency: histogram(),
            start,
            end: start,
        }
    }

    pub(super) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.latency.add(&other.latency)?;
        self.end = self.end.max(other.end);
        Ok(())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.end.duration_since(self.start).as_secs_f64()
    }
}

/// Connected, nothing sent yet.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    incoming: BytesMut,
    devices: Vec<Encoded>,
    messages: u64,
    at_most: Option<Duration>,
    /// When each packet id in flight was due; the first place is not used.
    due: Vec<Option<Instant>>,
}

impl Connection {
    pub(super) async fn open(load: &Load, plan: Plan) -> anyhow::Result<Self> {
        let Load {
            host,
            port,
            site,
            gateway,
            ..
        } = load;
        let devices = plan.devices.iter().map(|number| {
            let device = format!("load-{:04}", number + 1);
            let topic = load.content.topic(site, gateway, &device);
            let template = load.content.template(&device);
            Encoded::new(&topic, load.content.media_type(), template)
        });
        let devices = devices.collect::<Result<Vec<_>, _>>()?;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream = stream.with_context(|| format!("cannot connect to {host}:{port}"))?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            incoming: BytesMut::with_capacity(READ_BYTES),
            messages: if devices.is_empty() { 0 } else { plan.messages },
            devices,
            at_most: load.at_most,
            due: Vec::new(),
        };
        let maximum = connection
            .greet(plan.client_id, load.credentials.as_ref())
            .await?;
        connection.due = vec![None; usize::from(load.window.min(maximum)) + 1];
        Ok(connection)
    }

    /// CONNECT and CONNACK; gives the server's receive maximum.
    async fn greet(
        &mut self,
        client_id: String,
        credentials: Option<&(String, String)>,
    ) -> anyhow::Result<u16> {
        let refused = format!("the server refuses {client_id}");
        let connect = Connect {
            // No pings: data flows, or the run is over.
            keep_alive: 0,
            client_id,
            clean_start: true,
            properties: None,
        };
        let login = credentials.map(|(user, password)| Login::new(user, password));
        let mut out = BytesMut::new();
        Packet::Connect(connect, None, login).write(&mut out, None)?;
        self.stream.write_all(&out).await?;
        let answer = timeout(SILENCE, self.packet())
            .await
            .context("no answer to CONNECT")??;
        match answer {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => {
                let maximum = answer
                    .properties
                    .and_then(|properties| properties.receive_max);
                Ok(maximum.unwrap_or(u16::MAX))
            }
            Packet::ConnAck(answer) => bail!("{refused}: {:?}", answer.code),
            other => bail!("{other:?} instead of CONNACK"),
        }
    }

    async fn packet(&mut self) -> anyhow::Result<Packet> {
        loop {
            match Packet::read(&mut self.incoming, None) {
                Err(Error::InsufficientBytes(_)) => {}
                packet => return Ok(packet?),
            }
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }

    /// Sends everything and waits for every answer. `pace` is when the first message is due and how long
    /// after it the next one.
    pub(super) async fn run(
        mut self,
        pace: Option<(Instant, Duration)>,
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::new(Instant::now());
        let until = self.at_most.map(|at_most| outcome.start + at_most);
        let (mut reader, mut writer) = self.stream.split();
        let mut out: Vec<u8> = Vec::with_capacity(WRITE_BYTES * 2);
        let mut written = 0;
        let mut sent = 0_u64;
        let mut id = 0;
        let mut next = pace.map(|(first, _)| first);
        loop {
            // Gather what is due and has room.
            let now = Instant::now();
            if until.is_some_and(|until| now >= until) {
                self.messages = sent;
            }
            let stamp = wall_clock();
            let mut room = true;
            while sent < self.messages
                && out.len() < WRITE_BYTES
                && next.is_none_or(|next| next <= now)
            {
                let following = if id + 1 == self.due.len() { 1 } else { id + 1 };
                room = self.due[following].is_none();
                if !room {
                    break;
                }
                id = following;
                self.due[id] = Some(next.unwrap_or(now));
                let device = (sent % self.devices.len() as u64) as usize;
                self.devices[device].write(&mut out, id as u16, stamp);
                sent += 1;
                if let (Some(next), Some((_, period))) = (&mut next, pace) {
                    *next += period;
                }
            }
            if outcome.acknowledged + outcome.refused == sent && sent == self.messages {
                return Ok(outcome);
            }
            let timer = next.filter(|_| room && sent < self.messages);
            let wake = timer.unwrap_or_else(|| now + SILENCE);
            tokio::select! {
                count = writer.write(&out[written..]), if written < out.len() => {
                    written += count?;
                    if written == out.len() {
                        out.clear();
                        written = 0;
                    }
                }
                count = reader.read_buf(&mut self.incoming) => {
                    if count? == 0 {
                        bail!("the server closed the connection");
                    }
                    answers(&mut self.incoming, &mut self.due, &mut outcome)?;
                }
                () = sleep_until(wake.into()) => {
                    if timer.is_none() {
                        bail!("no answer for {SILENCE:?}; {} messages are open", self.due.iter().flatten().count());
                    }
                }
            }
        }
    }
}

/// Takes every whole packet out of `incoming`.
fn answers(
    incoming: &mut BytesMut,
    due: &mut [Option<Instant>],
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let now = Instant::now();
    loop {
        match Packet::read(incoming, None) {
            Ok(Packet::PubAck(answer)) => {
                let due = due.get_mut(usize::from(answer.pkid)).and_then(Option::take);
                let due = due
                    .with_context(|| format!("an answer to {}, which is not open", answer.pkid))?;
                match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                        outcome.acknowledged += 1
                    }
                    _ => outcome.refused += 1,
                }
                let micros = u64::try_from(now.saturating_duration_since(due).as_micros());
                outcome
                    .latency
                    .saturating_record(micros.unwrap_or(LONGEST_MICROS).max(1));
                outcome.end = now;
            }
            Ok(Packet::Disconnect(reason)) => {
                bail!("the server disconnects: {:?}", reason.reason_code)
            }
            Ok(_) => {}
            Err(Error::InsufficientBytes(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Microseconds since 1970.
fn wall_clock() -> Micros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| Micros::try_from(since.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
