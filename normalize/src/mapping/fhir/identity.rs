//! Windows, identifiers and references (specification 2.3, 2.4).

use super::types::{Identifier, Reference};
use super::{FhirMapping, SYSTEM, SYSTEM_STRICT, words};
use crate::mapping::Compat;
use crate::mapping::document::fhir::PeriodInterval;
use crate::mapping::ticks::Ticks;
use crate::time::Micros;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Which Observation of a patient, device and type a measurement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Segment<'a> {
    /// First and last instant, both included.
    Window(Ticks, Ticks),
    Correlation(&'a str),
}

pub(super) const fn system(compat: Compat) -> &'static str {
    match compat {
        Compat::Default => SYSTEM,
        Compat::Strict => SYSTEM_STRICT,
    }
}

/// `None` when the interval wants a correlation id and there is none.
pub(super) fn segment(
    period: PeriodInterval,
    time: Ticks,
    correlation: Option<&str>,
) -> Option<Segment<'_>> {
    let of = |unit: i64| {
        let start = time.floor(unit);
        Segment::Window(start, Ticks(start.0.saturating_add(unit - 1)))
    };
    Some(match period {
        PeriodInterval::Single => Segment::Window(time, time),
        PeriodInterval::Hourly => of(Ticks::HOUR),
        PeriodInterval::Daily => of(Ticks::DAY),
        PeriodInterval::CorrelationId => {
            Segment::Correlation(correlation.filter(|id| !id.is_empty())?)
        }
    })
}

/// A time as it counts: to the microsecond, as the table keeps it; strict to 100 ns.
pub(super) fn instant(time: Ticks, compat: Compat) -> Ticks {
    match compat {
        Compat::Default => Ticks(time.0 - time.0.rem_euclid(10)),
        Compat::Strict => time,
    }
}

/// The value of the identifier: `patient.device.type.segment`.
pub(super) fn identifier(
    patient: Option<&str>,
    device: &str,
    type_name: &str,
    segment: Segment<'_>,
    compat: Compat,
) -> String {
    let name = |text| match compat {
        Compat::Default => words::encoded(text, |c| matches!(c, '.' | '%')),
        Compat::Strict => Cow::Borrowed(text),
    };
    let segment = match segment {
        Segment::Correlation(id) if compat == Compat::Default => words::encoded(id, |_| false),
        Segment::Correlation(id) => Cow::Borrowed(id),
        Segment::Window(start, end) => {
            // Windows begin and end at whole hours and days: their seconds tell them apart.
            let exact = compat == Compat::Default && start == end;
            Cow::Owned(format!("{}.{}", stamp(start, exact), stamp(end, exact)))
        }
    };
    format!(
        "{}.{}.{}.{segment}",
        name(patient.unwrap_or_default()),
        name(device),
        name(type_name)
    )
}

/// `yyyyMMddHHmmssZ`; with a fraction if there is one and it is wanted: `20260105100000.25Z`.
fn stamp(time: Ticks, exact: bool) -> String {
    let seconds = time.format_compact();
    let fraction = time.parts().fraction;
    if !exact || fraction == 0 {
        return format!("{seconds}Z");
    }
    let digits = format!("{fraction:07}");
    format!("{seconds}.{}Z", digits.trim_end_matches('0'))
}

/// The resource id of an identifier.
pub(super) fn id(identifier: &str, compat: Compat) -> String {
    let mut hash = Sha256::new();
    hash.update(system(compat));
    hash.update("_");
    hash.update(identifier);
    hex(&hash.finalize())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| DIGITS[usize::from(digit)])
        .collect()
}

/// `Patient/p1`, or a logical reference for a name that is no FHIR id.
pub(super) fn reference<'a>(kind: &str, name: &'a str, compat: Compat) -> Reference<'a> {
    if crate::id::is_fhir_id(name) {
        Reference::Reference(format!("{kind}/{name}"))
    } else {
        Reference::Identifier(Identifier {
            system: None,
            value: words::string(name, compat).unwrap_or(Cow::Borrowed("(blank)")),
        })
    }
}

impl FhirMapping {
    /// The id of the Observation that a measurement belongs to. `None` when its type has no template, or its
    /// template wants a correlation id and there is none.
    #[must_use]
    pub fn observation_id(
        &self,
        patient: Option<&str>,
        device: &str,
        type_name: &str,
        correlation: Option<&str>,
        effective: Micros,
    ) -> Option<String> {
        let template = self.template(type_name)?;
        let compat = self.options.compat;
        let time = Ticks(effective.saturating_mul(10));
        let segment = segment(template.period, time, correlation)?;
        let identifier = identifier(
            patient.filter(|patient| !patient.is_empty()),
            device,
            &template.type_name,
            segment,
            compat,
        );
        Some(id(&identifier, compat))
    }

    /// First and last microsecond of the Observation that a measurement belongs to. `None` when its type has no
    /// template, or its Observation is bounded by its correlation id and not by time.
    #[must_use]
    pub fn window(&self, type_name: &str, effective: Micros) -> Option<(Micros, Micros)> {
        let period = self.template(type_name)?.period;
        let time = Ticks(effective.saturating_mul(10));
        if period == PeriodInterval::Single && self.options.compat == Compat::Strict {
            // Strict ids know whole seconds only.
            let second = time.floor(Ticks::SECOND);
            let last = second.0.saturating_add(Ticks::SECOND - 1);
            return Some((second.to_micros(), Ticks(last).to_micros()));
        }
        match segment(period, time, None)? {
            Segment::Window(start, end) => Some((start.to_micros(), end.to_micros())),
            Segment::Correlation(_) => None,
        }
    }
}
