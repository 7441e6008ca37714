//! What the tests drive: servers, brokers, MQTT clients, receivers of alerts, a clock that can be set.

pub(crate) mod broker;
pub(crate) mod certificate;
pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod fhir;
pub(crate) mod fhir_server;
pub(crate) mod mqtt;
pub(crate) mod mqtt5;
pub(crate) mod others;
pub(crate) mod server;
pub(crate) mod smtp;
pub(crate) mod teams;
pub(crate) mod webhook;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) use server::{Server, Setup};

/// The server's program.
pub(crate) const WARDLINE: &str = env!("CARGO_BIN_EXE_wardline");

/// The gateway's program, which `make test` builds beside the server's.
pub(crate) fn gateway() -> PathBuf {
    let program = PathBuf::from(WARDLINE).with_file_name("wardline-gateway");
    assert!(
        program.is_file(),
        "build it first: cargo build -p wardline-gateway"
    );
    program
}

/// Now, in microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// Asks again until the answer is there; the deadline is far beyond any healthy machine.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    ask: impl FnMut() -> F,
) -> T {
    within(Duration::from_secs(60), what, ask).await
}

/// The same with a deadline that is promised.
pub(crate) async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A SenML pack with one reading; `at` in microseconds.
pub(crate) fn reading(device: &str, metric: &str, unit: &str, value: &str, at: i64) -> String {
    let seconds = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
    format!(r#"[{{"bn":"{device}:","n":"{metric}","u":"{unit}","v":{value},"t":{seconds}}}]"#)
}

/// A heart rate by ECG.
pub(crate) fn heart_rate(device: &str, value: &str, at: i64) -> String {
    reading(device, "MDC_ECG_HEART_RATE", "/min", value, at)
}
