//! What a device offers: services, characteristics, and how each answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::records::Records;
use crate::wire::Refusal;

/// The 128-bit form of an assigned number.
pub fn uuid(short: u16) -> String {
    format!("0000{short:04x}-0000-1000-8000-00805f9b34fb")
}

/// A primary service.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) uuid: u16,
    pub(crate) characteristics: Vec<Characteristic>,
}

impl Service {
    /// An empty one.
    pub fn new(uuid: u16) -> Self {
        Self {
            uuid,
            characteristics: Vec::new(),
        }
    }

    /// One more characteristic.
    #[must_use]
    pub fn with(mut self, characteristic: Characteristic) -> Self {
        self.characteristics.push(characteristic);
        self
    }
}

/// What is sent, and on which characteristic of the device.
pub type Pdus = Vec<(u16, Vec<u8>)>;

/// Computes what a device sends when something is written to a control point.
pub type Control = Arc<dyn Fn(&[u8]) -> Pdus + Send + Sync>;

/// How a characteristic behaves beyond keeping its value.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Reads give the value; writes replace it.
    Value,
    /// A Record Access Control Point.
    Records(Records),
    /// Current Time (0x2A2B): the fake's clock plus this many milliseconds; a write sets it.
    Clock(i64),
    /// A control point.
    Control(Control),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Records(_) => "records",
            Self::Clock(_) => "clock",
            Self::Control(_) => "control",
        })
    }
}

/// A characteristic; the flags are BlueZ's words.
#[derive(Debug, Clone)]
pub struct Characteristic {
    pub(crate) uuid: u16,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) value: Vec<u8>,
    pub(crate) encrypted: bool,
    pub(crate) answer: Answer,
    pub(crate) descriptors: Vec<(u16, Vec<u8>)>,
}

impl Characteristic {
    /// With `flags` of BlueZ: `read`, `write`, `write-without-response`, `notify`, `indicate`, …
    pub fn new(uuid: u16, flags: &[&'static str]) -> Self {
        let sends = flags
            .iter()
            .any(|flag| matches!(*flag, "notify" | "indicate"));
        Self {
            uuid,
            flags: flags.to_vec(),
            value: Vec::new(),
            encrypted: false,
            answer: Answer::Value,
            // The Client Characteristic Configuration, which BlueZ lists too.
            descriptors: if sends {
                vec![(0x2902, vec![0, 0])]
            } else {
                Vec::new()
            },
        }
    }

    /// One to read.
    pub fn read(uuid: u16, value: &[u8]) -> Self {
        Self {
            value: value.to_vec(),
            ..Self::new(uuid, &["read"])
        }
    }

    /// One that notifies.
    pub fn notify(uuid: u16) -> Self {
        Self::new(uuid, &["notify"])
    }

    /// One that indicates.
    pub fn indicate(uuid: u16) -> Self {
        Self::new(uuid, &["indicate"])
    }

    /// A Record Access Control Point (0x2A52) over these records.
    pub fn records(records: Records) -> Self {
        Self {
            answer: Answer::Records(records),
            ..Self::new(0x2A52, &["write", "indicate"])
        }
    }

    /// Current Time (0x2A2B), ahead of the true time by `milliseconds`, and settable.
    pub fn clock(milliseconds: i64) -> Self {
        Self {
            answer: Answer::Clock(milliseconds),
            ..Self::new(0x2A2B, &["read", "write", "notify"])
        }
    }

    /// A control point: what `answer` gives for the written bytes is sent.
    pub fn control(uuid: u16, answer: impl Fn(&[u8]) -> Pdus + Send + Sync + 'static) -> Self {
        Self {
            answer: Answer::Control(Arc::new(answer)),
            ..Self::new(uuid, &["write", "indicate"])
        }
    }

    /// The value it starts with.
    #[must_use]
    pub fn value(mut self, value: &[u8]) -> Self {
        self.value = value.to_vec();
        self
    }

    /// Nothing works before the device is paired.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// One more descriptor.
    #[must_use]
    pub fn descriptor(mut self, uuid: u16, value: &[u8]) -> Self {
        self.descriptors.push((uuid, value.to_vec()));
        self
    }

    pub(crate) fn sends(&self) -> bool {
        self.flags
            .iter()
            .any(|flag| matches!(*flag, "notify" | "indicate"))
    }
}

/// What happens to one operation on a characteristic instead of its answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// BlueZ's error for this ATT error code.
    Att(u8),
    /// The link has broken, though nothing has told of it yet.
    Unlinked,
    /// No answer, ever.
    Hang,
    /// The answer, this much later.
    Late(Duration),
}

/// Name and text of BlueZ's D-Bus error for an ATT error code (`src/gatt-client.c`, `create_gatt_dbus_error`).
pub(crate) fn att_error(code: u8) -> Refusal {
    let (name, text) = match code {
        0x02 => ("NotPermitted", "Read not permitted".to_owned()),
        0x03 => ("NotPermitted", "Write not permitted".to_owned()),
        0x05 | 0x0C | 0x0F => ("NotPermitted", "Not paired".to_owned()),
        0x08 => ("NotAuthorized", "Operation Not Authorized".to_owned()),
        _ => (
            "Failed",
            format!("Operation failed with ATT error: 0x{code:02x}"),
        ),
    };
    Refusal::bluez(name, &text)
}
