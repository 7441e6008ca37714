//! `capture`: a device served for its bytes alone.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::capture::Captures;
use super::super::memory::Memories;
use super::super::report::Report;
use super::super::shared::{Parts, Shared};
use super::super::supervise::Supervisor;
use super::super::unknown::Unknown;
use super::{Capture, load, runtime};
use crate::clock::Clock;
use crate::devices::Devices;
use crate::exit::Failure;
use crate::run::context::Pulse;
use crate::source::Intake;
use crate::talk::talk;

pub(crate) fn run(arguments: &Capture) -> Result<(), Failure> {
    let mut config = load(&arguments.config)?;
    config
        .ble
        .device
        .retain(|device| device.id == arguments.device);
    let device = config.ble.device.first_mut();
    let device = device.ok_or_else(|| Failure::usage("no such device is configured"))?;
    device.set_clock = false;
    device.delete_after_download = false;
    crate::run::logging::start(&config.log)?;
    let runtime = runtime()?;
    let frames = runtime.block_on(capture(arguments, config))?;
    talk(&format!(
        "{frames} frames of {} in {}",
        arguments.device,
        arguments.out.display()
    ));
    Ok(())
}

async fn capture(arguments: &Capture, config: crate::config::Config) -> Result<u64, Failure> {
    let clock = Clock::new().map_err(Failure::failed)?;
    let captures = Captures::default();
    let until = Instant::now() + arguments.duration;
    let started = captures.start(&arguments.device, &arguments.out, None);
    started.map_err(|error| Failure::failed(format!("{}: {error}", arguments.out.display())))?;
    // What is learned of the device is not remembered: the gateway shall fetch its records all the same.
    let nowhere = arguments.out.with_extension("state");
    std::fs::create_dir_all(&nowhere).map_err(Failure::failed)?;
    let (_room, room) = watch::channel(true);
    let (intake, mut puts) = Intake::new(room);
    // The frames are synced in the file before anything is put.
    let keeper = tokio::spawn(async move {
        while let Some(put) = puts.recv().await {
            if put.reply.send(Ok(())).is_err() {
                tracing::debug!("nobody waits for what was put");
            }
        }
    });
    let shared = Shared::new(
        config.ble.clone(),
        Parts {
            intake,
            devices: Devices::default(),
            clock: clock.clone(),
            report: Report::default(),
            memories: Memories::new(&nowhere),
            captures: captures.clone(),
        },
    );
    let (_command, mut commands) = mpsc::channel(1);
    let (_config, mut changes) = watch::channel(Arc::new(config));
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor {
        shared,
        commands: &mut commands,
        changes: &mut changes,
        pulse: Pulse::new(clock),
        stop: stop.clone(),
        unknown: Unknown::default(),
        state: nowhere.clone(),
    };
    let running = supervisor.run();
    tokio::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = tokio::time::sleep_until(until.into()) => {
            stop.cancel();
            running.await
        }
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            running.await
        }
    };
    let frames = captures.frames(&arguments.device);
    keeper.abort();
    std::fs::remove_dir_all(&nowhere).map_err(Failure::failed)?;
    ended.map_err(Failure::failed)?;
    Ok(frames)
}
