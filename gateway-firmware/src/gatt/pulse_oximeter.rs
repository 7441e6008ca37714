//! Pulse Oximeter service: spot-check (2A5E) and continuous (2A5F) measurement, features (2A60).

use super::number::Reading;
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Purpose, Quality, Value, general, names};
use super::{Quirks, metric};
use alloc::vec::Vec;

/// SpO2 in percent and pulse rate in beats a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub spo2: Reading,
    pub pulse: Reading,
}

/// What both measurements may carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Measurement status.
    pub measurement: Option<u16>,
    /// Device and sensor status, 24 bits.
    pub sensor: Option<u32>,
    /// Pulse amplitude index in percent.
    pub amplitude: Option<Reading>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
    /// A number had a special mantissa and a power of ten; not encoded.
    pub doubtful: bool,
}

/// PLX Spot-Check Measurement (2A5E).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub normal: Pair,
    pub time: Option<DateTime>,
    /// The device's clock is not set: its time means nothing.
    pub clock_not_set: bool,
    pub status: Status,
}

/// PLX Continuous Measurement (2A5F).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuous {
    pub normal: Pair,
    pub fast: Option<Pair>,
    pub slow: Option<Pair>,
    pub status: Status,
}

/// Bits of the measurement status; those below are reserved.
pub(super) const MEASUREMENT: &[(u8, &str)] = &[
    (5, "measurement-ongoing"),
    (6, "early-estimate"),
    (7, "validated"),
    (8, "fully-qualified"),
    (9, "from-storage"),
    (10, "demo"),
    (11, "test"),
    (12, "calibration-ongoing"),
    (13, "measurement-unavailable"),
    (14, "questionable"),
    (15, "invalid"),
];

/// Bits of the device and sensor status.
pub(super) const SENSOR: &[(u8, &str)] = &[
    (0, "display-update-ongoing"),
    (1, "equipment-malfunction"),
    (2, "signal-irregularity"),
    (3, "inadequate-signal"),
    (4, "poor-signal"),
    (5, "low-perfusion"),
    (6, "erratic-signal"),
    (7, "non-pulsatile-signal"),
    (8, "questionable-pulse"),
    (9, "signal-analysis-ongoing"),
    (10, "sensor-interference"),
    (11, "sensor-unconnected-to-user"),
    (12, "unknown-sensor"),
    (13, "sensor-displaced"),
    (14, "sensor-malfunction"),
    (15, "sensor-disconnected"),
];

/// Sensor bits under which a number may be none of the patient's.
const DOUBTED: u32 = 1 << 1 | 1 << 3 | 1 << 6 | 1 << 8 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15;

impl Pair {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            spo2: reader.sfloat("SpO2")?,
            pulse: reader.sfloat("pulse rate")?,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_sfloat(self.spo2);
        out.put_sfloat(self.pulse);
    }

    fn values(&self) -> [Value; 2] {
        [
            Value::reading(metric::SPO2, self.spo2, "%"),
            Value::reading(metric::OXIMETER_PULSE, self.pulse, "/min"),
        ]
    }
}

impl Status {
    fn read(reader: &mut Reader<'_>, present: u8, reserved: u8) -> Result<Self, Fault> {
        Ok(Self {
            measurement: reader.when(present & 1 != 0, |r| r.u16("measurement status"))?,
            sensor: reader.when(present & 2 != 0, |r| r.u24("device and sensor status"))?,
            amplitude: reader.when(present & 4 != 0, |r| r.sfloat("pulse amplitude index"))?,
            reserved,
            doubtful: reader.doubtful,
        })
    }

    fn present(&self) -> u8 {
        u8::from(self.measurement.is_some())
            | u8::from(self.sensor.is_some()) << 1
            | u8::from(self.amplitude.is_some()) << 2
    }

    fn put(&self, out: &mut Vec<u8>) {
        if let Some(word) = self.measurement {
            out.put_u16(word);
        }
        if let Some(word) = self.sensor {
            out.put_u24(word);
        }
        if let Some(index) = self.amplitude {
            out.put_sfloat(index);
        }
    }

