//! The fake as the gateway's own Bluetooth library sees it.

use std::process::Command;
use std::time::Duration;

use btleplug::api::{
    Central, CentralEvent, Manager as _, Peripheral as _, ScanFilter, ValueNotification, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures::{Stream, StreamExt};
use wardline_fake_bluez::{
    Bluez, Bus, Characteristic, Connect, Device, Fault, Form, Record, Records, Service, Trouble,
    pdu, profile,
};

const PATIENCE: Duration = Duration::from_secs(20);
const VARIABLE: &str = "DBUS_SYSTEM_BUS_ADDRESS";

/// libdbus reads the address of the bus from the environment, once: the test runs itself again with it set.
#[test]
fn a_client_sees_what_devices_do() {
    let Ok(address) = std::env::var(VARIABLE) else {
        let bus = Bus::start();
        let status = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "a_client_sees_what_devices_do", "--nocapture"])
            .env(VARIABLE, bus.address())
            // Dropped streams of bluez-async panic in tasks of their own now and then.
            .env("RUST_BACKTRACE", "0")
            .status()
            .expect("it runs");
        assert!(status.success());
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bluez = Bluez::on(&address).await;
        let manager = Manager::new().await.expect("a manager");
        let adapters = manager.adapters().await.expect("adapters");
        let adapter = adapters.into_iter().next().expect("hci0");
        streams(&bluez, &adapter).await;
        downloads(&bluez, &adapter).await;
        fails(&bluez, &adapter).await;
        many(&bluez, &adapter).await;
        loses_its_daemon(&bluez, &adapter).await;
    });
}

async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.unwrap_or_else(|_| panic!("{what} in time"))
}

/// Scans until a device with this address is seen.
async fn find(adapter: &Adapter, address: &str) -> Peripheral {
    let mut events = adapter.events().await.expect("events");
    adapter
        .start_scan(ScanFilter::default())
        .await
        .expect("a scan");
    let found = soon("a discovery", async {
        while let Some(event) = events.next().await {
            if let CentralEvent::DeviceDiscovered(id) = event {
                let device = adapter.peripheral(&id).await.expect("a device");
                if device.address().to_string() == address {
                    return device;
                }
            }
        }
        panic!("no more events")
    });
    let found = found.await;
    adapter.stop_scan().await.expect("the end of the scan");
    found
}

async fn open(device: &Peripheral, uuids: &[u16]) -> impl Stream<Item = ValueNotification> + use<> {
    soon("a link", device.connect()).await.expect("a link");
    device.discover_services().await.expect("services");
    let values = device.notifications().await.expect("values");
    for characteristic in device.characteristics() {
        if uuids.contains(&short(characteristic.uuid)) {
            device
                .subscribe(&characteristic)
                .await
                .expect("a subscription");
        }
    }
    values
}

fn short(uuid: impl ToString) -> u16 {
    let text = uuid.to_string();
    u16::from_str_radix(text.get(4..8).expect("a UUID"), 16).expect("a number")
}

async fn streams(bluez: &Bluez, adapter: &Adapter) {
    let strap = bluez.add(profile::heart_rate("C0:00:00:00:00:01")).await;
    strap.advertise().await;
    let device = find(adapter, "C0:00:00:00:00:01").await;
    let mut values = open(&device, &[0x2A37]).await;
    let sent: Vec<Vec<u8>> = (60..90).map(pdu::heart_rate).collect();
    for value in &sent {
        assert!(strap.send(0x2A37, value).await);
    }
    for value in &sent {
        let got = soon("a value", values.next()).await.expect("a value");
        assert_eq!((short(got.uuid), &got.value), (0x2A37, value));
    }
    // What is read is told to subscribers too.
    let location = device
        .characteristics()
        .into_iter()
        .find(|characteristic| short(characteristic.uuid) == 0x2A38)
        .expect("a location");
    assert_eq!(device.read(&location).await.expect("a value"), [1]);
    let got = soon("a value", values.next()).await.expect("a value");
    assert_eq!((short(got.uuid), got.value), (0x2A38, vec![1]));
    strap.duplicates(true).await;
    strap.send(0x2A37, &[6, 100]).await;
    for _ in 0..2 {
        let got = soon("a value", values.next()).await.expect("a value");
        assert_eq!(got.value, [6, 100]);
    }
    device.disconnect().await.expect("the end of the link");
    assert!(!device.is_connected().await.expect("a state"));
    strap.quiet().await;
}

