//! One message: read, put, answered.

mod alarm;
mod records;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;
use wardline_normalize::hl7v2::ack::{self, AckCode};
use wardline_normalize::hl7v2::frame::{self, Frame};
use wardline_normalize::hl7v2::{Kind, Message, Repairs};
use wardline_normalize::time::{Micros, format_rfc3339};

use super::answer::{Answers, Asked, Verdict};
use super::config::{AckMode, AlarmAnswer};
use super::keep;
use super::metrics::Counts;
use super::peer::Peer;
use super::resend::Key;
use crate::source::{self, Class, Readings, Refused, Taken};

pub(crate) use alarm::watch;
use records::Sorted;

/// Enough of a message that is too long to answer it: MSH and what follows.
const HEAD: usize = 4 << 10;

/// A message that is done with: its answers, in frames, to be written.
#[derive(Debug)]
pub(crate) struct Done {
    /// Of the message in bytes.
    pub(crate) length: usize,
    pub(crate) answer: Vec<u8>,
    codes: Answers,
    received: Instant,
}

impl Done {
    /// The answers are written.
    pub(crate) fn written(&self, counts: &Counts) {
        for code in [self.codes.accept, self.codes.application]
            .into_iter()
            .flatten()
        {
            counts.answer(code.as_str());
        }
        if !self.answer.is_empty() {
            counts.acknowledged(self.received.elapsed());
        }
    }
}

/// Reads a message, puts what it says and says what is to be answered.
pub(crate) async fn handle(peer: Arc<Peer>, frame: Frame, received: Instant) -> Done {
    let taken = peer.origin.shared.clock.now();
    let (codes, answer) = answered(&peer, &frame, taken).await;
    Done {
        length: frame.bytes.len(),
        answer,
        codes,
        received,
    }
}

/// A message longer than any may be: it is gone, and its id with it.
pub(crate) fn too_long(peer: &Peer, received: Instant) -> Done {
    peer.origin.counts.reject("too-long");
    let taken = peer.origin.shared.clock.now();
    let (codes, answer) =
        without_header(peer, Verdict::Never, "the message is too long", true, taken);
    Done {
        length: 0,
        answer,
        codes,
        received,
    }
}

async fn answered(peer: &Peer, frame: &Frame, taken: Taken) -> (Answers, Vec<u8>) {
    let (origin, bytes) = (&peer.origin, frame.bytes.as_slice());
    if frame.junk {
        origin.counts.repair("junk-between-frames", 1);
    }
    let too_long = bytes.len() as u64 > origin.config.max_message.0;
    let readable = if too_long {
        bytes.get(..HEAD).unwrap_or(bytes)
    } else {
        bytes
    };
    let message = match Message::parse(readable, &origin.profile) {
        Ok(message) => message,
        Err(fault) => {
            origin.counts.message("unreadable");
            let verdict = unreadable(peer, bytes, &fault.to_string(), taken).await;
            return without_header(peer, verdict, &fault.to_string(), frame.framed, taken);
        }
    };
    let kind = message.kind();
    origin.counts.message(word(kind));
    // Never an acknowledgement of an acknowledgement.
    if kind == Kind::Ack || message.answers().is_some() {
        return (Answers::default(), Vec::new());
    }
    let header = message.header();
    let field = |number| header.field(number).component(1);
    let asked = Asked::new(origin.config.ack, field(15), field(16));
    let (verdict, why) = match kind {
        _ if too_long => {
            origin.counts.reject("too-long");
            (Verdict::Never, "longer than max-message")
        }
        Kind::R01 | Kind::R40 | Kind::W01 => take(peer, &message, bytes, asked, taken).await,
        Kind::Query => {
            origin.counts.reject("query");
            (Verdict::Never, "queries are not answered here")
        }
        Kind::Admit | Kind::Ack | Kind::Other => {
            origin.counts.reject("other-kind");
            (Verdict::Never, "only observations are taken here")
        }
    };
    let codes = asked.answers(verdict);
    let mut out = Vec::new();
    for code in [codes.accept, codes.application].into_iter().flatten() {
        let application = matches!(code, AckCode::AA | AckCode::AE | AckCode::AR);
        let alarm = kind == Kind::R40
            && application
            && match origin.config.alarm_answer {
                AlarmAnswer::Auto => message.is_enhanced() && asked.application(),
                AlarmAnswer::Ack => false,
                AlarmAnswer::Ora => true,
            };
        let answer = if alarm {
            ack::build_alarm(&message, code, why, taken.wall)
        } else {
            ack::build(&message, code, why, taken.wall)
        };
        write(&mut out, &answer, frame.framed);
    }
    (codes, out)
}

