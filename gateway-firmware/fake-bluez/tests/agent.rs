//! Pairing through an agent that speaks D-Bus by hand: what is asked, what each answer leads to.

use std::time::Duration;

use futures::StreamExt;
use wardline_fake_bluez::{Bluez, Device, Pairing, Peripheral, profile};
use zbus::message::Type;
use zbus::{Connection, Message, MessageStream, ObjectPath};

const AGENT: &str = "/agent";

/// A client with an agent that answers every question so.
async fn client(bluez: &Bluez, capability: &str, answer: Answer) -> Connection {
    let connection = zbus::connection::Builder::address(bluez.address())
        .build()
        .await
        .expect("a connection");
    let mut messages = MessageStream::from(&connection);
    let own = connection.clone();
    tokio::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            if message.message_type() == Type::MethodCall {
                let header = message.header();
                let reply = match answer {
                    Answer::Yes => Message::method_return(&header).build(&()),
                    Answer::Digits(digits) => Message::method_return(&header).build(&digits),
                    Answer::No => Message::error(&header, "org.bluez.Error.Rejected").build(&"no"),
                };
                own.send(&reply.expect("a reply")).await.expect("a bus");
            }
        }
    });
    let agent = ObjectPath::try_from(AGENT).expect("a path");
    call(
        &connection,
        "/org/bluez",
        "AgentManager1",
        "RegisterAgent",
        &(&agent, capability),
    )
    .await
    .expect("an agent");
    call(
        &connection,
        "/org/bluez",
        "AgentManager1",
        "RequestDefaultAgent",
        &agent,
    )
    .await
    .expect("the default agent");
    connection
}

#[derive(Clone, Copy)]
enum Answer {
    Yes,
    Digits(u32),
    No,
}

async fn call<B>(
    connection: &Connection,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) -> Result<(), String>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let interface = format!("org.bluez.{interface}");
    let called = connection.call_method(
        Some("org.bluez"),
        path,
        Some(interface.as_str()),
        member,
        body,
    );
    let result = tokio::time::timeout(Duration::from_secs(20), called).await;
    match result.expect("an answer in time") {
        Ok(_) => Ok(()),
        Err(zbus::Error::MethodError(name, ..)) => Err(name.to_string()),
        Err(error) => panic!("{error}"),
    }
}

async fn beside(bluez: &Bluez, connection: &Connection, device: Device) -> Peripheral {
    let device = bluez.add(device).await;
    device.advertise().await;
    call(
        connection,
        "/org/bluez/hci0",
        "Adapter1",
        "StartDiscovery",
        &(),
    )
    .await
    .expect("a scan");
    device
}

const ADDRESS: &str = "C0:00:00:00:00:01";
const DEVICE: &str = "/org/bluez/hci0/dev_C0_00_00_00_00_01";
/// Service 000a, its first characteristic: the temperature.
const TEMPERATURE: &str = "/org/bluez/hci0/dev_C0_00_00_00_00_01/service000a/char000b";

#[tokio::test]
async fn each_way_to_pair_asks_its_own_question() {
    for (pairing, capability, answer, expected) in [
        (Pairing::JustWorks, "NoInputNoOutput", Answer::No, Ok(())),
        (Pairing::JustWorks, "KeyboardOnly", Answer::Yes, Ok(())),
        (
            Pairing::JustWorks,
            "KeyboardOnly",
            Answer::No,
            Err("AuthenticationRejected"),
        ),
        (
            Pairing::Passkey(123_456),
            "KeyboardOnly",
            Answer::Digits(123_456),
            Ok(()),
        ),
        (
            Pairing::Passkey(123_456),
            "KeyboardOnly",
            Answer::Digits(1),
            Err("AuthenticationFailed"),
        ),
        (
            Pairing::Passkey(123_456),
            "NoInputNoOutput",
            Answer::Yes,
            Err("AuthenticationFailed"),
        ),
        (Pairing::Compare(7), "DisplayYesNo", Answer::Yes, Ok(())),
        (
            Pairing::Refused,
            "KeyboardDisplay",
            Answer::Yes,
            Err("AuthenticationFailed"),
        ),
    ] {
        let bluez = Bluez::start().await;
        let connection = client(&bluez, capability, answer).await;
        let device = profile::thermometer(ADDRESS).pairing(pairing);
        let device = beside(&bluez, &connection, device).await;
        let paired = call(&connection, DEVICE, "Device1", "Pair", &()).await;
        let expected = expected.map_err(|name| format!("org.bluez.Error.{name}"));
        assert_eq!(paired, expected, "{pairing:?} {capability}");
        if expected.is_ok() {
            device.until_paired().await;
            let again = call(&connection, DEVICE, "Device1", "Pair", &()).await;
            assert_eq!(again, Err("org.bluez.Error.AlreadyExists".to_owned()));
        }
    }
}

#[tokio::test]
async fn access_to_a_closed_value_pairs_and_a_bond_outlives_the_daemon() {
    let bluez = Bluez::start().await;
    let connection = client(&bluez, "KeyboardOnly", Answer::Yes).await;
    let device = profile::thermometer(ADDRESS).pairing(Pairing::JustWorks);
    let device = beside(&bluez, &connection, device).await;
    call(&connection, DEVICE, "Device1", "Connect", &())
        .await
        .expect("a link");
    // The services follow the link.
    device.until_resolved().await;
    call(
        &connection,
        TEMPERATURE,
        "GattCharacteristic1",
        "StartNotify",
        &(),
    )
    .await
    .expect("a subscription");
    device.until_paired().await;
    device.until_subscribed(0x2A1C).await;
    bluez.stop().await;
    bluez.start_again().await;
    let again = call(&connection, DEVICE, "Device1", "Pair", &()).await;
    assert_eq!(again, Err("org.bluez.Error.AlreadyExists".to_owned()));
    assert!(
        !device.send(0x2A1C, &[0]).await,
        "nobody is subscribed any more"
    );
}

#[tokio::test]
async fn a_pairing_can_be_cancelled() {
    let bluez = Bluez::start().await;
    let connection = client(&bluez, "KeyboardOnly", Answer::Yes).await;
    let device = profile::thermometer(ADDRESS).pairing(Pairing::Silent);
    let device = beside(&bluez, &connection, device).await;
    let (paired, ()) = tokio::join!(call(&connection, DEVICE, "Device1", "Pair", &()), async {
        device.until_resolved().await;
        bluez.until_called(DEVICE, "Pair", 1).await;
        device.until_pairing().await;
        call(&connection, DEVICE, "Device1", "CancelPairing", &())
            .await
            .expect("an answer");
    });
    assert_eq!(
        paired,
        Err("org.bluez.Error.AuthenticationCanceled".to_owned())
    );
}
