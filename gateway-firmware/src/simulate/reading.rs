//! What a simulated device says: readings of one moment, ready to be encoded.

use std::sync::Arc;

use wardline_normalize::decimal::Decimal;
use wardline_normalize::time::Micros;

/// A metric as a device reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    /// IEEE 11073-10101 reference id.
    pub(crate) mdc: &'static str,
    /// UCUM.
    pub(crate) unit: &'static str,
    /// Decimals that a device of this kind sends.
    pub(crate) decimals: i8,
}

const fn metric(mdc: &'static str, unit: &'static str, decimals: i8) -> Metric {
    Metric {
        mdc,
        unit,
        decimals,
    }
}

pub(crate) const HEART_RATE: Metric = metric("MDC_ECG_HEART_RATE", "/min", 0);
pub(crate) const PULSE: Metric = metric("MDC_PULS_OXIM_PULS_RATE", "/min", 0);
pub(crate) const SPO2: Metric = metric("MDC_PULS_OXIM_SAT_O2", "%", 0);
pub(crate) const PERFUSION: Metric = metric("MDC_PULS_OXIM_PERF_REL", "%", 1);
pub(crate) const RESPIRATION: Metric = metric("MDC_RESP_RATE", "/min", 0);
pub(crate) const CUFF_SYSTOLIC: Metric = metric("MDC_PRESS_BLD_NONINV_SYS", "mm[Hg]", 0);
pub(crate) const CUFF_DIASTOLIC: Metric = metric("MDC_PRESS_BLD_NONINV_DIA", "mm[Hg]", 0);
pub(crate) const CUFF_MEAN: Metric = metric("MDC_PRESS_BLD_NONINV_MEAN", "mm[Hg]", 0);
pub(crate) const TEMPERATURE: Metric = metric("MDC_TEMP_BODY", "Cel", 1);
pub(crate) const BATTERY: Metric = metric("MDC_ATTR_VAL_BATT_CHARGE", "%", 0);

/// A number, or the FHIR reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(Decimal),
    Absent(&'static str),
}

/// FHIR `data-absent-reason` of a sensor that is off the patient.
pub(crate) const NOT_PERFORMED: &str = "not-performed";

/// One metric of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) mdc: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) outcome: Outcome,
}

impl Metric {
    /// A reading of `value`, rounded as the device would.
    pub(crate) fn of(self, value: f64) -> Reading {
        // Only a value beyond any physiology has no decimal form.
        let outcome = Decimal::from_f64_decimals(value, self.decimals)
            .map_or(Outcome::Absent("error"), Outcome::Value);
        self.reading(outcome)
    }

    pub(crate) fn absent(self) -> Reading {
        self.reading(Outcome::Absent(NOT_PERFORMED))
    }

    fn reading(self, outcome: Outcome) -> Reading {
        Reading {
            mdc: self.mdc,
            unit: self.unit,
            outcome,
        }
    }
}

/// What one device publishes at one moment: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pack {
    pub(crate) device: Arc<str>,
    pub(crate) at: Micros,
    pub(crate) readings: Vec<Reading>,
}

/// Devices that are to publish, in the order of time.
pub(crate) trait Source {
    /// When the next pack is due; `None` when there is no more.
    fn due(&self) -> Option<Micros>;
    /// The pack that is due.
    fn take(&mut self) -> Option<Pack>;
}

/// Several sources as one: the earliest first, the first named when they agree.
#[derive(Default)]
pub(crate) struct Merged(pub(crate) Vec<Box<dyn Source + Send>>);

impl Source for Merged {
    fn due(&self) -> Option<Micros> {
        self.0.iter().filter_map(|source| source.due()).min()
    }

    fn take(&mut self) -> Option<Pack> {
        let due = self.due()?;
        self.0
            .iter_mut()
            .find(|source| source.due() == Some(due))
            .and_then(|source| source.take())
    }
}