    /// Adds the amplitude and tells every value what the bits say.
    fn complete(&self, mut values: Vec<Value>, extra: Option<&'static str>) -> Vec<Value> {
        if let Some(index) = self.amplitude {
            values.push(Value::reading(metric::PULSE_AMPLITUDE, index, "%"));
        }
        let word = u32::from(self.measurement.unwrap_or(0));
        let sensor = self.sensor.unwrap_or(0);
        let mut flags = names(word, MEASUREMENT);
        flags.extend(names(sensor, SENSOR));
        flags.extend(extra);
        general(&mut flags, self.reserved != 0, self.doubtful);
        let is = |bit: u8| word >> bit & 1 == 1;
        for value in &mut values {
            value.flags.extend(flags.iter().copied());
            let bits = [
                (is(15), Quality::Invalid),
                (is(13), Quality::Unavailable),
                (is(14) || sensor & DOUBTED != 0, Quality::Questionable),
                (is(12), Quality::Calibrating),
                (is(6), Quality::EarlyEstimate),
            ];
            for (set, quality) in bits {
                if set {
                    value.worse(quality);
                }
            }
            if is(11) {
                value.purpose = Purpose::Test;
            }
            if is(10) {
                value.purpose = Purpose::Demo;
            }
        }
        values
    }
}

impl Spot {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let normal = Pair::read(&mut reader)?;
        let time = reader.when(flags & 1 != 0, DateTime::read)?;
        let reserved = flags & 0xE0;
        let status = Status::read(&mut reader, flags >> 1 & 7, reserved)?;
        reader.end(reserved != 0)?;
        Ok(Self {
            normal,
            time,
            clock_not_set: flags & 16 != 0,
            status,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.time.is_some())
            | self.status.present() << 1
            | u8::from(self.clock_not_set) << 4
            | self.status.reserved & 0xE0;
        let mut out = alloc::vec![flags];
        self.normal.put(&mut out);
        if let Some(time) = self.time {
            time.put(&mut out);
        }
        self.status.put(&mut out);
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = self.status.complete(
            self.normal.values().into(),
            self.clock_not_set.then_some("clock-not-set"),
        );
        for value in &mut values {
            value.time = self.time.map(Stamp::Local);
            value.method = Some("spot");
        }
        values
    }
}

impl Continuous {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let normal = Pair::read(&mut reader)?;
        let fast = reader.when(flags & 1 != 0, Pair::read)?;
        let slow = reader.when(flags & 2 != 0, Pair::read)?;
        let reserved = flags & 0xE0;
        let status = Status::read(&mut reader, flags >> 2 & 7, reserved)?;
        reader.end(reserved != 0)?;
        Ok(Self {
            normal,
            fast,
            slow,
            status,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.fast.is_some())
            | u8::from(self.slow.is_some()) << 1
            | self.status.present() << 2
            | self.status.reserved & 0xE0;
        let mut out = alloc::vec![flags];
        self.normal.put(&mut out);
        for pair in self.fast.iter().chain(&self.slow) {
            pair.put(&mut out);
        }
        self.status.put(&mut out);
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = self.normal.values().into();
        for (pair, name) in [(&self.fast, "fast"), (&self.slow, "slow")] {
            for mut value in pair.iter().flat_map(Pair::values) {
                value.channel = Some(name);
                value.method = Some(name);
                values.push(value);
            }
        }
        self.status.complete(values, None)
    }
}

/// PLX Features (2A60).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    pub supported: u16,
    /// Bits of the measurement status that may occur.
    pub measurement: Option<u16>,
    /// Bits of the device and sensor status that may occur.
    pub sensor: Option<u32>,
}

const FEATURES: &[(u8, &str)] = &[
    (0, "measurement-status"),
    (1, "device-and-sensor-status"),
    (2, "spot-check-storage"),
    (3, "spot-check-time-stamp"),
    (4, "fast-metrics"),
    (5, "slow-metrics"),
    (6, "pulse-amplitude-index"),
    (7, "multiple-bonds"),
];

impl Features {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let supported = reader.u16("features")?;
        let features = Self {
            supported,
            measurement: reader
                .when(supported & 1 != 0, |r| r.u16("measurement status support"))?,
            sensor: reader.when(supported & 2 != 0, |r| r.u24("sensor status support"))?,
        };
        reader.end(supported & 0xFF00 != 0)?;
        Ok(features)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let supported = self.supported & !3
            | u16::from(self.measurement.is_some())
            | u16::from(self.sensor.is_some()) << 1;
        let mut out = Vec::new();
        out.put_u16(supported);
        if let Some(word) = self.measurement {
            out.put_u16(word);
        }
        if let Some(word) = self.sensor {
            out.put_u24(word);
        }
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut flags = names(u32::from(self.supported), FEATURES);
        flags.extend(names(u32::from(self.measurement.unwrap_or(0)), MEASUREMENT));
        flags.extend(names(self.sensor.unwrap_or(0), SENSOR));
        alloc::vec![Value::bits(
            metric::OXIMETER_FEATURES,
            u32::from(self.supported),
            flags
        )]
    }
}
