//! Records by device.

use super::super::repair::{Repair, Repairs};
use super::DeviceReadings;
use crate::senml::{Record, RecordValue};
use std::collections::HashMap;

/// Records by device, each said once.
#[derive(Default)]
pub(super) struct Out {
    pub(super) devices: Vec<DeviceReadings>,
    index: HashMap<String, usize>,
    /// Stream and stated time to what was said.
    said: HashMap<String, Vec<RecordValue>>,
}

impl Out {
    pub(super) fn device(&mut self, id: &str) -> &mut DeviceReadings {
        let next = self.devices.len();
        let index = *self.index.entry(id.to_owned()).or_insert(next);
        if index == next {
            self.devices.push(DeviceReadings {
                device: id.to_owned(),
                ..DeviceReadings::default()
            });
        }
        &mut self.devices[index]
    }

    pub(super) fn take(
        &mut self,
        device: &str,
        line: usize,
        mut record: Record,
        repairs: &mut Repairs,
    ) {
        let channel = record.channel.as_deref().unwrap_or_default();
        let array = matches!(record.value, RecordValue::Waveform(_));
        let key = format!(
            "{device}\n{}\n{channel}\n{array}\n{:?}",
            record.name, record.device_time
        );
        let said = self.said.entry(key).or_default();
        if said.contains(&record.value) {
            return;
        }
        if !said.is_empty() {
            repairs.note(Repair::RepeatedSubId);
            let order = said.len() + 1;
            record.channel = Some(match channel {
                "" => format!("same.{order}"),
                channel => format!("{channel}.same.{order}"),
            });
        }
        // The same place over and over is garbage: its tail goes on under the last number.
        if said.len() < 64 {
            said.push(record.value.clone());
        }
        let device = self.device(device);
        device.records.push(record);
        device.lines.push(line as u32);
    }
}
