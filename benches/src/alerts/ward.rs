//! A simulated ward: patients with noise, artefacts, walks and sensors that come off, and planted deteriorations.
//!
//! Same seed, same ward. Rates of artefacts are of the order that the studies of ward monitoring report: several an
//! hour per sensor (PLOS ONE 2014 0110274; AAMI BIT 2011 45:46).

use arrow_array::RecordBatch;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wardline_normalize::columns::Builder;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::{self, Metric};
use wardline_rules::Label;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
/// Seconds from a reading to the next.
const STEP: i64 = 5;
/// Seconds from a cuff and temperature reading to the next.
const SPOT: i64 = 900;
/// Seconds from a nurse's observation of consciousness and oxygen to the next.
const ROUND: i64 = 4 * 3600;
/// Seconds of one batch.
const BATCH: i64 = 60;
/// One patient in so many gets worse.
const PLANTED: usize = 5;

/// What befalls a patient, and how long it takes to its worst.
#[derive(Debug, Clone, Copy)]
enum Decline {
    Respiratory,
    Sepsis,
    Bleeding,
}

impl Decline {
    const ALL: [Self; 3] = [Self::Respiratory, Self::Sepsis, Self::Bleeding];

    /// Seconds from well to the event.
    fn course(self) -> f64 {
        match self {
            Self::Respiratory => 5_400.0,
            Self::Sepsis => 18_000.0,
            Self::Bleeding => 7_200.0,
        }
    }

    /// Added at the worst: heart rate, saturation, respiration, systolic, temperature.
    fn effect(self) -> [f64; 5] {
        match self {
            Self::Respiratory => [22.0, -12.0, 13.0, 10.0, 0.2],
            Self::Sepsis => [45.0, -4.0, 11.0, -38.0, 2.4],
            Self::Bleeding => [48.0, -1.0, 8.0, -45.0, -0.3],
        }
    }
}

/// A stretch of time in which a sensor or the patient does something.
#[derive(Debug, Clone, Copy)]
struct Spell {
    until: i64,
    size: f64,
}

struct Patient {
    id: String,
    device: String,
    /// Heart rate, saturation, respiration, systolic, temperature when well.
    well: [f64; 5],
    /// Slow wander around it.
    wander: [f64; 5],
    decline: Option<(Decline, i64)>,
    rng: StdRng,
    motion: Option<Spell>,
    spike: Option<Spell>,
    breath: Option<Spell>,
    walk: Option<Spell>,
    off: Option<Spell>,
    was_off: bool,
}

pub(super) struct Ward {
    patients: Vec<Patient>,
    seconds: i64,
}

impl Ward {
    pub(super) fn new(patients: usize, days: f64, seed: u64) -> Self {
        let seconds = (days * 86_400.0) as i64;
        let patients = (0..patients)
            .map(|number| {
                let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003) + number as u64);
                let well = [
                    78.0 + 9.0 * normal(&mut rng),
                    (96.8 + 0.9 * normal(&mut rng)).min(99.5),
                    15.5 + 1.6 * normal(&mut rng),
                    126.0 + 11.0 * normal(&mut rng),
                    36.8 + 0.2 * normal(&mut rng),
                ];
                let decline = number.is_multiple_of(PLANTED).then(|| {
                    let kind = Decline::ALL[number / PLANTED % Decline::ALL.len()];
                    let earliest = kind.course() as i64 + seconds / 10;
                    let at = earliest + rng.random_range(0..=(seconds - earliest).max(1) * 3 / 4);
                    (kind, at)
                });
                Patient {
                    id: format!("p{number:04}"),
                    device: format!("bed-{number:04}"),
                    well,
                    wander: [0.0; 5],
                    decline: decline.filter(|(_, at)| *at < seconds),
                    rng,
                    motion: None,
                    spike: None,
                    breath: None,
                    walk: None,
                    off: None,
                    was_off: false,
                }
            })
            .collect();
        Self { patients, seconds }
    }

    /// When each planted event happens; it lasts to the end.
    pub(super) fn labels(&self) -> Vec<Label> {
        let planted = self.patients.iter();
        planted
            .filter_map(|patient| {
                let (_, at) = patient.decline?;
                Some(Label {
                    patient: patient.id.clone(),
                    at: (START + at) * 1_000_000,
                    until: None,
                })
            })
            .collect()
    }

    /// The readings, a minute of the whole ward at a time.
    pub(super) fn batches(mut self) -> impl Iterator<Item = RecordBatch> {
        let mut second = 0;
        std::iter::from_fn(move || {
            if second >= self.seconds {
                return None;
            }
            let mut builder = Builder::new();
            let end = (second + BATCH).min(self.seconds);
            while second < end {
                for patient in &mut self.patients {
                    patient.readings(second, &mut builder);
                }
                second += STEP;
            }
            Some(builder.finish())
        })
    }
}

