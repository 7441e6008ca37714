//! What is read once per connection: clocks, features, sessions, who the device is.

use wardline_gateway::gatt::current_time::{CurrentTime, date_time};
use wardline_gateway::gatt::{self, Crc, Quirks, cgm_session, elapsed_time};
use wardline_normalize::time::Micros;

use super::super::link::Id;
use super::super::profile::{Profile, uuid};
use super::times::{Session, wall_of};
use super::{Course, Verdict, quirks};
use crate::source::Taken;

impl Course {
    pub(super) fn read(&mut self, id: Id, bytes: &[u8], taken: Taken) -> Verdict {
        match id.uuid {
            uuid::CURRENT_TIME => match CurrentTime::decode(bytes, &self.quirks) {
                Ok(time) => self.clock(time.local_us(), taken),
                Err(fault) => self.strange(id, &fault),
            },
            uuid::DATE_TIME => match date_time(bytes, &self.quirks) {
                Ok(time) => self.clock(time.as_us(), taken),
                Err(fault) => self.strange(id, &fault),
            },
            uuid::ELAPSED_TIME => match elapsed_time::Clock::decode(bytes, &self.quirks) {
                Ok(clock) => self.elapsed(&clock, taken),
                Err(fault) => self.strange(id, &fault),
            },
            uuid::CGM_FEATURE => {
                self.memory.cgm_feature = Some(super::super::capture::hex(bytes));
                self.memory_changed = true;
                self.cgm_feature(bytes);
            }
            uuid::CGM_SESSION_START => self.session_start(bytes),
            uuid::CGM_STATUS => self.session_age(bytes, taken),
            0x2A38 => self.quirks.sensor_location = bytes.first().copied(),
            0x2A1D => self.quirks.temperature_type = bytes.first().copied(),
            uuid::SERIAL_NUMBER => return self.serial(bytes),
            other if uuid::INFORMATION.contains(&other) => self.information(other, bytes),
            _ => {}
        }
        Verdict::Go
    }

    fn strange(&self, id: Id, fault: &gatt::Fault) {
        let characteristic = format!("{:04X}", id.uuid);
        tracing::warn!(device = self.device.id, characteristic, %fault, "a value that was read is not as it should be");
    }

    fn clock(&mut self, shown: Option<Micros>, taken: Taken) {
        // A clock without a date says nothing: stamps made by it are judged one by one.
        let Some(shown) = shown else { return };
        self.times.shown = Some((shown, taken));
        self.coincidence = Some((shown, taken));
        let offset = self.times.offset(taken);
        self.facts.push((offset, None));
        tracing::debug!(
            device = self.device.id,
            offset_us = offset,
            "the device's clock was read"
        );
    }

    fn elapsed(&mut self, clock: &elapsed_time::Clock, taken: Taken) {
        let time = clock.time;
        if time.is_tick_counter() {
            let ticks = Micros::try_from(time.elapsed_us()).unwrap_or(Micros::MAX);
            self.times.ticks = Some((ticks, taken));
            return;
        }
        // Bit 0 of the status: it was never set, so it shows nothing.
        if clock.status & 1 == 1 {
            return;
        }
        let instant = time
            .instant_us()
            .and_then(|instant| self.times.zone.digits(instant));
        self.clock(instant.or(time.local_us()), taken);
    }

    pub(super) fn cgm_feature(&mut self, bytes: &[u8]) {
        match cgm_session::Features::decode(bytes, &self.quirks) {
            Ok(features) => {
                let crc = features.supported >> 12 & 1 == 1;
                self.quirks.crc = if crc { Crc::Present } else { Crc::Absent };
                self.quirks.cgm_type = Some(features.kind & 15 | features.location << 4);
            }
            Err(fault) => {
                self.strange(
                    Id {
                        service: Profile::Cgm.service(),
                        uuid: uuid::CGM_FEATURE,
                    },
                    &fault,
                );
            }
        }
    }

