//! PUBLISH packets with places for packet id and stamp.
//!
//! Packets are encoded and decoded by rumqttc's codec, yet over a socket of our own: rumqttc's event loop
//! flushes every publish by itself, and on few cores a generator that spends its time in system calls
//! measures itself.

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use wardline_normalize::time::Micros;

use crate::template::Template;

/// Between two stamps of a device at least. When saturated, a generator sends a device's messages in bursts; no device
/// measures a vital sign twice in a millisecond, to which ids tell times apart.
const APART: Micros = 1_000;

/// One device's message, encoded but for packet id and stamp.
#[derive(Debug)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    packet_id: usize,
    payload: usize,
    template: Template,
    last: Micros,
}

impl Encoded {
    pub(super) fn new(topic: &str, content_type: &str, template: Template) -> anyhow::Result<Self> {
        let payload = Bytes::copy_from_slice(template.bytes());
        let properties = PublishProperties {
            content_type: Some(content_type.to_owned()),
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
        Ok(Self {
            bytes: bytes.to_vec(),
            packet_id,
            payload: bytes.len() - template.bytes().len(),
            template,
            last: 0,
        })
    }

    /// Appends the message of `now`, or of [`APART`] after the last one.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, packet_id: u16, now: Micros) {
        self.last = now.max(self.last + APART);
        self.template
            .stamp(&mut self.bytes[self.payload..], self.last);
        self.bytes[self.packet_id..self.packet_id + 2].copy_from_slice(&packet_id.to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::pack;

    #[test]
    fn packets_are_read_back_with_their_id_and_stamp() {
        for records in [1, 20] {
            let template = pack("load-0001", records);
            let topic = "wardline/v1/s/g/load-0001/readings";
            let mut encoded = Encoded::new(topic, "text/x", template.clone()).unwrap();
            let mut out = Vec::new();
            encoded.write(&mut out, 0xABCD, 1_800_000_000_000_000);
            encoded.write(&mut out, 7, 1_800_000_000_000_000);
            let mut stream = BytesMut::from(&out[..]);
            for (id, stamp) in [(0xABCD, 1_800_000_000_000_000), (7, 1_800_000_000_001_000)] {
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
