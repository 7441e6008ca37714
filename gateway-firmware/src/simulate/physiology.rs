//! A patient's vital signs over time: own baseline, circadian drift, correlated noise, deterioration.
//!
//! Figures are those of adult bedside textbooks, chosen to be plausible on a screen and in a rule, not
//! to be a model of disease. The sequence depends on the seed, the patient's number and the moments asked
//! for, and on nothing else.

use rand::SeedableRng;
use rand::rngs::StdRng;
use wardline_normalize::time::Micros;

use super::MICROS_PER_SECOND;
use super::noise::{Ar1, between, normal};
use super::scenario::Effect;

/// The vital signs of one moment, unrounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vitals {
    /// By ECG, /min.
    pub(crate) heart_rate: f64,
    /// By oximeter, /min; lower than the ECG rate when weak beats are missed.
    pub(crate) pulse: f64,
    /// /min.
    pub(crate) respiration: f64,
    /// %.
    pub(crate) spo2: f64,
    /// Perfusion index, %.
    pub(crate) perfusion: f64,
    /// mmHg.
    pub(crate) systolic: f64,
    /// mmHg.
    pub(crate) diastolic: f64,
    /// mmHg.
    pub(crate) mean: f64,
    /// Degrees Celsius.
    pub(crate) temperature: f64,
}

/// What is this patient's own.
#[derive(Debug, Clone)]
struct Baseline {
    heart_rate: f64,
    respiration: f64,
    spo2: f64,
    perfusion: f64,
    mean_pressure: f64,
    pulse_pressure: f64,
    temperature: f64,
    /// Hour of the day (UTC) at which heart rate and temperature peak.
    peak_hour: f64,
}

/// One simulated patient.
#[derive(Debug)]
pub(crate) struct Patient {
    rng: StdRng,
    baseline: Baseline,
    /// Wakefulness, pain, movement: drives heart rate, respiration and pressure together.
    arousal: Ar1,
    heart_rate: Ar1,
    respiration: Ar1,
    spo2: Ar1,
    pressure: Ar1,
    temperature: Ar1,
    perfusion: Ar1,
    last: Option<Micros>,
}

impl Patient {
    /// Patient number `index` of the ward `seed`.
    pub(crate) fn new(seed: u64, index: u32) -> Self {
        // The odd constant (2^64 over the golden ratio) keeps neighbouring seeds and patients apart.
        let mixed = seed.wrapping_add(
            u64::from(index)
                .wrapping_add(1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15),
        );
        let mut rng = StdRng::seed_from_u64(mixed);
        let r = &mut rng;
        let baseline = Baseline {
            heart_rate: between(r, 62.0, 90.0),
            respiration: between(r, 12.5, 18.5),
            spo2: between(r, 95.5, 98.5),
            perfusion: between(r, 1.5, 6.0),
            mean_pressure: between(r, 78.0, 98.0),
            pulse_pressure: between(r, 38.0, 52.0),
            temperature: between(r, 36.4, 37.1),
            peak_hour: between(r, 15.0, 18.0),
        };
        Self {
            arousal: Ar1::new(r, 1.0, 900.0),
            heart_rate: Ar1::new(r, 1.8, 60.0),
            respiration: Ar1::new(r, 1.0, 40.0),
            spo2: Ar1::new(r, 0.5, 90.0),
            pressure: Ar1::new(r, 3.0, 600.0),
            temperature: Ar1::new(r, 0.08, 1800.0),
            perfusion: Ar1::new(r, 0.15, 120.0),
            baseline,
            rng,
            last: None,
        }
    }

    /// The vital signs at `at`, which must not lie before the previous call's, under `effect`.
    pub(crate) fn advance(&mut self, at: Micros, effect: &Effect) -> Vitals {
        let seconds = self
            .last
            .map_or(0.0, |last| (at - last) as f64 / MICROS_PER_SECOND as f64);
        self.last = Some(at);
        let rng = &mut self.rng;
        let base = &self.baseline;
        let hour = at as f64 / (3600.0 * MICROS_PER_SECOND as f64);
        let day = ((hour - base.peak_hour) / 24.0 * std::f64::consts::TAU).cos();
        let arousal = self.arousal.step(rng, seconds);

        let sinus = base.heart_rate
            + 4.5 * day
            + 3.0 * arousal
            + effect.heart_rate
            + self.heart_rate.step(rng, seconds);
        let (heart_rate, pulse) = rhythm(rng, sinus, effect.irregular);
        let mean = base.mean_pressure
            + 4.0 * day
            + 3.5 * arousal
            + effect.pressure
            + self.pressure.step(rng, seconds);
        let mean = mean.clamp(40.0, 140.0);
        let pulse_pressure =
            base.pulse_pressure * (1.0 - effect.narrowing) * (mean / base.mean_pressure).sqrt();
        // The mean lies a third of the pulse pressure above the diastolic.
        let diastolic = mean - pulse_pressure / 3.0;
        let perfusion =
            base.perfusion * (1.0 - effect.shutdown) * self.perfusion.step(rng, seconds).exp();
        let respiration = base.respiration
            + 0.6 * day
            + 1.1 * arousal
            + effect.respiration
            + self.respiration.step(rng, seconds);
        Vitals {
            heart_rate,
            pulse,
            respiration: respiration.clamp(5.0, 55.0),
            spo2: (base.spo2 + effect.spo2 + self.spo2.step(rng, seconds)).clamp(60.0, 100.0),
            perfusion: perfusion.clamp(0.1, 18.0),
            systolic: diastolic + pulse_pressure,
            diastolic,
            mean,
            temperature: (base.temperature
                + 0.3 * day
                + effect.temperature
                + self.temperature.step(rng, seconds))
            .clamp(33.0, 41.8),
        }
    }
}

/// ECG rate and oximeter pulse from the sinus rate and how irregular the rhythm is.
fn rhythm(rng: &mut StdRng, sinus: f64, irregular: f64) -> (f64, f64) {
    let sinus = sinus.clamp(35.0, 190.0);
    // Drawn in any rhythm, so that a scenario changes nothing but its own effects.
    let (ventricular, missed, counting) = (normal(rng), normal(rng), normal(rng));
    let fibrillating = (146.0 + 9.0 * ventricular).clamp(124.0, 178.0);
    let deficit = (20.0 + 6.0 * missed).clamp(8.0, 36.0);
    let heart_rate = sinus + (fibrillating - sinus) * irregular;
    let pulse = heart_rate - deficit * irregular + 0.6 * counting;
    (heart_rate, pulse.clamp(30.0, 200.0))
}

#[cfg(test)]
mod tests;
