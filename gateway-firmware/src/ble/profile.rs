//! The health profiles: their services, what is subscribed to, what is read, and how urgent they are.

use serde::{Deserialize, Serialize};

use crate::source::Class;

/// A GATT service that the gateway takes readings from (ble.md section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    HeartRate,
    Thermometer,
    PulseOximeter,
    BloodPressure,
    Glucose,
    Cgm,
    Weight,
    BodyComposition,
    GenericHealth,
}

/// Whether a device measures now and then and lets go, or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    /// Continuous: gives way to a spot device, and is connected again after it.
    Stream,
    /// Advertises for seconds after a measurement.
    Spot,
}

/// Characteristics that several services share or that are no measurements.
pub(crate) mod uuid {
    pub(crate) const BATTERY_SERVICE: u16 = 0x180F;
    pub(crate) const BATTERY_LEVEL: u16 = 0x2A19;
    pub(crate) const DEVICE_INFORMATION: u16 = 0x180A;
    pub(crate) const MAKER: u16 = 0x2A29;
    pub(crate) const MODEL: u16 = 0x2A24;
    pub(crate) const SERIAL_NUMBER: u16 = 0x2A25;
    pub(crate) const CURRENT_TIME_SERVICE: u16 = 0x1805;
    pub(crate) const CURRENT_TIME: u16 = 0x2A2B;
    pub(crate) const DATE_TIME: u16 = 0x2A08;
    pub(crate) const ELAPSED_TIME: u16 = 0x2BF2;
    pub(crate) const RACP: u16 = 0x2A52;

    pub(crate) const HEART_RATE: u16 = 0x2A37;
    pub(crate) const TEMPERATURE: u16 = 0x2A1C;
    pub(crate) const INTERMEDIATE_TEMPERATURE: u16 = 0x2A1E;
    pub(crate) const PLX_SPOT: u16 = 0x2A5E;
    pub(crate) const PLX_CONTINUOUS: u16 = 0x2A5F;
    pub(crate) const PLX_FEATURES: u16 = 0x2A60;
    pub(crate) const BLOOD_PRESSURE: u16 = 0x2A35;
    pub(crate) const INTERMEDIATE_CUFF: u16 = 0x2A36;
    pub(crate) const ENHANCED_BLOOD_PRESSURE: u16 = 0x2B34;
    pub(crate) const ENHANCED_INTERMEDIATE_CUFF: u16 = 0x2B35;
    pub(crate) const GLUCOSE: u16 = 0x2A18;
    pub(crate) const GLUCOSE_CONTEXT: u16 = 0x2A34;
    pub(crate) const GLUCOSE_FEATURE: u16 = 0x2A51;
    pub(crate) const CGM: u16 = 0x2AA7;
    pub(crate) const CGM_FEATURE: u16 = 0x2AA8;
    pub(crate) const CGM_STATUS: u16 = 0x2AA9;
    pub(crate) const CGM_SESSION_START: u16 = 0x2AAA;
    pub(crate) const WEIGHT: u16 = 0x2A9D;
    pub(crate) const BODY_COMPOSITION: u16 = 0x2A9C;
    pub(crate) const GHS_FEATURES: u16 = 0x2BF3;
    pub(crate) const GHS_LIVE: u16 = 0x2B8B;
    pub(crate) const GHS_STORED: u16 = 0x2BDD;
    pub(crate) const GHS_CONTROL_POINT: u16 = 0x2BF4;
    pub(crate) const GHS_SCHEDULE_CHANGED: u16 = 0x2BF1;

    /// Device information, in the order of use: maker, model, serial, firmware, hardware, software, system id, UDI.
    pub(crate) const INFORMATION: [u16; 8] = [
        0x2A29,
        0x2A24,
        SERIAL_NUMBER,
        0x2A26,
        0x2A27,
        0x2A28,
        0x2A23,
        0x2BFF,
    ];
}

impl Profile {
    pub(crate) const ALL: [Self; 9] = [
        Self::HeartRate,
        Self::Thermometer,
        Self::PulseOximeter,
        Self::BloodPressure,
        Self::Glucose,
        Self::Cgm,
        Self::Weight,
        Self::BodyComposition,
        Self::GenericHealth,
    ];

    /// 16-bit UUID of the service.
    pub(crate) const fn service(self) -> u16 {
        match self {
            Self::HeartRate => 0x180D,
            Self::Thermometer => 0x1809,
            Self::PulseOximeter => 0x1822,
            Self::BloodPressure => 0x1810,
            Self::Glucose => 0x1808,
            Self::Cgm => 0x181F,
            Self::Weight => 0x181D,
            Self::BodyComposition => 0x181B,
            Self::GenericHealth => 0x1840,
        }
    }

