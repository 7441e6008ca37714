//! The steps of a connection, in order.

use std::collections::{BTreeMap, VecDeque};

use wardline_gateway::gatt::ghs;

use super::super::config::Device;
use super::super::link::{Action, Can, Id};
use super::super::memory::Memory;
use super::super::profile::{Profile, uuid};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Do(Action),
    /// Its failure changes nothing.
    Optional(Action),
    /// Values that carry the device's time wait for it.
    Clock(Action),
    /// Stored records of a service.
    Records(u16),
    SetClock(Id),
}

/// Whether reading it tells how to understand time stamps.
pub(crate) fn is_clock(id: Id) -> bool {
    matches!(
        id.uuid,
        uuid::CURRENT_TIME
            | uuid::DATE_TIME
            | uuid::ELAPSED_TIME
            | uuid::CGM_SESSION_START
            | uuid::CGM_STATUS
    )
}

/// All steps of a connection with a device that can do this.
pub(crate) fn steps(device: &Device, memory: &Memory, can: &BTreeMap<Id, Can>) -> VecDeque<Step> {
    let readable =
        |service: u16, uuid: u16| can.get(&Id { service, uuid }).is_some_and(|can| can.read);
    let sends = |service: u16, uuid: u16| {
        can.get(&Id { service, uuid })
            .is_some_and(|can| can.subscribe)
    };
    let writable = |id: &Id| can.get(id).is_some_and(|can| can.write);
    let read = |service: u16, uuid: u16| Action::Read(Id { service, uuid });
    let mut steps = VecDeque::new();

    if device.serial.is_some() && !memory.serial_checked {
        steps.push_back(Step::Do(read(
            uuid::DEVICE_INFORMATION,
            uuid::SERIAL_NUMBER,
        )));
    }
    let cgm = Profile::Cgm.service();
    let has_cgm = device.profiles.contains(&Profile::Cgm);
    if has_cgm && memory.cgm_feature.is_none() && readable(cgm, uuid::CGM_FEATURE) {
        steps.push_back(Step::Do(read(cgm, uuid::CGM_FEATURE)));
    }

    for profile in &device.profiles {
        let service = profile.service();
        let extra = profile
            .intermediate()
            .iter()
            .filter(|_| device.intermediate);
        for uuid in extra.chain(profile.measurements()) {
            if sends(service, *uuid) {
                steps.push_back(Step::Do(Action::Subscribe(Id {
                    service,
                    uuid: *uuid,
                })));
            }
        }
    }

    // The clock: that of the Current Time service, else the service's own.
    let (time, current) = (uuid::CURRENT_TIME_SERVICE, uuid::CURRENT_TIME);
    if readable(time, current) {
        steps.push_back(Step::Clock(read(time, current)));
    } else if let Some(id) = can
        .iter()
        .find(|(id, can)| id.uuid == current && can.read)
        .map(|(id, _)| *id)
    {
        steps.push_back(Step::Clock(Action::Read(id)));
    } else if let Some(profile) = device
        .profiles
        .iter()
        .find(|p| readable(p.service(), uuid::DATE_TIME))
    {
        steps.push_back(Step::Clock(read(profile.service(), uuid::DATE_TIME)));
    }
    if let Some(id) = can
        .iter()
        .find(|(id, can)| id.uuid == uuid::ELAPSED_TIME && can.read)
        .map(|(id, _)| *id)
    {
        steps.push_back(Step::Clock(Action::Read(id)));
    }
    if has_cgm {
        for uuid in [uuid::CGM_SESSION_START, uuid::CGM_STATUS] {
            if readable(cgm, uuid) {
                steps.push_back(Step::Clock(read(cgm, uuid)));
            }
        }
    }

    for profile in &device.profiles {
        for uuid in profile.features() {
            let clock = is_clock(Id {
                service: profile.service(),
                uuid: *uuid,
            });
            if !clock && readable(profile.service(), *uuid) {
                steps.push_back(Step::Optional(read(profile.service(), *uuid)));
            }
        }
    }
    let ghs = Id {
        service: Profile::GenericHealth.service(),
        uuid: uuid::GHS_CONTROL_POINT,
    };
    if device.profiles.contains(&Profile::GenericHealth) && writable(&ghs) {
        let start = ghs::Operation::StartLive.encode();
        steps.push_back(Step::Optional(Action::Write(ghs, start)));
    }
    for profile in &device.profiles {
        if sends(profile.service(), uuid::RACP) {
            steps.push_back(Step::Records(profile.service()));
        }
    }
    if device.set_clock {
        let settable = [uuid::CURRENT_TIME, uuid::DATE_TIME, uuid::CGM_SESSION_START];
        let ids = settable
            .iter()
            .filter_map(|uuid| can.keys().find(|id| id.uuid == *uuid && writable(id)));
        if let Some(id) = ids.copied().next() {
            steps.push_back(Step::SetClock(id));
        }
    }
    for uuid in uuid::INFORMATION {
        // The serial number is checked each time; the rest of it does not change.
        let again = uuid == uuid::SERIAL_NUMBER && device.serial.is_some() && memory.serial_checked;
        let known = memory.information.contains_key(&uuid);
        if (again || !known) && readable(uuid::DEVICE_INFORMATION, uuid) {
            steps.push_back(Step::Optional(read(uuid::DEVICE_INFORMATION, uuid)));
        }
    }
    steps
}