    fn session_start(&mut self, bytes: &[u8]) {
        let raw = super::super::capture::hex(bytes);
        if self.memory.session.as_ref() != Some(&raw) {
            // Minutes count from another start: what is known of them is another session's.
            self.memory.last_record.remove(&Profile::Cgm.service());
            self.memory.session = Some(raw);
            self.memory.session_began = None;
            self.memory_changed = true;
        }
        self.times.session = match cgm_session::SessionStart::decode(bytes, &self.quirks) {
            Ok(start) => match (start.instant_us(), start.time.as_us()) {
                (Some(instant), _) => Some(Session::Instant(instant)),
                (None, Some(digits)) => Some(Session::Local(digits)),
                (None, None) => None,
            },
            Err(fault) => {
                self.strange(
                    Id {
                        service: Profile::Cgm.service(),
                        uuid: uuid::CGM_SESSION_START,
                    },
                    &fault,
                );
                None
            }
        };
    }

    /// A session whose start is not set is as old as the device says; kept, so that a record has one time for good.
    fn session_age(&mut self, bytes: &[u8], taken: Taken) {
        if matches!(
            self.times.session,
            Some(Session::Instant(_) | Session::Local(_))
        ) {
            return;
        }
        let status = match cgm_session::Status::decode(bytes, &self.quirks) {
            Ok(status) => status,
            Err(fault) => {
                return self.strange(
                    Id {
                        service: Profile::Cgm.service(),
                        uuid: uuid::CGM_STATUS,
                    },
                    &fault,
                );
            }
        };
        let service = Profile::Cgm.service();
        let earlier = self.memory.last_record.get(&service);
        if earlier.is_some_and(|last| u32::from(status.offset) < *last) {
            self.memory.last_record.remove(&service);
            self.memory.session_began = None;
        }
        let age = Micros::from(status.offset) * 60_000_000;
        self.memory_changed = true;
        self.times.session = Some(match self.memory.session_began {
            Some(began) => Session::Ours(began),
            None => Session::Aged(age, taken),
        });
        self.session_known(taken);
    }

    /// A start that was measured is kept from when our clock is synchronised: before, it is no point in time.
    pub(super) fn session_known(&mut self, taken: Taken) {
        if let Some(Session::Aged(age, at)) = self.times.session
            && taken.synchronized
        {
            let began = wall_of(at, taken) - age;
            self.memory.session_began = Some(began);
            self.memory_changed = true;
            self.times.session = Some(Session::Ours(began));
        }
    }

    fn serial(&mut self, bytes: &[u8]) -> Verdict {
        let found = String::from_utf8_lossy(bytes);
        let found = found.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        self.information(uuid::SERIAL_NUMBER, bytes);
        match self.device.serial.as_deref().map(str::trim) {
            Some(expected) if expected != found => {
                self.memory.serial_checked = false;
                self.memory_changed = true;
                Verdict::Refuse("serial", "its serial number is another one".to_owned())
            }
            Some(_) => {
                self.memory_changed |= !self.memory.serial_checked;
                self.memory.serial_checked = true;
                Verdict::Go
            }
            None => Verdict::Go,
        }
    }

    fn information(&mut self, characteristic: u16, bytes: &[u8]) {
        let text = match characteristic {
            // System id and UDI are no texts.
            0x2A23 | 0x2BFF => super::super::capture::hex(bytes),
            _ => String::from_utf8_lossy(bytes)
                .trim_end_matches('\0')
                .to_owned(),
        };
        if self.memory.information.get(&characteristic) != Some(&text) {
            self.memory.information.insert(characteristic, text);
            self.memory_changed = true;
        }
        if matches!(characteristic, uuid::MAKER | uuid::MODEL) {
            let told = |number: u16| {
                self.memory
                    .information
                    .get(&number)
                    .map_or("", String::as_str)
            };
            let model = quirks(&self.device, told(uuid::MAKER), told(uuid::MODEL));
            let Quirks {
                crc,
                cgm_type,
                sensor_location,
                temperature_type,
                ..
            } = self.quirks;
            self.quirks = Quirks {
                crc,
                cgm_type,
                sensor_location,
                temperature_type,
                ..model
            };
        }
    }
}
