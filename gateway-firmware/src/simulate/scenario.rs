//! Scripted deteriorations: how far each has gone at a moment, and what it does to the vital signs.
//!
//! A script is a trapezoid of severity (0 well, 1 worst) that repeats, placed relative to the start
//! of live publishing. `--speed` compresses this time alone.

use std::fmt;
use std::str::FromStr;

use wardline_normalize::time::Micros;

use super::MICROS_PER_SECOND;

/// What befalls a simulated patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// SpO2 falls from the patient's own level to the low eighties in four minutes.
    Desaturation,
    /// Heart rate, respiration and temperature rise and pressure falls, over 40 minutes.
    Sepsis,
    /// A fast irregular rhythm: the oximeter misses weak beats, so its pulse lags the ECG rate.
    AtrialFibrillation,
    /// Bleeding: pressure falls and narrows, heart rate compensates, over 30 minutes.
    Bleed,
}

/// Seconds of the script: rise to the worst, stay, recover, and begin again after `cycle`.
struct Shape {
    rise: f64,
    hold: f64,
    fall: f64,
    cycle: f64,
    /// Position in the script when live publishing starts; negative: it begins that much later.
    at_start: f64,
}

/// Changes to a patient's vital signs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Effect {
    /// Added, /min.
    pub(crate) heart_rate: f64,
    /// Added, /min.
    pub(crate) respiration: f64,
    /// Added, %.
    pub(crate) spo2: f64,
    /// Added, degrees Celsius.
    pub(crate) temperature: f64,
    /// Added to the mean pressure, mmHg.
    pub(crate) pressure: f64,
    /// Part of the pulse pressure that is lost, 0 to 1.
    pub(crate) narrowing: f64,
    /// Part of the perfusion index that is lost, 0 to 1.
    pub(crate) shutdown: f64,
    /// How irregular the rhythm is, 0 (sinus) to 1 (fibrillation).
    pub(crate) irregular: f64,
}

impl Scenario {
    /// In the order in which beds get them by default; the first is under way at the start.
    pub(crate) const ALL: [Self; 4] = [
        Self::Desaturation,
        Self::Sepsis,
        Self::AtrialFibrillation,
        Self::Bleed,
    ];

    fn shape(self) -> Shape {
        let minutes = |rise: f64, hold: f64, fall: f64, cycle: f64, at_start: f64| Shape {
            rise: rise * 60.0,
            hold: hold * 60.0,
            fall: fall * 60.0,
            cycle: cycle * 60.0,
            at_start: at_start * 60.0,
        };
        match self {
            Self::Desaturation => minutes(4.0, 10.0, 6.0, 60.0, 2.5),
            Self::Sepsis => minutes(40.0, 30.0, 60.0, 240.0, -1.0),
            Self::AtrialFibrillation => minutes(0.5, 25.0, 0.5, 90.0, -4.0),
            Self::Bleed => minutes(30.0, 15.0, 45.0, 180.0, -8.0),
        }
    }

    /// Severity at `at` when live publishing starts at `live` and scripts run at `speed`.
    pub(crate) fn severity(self, at: Micros, live: Micros, speed: f64) -> f64 {
        let shape = self.shape();
        let position = shape.at_start + (at - live) as f64 / MICROS_PER_SECOND as f64 * speed;
        if position <= 0.0 {
            return 0.0;
        }
        let position = position % shape.cycle;
        let recovered = shape.rise + shape.hold + shape.fall;
        let raw = if position < shape.rise {
            position / shape.rise
        } else if position < shape.rise + shape.hold {
            1.0
        } else {
            ((recovered - position) / shape.fall).max(0.0)
        };
        match self {
            // The body compensates at first and gives way late.
            Self::Bleed | Self::Sepsis => raw * raw * (3.0 - 2.0 * raw),
            Self::Desaturation | Self::AtrialFibrillation => raw,
        }
    }

