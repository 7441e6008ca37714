use proptest::prelude::*;

use super::*;

const MAX_PACKET: u32 = 4 << 10;

/// Feeds everything in pieces, answering like a connection does; returns what came out.
fn drive(pieces: &[Vec<u8>]) -> (Vec<Inbound>, usize) {
    let mut protocol = Protocol::new(MAX_PACKET, 4);
    let (mut out, mut all, mut buffer) = (BytesMut::new(), Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let front = protocol.front(&buffer);
            if front == Front::Incomplete {
                assert!(
                    buffer.len() < MAX_HEADER,
                    "never more than a header is left over"
                );
                break;
            }
            let mut inbound = Vec::new();
            let taken = protocol.feed(&buffer, &mut out, &mut inbound);
            assert!(taken > 0 && taken <= buffer.len());
            buffer.drain(..taken);
            for packet in inbound {
                match &packet {
                    Inbound::Connect(_) => {
                        let accept = Accept {
                            assigned_client_id: None,
                            server_keep_alive: None,
                            topic_alias_maximum: 2,
                        };
                        // A client whose maximum packet is tiny gets no CONNACK.
                        if protocol.accept(accept, &mut out).is_err() {
                            return (all, out.len());
                        }
                    }
                    Inbound::Publish(publish) => {
                        if let Some(id) = publish.id {
                            protocol.puback(id, PubackReason::Success, &mut out);
                        }
                    }
                    Inbound::Subscribe { id, subscriptions } => {
                        let codes: Vec<_> = subscriptions.iter().map(|_| Ok(1)).collect();
                        protocol.suback(*id, &codes, &mut out);
                        let message = Outgoing {
                            topic: "wardline/v1/s/alerts",
                            payload: b"alert",
                            at_least_once: true,
                            retain: false,
                            expiry: Some(Duration::from_secs(9)),
                        };
                        let _sent = protocol.publish_out(&message, &mut out);
                    }
                    Inbound::Unsubscribe { id, filters } => {
                        protocol.unsuback(*id, &vec![true; filters.len()], &mut out);
                    }
                    Inbound::Ping => protocol.pong(&mut out),
                    Inbound::Refused(_) | Inbound::Disconnect { .. } => {
                        all.push(packet);
                        return (all, out.len());
                    }
                    Inbound::Acknowledged => {}
                }
                all.push(packet);
            }
        }
    }
    (all, out.len())
}

fn connect(version: u8) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', version, 2, 0, 60];
    if version == 5 {
        body.push(0);
    }
    body.extend([0, 1, b'g']);
    [vec![0x10, u8::try_from(body.len()).unwrap()], body].concat()
}

/// A packet of any type with a true length and any body, mostly.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        // Bodies that begin like SUBSCRIBE, PUBLISH and PUBACK do.
        proptest::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(2), Just(b'a'), any::<u8>()],
            0..40
        ),
    ];
    (any::<u8>(), body)
        .prop_map(|(first, body)| [vec![first, u8::try_from(body.len()).unwrap()], body].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8)) {
        drive(&pieces);
    }

    #[test]
    fn arbitrary_packets_after_connect_never_panic(
        version in prop_oneof![Just(4u8), Just(5)],
        packets in proptest::collection::vec(packet(), 0..12),
    ) {
        let pieces = [vec![connect(version)], packets].concat();
        drive(&pieces);
    }

    #[test]
    fn mutated_connects_never_panic(
        version in prop_oneof![Just(4u8), Just(5)],
        at in 0usize..20,
        byte in any::<u8>(),
        tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = connect(version);
        let at = at % bytes.len();
        bytes[at] = byte;
        drive(&[bytes, tail]);
    }

    /// However a stream is cut, the same packets come out and the same bytes are answered.
    #[test]
    fn the_cut_of_the_stream_does_not_matter(
        version in prop_oneof![Just(4u8), Just(5)],
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6),
        size in 1usize..50,
    ) {
        let mut stream = connect(version);
        for (i, payload) in payloads.iter().enumerate() {
            let mut body = vec![0, 1, b't', 0, u8::try_from(i + 1).unwrap()];
            if version == 5 {
                body.push(0);
            }
            body.extend(payload);
            let length = body.len();
            stream.push(0x32);
            if length < 128 {
                stream.push(u8::try_from(length).unwrap());
            } else {
                stream.extend([u8::try_from(length % 128 + 128).unwrap(), u8::try_from(length / 128).unwrap()]);
            }
            stream.extend(body);
        }
        let whole = drive(std::slice::from_ref(&stream));
        let cut = drive(&stream.chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>());
        prop_assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
        prop_assert_eq!(whole.0.len(), payloads.len() + 1);
    }
}

#[test]
fn the_front_tells_a_publish_by_its_header() {
    let mut protocol = Protocol::new(MAX_PACKET, 4);
    assert_eq!(protocol.front(&[]), Front::Incomplete);
    assert_eq!(protocol.front(&[0x32]), Front::Incomplete);
    assert_eq!(protocol.front(&[0x32, 0x80]), Front::Incomplete);
    assert_eq!(
        protocol.front(&[0x32, 0x80, 1]),
        Front::Publish { size: 131, qos: 1 }
    );
    assert_eq!(
        protocol.front(&[0x32, 0x80, 0x80, 1]),
        Front::Other,
        "over the maximum: nothing is admitted"
    );
    assert_eq!(protocol.front(&[0xc0, 0]), Front::Other);
    assert_eq!(
        protocol.front(&[0x32, 0xff, 0xff, 0xff, 0xff]),
        Front::Other
    );
    let (mut out, mut inbound) = (BytesMut::new(), Vec::new());
    let connect = connect(5);
    assert_eq!(protocol.feed(&connect[..4], &mut out, &mut inbound), 4);
    assert_eq!(protocol.front(&connect[4..]), Front::Body);
    assert!(inbound.is_empty() && out.is_empty());
}

#[test]
fn receive_maximum_is_enforced_for_those_who_were_told() {
    let publish = |id: u8| vec![0x32, 6, 0, 1, b't', 0, id, 0];
    let mut protocol = Protocol::new(MAX_PACKET, 4);
    let (mut out, mut inbound) = (BytesMut::new(), Vec::new());
    protocol.feed(&connect(5), &mut out, &mut inbound);
    let accept = Accept {
        assigned_client_id: None,
        server_keep_alive: None,
        topic_alias_maximum: 0,
    };
    protocol.accept(accept, &mut out).unwrap();
    for id in 1..=4 {
        protocol.feed(&publish(id), &mut out, &mut inbound);
    }
    assert!(
        inbound
            .iter()
            .skip(1)
            .all(|packet| matches!(packet, Inbound::Publish(_)))
    );
    out.clear();
    protocol.feed(&publish(5), &mut out, &mut inbound);
    assert!(matches!(
        inbound.last(),
        Some(Inbound::Refused(Refused::Protocol))
    ));
    assert_eq!(out[..3], [0xe0, 1, 0x93]);
}
