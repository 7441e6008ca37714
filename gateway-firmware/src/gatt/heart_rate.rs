//! Heart Rate service: measurement (2A37) and body sensor location (2A38).

use super::number::Number;
use super::reader::{Fault, Put, Reader};
use super::value::{Content, Purpose, Quality, Value, general, names};
use super::{Quirks, Unit, metric};
use alloc::vec::Vec;

/// Heart Rate Measurement (2A37).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measurement {
    /// Beats a minute.
    pub rate: u16,
    /// The rate takes two bytes.
    pub wide: bool,
    pub contact_detected: bool,
    pub contact_supported: bool,
    /// Kilojoules since the last reset; stays at 65535.
    pub energy: Option<u16>,
    /// R-R intervals in 1/1024 s, the oldest first.
    pub rr: Option<Vec<u16>>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
}

const RESERVED: u8 = 0xE0;

impl Measurement {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let wide = flags & 1 != 0;
        let rate = if wide {
            reader.u16("heart rate")?
        } else {
            u16::from(reader.u8("heart rate")?)
        };
        let energy = reader.when(flags & 8 != 0, |r| r.u16("energy expended"))?;
        let rr = reader.when(flags & 16 != 0, |r| {
            let mut intervals = Vec::new();
            while r.left() > 0 {
                if r.left() == 1 && r.quirks().trailing_bytes {
                    break;
                }
                intervals.push(r.u16("R-R interval")?);
            }
            Ok(intervals)
        })?;
        reader.end(flags & RESERVED != 0)?;
        Ok(Self {
            rate,
            wide,
            contact_detected: flags & 2 != 0,
            contact_supported: flags & 4 != 0,
            energy,
            rr,
            reserved: flags & RESERVED,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.wide)
            | u8::from(self.contact_detected) << 1
            | u8::from(self.contact_supported) << 2
            | u8::from(self.energy.is_some()) << 3
            | u8::from(self.rr.is_some()) << 4
            | self.reserved & RESERVED;
        let mut out = alloc::vec![flags];
        if self.wide {
            out.put_u16(self.rate);
        } else {
            out.push(self.rate.min(255) as u8);
        }
        if let Some(energy) = self.energy {
            out.put_u16(energy);
        }
        for interval in self.rr.iter().flatten() {
            out.put_u16(*interval);
        }
        out
    }

    pub(super) fn values(&self, quirks: &Quirks) -> Vec<Value> {
        let mut flags = names(
            u32::from(self.contact_detected) | u32::from(self.contact_supported) << 1,
            &[(0, "contact-detected"), (1, "contact-supported")],
        );
        general(&mut flags, self.reserved != 0, false);
        let off = self.contact_supported && !self.contact_detected;
        // Chest straps measure the ECG; a pulse elsewhere is taken by light.
        let optical = quirks
            .sensor_location
            .is_some_and(|place| matches!(place, 2..=6));
        let metric = if optical {
            metric::PULSE
        } else {
            metric::HEART_RATE
        };
        let mut values = Vec::new();
        let mut rate = Value::new(
            metric,
            Content::Number(Number::integer(i64::from(self.rate))),
            Unit::Ucum("/min"),
        );
        if off {
            rate.worse(if self.rate == 0 {
                Quality::Unavailable
            } else {
                Quality::Questionable
            });
        }
        values.push(rate);
        if let Some(energy) = self.energy {
            let number = Number::integer(i64::from(energy));
            let mut value = Value::new(metric::ENERGY, Content::Number(number), Unit::Ucum("kJ"));
            if energy == u16::MAX {
                value.flags.push("energy-at-maximum");
            }
            values.push(value);
        }
        // The newest interval ends with the notification, each earlier one where the next begins.
        let mut earlier: u32 = 0;
        let mut intervals = Vec::new();
        for ticks in self.rr.iter().flatten().rev() {
            let mut value = Value::new(
                metric::RR_INTERVAL,
                Content::Number(milliseconds(*ticks)),
                Unit::Ucum("ms"),
            );
            value.earlier_us = earlier;
            if off {
                value.worse(Quality::Questionable);
            }
            earlier = earlier.saturating_add(u32::from(*ticks) * 15_625 / 16);
            intervals.push(value);
        }
        values.extend(intervals.into_iter().rev());
        for value in &mut values {
            value.flags.splice(0..0, flags.iter().copied());
            value.body_site = quirks.sensor_location.and_then(site);
        }
        values
    }
}

/// `ticks / 1024` seconds in milliseconds, exactly, with the fewest decimals: 832 is 812.5.
#[must_use]
pub fn milliseconds(ticks: u16) -> Number {
    // 1000 / 1024 = 125 / 128 = 125 * 78125 * 10^-7.
    let mut number = Number::new(i64::from(ticks) * 125 * 78_125, -7);
    while number.exponent < 0 && number.mantissa % 10 == 0 {
        number = Number::new(number.mantissa / 10, number.exponent + 1);
    }
    number
}

/// Names of body sensor locations (2A38).
const SITES: [&str; 7] = [
    "other", "chest", "wrist", "finger", "hand", "ear lobe", "foot",
];

fn site(location: u8) -> Option<&'static str> {
    SITES
        .get(usize::from(location))
        .copied()
        .filter(|_| location != 0)
}

/// Body Sensor Location (2A38).
pub fn location(bytes: &[u8], quirks: &Quirks) -> Result<u8, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let location = reader.u8("body sensor location")?;
    reader.end(false)?;
    Ok(location)
}

pub(super) fn location_value(location: u8) -> Vec<Value> {
    let name = SITES.get(usize::from(location)).copied();
    let mut value = Value::setting(
        metric::SENSOR_LOCATION,
        Content::Code(name.unwrap_or("reserved")),
    );
    value.purpose = Purpose::Setting;
    alloc::vec![value]
}
