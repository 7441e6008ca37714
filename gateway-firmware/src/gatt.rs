//! GATT characteristics of the health services: bytes to values, and back.
//!
//! ```text
//! bytes ──decode(characteristic)──> a struct per characteristic ──values──> [Value] (metric, number, unit, time, flags)
//!   ^                                        │
//!   └────────────────encode──────────────────┘
//! ```
//!
//! * [`decode`]: any characteristic to [`Value`]s; [`Assembler`] for those that come in several parts.
//! * [`value`]: what a device said. [`metric`]: IEEE 11073-10101 codes. [`number`]: SFLOAT and FLOAT. [`time`]: stamps.
//! * One module a service: [`heart_rate`], [`thermometer`], [`pulse_oximeter`], [`blood_pressure`], [`glucose`],
//!   [`glucose_context`], [`racp`], [`cgm`], [`cgm_session`], [`cgm_control`], [`weight`], [`body_composition`],
//!   [`device_information`], [`current_time`], [`elapsed_time`], [`ghs`]; feature bits in [`features`].
//! * [`reader`]: faults that say what was expected at which byte. [`crc`]: E2E-CRC. [`segments`]: reassembly.
//!
//! Invariants:
//! 1. No input panics; what is not as the specification says is a [`Fault`], never a guess.
//! 2. A number keeps the decimals it was sent with: 2.0 and 2.00 differ. What stands for "no number" is an absence.
//! 3. Units are those of the wire; only glucose's power of ten is shifted (kg/L to mg/dL, mol/L to mmol/L).
//! 4. What is no result of a patient says so by its [`Purpose`]: control solution, demo, test, telemetry.
//! 5. Bytes behind the last field are a fault, unless a flag bit that is reserved for future use is set: then they
//!    are a later version's fields and ignored, and the values say so (`reserved-flags`).
//!
//! Layouts: Bluetooth SIG, GATT Specification Supplement and the services' specifications; IEEE 11073-20601 for
//! numbers; IEEE 11073-10206 and the Generic Health Sensor service for its observations.

pub mod blood_pressure;
pub mod body_composition;
pub mod cgm;
pub mod cgm_control;
pub mod cgm_session;
pub mod crc;
pub mod current_time;
mod decode;
pub mod device_information;
pub mod elapsed_time;
pub mod features;
pub mod ghs;
pub mod glucose;
pub mod glucose_context;
pub mod heart_rate;
pub mod metric;
pub mod number;
pub mod pulse_oximeter;
pub mod racp;
pub mod reader;
pub mod segments;
pub mod thermometer;
pub mod time;
pub mod value;
pub mod weight;

pub use decode::{Assembler, CHARACTERISTICS, Characteristic, Part, decode};
pub use metric::Metric;
pub use number::{Absence, Number, Reading};
pub use reader::Fault;
pub use time::{DateTime, Stamp};
pub use value::{Content, Purpose, Quality, Unit, Value};

/// Where a device, or a model, departs from the specification, and what is known of it from elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Whether characteristics that may end in an E2E-CRC do; the feature characteristic tells.
    pub crc: Crc,
    /// CGM measurements have their octets as Warning, Calibration/Temperature, Status instead of the other way.
    pub cgm_octets_reversed: bool,
    /// SFLOAT mantissas 0x7FE to 0x802 are special whatever the exponent, as some devices write them.
    pub special_any_exponent: bool,
    /// Bytes behind the last field are ignored.
    pub trailing_bytes: bool,
    /// Body sensor location (2A38) read before: a pulse taken elsewhere than at the chest is no ECG's heart rate.
    pub sensor_location: Option<u8>,
    /// Temperature type (2A1D) read before, for measurements that do not carry one.
    pub temperature_type: Option<u8>,
    /// Type and sample location nibbles of the CGM feature (2AA8) read before.
    pub cgm_type: Option<u8>,
}

/// Whether an E2E-CRC is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Crc {
    /// As the length tells: the flags give the length without one, and two bytes more are the CRC.
    #[default]
    Auto,
    /// The feature characteristic says that it is supported: a value without it, or with a wrong one, is a fault.
    Present,
    /// The feature characteristic says that it is not supported.
    Absent,
}

#[cfg(test)]
mod tests;