    /// What the scenario does at `severity`.
    pub(crate) fn effect(self, severity: f64) -> Effect {
        let s = severity;
        match self {
            Self::Desaturation => Effect {
                spo2: -15.0 * s,
                heart_rate: 24.0 * s,
                respiration: 11.0 * s,
                pressure: 6.0 * s,
                ..Effect::default()
            },
            Self::Sepsis => Effect {
                heart_rate: 56.0 * s,
                respiration: 14.0 * s,
                temperature: 2.4 * s,
                pressure: -32.0 * s,
                spo2: -4.0 * s,
                shutdown: 0.5 * s,
                ..Effect::default()
            },
            Self::AtrialFibrillation => Effect {
                irregular: s,
                pressure: -9.0 * s,
                respiration: 4.0 * s,
                shutdown: 0.3 * s,
                ..Effect::default()
            },
            Self::Bleed => Effect {
                // The pulse rises before the pressure gives way.
                heart_rate: 60.0 * s.sqrt(),
                respiration: 9.0 * s,
                pressure: -38.0 * s,
                narrowing: 0.5 * s,
                temperature: -0.6 * s,
                shutdown: 0.75 * s,
                ..Effect::default()
            },
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Desaturation => "desaturation",
            Self::Sepsis => "sepsis",
            Self::AtrialFibrillation => "atrial-fibrillation",
            Self::Bleed => "bleed",
        })
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.to_string() == text)
            .ok_or_else(|| {
                let known: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
                format!("unknown scenario '{text}'; known are {}", known.join(", "))
            })
    }
}

/// Which bed has which scenario: `--scenario sepsis=bed-03,bleed=bed-07`, or `none`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assignments(pub(crate) Vec<(Scenario, String)>);

impl Assignments {
    /// The four scenarios spread over the fleet, or as many as there are beds.
    pub(crate) fn spread(beds: &[String]) -> Self {
        let used = Scenario::ALL.len().min(beds.len());
        let every = beds.len().checked_div(used).unwrap_or(1);
        Self(
            Scenario::ALL
                .into_iter()
                .zip(beds.iter().step_by(every.max(1)))
                .map(|(scenario, bed)| (scenario, bed.clone()))
                .collect(),
        )
    }

    pub(crate) fn of(&self, bed: &str) -> Option<Scenario> {
        self.0
            .iter()
            .find(|(_, device)| device == bed)
            .map(|(scenario, _)| *scenario)
    }
}

impl FromStr for Assignments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        let mut pairs: Vec<(Scenario, String)> = Vec::new();
        for part in text.split(',') {
            let (scenario, bed) = part
                .split_once('=')
                .ok_or_else(|| format!("'{part}' is not scenario=bed"))?;
            if pairs.iter().any(|(_, taken)| taken == bed) {
                return Err(format!("{bed} has two scenarios"));
            }
            pairs.push((scenario.parse()?, bed.to_owned()));
        }
        Ok(Self(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Micros = 60 * MICROS_PER_SECOND;

    #[test]
    fn the_first_is_under_way_at_the_start_and_the_others_follow() {
        let severity = |s: Scenario, at| s.severity(at, 0, 1.0);
        assert_eq!(severity(Scenario::Desaturation, -3 * MINUTE), 0.0);
        assert_eq!(severity(Scenario::Desaturation, 0), 0.625);
        assert_eq!(severity(Scenario::Desaturation, 2 * MINUTE), 1.0);
        for later in [
            Scenario::Sepsis,
            Scenario::AtrialFibrillation,
            Scenario::Bleed,
        ] {
            assert_eq!(severity(later, 0), 0.0, "{later}");
            assert_eq!(
                severity(later, 41 * MINUTE) > 0.9,
                later != Scenario::AtrialFibrillation
            );
        }
    }

    #[test]
    fn speed_compresses_the_script_and_keeps_where_it_stands_at_the_start() {
        let at = |minutes, speed| Scenario::Sepsis.severity(minutes * MINUTE, 0, speed);
        assert_eq!(at(5, 8.0), at(40, 1.0));
        assert_eq!(Scenario::Desaturation.severity(0, 0, 8.0), 0.625);
    }

    #[test]
    fn assignments_are_read_and_spread() {
        let read: Assignments = "sepsis=bed-03,bleed=bed-01".parse().unwrap();
        assert_eq!(read.of("bed-01"), Some(Scenario::Bleed));
        assert_eq!(read.of("bed-02"), None);
        assert_eq!("none".parse(), Ok(Assignments::default()));
        assert!("sepsis".parse::<Assignments>().is_err());
        assert!(
            "flu=bed-01"
                .parse::<Assignments>()
                .unwrap_err()
                .contains("bleed")
        );
        assert!("sepsis=bed-1,bleed=bed-1".parse::<Assignments>().is_err());
        let beds: Vec<String> = (1..=24).map(|n| format!("bed-{n:02}")).collect();
        let spread = Assignments::spread(&beds);
        assert_eq!(
            spread
                .0
                .iter()
                .map(|(_, bed)| bed.as_str())
                .collect::<Vec<_>>(),
            ["bed-01", "bed-07", "bed-13", "bed-19"]
        );
        assert_eq!(Assignments::spread(&beds[..2]).0.len(), 2);
        assert_eq!(Assignments::spread(&[]).0.len(), 0);
    }
}
