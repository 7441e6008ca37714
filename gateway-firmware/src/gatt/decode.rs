//! Any characteristic by its 16-bit number.

use super::blood_pressure::{Form, Measurement as Pressure, Records};
use super::body_composition::{Measurement as Composition, Parts};
use super::elapsed_time::Clock;
use super::features::Of;
use super::reader::{Fault, Wrong};
use super::value::Value;
use super::{
    Metric, Quirks, cgm, cgm_control, cgm_session, current_time, device_information, ghs, glucose,
    glucose_context, heart_rate, metric, pulse_oximeter, racp, thermometer, weight,
};
use alloc::vec::Vec;

/// A characteristic that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Characteristic {
    /// 16-bit number.
    pub number: u16,
    pub name: &'static str,
    /// Whether a value may come in several parts: then an [`Assembler`] is needed.
    pub in_parts: bool,
}

const fn whole(number: u16, name: &'static str) -> Characteristic {
    Characteristic {
        number,
        name,
        in_parts: false,
    }
}

const fn parts(number: u16, name: &'static str) -> Characteristic {
    Characteristic {
        number,
        name,
        in_parts: true,
    }
}

/// Every characteristic that is decoded, by number.
#[rustfmt::skip]
pub static CHARACTERISTICS: &[Characteristic] = &[
    whole(0x2A08, "Date Time"), whole(0x2A0D, "DST Offset"), whole(0x2A0E, "Time Zone"),
    whole(0x2A0F, "Local Time Information"), whole(0x2A19, "Battery Level"),
    whole(0x2A1C, "Temperature Measurement"), whole(0x2A1D, "Temperature Type"),
    whole(0x2A1E, "Intermediate Temperature"), whole(0x2A21, "Measurement Interval"), whole(0x2A23, "System ID"),
    whole(0x2A18, "Glucose Measurement"), whole(0x2A24, "Model Number"), whole(0x2A25, "Serial Number"),
    whole(0x2A26, "Firmware Revision"), whole(0x2A27, "Hardware Revision"), whole(0x2A28, "Software Revision"),
    whole(0x2A29, "Manufacturer Name"), whole(0x2A2A, "Regulatory Certification Data List"),
    whole(0x2A2B, "Current Time"), whole(0x2A34, "Glucose Measurement Context"),
    whole(0x2A35, "Blood Pressure Measurement"), whole(0x2A36, "Intermediate Cuff Pressure"),
    whole(0x2A37, "Heart Rate Measurement"), whole(0x2A38, "Body Sensor Location"),
    whole(0x2A49, "Blood Pressure Feature"), whole(0x2A50, "PnP ID"), whole(0x2A51, "Glucose Feature"),
    whole(0x2A52, "Record Access Control Point"), whole(0x2A5E, "PLX Spot-Check Measurement"),
    whole(0x2A5F, "PLX Continuous Measurement"), whole(0x2A60, "PLX Features"),
    parts(0x2A9C, "Body Composition Measurement"), whole(0x2A9B, "Body Composition Feature"),
    whole(0x2A9D, "Weight Measurement"), whole(0x2A9E, "Weight Scale Feature"), whole(0x2AA7, "CGM Measurement"),
    whole(0x2AA8, "CGM Feature"), whole(0x2AA9, "CGM Status"), whole(0x2AAA, "CGM Session Start Time"),
    whole(0x2AAB, "CGM Session Run Time"), whole(0x2AAC, "CGM Specific Ops Control Point"),
    whole(0x2B34, "Enhanced Blood Pressure Measurement"), whole(0x2B35, "Enhanced Intermediate Cuff Pressure"),
    parts(0x2B36, "Blood Pressure Record"), parts(0x2B8B, "Live Health Observations"),
    parts(0x2BDD, "Stored Health Observations"), whole(0x2BF1, "Observation Schedule Changed"),
    whole(0x2BF2, "Elapsed Time"), whole(0x2BF3, "Health Sensor Features"),
    whole(0x2BF4, "GHS Control Point"), whole(0x2BFF, "UDI for Medical Devices"),
];

