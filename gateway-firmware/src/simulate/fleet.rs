//! A ward of bedside monitors, one per patient, each publishing at its own phase of the interval.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wardline_normalize::time::Micros;

use super::MICROS_PER_SECOND;
use super::noise::between;
use super::physiology::{Patient, Vitals};
use super::reading::{
    BATTERY, CUFF_DIASTOLIC, CUFF_MEAN, CUFF_SYSTOLIC, HEART_RATE, PERFUSION, PULSE, Pack,
    RESPIRATION, Reading, SPO2, Source, TEMPERATURE,
};
use super::scenario::{Assignments, Effect, Scenario};

const MINUTE: Micros = 60 * MICROS_PER_SECOND;
/// Temperature and battery are reported this often.
const SLOW_EVERY: Micros = 5 * MINUTE;
/// A patient who deteriorates gets the cuff this often at the normal speed of the scripts.
const CUFF_EVERY_WATCHED: Micros = 5 * MINUTE;
/// No cuff is inflated more often than this.
const CUFF_EVERY_LEAST: Micros = MINUTE;
/// A charge lasts this long; then the battery is changed.
const BATTERY_SECONDS: f64 = 72.0 * 3600.0;

/// What makes a fleet; equal plans give equal packs.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) patients: u32,
    pub(crate) seed: u64,
    /// Of the first pack.
    pub(crate) start: Micros,
    /// When live publishing starts, to which the scripts refer.
    pub(crate) live: Micros,
    /// No pack at or after this moment.
    pub(crate) end: Option<Micros>,
    pub(crate) interval: Micros,
    pub(crate) scenarios: Assignments,
    /// Of the scripts.
    pub(crate) speed: f64,
}

/// The device names of a fleet: `bed-01`, `bed-02`, …
pub(crate) fn beds(patients: u32) -> Vec<String> {
    let digits = patients.max(10).to_string().len();
    (1..=patients)
        .map(|n| format!("bed-{n:0digits$}"))
        .collect()
}

/// A sensor that comes off now and then.
#[derive(Debug)]
struct Sensor {
    off_per_second: f64,
    mean_seconds_off: f64,
    off_until: Micros,
}

impl Sensor {
    fn new(off_per_hour: f64, mean_seconds_off: f64) -> Self {
        Self {
            off_per_second: off_per_hour / 3600.0,
            mean_seconds_off,
            off_until: Micros::MIN,
        }
    }

    /// Whether the sensor is on at `at`, `seconds` after the last look.
    fn is_on(&mut self, rng: &mut StdRng, at: Micros, seconds: f64) -> bool {
        let (comes_off, length) = (rng.random::<f64>(), rng.random::<f64>());
        if at >= self.off_until && comes_off < 1.0 - (-self.off_per_second * seconds).exp() {
            let off = self.mean_seconds_off * (0.3 + 1.4 * length);
            self.off_until = at + (off * MICROS_PER_SECOND as f64) as Micros;
        }
        at >= self.off_until
    }
}

#[derive(Debug)]
struct Monitor {
    name: Arc<str>,
    patient: Patient,
    rng: StdRng,
    scenario: Option<Scenario>,
    oximeter: Sensor,
    electrodes: Sensor,
    cuff_every: Micros,
    next_cuff: Micros,
    next_slow: Micros,
    /// Seconds of use at the start.
    battery_age: f64,
}

impl Monitor {
    fn new(plan: &Plan, index: u32, name: &str) -> Self {
        // Its own stream, apart from the patient's: sensors do not change the physiology.
        let mut rng = StdRng::seed_from_u64(!plan.seed ^ (u64::from(index) << 32));
        let scenario = plan.scenarios.of(name);
        let usual = rng.random_range(5..=15) * MINUTE;
        let watched = (CUFF_EVERY_WATCHED as f64 / plan.speed) as Micros;
        Self {
            name: name.into(),
            patient: Patient::new(plan.seed, index),
            scenario,
            oximeter: Sensor::new(0.8, 40.0),
            electrodes: Sensor::new(0.15, 25.0),
            cuff_every: match scenario {
                Some(_) => watched.clamp(CUFF_EVERY_LEAST, CUFF_EVERY_WATCHED),
                None => usual,
            },
            next_cuff: plan.start,
            next_slow: plan.start,
            battery_age: between(&mut rng, 0.0, BATTERY_SECONDS),
            rng,
        }
    }

