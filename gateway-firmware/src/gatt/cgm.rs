//! Continuous Glucose Monitoring service: measurement (2AA7), which holds one or more records.

use super::number::Reading;
use super::reader::{Fault, Put, Reader, Wrong};
use super::time::Stamp;
use super::value::{Purpose, Quality, Value, general, names};
use super::{Crc, Quirks, glucose, metric};
use alloc::vec::Vec;

/// One record of a CGM Measurement (2AA7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// mg/dL.
    pub glucose: Reading,
    /// Minutes since the session started.
    pub offset: u16,
    /// Status octet: bits 0 to 7 of the annunciation.
    pub status: Option<u8>,
    /// Calibration and temperature octet: bits 8 to 15.
    pub calibration: Option<u8>,
    /// Warning octet: bits 16 to 23.
    pub warning: Option<u8>,
    /// mg/dL/min.
    pub trend: Option<Reading>,
    /// Percent.
    pub quality: Option<Reading>,
    /// Whether the record ends in an E2E-CRC.
    pub crc: bool,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
    /// A number had a special mantissa and a power of ten; not encoded.
    pub doubtful: bool,
}

const RESERVED: u8 = 0x1C;

/// Sensor status annunciation: status, calibration and temperature, warnings. The same bits are in 2AA9.
pub(super) const ANNUNCIATION: &[(u8, &str)] = &[
    (0, "session-stopped"),
    (1, "battery-low"),
    (2, "sensor-type-incorrect"),
    (3, "sensor-malfunction"),
    (4, "device-specific-alert"),
    (5, "device-fault"),
    (8, "time-synchronization-required"),
    (9, "calibration-not-allowed"),
    (10, "calibration-recommended"),
    (11, "calibration-required"),
    (12, "temperature-too-high"),
    (13, "temperature-too-low"),
    (16, "below-patient-low"),
    (17, "above-patient-high"),
    (18, "below-hypo"),
    (19, "above-hyper"),
    (20, "decrease-rate-exceeded"),
    (21, "increase-rate-exceeded"),
    (22, "result-too-low"),
    (23, "result-too-high"),
];

/// Wrong sensor, malfunction, fault, calibration required, temperature.
const DOUBTED: u32 = 1 << 2 | 1 << 3 | 1 << 5 | 1 << 11 | 1 << 12 | 1 << 13;

impl Record {
    /// All records of a notification.
    ///
    /// Whether there is a CRC: without word from the feature characteristic, the record's size tells, as its flags
    /// give the size without one.
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Vec<Self>, Fault> {
        let mut records = Vec::new();
        let mut at = 0;
        loop {
            let size = usize::from(*bytes.get(at).ok_or(Fault {
                at,
                field: "size",
                wrong: Wrong::Truncated { needs: 1, left: 0 },
            })?);
            if size < 6 {
                return Err(Fault::impossible(at, "size", size as u32, "at least 6"));
            }
            let end = at + size;
            let record = bytes.get(at..end).ok_or(Fault {
                at,
                field: "record of the stated size",
                wrong: Wrong::Truncated {
                    needs: size,
                    left: bytes.len() - at,
                },
            })?;
            let one = Self::decode_one(record, quirks).map_err(|fault| Fault {
                at: fault.at + at,
                ..fault
            })?;
            records.push(one);
            at = end;
            if at == bytes.len() {
                return Ok(records);
            }
        }
    }

    fn decode_one(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let _size = reader.u8("size")?;
        let flags = reader.u8("flags")?;
        let glucose = reader.sfloat("glucose concentration")?;
        let offset = reader.u16("time offset")?;
        let mut octets = [
            (flags & 0x80 != 0, "status octet"),
            (flags & 0x40 != 0, "calibration and temperature octet"),
            (flags & 0x20 != 0, "warning octet"),
        ];
        if quirks.cgm_octets_reversed {
            octets.reverse();
        }
        let mut read = [None; 3];
        for (octet, (present, field)) in read.iter_mut().zip(octets) {
            *octet = reader.when(present, |r| r.u8(field))?;
        }
        if quirks.cgm_octets_reversed {
            read.reverse();
        }
        let trend = reader.when(flags & 1 != 0, |r| r.sfloat("trend"))?;
        let quality = reader.when(flags & 2 != 0, |r| r.sfloat("quality"))?;
        let before = reader.left();
        reader.crc()?;
        reader.end(flags & RESERVED != 0)?;
        Ok(Self {
            glucose,
            offset,
            status: read[0],
            calibration: read[1],
            warning: read[2],
            trend,
            quality,
            crc: quirks.crc != Crc::Absent && before == 2,
            reserved: flags & RESERVED,
            doubtful: reader.doubtful,
        })
    }

    #[must_use]
    pub fn encode(&self, quirks: &Quirks) -> Vec<u8> {
        let flags = u8::from(self.trend.is_some())
            | u8::from(self.quality.is_some()) << 1
            | u8::from(self.warning.is_some()) << 5
            | u8::from(self.calibration.is_some()) << 6
            | u8::from(self.status.is_some()) << 7
            | self.reserved & RESERVED;
        let mut out = alloc::vec![0, flags];
        out.put_sfloat(self.glucose);
        out.put_u16(self.offset);
        let mut octets = [self.status, self.calibration, self.warning];
        if quirks.cgm_octets_reversed {
            octets.reverse();
        }
        out.extend(octets.into_iter().flatten());
        for reading in [self.trend, self.quality].into_iter().flatten() {
            out.put_sfloat(reading);
        }
        out[0] = out.len() as u8 + if self.crc { 2 } else { 0 };
        if self.crc {
            out.put_crc();
        }
        out
    }

    /// The annunciation's 24 bits.
    #[must_use]
    pub fn annunciation(&self) -> u32 {
        u32::from(self.status.unwrap_or(0))
            | u32::from(self.calibration.unwrap_or(0)) << 8
            | u32::from(self.warning.unwrap_or(0)) << 16
    }

    pub(super) fn values(&self, quirks: &Quirks) -> Vec<Value> {
        // Interstitial fluid unless the feature characteristic says otherwise.
        let (kind, location) = quirks
            .cgm_type
            .map_or((9, 15), |both| (both & 15, both >> 4));
        let control = glucose::is_control(kind, location);
        let metric = if control {
            metric::GLUCOSE_CONTROL
        } else {
            glucose::metric_of(kind)
        };
        let mut glucose = Value::reading(metric, self.glucose, "mg/dL");
        glucose.body_site = glucose::site_of(location);
        let mut values = alloc::vec![glucose];
        if let Some(trend) = self.trend {
            values.push(Value::reading(metric::GLUCOSE_TREND, trend, "mg/dL/min"));
        }
        if let Some(quality) = self.quality {
            let mut value = Value::reading(metric::CGM_QUALITY, quality, "%");
            value.purpose = Purpose::Setting;
            values.push(value);
        }
        let bits = self.annunciation();
        let mut flags = names(bits, ANNUNCIATION);
        general(&mut flags, self.reserved != 0, self.doubtful);
        for value in &mut values {
            value.time = Some(Stamp::Session {
                minutes: self.offset,
            });
            value.flags.clone_from(&flags);
            if bits & DOUBTED != 0 {
                value.worse(Quality::Questionable);
            }
            if control {
                // The trend of a control solution is no patient's either.
                value.purpose = if value.metric == metric::GLUCOSE_CONTROL {
                    Purpose::Control
                } else {
                    Purpose::Test
                };
            }
        }
        values
    }
}
