//! The packets a server acts on, the same for MQTT 3.1.1 and 5.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::RetainHandling;

/// One step of a client.
#[derive(Debug)]
pub(crate) enum Inbound {
    Connect(Box<Connect>),
    Publish(Publish),
    /// PUBACK for a message of ours: there is room in the window again.
    Acknowledged,
    Subscribe {
        id: u16,
        subscriptions: Vec<Subscription>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Ping,
    Disconnect {
        with_will: bool,
    },
    /// The connection ends; DISCONNECT is in the buffer where the version has one.
    Refused(Refused),
}

/// Why a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Oversize,
    Qos,
    Protocol,
}

#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) client_id: String,
    pub(crate) clean: bool,
    /// Seconds; 0 is none.
    pub(crate) keep_alive: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Bytes>,
    pub(crate) will: Option<Will>,
    pub(crate) extended_authentication: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) content_type: Option<String>,
    pub(crate) user_properties: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Publish {
    /// None for QoS 0.
    pub(crate) id: Option<u16>,
    pub(crate) retain: bool,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) content_type: Option<String>,
    pub(crate) user_properties: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) filter: String,
    pub(crate) at_least_once: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retained: Retained,
}

/// When a subscription brings retained messages (MQTT 5, 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retained {
    Always,
    IfNew,
    Never,
}

impl From<RetainHandling> for Retained {
    fn from(handling: RetainHandling) -> Self {
        match handling {
            RetainHandling::SendRetained => Self::Always,
            RetainHandling::SendRetainedIfNotExists => Self::IfNew,
            RetainHandling::DoNotSendRetained => Self::Never,
        }
    }
}
