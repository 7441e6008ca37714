//! Bluetooth health devices: found, connected to, read, and supervised.
//!
//! ```text
//! supervise: one stack of connections to bluetoothd after the other
//!   └ adapter: scans, decides who is connected to (slots), waits after failures
//!       └ session: one connection: connect, identify, bond, exchange
//!           └ course: what to do next and what values mean (without I/O): times, procedure
//!               └──> Intake (durable) ──> only then: record numbers (memory), deletion at the device
//! ```
//!
//! GATT goes through btleplug (`link`), what btleplug lacks through our own connection to the bus (`bluez`: pairing
//! agent, trust, owner changes, objects that share a UUID). `failure` tells errors apart by what helps.
//!
//! # What fails in silence on Linux, and what is done about it
//!
//! | failure (ble.md section 3) | noticed by | done | counted as |
//! |---|---|---|---|
//! | no agent: an encrypted read hangs 30 s | our own `Agent1`, registered at every start of bluetoothd | `Pair` before anything that needs it | `failures{kind="authentication"}` |
//! | bluetoothd killed or restarted: no event, dead streams | `NameOwnerChanged` | everything built anew | `rebuilds{cause="bluetoothd-…"}` |
//! | the bus lost: calls hang, streams silent | our connection closes; a ping over both connections, 5 s | built anew; after `failures` in a row the program ends | `rebuilds{cause="bus-lost"}` |
//! | bluetoothd hangs | the same ping | the same | `rebuilds` |
//! | adapter unplugged | `InterfacesRemoved`, `Powered` false | built anew with the adapters there are | `rebuilds{cause="adapter-…"}` |
//! | adapter plugged in again | `InterfacesAdded` | built anew | `rebuilds{cause="adapter-added"}` |
//! | reads come as notifications, other clients' too | only values of subscribed characteristics are taken | ignored | `ignored` |
//! | a subscription dead while "connected" | a silence limit per stream | disconnected, connected anew | `resets{kind="silent"}` |
//! | a device known anew while "connected" | `DeviceDiscovered` in a session | the same | `resets{kind="discovered-again"}` |
//! | disconnection without an event | bluetoothd is asked every 30 s | session ended | `resets{kind="event-gap"}` |
//! | the stream of values ends | it ends | session ended | `resets{kind="stream-ended"}` |
//! | a task of bluez-async panics after a timed-out connect | tokio keeps it to itself (panic = unwind) | nothing: the link was ended | – |
//! | connect waits 30 s for services that do not resolve | own limit; a link that breaks meanwhile | `Disconnect`, next attempt | `failures{kind="timeout"}`, `…"transient"` |
//! | a failed connect leaves the link up, and a slot lost | – | `Disconnect` after every failure | – |
//! | two services or characteristics with one UUID | the object tree | the further ones over the side channel | – |
//! | cached devices reported as found | no signal strength | not taken for seen | – |
//! | values repeated by BlueZ or by the device | `repeats` | taken once | `duplicates` |
//! | bond lost on either side | no keys here; `key-missing`; refused though bonded; breaks at once three times | state `bond-lost`, not tried until paired or after the longest wait | `failures{kind="bond-lost"}` |
//! | controller out of connections | BlueZ's words | waits, growing | `failures{kind="slots"}` |
//! | device removed from bluetoothd in mid-connect | `UnknownObject` | waits for its next advertisement | `failures{kind="not-found"}` |
//!
//! Invariants:
//! 1. Nothing is connected to but what the configuration names, by identity address; what then lacks the services or
//!    the serial number it should have is refused and reported.
//! 2. A value is put into the spool before the course of the connection goes on; a record's number is remembered, and
//!    its deletion asked for, only once it is synced.
//! 3. A device's time is never replaced by "now".
//! 4. No word of a device's name, and no passkey, is logged.

pub(crate) mod adapter;
pub(crate) mod address;
pub(crate) mod bluez;
pub(crate) mod capture;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod course;
pub(crate) mod failure;
pub(crate) mod link;
pub(crate) mod memory;
pub(crate) mod profile;
pub(crate) mod repeats;
pub(crate) mod report;
pub(crate) mod session;
pub(crate) mod shared;
pub(crate) mod slots;
pub(crate) mod supervise;
pub(crate) mod tools;
pub(crate) mod unknown;

pub(crate) use config::Config;

use crate::run::context::Context;

/// Commands that the source answers.
pub(crate) const COMMANDS: &[&str] = &["rescan", "pair", "capture"];

/// Why Bluetooth stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the system bus fails again and again: {0}")]
    Bus(String),
    #[error("the spool takes nothing more")]
    Spool,
}

/// Runs until stopped. Another list of devices takes effect at once and leaves the connections of the others alone;
/// other times or adapters start everything over.
pub(crate) async fn run(config: Config, context: Context) -> Result<(), Error> {
    let Context {
        intake,
        devices,
        clock,
        metrics,
        pulse,
        stop,
        give_up,
        mut commands,
        config: mut changes,
        state,
    } = context;
    let report = metrics.group(report::Report::register);
    let captures = capture::Captures::default();
    let unknown = unknown::Unknown::default();
    let mut config = config;
    loop {
        let parts = shared::Parts {
            intake: intake.clone(),
            devices: devices.clone(),
            clock: clock.clone(),
            report: report.clone(),
            memories: memory::Memories::new(&state),
            captures: captures.clone(),
        };
        let mut supervisor = supervise::Supervisor {
            shared: shared::Shared::new(config, parts),
            commands: &mut commands,
            changes: &mut changes,
            pulse: pulse.clone(),
            stop: stop.clone(),
            unknown: unknown.clone(),
            state: state.clone(),
        };
        let ended = supervisor.run().await;
        if matches!(ended, Err(Error::Bus(_))) {
            // Started over in this process, it would do the same: the system's supervisor may know better.
            give_up.cancel();
        }
        match ended? {
            Some(fresh) => config = fresh,
            None => {
                pulse.end();
                return Ok(());
            }
        }
    }
}