fn text_metric(characteristic: u16) -> Option<Metric> {
    Some(match characteristic {
        0x2A24 => metric::MODEL,
        0x2A25 => metric::SERIAL,
        0x2A26 => metric::FIRMWARE,
        0x2A27 => metric::HARDWARE,
        0x2A28 => metric::SOFTWARE,
        0x2A29 => metric::MAKER,
        _ => return None,
    })
}

const fn form(characteristic: u16) -> Option<Form> {
    match characteristic {
        0x2A35 => Some(Form::Measurement),
        0x2A36 => Some(Form::Cuff),
        0x2B34 => Some(Form::EnhancedMeasurement),
        0x2B35 => Some(Form::EnhancedCuff),
        _ => None,
    }
}

/// The values of a characteristic's bytes. Of one that comes in parts, the bytes are all of it: a single segment, or
/// one part of a body composition alone.
pub fn decode(characteristic: u16, bytes: &[u8], quirks: &Quirks) -> Result<Vec<Value>, Fault> {
    let mut assembler = Assembler::default();
    let mut values = assembler.push(characteristic, bytes, quirks)?;
    if let Some(part) = assembler.open() {
        match part {
            Part::Composition => values.extend(assembler.finish()),
            Part::Segment => {
                return Err(Fault {
                    at: bytes.len(),
                    field: "the next segment",
                    wrong: Wrong::Truncated { needs: 1, left: 0 },
                });
            }
        }
    }
    Ok(values)
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The second part of a body composition; without it the first stands alone.
    Composition,
    /// A segment; without it there is nothing.
    Segment,
}

/// Decodes what comes in several parts; one per connection. Characteristics that come whole pass through.
#[derive(Debug, Clone, Default)]
pub struct Assembler {
    records: Records,
    live: ghs::Live,
    stored: ghs::Stored,
    composition: Parts,
}

impl Assembler {
    /// Takes the bytes of one notification or indication; gives the values that are complete with it.
    pub fn push(
        &mut self,
        characteristic: u16,
        bytes: &[u8],
        quirks: &Quirks,
    ) -> Result<Vec<Value>, Fault> {
        match characteristic {
            0x2A9C => {
                let part = Composition::decode(bytes, quirks)?;
                let complete = self.composition.push(part);
                Ok(complete.iter().flat_map(Composition::values).collect())
            }
            0x2B36 => match self.records.push(bytes, quirks)? {
                None => Ok(Vec::new()),
                Some(record) => {
                    let inner = record.characteristic;
                    // A record holds a value, not another record.
                    if matches!(inner, 0x2B36 | 0x2B8B | 0x2BDD) {
                        return Err(Fault::impossible(
                            3,
                            "characteristic of the record",
                            u32::from(inner),
                            "one that comes whole",
                        ));
                    }
                    let mut values = decode(inner, &record.value, quirks)?;
                    for value in &mut values {
                        value.sequence = Some(u32::from(record.sequence));
                    }
                    Ok(values)
                }
            },
            0x2B8B => {
                let observation = self.live.push(bytes, quirks)?;
                Ok(observation.map_or_else(Vec::new, |observation| observation.values(None)))
            }
            0x2BDD => {
                let stored = self.stored.push(bytes, quirks)?;
                Ok(stored.map_or_else(Vec::new, |(number, observation)| {
                    observation.values(Some(number))
                }))
            }
            _ => decode_whole(characteristic, bytes, quirks),
        }
    }

    /// What a value is waiting for.
    #[must_use]
    pub const fn open(&self) -> Option<Part> {
        if self.records.is_open() || self.live.is_open() || self.stored.is_open() {
            Some(Part::Segment)
        } else if self.composition.is_open() {
            Some(Part::Composition)
        } else {
            None
        }
    }

    /// At a disconnection, or when the next part does not come: gives a first part of a body composition, forgets
    /// segments.
    pub fn finish(&mut self) -> Vec<Value> {
        self.records.clear();
        self.live.clear();
        self.stored.clear();
        let first = self.composition.flush();
        first.map_or_else(Vec::new, |first| first.values())
    }
}