/// Puts what a message says; the verdict, and why if it is not taken.
async fn take(
    peer: &Peer,
    message: &Message,
    bytes: &[u8],
    asked: Asked,
    taken: Taken,
) -> (Verdict, &'static str) {
    let shared = &peer.origin.shared;
    let counts = &peer.origin.counts;
    let named = !message.control_id().trim().is_empty() && !message.header().field(7).is_empty();
    let key = named.then(|| Key::new(bytes));
    if let Some(verdict) = key.and_then(|key| shared.answered.before(key)) {
        counts.resend();
        return (verdict, "refused before");
    }
    let mut repairs = Repairs::default();
    let profile = &peer.origin.profile;
    let mut said = message.readings(profile, taken.wall, &mut repairs);
    for said in said.iter_mut().filter(|said| said.device.is_empty()) {
        said.device = peer.origin.device();
    }
    for (repair, times) in message.repairs().iter().chain(repairs.iter()) {
        counts.repair(repair.as_str(), u64::from(times));
    }
    let signs = alarm::signs(peer, message, &said);
    let sent = message.sent(profile, taken.wall);
    let mut devices: BTreeSet<String> = said.iter().map(|said| said.device.clone()).collect();
    // A heartbeat says nothing else and goes no further; the server hears of it when it stops.
    devices.extend(signs.iter().map(|(device, _)| device.clone()));
    let mut sorted = Sorted::new(peer, said, bytes, taken, asked.confirms());
    let outcome = put(peer, std::mem::take(&mut sorted.puts)).await;
    match outcome {
        Ok(()) => {
            sorted.safe(peer);
            for device in &devices {
                peer.spoke(device, sent, taken.wall);
            }
            alarm::heard(peer, &signs).await;
            if let Some(key) = key {
                shared.answered.remember(key, Verdict::Taken);
            }
            (Verdict::Taken, "")
        }
        Err(refused) => {
            sorted.not_kept(peer);
            for device in &devices {
                peer.erred(device, "the spool took nothing");
            }
            if !asked.confirms() {
                counts.lost();
            }
            (Verdict::Later, why(refused))
        }
    }
}

async fn put(peer: &Peer, puts: Vec<Readings>) -> Result<(), Refused> {
    if puts.is_empty() {
        return Ok(());
    }
    peer.origin.shared.intake.put(puts).await
}

fn why(refused: Refused) -> &'static str {
    match refused {
        Refused::Full => "there is no room now; send it again later",
        Refused::Ended => "the gateway is ending; send it again later",
    }
}

/// What is no HL7 at all is kept, a kind of it once an hour, and refused.
async fn unreadable(peer: &Peer, bytes: &[u8], fault: &str, taken: Taken) -> Verdict {
    let shared = &peer.origin.shared;
    let device = peer.origin.device();
    peer.origin.counts.reject("unreadable");
    peer.erred(&device, "a message that is no HL7");
    peer.origin.warn_now_and_then(|| {
        tracing::warn!(source = %peer.origin.name, fault, length = bytes.len(), "a message cannot be read");
    });
    if !shared.kept.due(&device, fault, Instant::now()) {
        return Verdict::Never;
    }
    let readings = Readings {
        device: device.clone(),
        kind: source::Kind::Readings,
        class: Class::Confirmed,
        taken,
        records: vec![keep::record(fault, bytes, taken.wall)],
        by_gateway_clock: true,
    };
    match shared.intake.put(vec![readings]).await {
        Ok(()) => Verdict::Never,
        Err(_) => {
            shared.kept.forget(&device, fault);
            Verdict::Later
        }
    }
}

/// An answer to what has no header to speak to: nothing is known of what it wants, so the source's mode decides.
fn without_header(
    peer: &Peer,
    verdict: Verdict,
    why: &str,
    framed: bool,
    taken: Taken,
) -> (Answers, Vec<u8>) {
    let asked = match peer.origin.config.ack {
        AckMode::Enhanced => Asked::new(AckMode::Accept, "", ""),
        mode => Asked::new(mode, "", ""),
    };
    let codes = asked.answers(verdict);
    let mut out = Vec::new();
    for code in [codes.accept, codes.application].into_iter().flatten() {
        let stamp = stamp(taken.wall);
        // 207: application internal error, 100: segment sequence error (HL7 table 0357).
        let error = if verdict == Verdict::Later { 207 } else { 100 };
        let answer = format!(
            "MSH|^~\\&|WARDLINE||||{stamp}||ACK|{:x}|P|2.6\rMSA|{}|\rERR|||{error}^^HL70357|E||||{why}\r",
            taken.wall,
            code.as_str(),
        );
        write(&mut out, answer.as_bytes(), framed);
    }
    (codes, out)
}

/// HL7's form of a time, in UTC to the second.
fn stamp(at: Micros) -> String {
    let digits = format_rfc3339(at);
    let digits = digits.chars().filter(char::is_ascii_digit).take(14);
    digits.chain("+0000".chars()).collect()
}

/// Framed as the message was: who frames nothing reads no frames.
fn write(out: &mut Vec<u8>, answer: &[u8], framed: bool) {
    if framed {
        out.extend_from_slice(&frame::wrap(answer));
    } else {
        out.extend_from_slice(answer);
    }
}

/// As in the metrics.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::R01 => "R01",
        Kind::R40 => "R40",
        Kind::W01 => "W01",
        Kind::Ack => "ack",
        Kind::Query => "query",
        Kind::Admit => "admit",
        Kind::Other => "other",
    }
}

impl Sorted {
    /// All of it is synced: what repeats it is a repeat from now on.
    fn safe(&self, peer: &Peer) {
        let mut repeats = peer
            .origin
            .shared
            .repeats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        repeats.remember(&self.stated);
    }

    /// Nothing of it was taken: the faults in it were not kept either.
    fn not_kept(&self, peer: &Peer) {
        for (device, fault) in &self.kept {
            peer.origin.shared.kept.forget(device, fault);
        }
    }
}