    fn observe(&mut self, plan: &Plan, at: Micros) -> Pack {
        let severity = self
            .scenario
            .map_or(0.0, |scenario| scenario.severity(at, plan.live, plan.speed));
        let effect = self
            .scenario
            .map_or_else(Effect::default, |scenario| scenario.effect(severity));
        let vitals = self.patient.advance(at, &effect);
        let seconds = plan.interval as f64 / MICROS_PER_SECOND as f64;
        // Somebody watches a patient who is unwell and puts sensors back at once.
        let watched = severity > 0.0;
        let oximeter = self.oximeter.is_on(&mut self.rng, at, seconds) || watched;
        let electrodes = self.electrodes.is_on(&mut self.rng, at, seconds) || watched;

        let mut readings = continuous(&vitals, oximeter, electrodes);
        if at >= self.next_cuff {
            self.next_cuff = if self.next_cuff == plan.start {
                // The first at admission, the next ones spread over the ward.
                at + (self.cuff_every as f64 * between(&mut self.rng, 0.3, 1.0)) as Micros
            } else {
                at + self.cuff_every
            };
            readings.extend([
                CUFF_SYSTOLIC.of(vitals.systolic),
                CUFF_DIASTOLIC.of(vitals.diastolic),
                CUFF_MEAN.of(vitals.mean),
            ]);
        }
        if at >= self.next_slow {
            self.next_slow = at + SLOW_EVERY;
            let used = self.battery_age + (at - plan.start) as f64 / MICROS_PER_SECOND as f64;
            let charge = 100.0 * (1.0 - (used % BATTERY_SECONDS) / BATTERY_SECONDS);
            readings.extend([TEMPERATURE.of(vitals.temperature), BATTERY.of(charge)]);
        }
        Pack {
            device: Arc::clone(&self.name),
            at,
            readings,
        }
    }
}

/// What a monitor reports each time.
fn continuous(vitals: &Vitals, oximeter: bool, electrodes: bool) -> Vec<Reading> {
    let on = |attached: bool, metric: super::reading::Metric, value: f64| {
        if attached {
            metric.of(value)
        } else {
            metric.absent()
        }
    };
    vec![
        on(electrodes, HEART_RATE, vitals.heart_rate),
        on(oximeter, SPO2, vitals.spo2),
        on(oximeter, PULSE, vitals.pulse),
        on(oximeter, PERFUSION, vitals.perfusion),
        // By impedance between the ECG electrodes.
        on(electrodes, RESPIRATION, vitals.respiration),
    ]
}

/// All monitors of the ward as one source.
#[derive(Debug)]
pub(crate) struct Fleet {
    plan: Plan,
    monitors: Vec<Monitor>,
    queue: BinaryHeap<Reverse<(Micros, usize)>>,
}

impl Fleet {
    pub(crate) fn new(plan: Plan) -> Self {
        let names = beds(plan.patients);
        let monitors: Vec<Monitor> = (0..)
            .zip(&names)
            .map(|(index, name)| Monitor::new(&plan, index, name))
            .collect();
        let count = monitors.len().max(1) as i128;
        let queue = (0..monitors.len())
            .map(|n| {
                let phase = i128::from(plan.interval) * n as i128 / count;
                // Whole milliseconds, as device clocks have them.
                let phase = phase as Micros / 1000 * 1000;
                Reverse((plan.start + phase, n))
            })
            .collect();
        Self {
            plan,
            monitors,
            queue,
        }
    }
}

impl Source for Fleet {
    fn due(&self) -> Option<Micros> {
        let Reverse((at, _)) = *self.queue.peek()?;
        self.plan.end.is_none_or(|end| at < end).then_some(at)
    }

    fn take(&mut self) -> Option<Pack> {
        self.due()?;
        let Reverse((at, n)) = self.queue.pop()?;
        self.queue.push(Reverse((at + self.plan.interval, n)));
        Some(self.monitors[n].observe(&self.plan, at))
    }
}

#[cfg(test)]
mod tests;
