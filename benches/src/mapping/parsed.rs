//! The benchmark's events as structs that know them: what the fastest parser fills.

use std::hint::black_box;

use serde::Deserialize;

/// Parses every event and does nothing with it.
pub(super) fn each<'a, T: Deserialize<'a>>(events: &'a [Vec<u8>]) -> anyhow::Result<()> {
    for text in events {
        let event: T = sonic_rs::from_slice(text)?;
        black_box(event);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
pub(super) struct HeartRate<'a> {
    device_id: &'a str,
    end_date: &'a str,
    heart_rate: f64,
    rr_ms: f64,
    contact: bool,
    battery_percent: f64,
    firmware: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
pub(super) struct Envelope<'a, B> {
    body: B,
    #[serde(borrow)]
    properties: Properties<'a>,
    system_properties: SystemProperties<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Properties<'a> {
    content: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct SystemProperties<'a> {
    iothub_connection_device_id: &'a str,
    iothub_enqueuedtime: &'a str,
}

pub(super) type Monitor<'a> = Envelope<'a, MonitorBody<'a>>;

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
pub(super) struct MonitorBody<'a> {
    #[serde(borrow)]
    monitor: Bedside<'a>,
    patient: Patient<'a>,
    samples: Vec<Sample<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Bedside<'a> {
    serial: &'a str,
    model: &'a str,
    location: Location<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Location<'a> {
    ward: &'a str,
    bed: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Patient<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Sample<'a> {
    at: &'a str,
    hr: f64,
    spo2: f64,
    resp: f64,
    sqi: f64,
}

pub(super) type Pressure<'a> = Envelope<'a, PressureBody<'a>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
pub(super) struct PressureBody<'a> {
    #[serde(borrow)]
    device: Cuff<'a>,
    last_pulse: f64,
    results: Vec<Outcome<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Cuff<'a> {
    model: &'a str,
    serial: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "filled, never read: that is the limit")]
struct Outcome<'a> {
    kind: &'a str,
    taken: i64,
    sys: Option<&'a str>,
    dia: Option<&'a str>,
    pulse: Option<f64>,
    pressure: Option<f64>,
}
