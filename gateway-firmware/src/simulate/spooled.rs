//! `simulate --spool`: the simulated devices as a source of a whole gateway, with its spool and its publisher.
//!
//! Every pack is put as a confirmed reading; how many packs are confirmed stands on standard output, a line each time it
//! grows. Whoever starts the program again with the same arguments and `--skip` of the last line goes on where the
//! devices left off, as devices do that repeat what was not confirmed.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::encode::records;
use super::plan::Plan;
use super::reading::Pack;
use super::run::Playback;
use crate::cli::{Server, Simulate};
use crate::config::{Config, Log, Sync};
use crate::exit::Failure;
use crate::run::context::{Context, PULSE};
use crate::run::{From, logging, start};
use crate::source::{Class, Kind, Readings, Refused};

/// Packs put together when they are due together.
const BATCH: usize = 200;

/// Longer than a service's: whoever simulates waits for the end.
const DRAIN: Duration = Duration::from_secs(30);

pub(super) fn run(arguments: &Simulate, plan: Plan, dir: &Path) -> Result<(), Failure> {
    if arguments.server.stdout {
        return Err(Failure::usage("--spool and --stdout exclude each other"));
    }
    logging::start(&Log::default())?;
    let playback = Playback::new(plan);
    let skip = arguments.time.skip;
    let source = Box::new(move |context| {
        let fed = feed(playback, skip, context);
        Box::pin(fed) as crate::run::sources::Running
    });
    let mut config = config(&arguments.server, dir);
    config.spool.max_size = arguments.spool_size;
    start(config, From::Once(source))
}

fn config(typed: &Server, dir: &Path) -> Config {
    let mut config = Config {
        site: typed.site.clone(),
        gateway: typed.gateway.clone(),
        data_dir: dir.to_owned(),
        hash: "simulate".to_owned(),
        ..Config::default()
    };
    let server = &mut config.server;
    server.url = typed.url.clone();
    server.ca.clone_from(&typed.ca);
    server.cert.clone_from(&typed.cert);
    server.key.clone_from(&typed.key);
    server.username.clone_from(&typed.username);
    server.password.clone_from(&typed.password);
    server.format = typed.format;
    server.window = typed.window.max(2);
    // The simulated devices state their times themselves.
    config.time.synchronized = Sync::Assume;
    config.time.wait = Duration::ZERO;
    config.publish.drain = DRAIN;
    config
}

async fn feed(mut playback: Playback, skip: u64, mut context: Context) -> Result<(), String> {
    let mut room = context.intake.room();
    playback.skip(skip);
    let mut confirmed = skip;
    loop {
        context.pulse.beat();
        let packs = tokio::select! {
            packs = playback.due(BATCH) => packs,
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PULSE) => continue,
            // Nobody gives commands to simulated devices.
            Some(command) = context.commands.recv() => {
                drop(command);
                continue;
            }
        };
        if packs.is_empty() {
            return Ok(());
        }
        let readings: Vec<Readings> = packs.iter().map(|pack| readings(pack, &context)).collect();
        loop {
            match context.intake.put(readings.clone()).await {
                Ok(()) => break,
                Err(Refused::Ended) => return Err("the spool takes nothing more".to_owned()),
                Err(Refused::Full) => tokio::select! {
                    free = room.wait_for(|room| *room) => {
                        if free.is_err() {
                            return Err("the spool has ended".to_owned());
                        }
                    }
                    () = context.stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(PULSE) => context.pulse.beat(),
                },
            }
        }
        confirmed += packs.len() as u64;
        say(confirmed).map_err(|error| error.to_string())?;
    }
}

fn say(confirmed: u64) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("confirmed {confirmed}\n").as_bytes())?;
    out.flush()
}

fn readings(pack: &Pack, context: &Context) -> Readings {
    Readings {
        device: pack.device.to_string(),
        kind: Kind::Readings,
        class: Class::Confirmed,
        taken: context.clock.now(),
        records: records(pack),
        by_gateway_clock: false,
    }
}
