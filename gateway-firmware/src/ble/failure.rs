//! What goes wrong between the gateway and a device, told apart by what helps.

use std::time::Duration;

use bluez_async::BluetoothError;

use super::bluez;

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// bluetoothd has no such object (any more): wait until the device advertises again.
    NotFound,
    /// The link did not come up: try again at once, a few times.
    Transient,
    /// The link came up and broke at once.
    Broken,
    /// The controller has no connection left: wait until one is free.
    Slots,
    /// No answer in time.
    Timeout,
    /// The device wants a bond, or refused this one.
    Authentication,
    /// The device, or bluetoothd, has lost the keys: a person must pair anew.
    BondLost,
    /// The link is gone.
    Disconnected,
    /// The device refused the operation (an ATT error).
    Refused,
    /// The adapter is off or away.
    Adapter,
    /// bluetoothd or the bus is gone.
    Bus,
    Other,
}

impl Kind {
    /// Label in metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Transient => "transient",
            Self::Broken => "broken",
            Self::Slots => "slots",
            Self::Timeout => "timeout",
            Self::Authentication => "authentication",
            Self::BondLost => "bond-lost",
            Self::Disconnected => "disconnected",
            Self::Refused => "refused",
            Self::Adapter => "adapter",
            Self::Bus => "bus",
            Self::Other => "other",
        }
    }

    /// Whether another attempt at once may do.
    pub(crate) const fn passes(self) -> bool {
        matches!(
            self,
            Self::Transient | Self::Broken | Self::Timeout | Self::Disconnected | Self::Other
        )
    }
}

/// One failed step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {text}")]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// `connect`, `discover`, `subscribe 2A18`, …
    pub(crate) step: String,
    /// BlueZ's words: they name no person.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, step: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            kind,
            step: step.into(),
            text: text.into(),
        }
    }

    pub(crate) fn timeout(step: impl Into<String>, limit: Duration) -> Self {
        Self::new(
            Kind::Timeout,
            step,
            format!("no answer within {}", humantime::format_duration(limit)),
        )
    }

    /// From btleplug's error, whose D-Bus error has the name that matters.
    pub(crate) fn of(step: impl Into<String>, error: &btleplug::Error) -> Self {
        use btleplug::Error as E;
        let kind = match error {
            E::DeviceNotFound => Kind::NotFound,
            E::NotConnected => Kind::Disconnected,
            E::TimedOut(_) => Kind::Timeout,
            E::PermissionDenied => Kind::Authentication,
            E::NoAdapterAvailable => Kind::Adapter,
            E::Other(inner) => match inner.downcast_ref::<BluetoothError>() {
                Some(BluetoothError::DbusError(error)) => {
                    let (name, text) = (
                        error.name().unwrap_or_default(),
                        error.message().unwrap_or_default(),
                    );
                    return Self::new(classify(name, text), step, format!("{text} ({name})"));
                }
                Some(BluetoothError::ServiceDiscoveryTimedOut) => Kind::Timeout,
                Some(BluetoothError::NoBluetoothAdapters) => Kind::Adapter,
                _ => Kind::Other,
            },
            _ => Kind::Other,
        };
        Self::new(kind, step, error.to_string())
    }

    /// From an error of the side channel.
    pub(crate) fn of_bluez(step: impl Into<String>, error: &bluez::Error) -> Self {
        let kind = match error {
            bluez::Error::Bus(_) => Kind::Bus,
            bluez::Error::Silent(_) => Kind::Timeout,
            bluez::Error::Refused { name, text } => classify(name, text),
        };
        Self::new(kind, step, error.to_string())
    }
}

/// From name and words of a D-Bus error (BlueZ `src/error.c`, `src/gatt-client.c`).
fn classify(name: &str, text: &str) -> Kind {
    let has = |part: &str| text.contains(part);
    match name.rsplit('.').next().unwrap_or_default() {
        _ if has("key-missing") || has("Key missing") || has("Key Missing") => Kind::BondLost,
        "AuthenticationFailed"
        | "AuthenticationRejected"
        | "AuthenticationCanceled"
        | "AuthenticationTimeout"
        | "NotAuthorized" => Kind::Authentication,
        "NotPermitted" if has("aired") || has("ncrypt") || has("uthent") => Kind::Authentication,
        "NotPermitted"
        | "NotSupported"
        | "InvalidValueLength"
        | "InvalidOffset"
        | "ImproperlyConfigured" => Kind::Refused,
        "UnknownObject" | "UnknownMethod" | "UnknownInterface" | "DoesNotExist" => Kind::NotFound,
        "NotConnected" => Kind::Disconnected,
        "NotReady" => Kind::Adapter,
        "NoReply" | "Timeout" | "TimedOut" => Kind::Timeout,
        // `LimitsExceeded`: bluez-async leaves match rules behind; a new connection has none.
        "ServiceUnknown" | "NameHasNoOwner" | "Disconnected" | "NoServer" | "LimitsExceeded" => {
            Kind::Bus
        }
        _ if has("concurrent-connection-limit")
            || has("resource")
            || has("Limit")
            || has("onnection limit") =>
        {
            Kind::Slots
        }
        _ if has("adapter-not-powered") || has("Not Powered") => Kind::Adapter,
        _ if has("Not connected") || has("Not Connected") || has("disconnected") => {
            Kind::Disconnected
        }
        _ if has("ATT error") => Kind::Refused,
        "InProgress" | "Busy" | "ConnectionAttemptFailed" | "AlreadyConnected" => Kind::Transient,
        "Failed" => Kind::Transient,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart_by_what_helps() {
        for (name, text, kind) in [
            ("Failed", "le-connection-abort-by-local", Kind::Transient),
            (
                "Failed",
                "le-connection-concurrent-connection-limit",
                Kind::Slots,
            ),
            ("Failed", "le-connection-key-missing", Kind::BondLost),
            ("Failed", "Not connected", Kind::Disconnected),
            (
                "Failed",
                "Operation failed with ATT error: 0xfd",
                Kind::Refused,
            ),
            ("NotReady", "Resource Not Ready", Kind::Adapter),
            ("DoesNotExist", "Does Not Exist", Kind::NotFound),
            (
                "AuthenticationFailed",
                "Authentication Failed",
                Kind::Authentication,
            ),
            ("NotPermitted", "Not paired", Kind::Authentication),
            ("NotPermitted", "Write not permitted", Kind::Refused),
            (
                "InProgress",
                "Operation already in progress",
                Kind::Transient,
            ),
        ] {
            assert_eq!(
                classify(&format!("org.bluez.Error.{name}"), text),
                kind,
                "{name} {text}"
            );
        }
        let unknown = "org.freedesktop.DBus.Error.UnknownObject";
        assert_eq!(
            classify(unknown, "Method \"Connect\" doesn't exist"),
            Kind::NotFound
        );
        assert_eq!(
            classify("org.freedesktop.DBus.Error.ServiceUnknown", "org.bluez"),
            Kind::Bus
        );
    }
}
