//! Arrays of samples (NA) with their facets, as FHIR's SampledData.
//!
//! Samples are integers with a resolution of their own (facet MDC_ATTR_NU_MSMT_RES), or decimals in the unit of the
//! array; decimals become integers with a power of ten as factor.

use super::code::Coded;
use super::message::{Field, Segment};
use super::repair::{Repair, Repairs};
use super::unit;
use crate::decimal::Decimal;
use crate::measurement::SampledData;
use crate::senml::MAX_WAVEFORM_TEXT;

/// Facets of one array.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facets {
    /// Milliseconds from sample to sample.
    pub(super) period: Option<Decimal>,
    /// What one step of the samples is, in the unit of `unit`.
    pub(super) resolution: Option<Decimal>,
    pub(super) unit: Option<String>,
    /// A sample that says that there is none (MDC_EVT_INOP of some monitors).
    pub(super) invalid: Option<Decimal>,
}

impl Facets {
    /// Takes what an attribute row says of the array above it; false: nothing about samples.
    pub(super) fn take(
        &mut self,
        coded: &Coded,
        segment: &Segment<'_>,
        repairs: &mut Repairs,
    ) -> bool {
        let number =
            |repairs: &mut Repairs| Decimal::parse(segment.field(5).text(1, repairs).trim());
        if coded.is_reference("MDC_ATTR_SAMP_RATE") {
            let unit = unit::of_field(segment.field(6), None, repairs);
            let Some(rate) = number(repairs) else {
                return false;
            };
            self.period = match unit.as_deref() {
                Some("s") => Some(Decimal {
                    exponent: rate.exponent.saturating_add(3),
                    ..rate
                }),
                Some("ms") => Some(rate),
                _ => period(rate),
            };
            return self.period.is_some();
        }
        if coded.is_reference("MDC_ATTR_TIME_PD_SAMP") {
            self.period = number(repairs);
            return self.period.is_some();
        }
        if coded.is_reference("MDC_ATTR_NU_MSMT_RES") {
            self.resolution = number(repairs).filter(|resolution| resolution.mantissa != 0);
            self.unit = unit::of_field(segment.field(6), None, repairs).filter(|unit| unit != "1");
            return self.resolution.is_some();
        }
        if coded.is_reference("MDC_EVT_INOP") {
            self.invalid = number(repairs);
            return self.invalid.is_some();
        }
        // Range and encoding say nothing that the samples do not.
        coded.is_reference("MDC_ATTR_DATA_RANGE")
            || coded.is_reference("MDC_ATTR_SCALE_RANGE")
            || coded.is_reference("MDC_ATTR_WAV_ENCODING")
            || coded.is_reference("MDC_ATTR_FILTER")
    }
}

/// 1000 / rate with up to six decimals.
fn period(rate: Decimal) -> Option<Decimal> {
    let rate = rate.to_f64();
    if !(rate > 0.0 && rate <= 1_000_000.0) {
        return None;
    }
    Some(plain((1e9 / rate).round() as i64))
}

/// Millionths, without zeros at the end.
pub(super) fn plain(mut mantissa: i64) -> Decimal {
    let mut exponent = -6;
    while exponent < 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    Decimal { mantissa, exponent }
}

/// The samples of OBX-5.
pub(super) fn sampled(
    field: Field<'_>,
    facets: &Facets,
    period: Decimal,
    repairs: &mut Repairs,
) -> Result<SampledData, String> {
    let mut samples: Vec<Option<Decimal>> = Vec::new();
    for repeat in field.all_repeats() {
        for part in repeat.raw_components() {
            let part = part.trim();
            if part.is_empty() {
                samples.push(None);
                continue;
            }
            let number = Decimal::parse(part)
                .or_else(|| part.parse::<f64>().ok().and_then(Decimal::shortest))
                .ok_or("numbers with ^ between in OBX-5 (NA)")?;
            let invalid = facets.invalid.is_some_and(|none| none == number);
            samples.push((!invalid).then_some(number));
        }
        while samples.last() == Some(&None) {
            samples.pop();
        }
    }
    if samples.iter().all(Option::is_none) {
        return Err("at least one sample in OBX-5 (NA)".to_owned());
    }
    let exponent = scale(&samples);
    let mut data = String::with_capacity(samples.len() * 5);
    for sample in &samples {
        if !data.is_empty() {
            data.push(' ');
        }
        match sample.and_then(|sample| at_scale(sample, exponent)) {
            Some(value) => data.push_str(&value.to_string()),
            None => data.push('E'),
        }
        if data.len() > MAX_WAVEFORM_TEXT {
            repairs.note(Repair::Cut);
            return Err(format!(
                "at most {MAX_WAVEFORM_TEXT} bytes of samples in OBX-5"
            ));
        }
    }
    let step = Decimal {
        mantissa: 1,
        exponent,
    };
    let factor = match facets.resolution {
        None => step,
        Some(resolution) => Decimal {
            mantissa: resolution.mantissa,
            exponent: resolution.exponent.saturating_add(exponent),
        },
    };
    Ok(SampledData {
        origin: Decimal::integer(0),
        period,
        factor,
        data,
    })
}

/// The finest power of ten at which every sample is an integer of 32 bits.
fn scale(samples: &[Option<Decimal>]) -> i8 {
    let mut exponent = samples
        .iter()
        .flatten()
        .map(|sample| sample.exponent)
        .min()
        .unwrap_or(0)
        .clamp(-12, 0);
    while exponent < 20
        && samples
            .iter()
            .flatten()
            .any(|sample| at_scale(*sample, exponent).is_none())
    {
        exponent += 1;
    }
    exponent
}

fn at_scale(sample: Decimal, exponent: i8) -> Option<i32> {
    let shift = i32::from(sample.exponent) - i32::from(exponent);
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let mantissa = i128::from(sample.mantissa);
    let value = if shift >= 0 {
        mantissa.checked_mul(power)?
    } else {
        // To the nearest, away from zero at the half.
        (mantissa + mantissa.signum() * power / 2) / power
    };
    i32::try_from(value).ok()
}
