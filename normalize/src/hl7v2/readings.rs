//! A message as records of SenML, device by device.

use super::message::{Kind, Message};
use super::profile::Profile;
use super::repair::Repairs;
use crate::measurement::Reason;
use crate::senml::Record;
use crate::time::Micros;

/// What one message says of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceReadings {
    /// Id in the topic (design 5.1): OBX-18's EUI-64, else from MSH-3.
    pub device: String,
    /// Readings and pieces of waveforms, for `…/readings`. A record without `device_time` has no time of the
    /// device's: its `time` is `received`.
    pub records: Vec<Record>,
    /// Alarms, for `…/alarms`.
    pub alarms: Vec<Record>,
    /// Place of the segment of each record, from 0 (MSH).
    pub lines: Vec<u32>,
    /// Place of the first segment of each alarm.
    pub alarm_lines: Vec<u32>,
    /// What was not taken.
    pub rejects: Vec<Rejected>,
}

/// A segment that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the message, from 0 (MSH).
    pub line: u32,
    pub reason: Reason,
    /// Segment, field and what was expected; never a value of a person.
    pub detail: String,
}

impl Message {
    /// What the message says, device by device; nothing for kinds that carry no readings. Counts what had to be
    /// mended in `repairs`, beside what [`Self::repairs`] has.
    #[must_use]
    pub fn readings(
        &self,
        profile: &Profile,
        received: Micros,
        repairs: &mut Repairs,
    ) -> Vec<DeviceReadings> {
        let _ = (profile, received, repairs);
        match self.kind() {
            Kind::R01 | Kind::R40 | Kind::W01 => Vec::new(),
            Kind::Ack | Kind::Query | Kind::Admit | Kind::Other => Vec::new(),
        }
    }

    /// Of an alarm message: whether it is a heartbeat, which says that the source and the link live and nothing else.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Heartbeat> {
        None
    }
}

/// A sign of life (PCD-04 with priority PN and a watchdog event).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The source lives and will send another one.
    Alive,
    /// The last one: the source goes down as planned (state inactive).
    PlannedShutdown,
}
