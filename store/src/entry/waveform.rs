//! Pieces of waveforms as bytes: texts, numbers, and samples as differences, which are small.

use wardline_normalize::time::Micros;

use super::bytes::{Input, put_bytes, put_optional, put_varint};
use super::damaged;
use crate::Error;

/// Sample without a value (`E` of FHIR's SampledData).
pub const SAMPLE_ERROR: i32 = i32::MIN;
/// Sample below what the sensor can tell (`L`).
pub const SAMPLE_BELOW: i32 = i32::MIN + 1;
/// Sample above what the sensor can tell (`U`).
pub const SAMPLE_ABOVE: i32 = i32::MAX;

/// Samples of one piece at most; a bound on what a damaged record can make us reserve.
const SAMPLES_MAX: usize = 1 << 24;

/// One row of the `waveform` table. The value of a sample is `origin + sample * factor`, except for [`SAMPLE_ERROR`],
/// [`SAMPLE_BELOW`] and [`SAMPLE_ABOVE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waveform {
    /// Derives from what the device said: a repeat has the same.
    pub id: String,
    /// Above 1 after a change of patient.
    pub version: i64,
    /// Opaque patient id.
    pub patient: Option<String>,
    /// Opaque device id.
    pub device: String,
    /// IEEE 11073 reference id.
    pub mdc: Option<String>,
    /// LOINC, or `local:{type}/{value}`.
    pub code: String,
    /// Which of several sensors.
    pub channel: Option<String>,
    /// Which user of a shared device.
    pub device_user: Option<String>,
    /// Time of the first sample.
    pub start: Micros,
    /// From one sample to the next.
    pub period_us: i64,
    /// Value of a sample of 0.
    pub origin: f64,
    /// Value of one step.
    pub factor: f64,
    /// UCUM.
    pub unit: Option<String>,
    /// In order.
    pub samples: Vec<i32>,
    /// As of a reading: `demo`, `test`, `questionable`, …
    pub quality: Option<String>,
    /// As of a reading.
    pub time_source: String,
    /// When the server took it.
    pub received: Micros,
}

pub(super) fn encode(rows: &[Waveform], out: &mut Vec<u8>) {
    put_varint(out, rows.len() as u64);
    for row in rows {
        put_bytes(out, row.id.as_bytes());
        out.extend_from_slice(&row.version.to_le_bytes());
        put_bytes(out, row.device.as_bytes());
        put_bytes(out, row.code.as_bytes());
        put_bytes(out, row.time_source.as_bytes());
        for text in [
            &row.patient,
            &row.mdc,
            &row.channel,
            &row.device_user,
            &row.unit,
            &row.quality,
        ] {
            put_optional(out, text.as_deref());
        }
        for number in [row.start, row.period_us, row.received] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [row.origin, row.factor] {
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        put_varint(out, row.samples.len() as u64);
        let mut before = 0;
        for sample in &row.samples {
            let step = i64::from(*sample) - before;
            before = i64::from(*sample);
            put_varint(out, ((step << 1) ^ (step >> 63)).cast_unsigned());
        }
    }
}

pub(super) fn decode(input: &mut Input<'_>) -> Result<Vec<Waveform>, Error> {
    let count = input.len()?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let id = input.text()?;
        let version = input.i64()?;
        let (device, code, time_source) = (input.text()?, input.text()?, input.text()?);
        let (patient, mdc) = (input.optional()?, input.optional()?);
        let (channel, device_user) = (input.optional()?, input.optional()?);
        let (unit, quality) = (input.optional()?, input.optional()?);
        let (start, period_us, received) = (input.i64()?, input.i64()?, input.i64()?);
        let mut float = || input.i64().map(|bits| f64::from_bits(bits.cast_unsigned()));
        let (origin, factor) = (float()?, float()?);
        let length = input.len()?;
        if length > SAMPLES_MAX {
            return Err(damaged("more samples than one piece may have"));
        }
        let mut samples = Vec::new();
        let mut before = 0_i64;
        for _ in 0..length {
            let bits = input.varint()?;
            let step = (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed();
            before = before
                .checked_add(step)
                .ok_or_else(|| damaged("a sample out of range"))?;
            samples.push(i32::try_from(before).map_err(|_| damaged("a sample out of range"))?);
        }
        rows.push(Waveform {
            id,
            version,
            patient,
            device,
            mdc,
            code,
            channel,
            device_user,
            start,
            period_us,
            origin,
            factor,
            unit,
            samples,
            quality,
            time_source,
            received,
        });
    }
    Ok(rows)
}
