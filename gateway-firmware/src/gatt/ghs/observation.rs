//! One observation of a Generic Health Sensor: class, length, flags, what the flags announce, value.

use super::value::Reals;
use crate::gatt::elapsed_time::ElapsedTime;
use crate::gatt::number::Reading;
use crate::gatt::reader::{Fault, Put, Reader, Wrong};
use crate::gatt::time::Stamp;
use crate::gatt::value::{Purpose, Quality, Value, names};
use crate::gatt::{Metric, Quirks, metric};
use alloc::vec::Vec;

/// Measurement status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

const STATUS: &[(u8, &str)] = &[
    (0, "invalid"),
    (1, "questionable"),
    (2, "not-available"),
    (3, "calibrating"),
    (4, "test"),
    (5, "early-estimate"),
    (6, "manually-entered"),
    (7, "setting"),
    (14, "threshold-error"),
    (15, "threshold-off"),
];

/// An observation, or a bundle of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// 32-bit code.
    pub metric: Option<u32>,
    pub time: Option<ElapsedTime>,
    /// Seconds.
    pub duration: Option<Reading>,
    pub status: Option<Status>,
    pub id: Option<u32>,
    pub patient: Option<u8>,
    /// 32-bit codes that say how or where.
    pub supplemental: Option<Vec<u32>>,
    /// Ids of observations.
    pub derived_from: Option<Vec<u32>>,
    /// Ids of observations.
    pub member_of: Option<Vec<u32>>,
    /// Type, format and bytes.
    pub extra: Option<Vec<(u32, u8, Vec<u8>)>>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u16,
    pub value: Reals,
}

/// How deep bundles may hold bundles: the service has one level.
const DEEPEST: u8 = 1;
const RESERVED: u16 = 0xFC00;

