//! Commands to the running gateway: `rescan`, `pair`, `capture`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::adapter::Wishes;
use super::config::passkey;
use super::shared::{PairRequest, Shared, lock};
use super::unknown::Unknown;
use crate::run::context::{Command, Outcome};

/// A pairing is given up after this long: somebody stands beside the device with its display on.
const PAIRING: Duration = Duration::from_secs(120);
/// Shortest and longest capture on command.
const CAPTURE: std::ops::RangeInclusive<u64> = 1..=3_600;

/// There is no adapter to do it with now.
pub(crate) fn unavailable(command: Command) {
    answer(command, Err("Bluetooth is not there now".to_owned()));
}

fn answer(command: Command, outcome: Outcome) {
    // Who asked may have gone.
    drop(command.reply.send(outcome));
}

/// Carries a command out; `pair` answers when the pairing is over.
pub(crate) fn run(
    shared: &Arc<Shared>,
    state: &Path,
    unknown: &Unknown,
    wishes: &[Arc<Wishes>],
    command: Command,
) {
    match command.name.as_str() {
        "rescan" => {
            for wish in wishes {
                wish.rescan.store(true, Ordering::Relaxed);
                wish.changed.notify_one();
            }
            let outcome =
                json!({"adapters": wishes.len(), "unknownHealthDevices": unknown.health()});
            answer(command, Ok(outcome));
        }
        "pair" => pair(shared, wishes, command),
        "capture" => {
            let outcome = capture(shared, state, &command);
            answer(command, outcome);
        }
        _ => answer(command, Err("no such command".to_owned())),
    }
}

fn device(shared: &Shared, command: &Command) -> Result<usize, String> {
    let id = command.args.get("device").and_then(Value::as_str);
    let id = id.ok_or("args.device names no device")?;
    shared
        .find(id)
        .ok_or_else(|| "no such device is configured".to_owned())
}

fn pair(shared: &Arc<Shared>, wishes: &[Arc<Wishes>], command: Command) {
    let wanted = device(shared, &command).and_then(|device| {
        let given = match command.args.get("passkey") {
            None => None,
            Some(_) if !command.confidential => {
                return Err("a passkey is taken over TLS alone".to_owned());
            }
            Some(Value::String(text)) => Some(passkey(text)?),
            Some(_) => return Err("args.passkey: six digits as text".to_owned()),
        };
        Ok((device, given))
    });
    let (device, passkey) = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return answer(command, Err(error)),
    };
    let request = PairRequest {
        passkey,
        until: Instant::now() + PAIRING,
        reply: command.reply,
    };
    if let Some(older) = lock(&shared.pair_requests).insert(device, request) {
        drop(
            older
                .reply
                .send(Err("another pairing of it was asked for".to_owned())),
        );
    }
    for wish in wishes {
        lock(&wish.pair).push(device);
        wish.changed.notify_one();
    }
    let shared = shared.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PAIRING).await;
        let mut requests = lock(&shared.pair_requests);
        if requests
            .get(&device)
            .is_some_and(|request| request.until <= Instant::now())
            && let Some(request) = requests.remove(&device)
        {
            drop(
                request
                    .reply
                    .send(Err("the device was not seen in pairing mode".to_owned())),
            );
        }
    });
}

/// The file stays here: it has what the device said.
fn capture(shared: &Shared, state: &Path, command: &Command) -> Outcome {
    let device = device(shared, command)?;
    let seconds = match command.args.get("seconds") {
        None => 60,
        Some(seconds) => seconds.as_u64().ok_or("args.seconds: a whole number")?,
    };
    if !CAPTURE.contains(&seconds) {
        return Err("args.seconds: 1 to 3600".to_owned());
    }
    let id = &shared.device(device).id;
    let directory = state.join("captures");
    let name = format!("{id}-{}.ndjson", shared.clock.now().wall / 1_000_000);
    let until = Instant::now() + Duration::from_secs(seconds);
    let started = std::fs::create_dir_all(&directory).and_then(|()| {
        shared
            .captures
            .start(id, &directory.join(&name), Some(until))
    });
    match started {
        Ok(()) => Ok(json!({"file": name, "seconds": seconds})),
        Err(error) => Err(format!("the capture does not start: {error}")),
    }
}
