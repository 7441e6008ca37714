//! The least a subscriber can do and still acknowledge: count, discard, answer every 5 ms.

use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use crate::cli;
use crate::report::print;

/// Messages the broker may have in flight to us.
const RECEIVE_MAXIMUM: u16 = 10_000;
/// Acknowledging in bundles is what rumqttc is fastest at; a bundle is due after this time or this many.
const BUNDLE_EVERY: Duration = Duration::from_millis(5);
const BUNDLE: usize = 1_000;

/// Lines on stdout when the subscription stands and when everything has come.
pub(crate) const READY: &str = "ready";
pub(crate) const DONE: &str = "done";

pub(crate) fn run(arguments: &cli::Subscriber) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(count(arguments))
}

async fn count(arguments: &cli::Subscriber) -> anyhow::Result<()> {
    let mut options = MqttOptions::new("subscriber", "127.0.0.1", arguments.port);
    options
        .set_manual_acks(true)
        .set_receive_maximum(Some(RECEIVE_MAXIMUM))
        .set_max_packet_size(Some(1 << 20));
    let (client, mut events) = AsyncClient::new(options, 2 * usize::from(RECEIVE_MAXIMUM));
    client
        .subscribe(&arguments.filter, QoS::AtLeastOnce)
        .await?;
    let mut received = 0;
    let mut bundle: Vec<Publish> = Vec::with_capacity(BUNDLE);
    let mut answered = Instant::now();
    while received < arguments.expect {
        match events.poll().await? {
            Event::Incoming(Packet::SubAck(_)) => print(READY),
            Event::Incoming(Packet::Publish(publish)) => {
                received += 1;
                bundle.push(publish);
            }
            _ => {}
        }
        if bundle.len() >= BUNDLE || answered.elapsed() >= BUNDLE_EVERY {
            // What the queue has no room for waits for the next time round; a broken connection shows in `poll`.
            let sent = bundle
                .iter()
                .take_while(|publish| client.try_ack(publish).is_ok());
            let sent = sent.count();
            bundle.drain(..sent);
            answered = Instant::now();
        }
    }
    print(DONE);
    Ok(())
}
