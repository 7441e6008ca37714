//! What a device states beside single values: pieces of waveforms, and its own alarms.

use super::TimeSource;
use crate::decimal::Decimal;
use crate::id::row_id;
use crate::time::Micros;
use crate::vocabulary::Metric;
use std::str::FromStr;

/// Who states something, where and when: what waveforms and alarms have in common with a
/// [`Measurement`](super::Measurement).
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub device: String,
    pub gateway: Option<String>,
    pub site: Option<String>,
    pub channel: Option<String>,
    pub device_user: Option<String>,
    /// The device's own sequence number.
    pub sequence: Option<i64>,
    /// When it began, corrected.
    pub effective: Micros,
    /// As the device stated.
    pub device_time: Option<Micros>,
    pub time_source: TimeSource,
    /// What ids derive from: the device's time before any correction, else the gateway's first stamp.
    pub source_time: Micros,
    pub received: Micros,
    /// As of a measurement: `demo`, `test`, `questionable`, …
    pub quality: Option<String>,
    /// Route.
    pub source: Option<String>,
}

/// A piece of a waveform.
#[derive(Debug, Clone, PartialEq)]
pub struct Waveform {
    pub stated: Statement,
    /// The vocabulary's row, if the metric has one.
    pub definition: Option<&'static Metric>,
    /// LOINC, or `local:{type}/{value}`.
    pub code: String,
    /// IEEE 11073 reference id.
    pub mdc: Option<String>,
    /// UCUM of origin and factor; text that is no UCUM as sent.
    pub unit: Option<String>,
    pub status: &'static str,
    pub body_site: Option<String>,
    pub data: SampledData,
}

impl Waveform {
    /// Id by what the device said (design 5.4), the same for a repeat.
    #[must_use]
    pub fn id(&self) -> String {
        let stated = &self.stated;
        row_id(
            stated.source_time,
            &stated.device,
            self.mdc.as_deref().unwrap_or(&self.code),
            stated.channel.as_deref(),
            stated.device_user.as_deref(),
            stated.sequence,
        )
    }
}

/// FHIR's SampledData of one dimension: the value of a sample is `origin + sample * factor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledData {
    pub origin: Decimal,
    /// Milliseconds from one sample to the next.
    pub period: Decimal,
    pub factor: Decimal,
    /// Integers, `E` (error), `L` (below the range) and `U` (above it), with one space between.
    pub data: String,
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Value(i32),
    /// No value: `E`.
    Error,
    /// Below the range: `L`.
    Below,
    /// Above the range: `U`.
    Above,
}

impl SampledData {
    /// The samples in order; what is none (see [`Self::check`]) counts as an error.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        self.data
            .split_ascii_whitespace()
            .map(|token| sample(token).unwrap_or(Sample::Error))
    }

    /// The period in microseconds, rounded down; at least 1.
    #[must_use]
    pub fn period_us(&self) -> Option<Micros> {
        let micros = (self.period.to_f64() * 1_000.0).floor();
        // Up to a day: no monitor samples more slowly.
        (1.0..=86_400_000_000.0)
            .contains(&micros)
            .then_some(micros as Micros)
    }

    /// What is wrong with it, if anything.
    ///
    /// # Errors
    /// A period that is none, no samples, or a token that is no sample.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.period_us().is_none() {
            return Err("the period is not between 1 microsecond and 1 day");
        }
        let mut any = false;
        for token in self.data.split_ascii_whitespace() {
            any = true;
            sample(token)
                .ok_or("a token of the data is neither an integer of 32 bits nor E, L or U")?;
        }
        if any {
            Ok(())
        } else {
            Err("the data is empty")
        }
    }
}

fn sample(token: &str) -> Option<Sample> {
    match token {
        "E" => Some(Sample::Error),
        "L" => Some(Sample::Below),
        "U" => Some(Sample::Above),
        _ => i32::from_str(token).ok().map(Sample::Value),
    }
}

/// An alarm of a device's own, as it stands at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub stated: Statement,
    /// The event as an IEEE 11073 reference id, its decimal code, or `local.{name}`.
    pub event: String,
    /// The monitor's words.
    pub text: Option<String>,
    pub state: AlarmState,
}

/// State of a device's alarm (IHE PCD-04; words of design 5.6 and of label `al`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlarmState {
    /// The alarm instance: the same in every message about one alarm.
    pub id: Option<String>,
    pub phase: Option<Phase>,
    pub state: Option<Presence>,
    /// Inactivation: `enabled`, `audio-paused`, `audio-off`, `alarm-paused`, `alarm-off`, `acknowledged`, …
    pub audio: Option<String>,
    pub priority: Option<AlarmPriority>,
    pub kind: Option<AlertKind>,
    /// The metric that the alarm is about, as a reference id, a decimal code or `local.{name}`.
    pub source: Option<String>,
    /// Its value when the alarm came up.
    pub value: Option<Decimal>,
    /// UCUM of the value and the limits.
    pub unit: Option<String>,
    /// The limits set at the monitor, e.g. `90-96`.
    pub limits: Option<String>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of a word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(
    /// Where an alarm stands in its life (MDC_ATTR_EVENT_PHASE).
    Phase {
        Start = "start",
        Continue = "continue",
        Update = "update",
        Escalate = "escalate",
        DeEscalate = "de-escalate",
        Reset = "reset",
        End = "end",
        /// An event without duration.
        TimePoint = "tpoint",
    }
);

words!(
    /// Whether the condition holds (MDC_ATTR_ALARM_STATE).
    Presence {
        Inactive = "inactive",
        Active = "active",
        /// Over, and still signalled until someone acknowledges it at the device.
        Latched = "latched",
    }
);

words!(
    /// The device's priority (IEC 60601-1-8).
    AlarmPriority {
        None = "none",
        Low = "low",
        Medium = "medium",
        High = "high",
    }
);

words!(
    /// What the alarm is about.
    AlertKind {
        Physiological = "physiological",
        Technical = "technical",
        Advisory = "advisory",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_integers_and_marks() {
        let data = |period: &str, data: &str| SampledData {
            origin: Decimal::integer(0),
            period: Decimal::parse(period).unwrap(),
            factor: Decimal::integer(1),
            data: data.to_owned(),
        };
        let good = data("4", "1 -2  E L\tU");
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.period_us(), Some(4_000));
        let samples: Vec<Sample> = good.samples().collect();
        assert_eq!(
            samples,
            [
                Sample::Value(1),
                Sample::Value(-2),
                Sample::Error,
                Sample::Below,
                Sample::Above
            ]
        );
        assert!(data("0", "1").check().is_err());
        assert!(data("4", " ").check().is_err());
        assert!(data("4", "1.5").check().is_err());
        assert!(data("4", "99999999999").check().is_err());
        assert!(data("1e100", "1").check().is_err());
    }

    #[test]
    fn words_go_both_ways() {
        for word in ["start", "de-escalate", "tpoint"] {
            assert_eq!(Phase::parse(word).map(Phase::as_str), Some(word));
        }
        assert_eq!(Presence::parse("latched"), Some(Presence::Latched));
        assert_eq!(AlarmPriority::parse("High"), None);
        assert_eq!(AlertKind::parse("advisory"), Some(AlertKind::Advisory));
    }
}
