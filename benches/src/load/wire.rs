//! PUBLISH packets with places for packet id and stamp.
//!
//! Packets are encoded and decoded by rumqttc's codec, yet over a socket of our own: rumqttc's event loop
//! flushes every publish by itself, and on few cores a generator that spends its time in system calls
//! measures itself.

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use wardline_normalize::time::Micros;

use crate::packs::{Template, write_stamp};

/// One device's message, encoded but for packet id and stamp.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    packet_id: usize,
    stamp: usize,
    last: Micros,
}

impl Encoded {
    pub(super) fn new(topic: &str, template: &Template) -> anyhow::Result<Self> {
        let payload = Bytes::copy_from_slice(template.bytes());
        let properties = PublishProperties {
            content_type: Some("application/senml+json".to_owned()),
            ..PublishProperties::default()
        };
        let mut publish = Publish::new(
            topic.to_owned(),
            QoS::AtLeastOnce,
            payload,
            Some(properties),
        );
        publish.pkid = 1;
        let mut bytes = BytesMut::new();
        Packet::Publish(publish).write(&mut bytes, None)?;
        // Fixed header: type, then the length in as many bytes as have their high bit set, and one.
        let length = bytes
            .iter()
            .skip(1)
            .take_while(|byte| **byte >= 0x80)
            .count()
            + 1;
        let packet_id = 1 + length + 2 + topic.len();
        let stamp = bytes.len() - template.bytes().len() + template.stamp_at();
        Ok(Self {
            bytes: bytes.to_vec(),
            packet_id,
            stamp,
            last: 0,
        })
    }

    /// Appends the message of `now`, or of the next microsecond if that is taken.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, packet_id: u16, now: Micros) {
        self.last = now.max(self.last + 1);
        write_stamp(&mut self.bytes[self.stamp..], self.last);
        self.bytes[self.packet_id..self.packet_id + 2].copy_from_slice(&packet_id.to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_back_with_their_id_and_stamp() {
        for records in [1, 20] {
            let template = Template::new("load-0001", records);
            let mut encoded =
                Encoded::new("wardline/v1/s/g/load-0001/readings", &template).unwrap();
            let mut out = Vec::new();
            encoded.write(&mut out, 0xABCD, 1_800_000_000_000_000);
            encoded.write(&mut out, 7, 1_800_000_000_000_000);
            let mut stream = BytesMut::from(&out[..]);
            for (id, stamp) in [(0xABCD, 1_800_000_000_000_000), (7, 1_800_000_000_000_001)] {
                let Packet::Publish(publish) = Packet::read(&mut stream, None).unwrap() else {
                    panic!("another packet");
                };
                assert_eq!(publish.pkid, id);
                assert_eq!(publish.topic, "wardline/v1/s/g/load-0001/readings");
                assert_eq!(publish.payload, template.at(stamp));
            }
            assert!(stream.is_empty());
        }
    }
}
