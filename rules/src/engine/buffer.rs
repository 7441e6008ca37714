//! Samples that are kept as long as a late one may still come: in order, without an allocation for each.

use super::row::{RowId, Sample, exact};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Devices that are remembered beyond those of the samples.
const DEVICES: usize = 8;

/// A sample that names its device by place.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) time: Micros,
    pub(crate) value: f64,
    id: RowId,
    version: u32,
    device: u16,
    pub(crate) input: u8,
    pub(crate) rank: u8,
}

/// Samples in their order, and the devices they are of: nearly always one. In this order in memory, for the processor's
/// cache.
#[derive(Debug, Clone, Default)]
#[repr(C)]
pub(crate) struct Buffer {
    samples: VecDeque<Kept>,
    device: Option<Arc<str>>,
    others: Vec<Arc<str>>,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Time of the oldest.
    pub(crate) fn oldest(&self) -> Option<Micros> {
        self.samples.front().map(|kept| kept.time)
    }

    pub(crate) fn first(&self) -> Option<Sample<'_>> {
        self.samples.front().map(|kept| self.sample(kept))
    }

    pub(crate) fn last(&self) -> Option<Sample<'_>> {
        self.samples.back().map(|kept| self.sample(kept))
    }

    pub(crate) fn get(&self, place: usize) -> Option<Sample<'_>> {
        self.samples.get(place).map(|kept| self.sample(kept))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Sample<'_>> {
        self.samples.iter().map(|kept| self.sample(kept))
    }

    /// How many there are for which `before` holds, which it does for the first ones only.
    pub(crate) fn partition_point(&self, before: impl Fn(&Sample<'_>) -> bool) -> usize {
        self.samples
            .partition_point(|kept| before(&self.sample(kept)))
    }

    /// Takes one that comes after all others.
    #[inline]
    pub(crate) fn push(&mut self, sample: &Sample<'_>) {
        let kept = self.keep(sample);
        self.make_room();
        self.samples.push_back(kept);
    }

    pub(crate) fn insert(&mut self, place: usize, sample: &Sample<'_>) {
        let kept = self.keep(sample);
        self.make_room();
        self.samples.insert(place, kept);
    }

    pub(crate) fn replace(&mut self, place: usize, sample: &Sample<'_>) {
        let kept = self.keep(sample);
        if let Some(known) = self.samples.get_mut(place) {
            *known = kept;
        }
    }

    pub(crate) fn remove_first(&mut self) {
        self.samples.pop_front();
    }

    /// Lets go of the oldest as long as `old` says so.
    #[inline]
    pub(crate) fn remove_while(&mut self, mut old: impl FnMut(&Kept) -> bool) {
        while self.samples.front().is_some_and(&mut old) {
            self.samples.pop_front();
        }
    }

    pub(crate) fn remove_if(&mut self, gone: impl Fn(&Sample<'_>) -> bool) {
        let Self {
            samples,
            device,
            others,
        } = self;
        samples.retain(|kept| !gone(&kept.sample(device.as_ref(), others)));
    }

    /// As many come and go in a minute: there is hardly more room than that.
    #[inline]
    fn make_room(&mut self) {
        let known = self.samples.len();
        if known == self.samples.capacity() {
            self.samples.reserve_exact(1 + known / 8);
        }
    }

    fn sample<'a>(&'a self, kept: &'a Kept) -> Sample<'a> {
        kept.sample(self.device.as_ref(), &self.others)
    }

    #[inline]
    fn keep(&mut self, sample: &Sample<'_>) -> Kept {
        Kept {
            time: sample.time,
            value: sample.value,
            id: sample.id.clone(),
            // A row is corrected a few times.
            version: u32::try_from(sample.version.max(0)).unwrap_or(u32::MAX),
            device: self.device(sample.device),
            input: sample.input,
            rank: sample.rank,
        }
    }

    #[inline]
    fn device(&mut self, device: &Arc<str>) -> u16 {
        match &self.device {
            Some(first) if Arc::ptr_eq(first, device) => 0,
            _ => self.another(device),
        }
    }

    fn another(&mut self, device: &Arc<str>) -> u16 {
        if self.samples.is_empty() {
            (self.device, self.others) = (None, Vec::new());
        }
        if self.others.len() >= DEVICES {
            self.tidy();
        }
        self.place(device)
    }

    fn place(&mut self, device: &Arc<str>) -> u16 {
        if self.device.get_or_insert_with(|| Arc::clone(device)) == device {
            return 0;
        }
        let place = self.others.iter().position(|known| known == device);
        let place = place.unwrap_or_else(|| {
            self.others.push(Arc::clone(device));
            self.others.len() - 1
        });
        u16::try_from(1 + place).expect("no more devices than samples, and those are bounded")
    }

    /// Lets go of the devices that no sample is of.
    fn tidy(&mut self) {
        let mut samples = std::mem::take(&mut self.samples);
        let (first, others) = (self.device.take(), std::mem::take(&mut self.others));
        for kept in &mut samples {
            kept.device = self.place(kept.sample(first.as_ref(), &others).device);
        }
        self.samples = samples;
    }
}

impl Kept {
    fn sample<'a>(&'a self, first: Option<&'a Arc<str>>, others: &'a [Arc<str>]) -> Sample<'a> {
        let device = match usize::from(self.device).checked_sub(1) {
            Some(place) => &others[place],
            None => first.expect("there is a device where there is a sample"),
        };
        Sample {
            time: self.time,
            input: self.input,
            rank: self.rank,
            id: &self.id,
            version: i64::from(self.version),
            value: self.value,
            device,
        }
    }
}

impl Serialize for Buffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// As a [`Sample`] is written.
        #[derive(Deserialize)]
        struct Written {
            time: Micros,
            #[serde(default)]
            input: u8,
            rank: u8,
            id: RowId,
            version: i64,
            #[serde(with = "exact")]
            value: f64,
            device: Arc<str>,
        }
        let mut buffer = Self::default();
        for written in Vec::<Written>::deserialize(deserializer)? {
            buffer.push(&Sample {
                time: written.time,
                input: written.input,
                rank: written.rank,
                id: &written.id,
                version: written.version,
                value: written.value,
                device: &written.device,
            });
        }
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests;