impl Patient {
    fn readings(&mut self, second: i64, builder: &mut Builder) {
        let values = self.values(second);
        let at = (START + second) * 1_000_000;
        let [heart_rate, saturation, respiration, systolic, temperature] = values;
        let off = self.off.is_some();
        if off != self.was_off || second == 0 {
            let word = if off {
                "sensor-unconnected-to-user"
            } else {
                "none"
            };
            self.push(builder, "MDC_PULS_OXIM_DEV_STATUS", Value::Text(word), at);
            self.was_off = off;
        }
        self.number(
            builder,
            "MDC_ECG_HEART_RATE",
            heart_rate.clamp(20.0, 260.0),
            0,
            at,
        );
        self.number(
            builder,
            "MDC_PULS_OXIM_SAT_O2",
            saturation.clamp(50.0, 100.0),
            0,
            at,
        );
        self.number(
            builder,
            "MDC_TTHOR_RESP_RATE",
            respiration.clamp(2.0, 70.0),
            0,
            at,
        );
        if second % SPOT == 0 {
            self.number(
                builder,
                "MDC_PRESS_BLD_NONINV_SYS",
                systolic.clamp(50.0, 240.0),
                0,
                at,
            );
            self.number(builder, "MDC_TEMP_BODY", temperature, 1, at);
        }
        if second % ROUND == 0 {
            for (alias, word) in [
                ("consciousness", "A"),
                ("supplemental-oxygen", "false"),
                ("spo2-scale", "1"),
            ] {
                self.push(builder, alias, Value::Text(word), at);
            }
        }
    }

    fn values(&mut self, second: i64) -> [f64; 5] {
        let severity = self.decline.map_or(0.0, |(kind, at)| {
            let begin = at as f64 - kind.course();
            ((second as f64 - begin) / kind.course()).clamp(0.0, 1.0)
        });
        let effect = self.decline.map_or([0.0; 5], |(kind, _)| kind.effect());
        let sizes = [4.0, 0.6, 1.2, 6.0, 0.08];
        let noise = [1.5, 0.4, 1.0, 3.0, 0.05];
        let mut values = [0.0; 5];
        for place in 0..5 {
            // Half-life of a quarter of an hour.
            let keep = (-(STEP as f64) / 1_300.0).exp();
            let push = sizes[place] * (1.0 - keep * keep).sqrt() * normal(&mut self.rng);
            self.wander[place] = self.wander[place] * keep + push;
            values[place] = self.well[place]
                + self.wander[place]
                + severity * effect[place]
                + noise[place] * normal(&mut self.rng);
        }
        // Spells: how many an hour, how long, how large.
        let walk = spell(
            &mut self.walk,
            &mut self.rng,
            second,
            0.25,
            (300, 600),
            (15.0, 35.0),
        );
        let motion = spell(
            &mut self.motion,
            &mut self.rng,
            second,
            3.0 + walk.map_or(0.0, |_| 10.0),
            (10, 40),
            (8.0, 22.0),
        );
        let spike = spell(
            &mut self.spike,
            &mut self.rng,
            second,
            1.5,
            (5, 20),
            (40.0, 90.0),
        );
        let breath = spell(
            &mut self.breath,
            &mut self.rng,
            second,
            3.0,
            (10, 35),
            (-9.0, 18.0),
        );
        let off = spell(
            &mut self.off,
            &mut self.rng,
            second,
            0.15,
            (120, 900),
            (12.0, 30.0),
        );
        values[0] += walk.unwrap_or(0.0) + spike.unwrap_or(0.0);
        values[1] = values[1].min(99.6) - motion.unwrap_or(0.0) - off.unwrap_or(0.0);
        values[2] += breath.unwrap_or(0.0) + walk.map_or(0.0, |size| size / 6.0);
        values
    }

    fn number(&self, builder: &mut Builder, mdc: &str, value: f64, decimals: i8, at: Micros) {
        if let Some(number) = Decimal::from_f64_decimals(value, decimals) {
            self.push(builder, mdc, Value::Number(number), at);
        }
    }

    fn push(&self, builder: &mut Builder, name: &str, value: Value<'_>, at: Micros) {
        let reading = Measurement::new(&self.device, metric(name), value, at, at);
        builder.push(&reading, Some(&self.id), None);
    }
}

fn metric(name: &str) -> &'static Metric {
    vocabulary::resolve(name)
        .first()
        .copied()
        .expect("the names above are in the vocabulary")
}

/// Begins, goes on with or ends a spell; gives its size while it lasts.
fn spell(
    spell: &mut Option<Spell>,
    rng: &mut StdRng,
    second: i64,
    an_hour: f64,
    seconds: (i64, i64),
    size: (f64, f64),
) -> Option<f64> {
    if spell.is_some_and(|spell| second >= spell.until) {
        *spell = None;
    }
    if spell.is_none() && rng.random_bool((an_hour * STEP as f64 / 3_600.0).min(1.0)) {
        *spell = Some(Spell {
            until: second + rng.random_range(seconds.0..=seconds.1),
            size: rng.random_range(size.0..=size.1),
        });
    }
    spell.map(|spell| spell.size)
}

/// Standard normal, by Box and Muller.
fn normal(rng: &mut StdRng) -> f64 {
    let (one, two): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random());
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}
