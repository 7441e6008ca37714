//! Events of devices whose vendors know nothing of us, for the mappings under `benches/mappings`.

use wardline_normalize::time::Micros;

use crate::template::{PLACEHOLDER, Stamp, Template};

/// Above the device's name.
pub(crate) const HEART_RATE_TOPIC: &str = "vendor/heart-rate";

/// A chest strap's event: flat, one reading, about 150 bytes.
pub(crate) fn heart_rate(device: &str, rate: u16) -> Template {
    let time = Stamp::Rfc3339.text(PLACEHOLDER);
    let text = format!(
        r#"{{"deviceId":"{device}","endDate":"{time}","heartRate":{rate},"rrMs":833,"contact":true,"batteryPercent":81,"firmware":"2.4.1"}}"#
    );
    Template::new(text.into_bytes(), Stamp::Rfc3339).expect("the time is written above")
}

/// Samples of a bedside monitor's event.
pub(crate) const SAMPLES: usize = 10;

/// A bedside monitor's event as IoT Hub hands it on: ten samples of three values, device and patient outside them.
pub(crate) fn monitor(number: i64, at: Micros) -> Vec<u8> {
    let samples: Vec<String> = (0_i64..)
        .take(SAMPLES)
        .map(|n| {
            let time = Stamp::Rfc3339.text(at + n * 1_000_000);
            let (rate, oxygen, breaths) =
                (62 + (number + n) % 40, 91 + n % 8, 12 + (number + n) % 9);
            format!(
                r#"{{"at":"{time}","hr":{rate},"spo2":{oxygen}.5,"resp":{breaths},"sqi":0.93}}"#
            )
        })
        .collect();
    let body = format!(
        r#"{{"monitor":{{"serial":"mon-{number:04}","model":"VS-9","location":{{"ward":"4B","bed":{}}}}},"patient":{{"id":"p-{number:04}"}},"samples":[{}]}}"#,
        number % 24 + 1,
        samples.join(",")
    );
    envelope(&body, &format!("mon-{number:04}"), at)
}

/// A blood pressure monitor's event: text for numbers, kilopascals, a time in milliseconds, a result of another kind.
pub(crate) fn pressure(number: i64, at: Micros) -> Vec<u8> {
    let millis = at.div_euclid(1_000);
    let (systolic, diastolic) = (150 + number % 40, 95 + number % 20);
    let body = format!(
        r#"{{"device":{{"model":"BP-200","serial":"{number:04}"}},"lastPulse":70,"results":[{{"kind":"nibp","taken":{millis},"sys":"{}.{}","dia":"{}.{}","pulse":{}}},{{"kind":"cuff","taken":{millis},"pressure":0.2}}]}}"#,
        systolic / 10,
        systolic % 10,
        diastolic / 10,
        diastolic % 10,
        60 + number % 30
    );
    envelope(&body, &format!("BP-200-{number:04}"), at)
}

fn envelope(body: &str, device: &str, at: Micros) -> Vec<u8> {
    let time = Stamp::Rfc3339.text(at + 2_000_000);
    format!(
        r#"{{"Body":{body},"Properties":{{"content":"vitals"}},"SystemProperties":{{"iothub-connection-device-id":"{device}","iothub-enqueuedtime":"{time}"}}}}"#
    )
    .into_bytes()
}