fn decode_whole(characteristic: u16, bytes: &[u8], quirks: &Quirks) -> Result<Vec<Value>, Fault> {
    if let Some(metric) = text_metric(characteristic) {
        return device_information::text_values(metric, bytes);
    }
    if let Some(form) = form(characteristic) {
        return Ok(Pressure::decode(form, bytes, quirks)?.values(form));
    }
    Ok(match characteristic {
        0x2A08 => current_time::date_time_values(current_time::date_time(bytes, quirks)?),
        0x2A0D => alloc::vec![current_time::dst_value(current_time::dst(bytes, quirks)?)],
        0x2A0E => alloc::vec![current_time::zone_value(current_time::zone(bytes, quirks)?)],
        0x2A0F => current_time::LocalTime::decode(bytes, quirks)?.values(),
        0x2A18 => glucose::Measurement::decode(bytes, quirks)?.values(),
        0x2A19 => device_information::battery_values(device_information::battery(bytes, quirks)?),
        0x2A1C | 0x2A1E => thermometer::Measurement::decode(bytes, quirks)?
            .values(characteristic == 0x2A1E, quirks),
        0x2A1D => thermometer::kind_value(thermometer::kind(bytes, quirks)?),
        0x2A21 => thermometer::interval_value(thermometer::interval(bytes, quirks)?),
        0x2A23 => {
            device_information::system_id_values(device_information::system_id(bytes, quirks)?)
        }
        0x2A2A => device_information::certification_values(bytes),
        0x2A2B => current_time::CurrentTime::decode(bytes, quirks)?.values(),
        0x2A34 => glucose_context::Context::decode(bytes, quirks)?.values(),
        0x2A37 => heart_rate::Measurement::decode(bytes, quirks)?.values(quirks),
        0x2A38 => heart_rate::location_value(heart_rate::location(bytes, quirks)?),
        0x2A49 => Of::Pressure.values(Of::Pressure.decode(bytes, quirks)?),
        0x2A50 => device_information::PnpId::decode(bytes, quirks)?.values(),
        0x2A51 => Of::Glucose.values(Of::Glucose.decode(bytes, quirks)?),
        0x2A52 => racp::values(bytes, quirks)?,
        0x2A5E => pulse_oximeter::Spot::decode(bytes, quirks)?.values(),
        0x2A5F => pulse_oximeter::Continuous::decode(bytes, quirks)?.values(),
        0x2A60 => pulse_oximeter::Features::decode(bytes, quirks)?.values(),
        0x2A9B => Of::Composition.values(Of::Composition.decode(bytes, quirks)?),
        0x2A9D => weight::Measurement::decode(bytes, quirks)?.values(),
        0x2A9E => Of::Scale.values(Of::Scale.decode(bytes, quirks)?),
        0x2AA7 => cgm::Record::decode(bytes, quirks)?
            .iter()
            .flat_map(|record| record.values(quirks))
            .collect(),
        0x2AA8 => cgm_session::Features::decode(bytes, quirks)?.values(),
        0x2AA9 => cgm_session::Status::decode(bytes, quirks)?.values(),
        0x2AAA => cgm_session::SessionStart::decode(bytes, quirks)?.values(),
        0x2AAB => cgm_session::RunTime::decode(bytes, quirks)?.values(),
        0x2AAC => cgm_control::Operation::decode(bytes, quirks)?.values(),
        0x2BF1 => ghs::Schedule::decode(bytes, quirks)?.values(),
        0x2BF2 => Clock::decode(bytes, quirks)?.values(),
        0x2BF3 => ghs::Features::decode(bytes, quirks)?.values(),
        0x2BF4 => ghs::Operation::decode(bytes, quirks)?.values(),
        0x2BFF => device_information::Udi::decode(bytes, quirks)?.values(),
        characteristic => {
            return Err(Fault {
                at: 0,
                field: "the characteristic",
                wrong: Wrong::Unknown { characteristic },
            });
        }
    })
}
