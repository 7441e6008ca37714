//! Typical devices of each health profile.

use crate::device::Device;
use crate::gatt::{Characteristic, Pdus, Service};
use crate::records::Records;

/// Device Information (0x180A).
pub fn information(maker: &str, model: &str, serial: &str) -> Service {
    Service::new(0x180A)
        .with(Characteristic::read(0x2A29, maker.as_bytes()))
        .with(Characteristic::read(0x2A24, model.as_bytes()))
        .with(Characteristic::read(0x2A25, serial.as_bytes()))
}

/// Battery (0x180F).
pub fn battery(percent: u8) -> Service {
    Service::new(0x180F).with(Characteristic::new(0x2A19, &["read", "notify"]).value(&[percent]))
}

/// Current Time (0x1805), ahead by so many milliseconds.
pub fn current_time(milliseconds: i64) -> Service {
    Service::new(0x1805).with(Characteristic::clock(milliseconds))
}

/// A chest strap that streams.
pub fn heart_rate(address: &str) -> Device {
    Device::new(address)
        .name("strap")
        .random()
        .appearance(0x0341)
        .service(
            Service::new(0x180D)
                .with(Characteristic::notify(0x2A37))
                .with(Characteristic::read(0x2A38, &[1])),
        )
        .hidden(battery(90))
        .hidden(information("maker", "strap 1", "S-1"))
}

/// A finger clip: continuous values, spot checks, and stored spot checks.
pub fn oximeter(address: &str, records: Records) -> Device {
    Device::new(address)
        .name("clip")
        .service(
            Service::new(0x1822)
                .with(Characteristic::indicate(0x2A5E))
                .with(Characteristic::notify(0x2A5F))
                .with(Characteristic::read(0x2A60, &[0, 0]))
                .with(Characteristic::records(records)),
        )
        .hidden(battery(80))
}

/// An ear thermometer that wakes up to tell one value.
pub fn thermometer(address: &str) -> Device {
    Device::new(address)
        .name("thermometer")
        .service(
            Service::new(0x1809)
                .with(Characteristic::indicate(0x2A1C))
                .with(Characteristic::notify(0x2A1E))
                .with(Characteristic::read(0x2A1D, &[9])),
        )
        .once()
}

/// An upper-arm cuff, with its clock `ahead` by so many milliseconds.
pub fn cuff(address: &str, ahead: i64) -> Device {
    Device::new(address)
        .name("cuff")
        .service(
            Service::new(0x1810)
                .with(Characteristic::indicate(0x2A35))
                .with(Characteristic::notify(0x2A36))
                .with(Characteristic::read(0x2A49, &[0x1F, 0])),
        )
        .hidden(current_time(ahead))
        .hidden(battery(60))
        .once()
}

/// A scale for several users.
pub fn scale(address: &str) -> Device {
    Device::new(address)
        .name("scale")
        .service(
            Service::new(0x181D)
                .with(Characteristic::indicate(0x2A9D))
                .with(Characteristic::read(0x2A9E, &[0x07, 0, 0, 0])),
        )
        .once()
}

/// A body composition scale.
pub fn body_composition(address: &str) -> Device {
    Device::new(address)
        .name("composition")
        .service(
            Service::new(0x181B)
                .with(Characteristic::indicate(0x2A9C))
                .with(Characteristic::read(0x2A9B, &[0, 0, 0, 0])),
        )
        .once()
}

/// A glucose meter with stored records.
pub fn glucose_meter(address: &str, records: Records) -> Device {
    Device::new(address)
        .name("meter")
        .service(
            Service::new(0x1808)
                .with(Characteristic::notify(0x2A18))
                .with(Characteristic::notify(0x2A34))
                .with(Characteristic::read(0x2A51, &[0, 0]))
                .with(Characteristic::records(records)),
        )
        .hidden(information("maker", "meter 1", "M-1"))
        .once()
}

/// A continuous glucose sensor without E2E-CRC; `session` is its Session Start Time (0x2AAA), 9 bytes, and `status`
/// its status (0x2AA9), 5 bytes.
pub fn cgm(address: &str, session: &[u8], status: &[u8], records: Records) -> Device {
    Device::new(address).name("sensor").random().service(
        Service::new(0x181F)
            .with(Characteristic::notify(0x2AA7))
            .with(Characteristic::read(0x2AA8, &[0, 0, 0, 0x59, 0xFF, 0xFF]))
            .with(Characteristic::read(0x2AA9, status))
            .with(Characteristic::new(0x2AAA, &["read", "write"]).value(session))
            .with(Characteristic::read(0x2AAB, &[0xF0, 0]))
            .with(Characteristic::records(records))
            .with(Characteristic::control(0x2AAC, |request| {
                vec![(0x2AAC, vec![0x1C, request.first().copied().unwrap_or(0), 1])]
            })),
    )
}

/// A generic health sensor: live and stored observations, a control point that starts and stops the live ones.
pub fn generic(address: &str, records: Records, live: Pdus) -> Device {
    Device::new(address).name("generic").service(
        Service::new(0x1840)
            .with(
                Characteristic::new(0x2BF3, &["read", "indicate"])
                    .value(&[0, 1, 0xB8, 0x4B, 0x02, 0]),
            )
            .with(Characteristic::notify(0x2B8B))
            .with(Characteristic::notify(0x2BDD))
            .with(Characteristic::records(records))
            .with(Characteristic::control(0x2BF4, move |request| {
                let mut sent = vec![(0x2BF4, vec![0x80])];
                if request.first() == Some(&1) {
                    sent.extend(live.clone());
                }
                sent
            })),
    )
}
