//! Faults that system tests switch on to prove that they would see them.
//!
//! They exist only in a build with the feature `sabotage`, which no release enables.
//! `WARDLINE_SABOTAGE` names them, separated by commas: those of the store (see its configuration),
//! `stall-log:FILE`, which keeps every append from completing, and changes of the registry from the log, while the
//! file is there, `panic-on:TEXT`, which panics in the decoding of a payload with that text, `fail-look-up:DEVICE`, which fails every look-up for rows of
//! that device, `refuse-rules:TEXT`, which refuses rules with that text when they come out of the log or a
//! checkpoint, `panic-outbox:FILE`, which panics in the outbox's worker while the file is there, and `ack-on-receipt`, which acknowledges what has only been read from the socket.

/// The store's faults.
#[cfg(feature = "sabotage")]
pub(crate) fn names() -> Vec<String> {
    let names = std::env::var("WARDLINE_SABOTAGE").unwrap_or_default();
    names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn names() -> Vec<String> {
    Vec::new()
}

/// Waits while the log is to stall.
#[cfg(feature = "sabotage")]
pub(crate) async fn stall() {
    static FILE: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| argument("stall-log").map(Into::into));
    let Some(file) = FILE.as_ref() else { return };
    while file.try_exists().unwrap_or(false) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[cfg(not(feature = "sabotage"))]
#[allow(clippy::unused_async, reason = "the same shape as with the feature")]
pub(crate) async fn stall() {}

/// What follows the name of a fault that has an argument.
#[cfg(feature = "sabotage")]
fn argument(fault: &str) -> Option<String> {
    names()
        .iter()
        .find_map(|name| Some(name.strip_prefix(fault)?.strip_prefix(':')?.to_owned()))
}

/// Panics when a payload holds what the fault names.
#[cfg(feature = "sabotage")]
pub(crate) fn decode(messages: &[wardline_ingest::Incoming]) {
    static TEXT: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| argument("panic-on"));
    let Some(text) = TEXT.as_ref() else { return };
    let holds = |payload: &[u8]| {
        let mut windows = payload.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    assert!(
        !messages.iter().any(|message| holds(&message.payload)),
        "asked for"
    );
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn decode(_: &[wardline_ingest::Incoming]) {}

/// Whether these rules are to be refused although they are sound.
#[cfg(feature = "sabotage")]
pub(crate) fn refuses(rules: &[u8]) -> bool {
    static TEXT: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| argument("refuse-rules"));
    TEXT.as_ref().is_some_and(|text| {
        let mut windows = rules.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    })
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn refuses(_: &[u8]) -> bool {
    false
}

/// Whether earlier rows of this device cannot be looked up.
#[cfg(feature = "sabotage")]
pub(crate) fn look_up_fails(device: &str) -> bool {
    static DEVICE: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| argument("fail-look-up"));
    DEVICE.as_deref() == Some(device)
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn look_up_fails(_: &str) -> bool {
    false
}

/// Panics when the outbox's worker is to end.
#[cfg(feature = "sabotage")]
pub(crate) fn outbox() {
    static FILE: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| argument("panic-outbox").map(Into::into));
    let found = FILE
        .as_ref()
        .is_some_and(|file| file.try_exists().unwrap_or(false));
    assert!(!found, "asked for");
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn outbox() {}

/// Whether messages are acknowledged before anything is written.
#[cfg(feature = "sabotage")]
pub(crate) fn acknowledges_on_receipt() -> bool {
    static ON: std::sync::LazyLock<bool> =
        std::sync::LazyLock::new(|| names().iter().any(|name| name == "ack-on-receipt"));
    *ON
}

#[cfg(not(feature = "sabotage"))]
pub(crate) fn acknowledges_on_receipt() -> bool {
    false
}
