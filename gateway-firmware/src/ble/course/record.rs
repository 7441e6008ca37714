//! Decoded values as SenML records with the times that the connection gives them.

use wardline_gateway::gatt::metric::CLOCK;
use wardline_gateway::gatt::{Content, DateTime, Purpose, Unit, Value};
use wardline_normalize::senml::{DeviceTime, Record};
use wardline_normalize::time::Micros;

use super::times::When;
use crate::decode::record;

/// Records of one measurement: of each value, and of the packet's status bits.
pub(super) fn of(characteristic: u16, values: &[Value], whens: &[When], raw: &[u8]) -> Vec<Record> {
    let mut records = Vec::with_capacity(values.len() + 1);
    for (value, when) in values.iter().zip(whens) {
        // `record` takes off what the value is earlier by; so does `when`.
        let Some(mut record) = record::record(value, when.time + Micros::from(value.earlier_us))
        else {
            continue;
        };
        date(&mut record, when);
        records.push(record);
    }
    let Some(first) = whens.first() else {
        return records;
    };
    let status =
        record::records(characteristic, values, &[], |_| first.time).split_off(records.len());
    records.extend(status.into_iter().map(|mut record| {
        date(&mut record, first);
        record
    }));
    if let Some(record) = records.first_mut() {
        record.raw = Some(raw.to_vec());
    }
    records
}

fn date(record: &mut Record, when: &When) {
    record.time = when.time;
    record.device_time.clone_from(&when.device);
    record.undated = when.undated;
}

/// PHD's coincident time (ble.md section 1.3): what the device's clock showed (`MDC_ATTR_TIME_ABS`), and when by ours.
pub(super) fn coincident_time(shown: Micros, wall: Micros) -> Option<Record> {
    let text = DateTime::from_us(shown)?.to_string();
    let mut value = Value::new(CLOCK, Content::Text(text), Unit::None);
    value.purpose = Purpose::Setting;
    let mut record = record::record(&value, wall)?;
    record.device_time = Some(DeviceTime::Instant(shown));
    Some(record)
}