    /// Name in the configuration and in `scan`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::HeartRate => "heart-rate",
            Self::Thermometer => "thermometer",
            Self::PulseOximeter => "pulse-oximeter",
            Self::BloodPressure => "blood-pressure",
            Self::Glucose => "glucose",
            Self::Cgm => "cgm",
            Self::Weight => "weight",
            Self::BodyComposition => "body-composition",
            Self::GenericHealth => "generic-health",
        }
    }

    pub(crate) fn of_service(service: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.service() == service)
    }

    pub(crate) const fn priority(self) -> Priority {
        match self {
            Self::HeartRate | Self::PulseOximeter | Self::Cgm | Self::GenericHealth => {
                Priority::Stream
            }
            Self::Thermometer
            | Self::BloodPressure
            | Self::Glucose
            | Self::Weight
            | Self::BodyComposition => Priority::Spot,
        }
    }

    /// Characteristics to subscribe to, in this order; the control point last, or a procedure is refused with 0xFD.
    pub(crate) const fn measurements(self) -> &'static [u16] {
        match self {
            Self::HeartRate => &[uuid::HEART_RATE],
            Self::Thermometer => &[uuid::TEMPERATURE],
            Self::PulseOximeter => &[uuid::PLX_SPOT, uuid::PLX_CONTINUOUS, uuid::RACP],
            Self::BloodPressure => &[uuid::BLOOD_PRESSURE, uuid::ENHANCED_BLOOD_PRESSURE],
            Self::Glucose => &[uuid::GLUCOSE, uuid::GLUCOSE_CONTEXT, uuid::RACP],
            Self::Cgm => &[uuid::CGM, uuid::RACP],
            Self::Weight => &[uuid::WEIGHT],
            Self::BodyComposition => &[uuid::BODY_COMPOSITION],
            Self::GenericHealth => &[
                uuid::GHS_STORED,
                uuid::GHS_LIVE,
                uuid::RACP,
                uuid::GHS_SCHEDULE_CHANGED,
                uuid::GHS_CONTROL_POINT,
            ],
        }
    }

    /// Values on the way to a result: telemetry, subscribed to only where asked for.
    pub(crate) const fn intermediate(self) -> &'static [u16] {
        match self {
            Self::Thermometer => &[uuid::INTERMEDIATE_TEMPERATURE],
            Self::BloodPressure => &[uuid::INTERMEDIATE_CUFF, uuid::ENHANCED_INTERMEDIATE_CUFF],
            _ => &[],
        }
    }

    /// Characteristics read once per connection after the subscriptions.
    pub(crate) const fn features(self) -> &'static [u16] {
        match self {
            Self::HeartRate => &[0x2A38],
            Self::Thermometer => &[0x2A1D],
            Self::PulseOximeter => &[uuid::PLX_FEATURES],
            Self::BloodPressure => &[0x2A49],
            Self::Glucose => &[uuid::GLUCOSE_FEATURE],
            Self::Cgm => &[uuid::CGM_STATUS],
            Self::Weight => &[0x2A9E],
            Self::BodyComposition => &[0x2A9B],
            Self::GenericHealth => &[uuid::GHS_FEATURES],
        }
    }
}

/// What a full spool does with values of a characteristic: only what the device keeps sending unasked and unconfirmed
/// may be dropped.
pub(crate) const fn class(characteristic: u16) -> Class {
    match characteristic {
        uuid::HEART_RATE
        | uuid::PLX_CONTINUOUS
        | uuid::INTERMEDIATE_TEMPERATURE
        | uuid::INTERMEDIATE_CUFF
        | uuid::ENHANCED_INTERMEDIATE_CUFF
        | uuid::BATTERY_LEVEL => Class::Stream,
        _ => Class::Confirmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_point_is_subscribed_to_after_what_it_sends() {
        for profile in Profile::ALL {
            let list = profile.measurements();
            if let Some(at) = list.iter().position(|uuid| *uuid == uuid::RACP) {
                assert!(at > 0, "{profile:?}");
            }
        }
    }

    #[test]
    fn only_streams_may_be_dropped() {
        assert_eq!(class(uuid::HEART_RATE), Class::Stream);
        assert_eq!(class(uuid::BLOOD_PRESSURE), Class::Confirmed);
        assert_eq!(class(uuid::CGM), Class::Confirmed);
        assert_eq!(class(uuid::PLX_SPOT), Class::Confirmed);
    }
}