async fn downloads(bluez: &Bluez, adapter: &Adapter) {
    let record = |key: u16| Record {
        key: u32::from(key),
        pdus: vec![(
            0x2A18,
            pdu::glucose(key, (2026, 11, 22, 12, 0, 0), 100, false),
        )],
    };
    let records = Records::new(Form::Short, (1..=300).map(record).collect());
    let records = records.troubles(&[Trouble::DropAfter(100)]);
    let meter = bluez
        .add(profile::glucose_meter("C0:00:00:00:00:02", records))
        .await;
    let mut got = Vec::new();
    for first in [0, 100] {
        meter.advertise().await;
        let device = find(adapter, "C0:00:00:00:00:02").await;
        let mut values = open(&device, &[0x2A18, 0x2A52]).await;
        let point = device.characteristics();
        let point = point
            .iter()
            .find(|c| short(c.uuid) == 0x2A52)
            .expect("a control point");
        let [low, high] = u16::to_le_bytes(first + 1);
        device
            .write(point, &[1, 3, 1, low, high], WriteType::WithResponse)
            .await
            .expect("a procedure");
        let most = if first == 0 { 100 } else { 201 };
        for _ in 0..most {
            got.push(soon("a record", values.next()).await.expect("a record"));
        }
        meter.quiet().await;
    }
    assert_eq!(got.pop().expect("a response").value, [6, 0, 1, 1]);
    let keys: Vec<u8> = got
        .iter()
        .filter_map(|value| value.value.get(1).copied())
        .collect();
    let expected: Vec<u8> = (1..=300_u16).map(|key| key.to_le_bytes()[0]).collect();
    assert_eq!(keys, expected);
}

async fn fails(bluez: &Bluez, adapter: &Adapter) {
    let service = Service::new(0x1809)
        .with(Characteristic::read(0x2A1D, &[9]))
        .with(Characteristic::indicate(0x2A1C));
    let device = Device::new("C0:00:00:00:00:03").service(service);
    let thermometer = bluez.add(device).await;
    thermometer.advertise().await;
    let device = find(adapter, "C0:00:00:00:00:03").await;
    let text = "le-connection-abort-by-local";
    thermometer
        .next_connects([Connect::Fail(Duration::ZERO, text)])
        .await;
    let error = device.connect().await.expect_err("a failure");
    assert!(error.to_string().contains(text), "{error}");
    let _values = open(&device, &[0x2A1C]).await;
    let kind = device.characteristics();
    let kind = kind
        .iter()
        .find(|c| short(c.uuid) == 0x2A1D)
        .expect("a type");
    thermometer.fail(0x2A1D, [Fault::Att(0x80)]).await;
    let error = device.read(kind).await.expect_err("a failure");
    assert!(error.to_string().contains("0x80"), "{error}");
    thermometer.drop_link().await;
    assert!(device.read(kind).await.is_err());
    thermometer.quiet().await;
}

async fn many(bluez: &Bluez, adapter: &Adapter) {
    let mut all = Vec::new();
    for number in 0..200 {
        let device = bluez
            .add(profile::heart_rate(&format!("C1:00:00:00:00:{number:02X}")))
            .await;
        device.advertise().await;
        all.push(device);
    }
    let mut streams = Vec::new();
    find(adapter, "C1:00:00:00:00:C7").await;
    for device in adapter.peripherals().await.expect("devices") {
        if device.address().to_string().starts_with("C1") {
            let values = open(&device, &[0x2A37]).await;
            streams.push((device.address().to_string(), values));
        }
    }
    assert_eq!(streams.len(), 200);
    for (number, device) in (0..).zip(&all) {
        assert!(device.send(0x2A37, &pdu::heart_rate(number)).await);
    }
    for (address, mut values) in streams {
        let got = soon("a value", values.next()).await.expect("a value").value;
        assert!(address.ends_with(&format!("{:02X}", got[1])), "{address}");
    }
}

async fn loses_its_daemon(bluez: &Bluez, adapter: &Adapter) {
    let device = adapter.peripherals().await.expect("devices").remove(0);
    bluez.stop().await;
    assert!(device.connect().await.is_err());
    bluez.start_again().await;
    // Only bonds are kept, and there was none.
    assert!(adapter.peripherals().await.expect("devices").is_empty());
    find(adapter, "C1:00:00:00:00:05").await;
}