fn list(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<u32>, Fault> {
    let count = reader.u8("number of ids")?;
    (0..count).map(|_| reader.u32(field)).collect()
}

fn put_list(list: &[u32], out: &mut Vec<u8>) {
    let list = &list[..list.len().min(255)];
    out.push(list.len() as u8);
    list.iter().for_each(|code| out.put_u32(*code));
}

pub(super) fn tlvs(reader: &mut Reader<'_>) -> Result<Vec<(u32, u8, Vec<u8>)>, Fault> {
    let count = reader.u8("number of TLVs")?;
    (0..count)
        .map(|_| {
            let kind = reader.u32("type of a TLV")?;
            let length = reader.u16("length of a TLV")?;
            let format = reader.u8("format of a TLV")?;
            let bytes = reader.take(usize::from(length), "value of a TLV")?;
            Ok((kind, format, bytes.to_vec()))
        })
        .collect()
}

pub(super) fn put_tlvs(list: &[(u32, u8, Vec<u8>)], out: &mut Vec<u8>) {
    let list = &list[..list.len().min(255)];
    out.push(list.len() as u8);
    for (kind, format, bytes) in list {
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        out.put_u32(*kind);
        out.put_u16(bytes.len() as u16);
        out.push(*format);
        out.extend(bytes);
    }
}

impl Observation {
    /// With this value and nothing else.
    #[must_use]
    pub const fn new(metric: Option<u32>, value: Reals) -> Self {
        Self {
            metric,
            time: None,
            duration: None,
            status: None,
            id: None,
            patient: None,
            supplemental: None,
            derived_from: None,
            member_of: None,
            extra: None,
            reserved: 0,
            value,
        }
    }

    /// From the bytes of all segments, without header and record number.
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let observation = Self::read(&mut reader, 0)?;
        reader.end(false)?;
        Ok(observation)
    }

    pub(super) fn read(outer: &mut Reader<'_>, depth: u8) -> Result<Self, Fault> {
        let at = outer.at();
        let class = outer.u8("observation class")?;
        let length = outer.u16("length")?;
        let start = outer.at();
        let body = outer.take(usize::from(length), "observation of the stated length")?;
        let mut reader = Reader::new(body, outer.quirks());
        let inner = Self::read_body(class, &mut reader, depth);
        let observation = inner.map_err(|fault| {
            // A class that is not known is found before the body.
            let from = match fault.wrong {
                Wrong::Impossible { .. } if fault.field == "observation class" => at,
                _ => start,
            };
            Fault {
                at: fault.at + from,
                ..fault
            }
        })?;
        Ok(observation)
    }

    fn read_body(class: u8, reader: &mut Reader<'_>, depth: u8) -> Result<Self, Fault> {
        if class == 255 && depth > DEEPEST - 1 {
            return Err(Fault::impossible(
                0,
                "observation class",
                255,
                "no bundle within a bundle",
            ));
        }
        let flags = reader.u16("flags")?;
        let has = |bit: u8| flags >> bit & 1 == 1;
        let observation = Self {
            metric: reader.when(has(0), |r| r.u32("observation type"))?,
            time: reader.when(has(1), ElapsedTime::read)?,
            duration: reader.when(has(2), |r| r.float("measurement duration"))?,
            status: reader.when(has(3), |r| r.u16("measurement status").map(Status))?,
            id: reader.when(has(4), |r| r.u32("observation id"))?,
            patient: reader.when(has(5), |r| r.u8("patient"))?,
            supplemental: reader.when(has(6), |r| list(r, "supplemental information"))?,
            derived_from: reader.when(has(7), |r| list(r, "id derived from"))?,
            member_of: reader.when(has(8), |r| list(r, "id of the whole"))?,
            extra: reader.when(has(9), tlvs)?,
            reserved: flags & RESERVED,
            value: Reals::read(class, reader, depth)?,
        };
        reader.end(observation.reserved != 0)?;
        Ok(observation)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let present = [
            self.metric.is_some(),
            self.time.is_some(),
            self.duration.is_some(),
            self.status.is_some(),
            self.id.is_some(),
            self.patient.is_some(),
            self.supplemental.is_some(),
            self.derived_from.is_some(),
            self.member_of.is_some(),
            self.extra.is_some(),
        ];
        let flags = (0..)
            .zip(present)
            .fold(self.reserved & RESERVED, |flags, (bit, set)| {
                flags | u16::from(set) << bit
            });
        let mut body = Vec::new();
        body.put_u16(flags);
        if let Some(code) = self.metric {
            body.put_u32(code);
        }
        if let Some(time) = &self.time {
            time.put(&mut body);
        }
        if let Some(seconds) = self.duration {
            body.put_float(seconds);
        }
        if let Some(status) = self.status {
            body.put_u16(status.0);
        }
        if let Some(id) = self.id {
            body.put_u32(id);
        }
        body.extend(self.patient);
        for ids in [&self.supplemental, &self.derived_from, &self.member_of]
            .into_iter()
            .flatten()
        {
            put_list(ids, &mut body);
        }
        if let Some(extra) = &self.extra {
            put_tlvs(extra, &mut body);
        }
        self.value.put(&mut body);
        let body = &body[..body.len().min(usize::from(u16::MAX))];
        let mut out = alloc::vec![self.value.class()];
        out.put_u16(body.len() as u16);
        out.extend(body);
        out
    }

    /// Whether type or supplemental information say that a control solution was measured.
    fn is_control(&self) -> bool {
        /// `MDC_CTXT_GLU_SAMPLELOCATION_CTRLSOLUTION`.
        const LOCATION: u32 = 8_417_860;
        self.metric == Some(metric::GLUCOSE_CONTROL.code)
            || self
                .supplemental
                .iter()
                .flatten()
                .any(|code| *code == LOCATION)
    }

    pub(in crate::gatt) fn values(&self, record: Option<u32>) -> Vec<Value> {
        let mut values = self.value.values(self.metric.map(Metric::of_code));
        let status = self.status.map_or(0, |status| status.0);
        let is = |bit: u8| status >> bit & 1 == 1;
        for value in &mut values {
            value.time = value.time.or(self.time.map(Stamp::Elapsed));
            value.user = value.user.or(self.patient);
            value.sequence = record.or(value.sequence);
            value.flags.splice(0..0, names(u32::from(status), STATUS));
            if self.reserved != 0 {
                value.flags.push("reserved-flags");
            }
            for (set, quality) in [
                (is(0), Quality::Invalid),
                (is(2), Quality::Unavailable),
                (is(1), Quality::Questionable),
                (is(3), Quality::Calibrating),
                (is(5), Quality::EarlyEstimate),
            ] {
                if set {
                    value.worse(quality);
                }
            }
            if is(7) {
                value.purpose = Purpose::Setting;
            }
            if self.is_control() {
                value.purpose = Purpose::Control;
                value.metric = metric::GLUCOSE_CONTROL;
            }
            if is(4) {
                value.purpose = Purpose::Test;
            }
            value.method = value.method.or(self.method());
        }
        values
    }

    /// Modality of an oximeter, from the supplemental information.
    fn method(&self) -> Option<&'static str> {
        self.supplemental
            .iter()
            .flatten()
            .find_map(|code| match code {
                150_588 => Some("spot"),
                150_580 => Some("fast"),
                150_584 => Some("slow"),
                _ => None,
            })
    }
}
