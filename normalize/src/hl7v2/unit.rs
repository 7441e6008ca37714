//! OBX-6: units of IEEE 11073 (partition 4) and UCUM, in either triplet.
//!
//! A unit's term is a base in steps of 32 plus a decimal factor: 3872 is mmHg, 1728 + 3 the kilogram.

use super::message::Field;
use super::repair::{Repair, Repairs};
use crate::units::{self, Unit};
use crate::vocabulary::Metric;

/// Partition of units.
const PARTITION: u32 = 4 << 16;

/// Base terms (IEEE 11073-10101, A.3) that monitors, ventilators and pumps use.
#[rustfmt::skip]
const BASES: &[(u32, &str)] = &[
    (512, "1"), (544, "%"), (576, "[ppth]"), (608, "[ppm]"), (736, "deg"), (768, "rad"),
    (1280, "m"), (1344, "[ft_i]"), (1376, "[in_i]"), (1408, "m2"), (1472, "m3"), (1600, "L"),
    (1728, "g"), (1760, "[lb_av]"), (1792, "[oz_av]"), (1952, "kg/m2"), (2112, "g/dL"), (2144, "g/mL"),
    (2176, "s"), (2208, "min"), (2240, "h"), (2272, "d"), (2304, "wk"), (2336, "mo"), (2368, "a"),
    (2464, "/s"), (2496, "Hz"), (2528, "/min"), (2560, "/h"), (2720, "/min"), (2752, "/min"), (2784, "/min"),
    (2816, "m/s"), (3040, "L/s"), (3072, "L/min"), (3104, "L/h"), (3360, "g/min"), (3392, "g/h"),
    (3456, "g/kg/min"), (3840, "Pa"), (3872, "mm[Hg]"), (3904, "cm[H2O]"), (3968, "J"), (4032, "W"),
    (4096, "A"), (4256, "V"), (4288, "Ohm"), (4384, "K"), (4416, "[degF]"), (4704, "mol/L"),
    (5472, "[iU]"), (6048, "Cel"),
];

/// Decimal factors (IEEE 11073-10101, A.3.2).
#[rustfmt::skip]
const PREFIXES: &[(u32, &str)] = &[
    (0, ""), (1, "da"), (2, "h"), (3, "k"), (4, "M"), (5, "G"), (6, "T"),
    (16, "d"), (17, "c"), (18, "m"), (19, "u"), (20, "n"), (21, "p"), (22, "f"),
];

/// Reference ids of units whose codes some senders get wrong; they tell where the code is none.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("MDC_DIM_DIMLESS", "1"), ("MDC_DIM_PERCENT", "%"), ("MDC_DIM_BEAT_PER_MIN", "/min"),
    ("MDC_DIM_PULS_PER_MIN", "/min"), ("MDC_DIM_RESP_PER_MIN", "/min"), ("MDC_DIM_PER_MIN", "/min"),
    ("MDC_DIM_MMHG", "mm[Hg]"), ("MDC_DIM_CM_H2O", "cm[H2O]"), ("MDC_DIM_KILO_PASCAL", "kPa"),
    ("MDC_DIM_DEGC", "Cel"), ("MDC_DIM_FAHR", "[degF]"), ("MDC_DIM_MILLI_VOLT", "mV"), ("MDC_DIM_MILLI_V", "mV"),
    ("MDC_DIM_MICRO_VOLT", "uV"), ("MDC_DIM_PER_SEC", "/s"), ("MDC_DIM_HZ", "Hz"), ("MDC_DIM_SEC", "s"),
    ("MDC_DIM_MILLI_SEC", "ms"), ("MDC_DIM_KILO_G", "kg"), ("MDC_DIM_X_G", "g"), ("MDC_DIM_CENTI_M", "cm"),
    ("MDC_DIM_MILLI_M", "mm"), ("MDC_DIM_MILLI_L", "mL"), ("MDC_DIM_MILLI_L_PER_HR", "mL/h"),
    ("MDC_DIM_L_PER_MIN", "L/min"), ("MDC_DIM_X_L_PER_MIN", "L/min"), ("MDC_DIM_MILLI_MOLE_PER_L", "mmol/L"),
    ("MDC_DIM_MILLI_G_PER_DL", "mg/dL"), ("MDC_DIM_MICRO_G_PER_KG_PER_MIN", "ug/kg/min"),
    ("MDC_DIM_MIN", "min"), ("MDC_DIM_HR", "h"), ("MDC_DIM_INCH", "[in_i]"), ("MDC_DIM_LB", "[lb_av]"),
];

/// What is written instead of UCUM where the metric leaves no doubt: `C` alone would be the coulomb.
#[rustfmt::skip]
const MEANT: &[(&str, &str)] = &[
    ("C", "Cel"), ("c", "Cel"), ("F", "[degF]"), ("f", "[degF]"), ("℃", "Cel"), ("°C", "Cel"), ("°F", "[degF]"),
    ("mm(hg)", "mm[Hg]"), ("mm(Hg)", "mm[Hg]"), ("MMHG", "mm[Hg]"), ("mmhg", "mm[Hg]"), ("torr", "mm[Hg]"),
    ("KPA", "kPa"), ("kpa", "kPa"), ("Kpa", "kPa"), ("CMH2O", "cm[H2O]"), ("cmh2o", "cm[H2O]"), ("KG", "kg"),
    ("CM", "cm"), ("Bpm", "/min"), ("BRPM", "/min"), ("Brpm", "/min"), ("PCT", "%"), ("{Beats}/min", "/min"),
];

/// UCUM of a code of partition 4, whole or the term alone.
pub(super) fn of_code(code: u32) -> Option<String> {
    let term = match code.checked_sub(PARTITION) {
        Some(term) => term,
        None if code < 1 << 16 => code,
        None => return None,
    };
    let factor = term % 32;
    let (_, base) = BASES.iter().find(|(base, _)| *base == term - factor)?;
    let (_, prefix) = PREFIXES.iter().find(|(known, _)| *known == factor)?;
    let unit = format!("{prefix}{base}");
    (prefix.is_empty() || units::is_ucum(&unit)).then_some(unit)
}

/// The unit of a value, as the record has it: UCUM where it can be told, else the sender's text. `None`: not stated.
pub(super) fn of_field(
    field: Field<'_>,
    metric: Option<&'static Metric>,
    repairs: &mut Repairs,
) -> Option<String> {
    let mut by_code = None;
    let mut by_text: Option<String> = None;
    let mut by_name = None;
    for at in [1, 4] {
        let code = field.text(at, repairs).into_owned();
        let name = field.text(at + 1, repairs).into_owned();
        let system = field.component(at + 2).trim();
        if code.is_empty() && name.is_empty() {
            continue;
        }
        let mdc = system.starts_with("MDC") || name.starts_with("MDC_DIM");
        let named = NAMES.iter().find(|(known, _)| *known == name);
        by_name = by_name.or(named.map(|(_, unit)| (*unit).to_owned()));
        if let Some(found) = super::code::number(&code)
            .filter(|_| mdc || system.is_empty())
            .and_then(of_code)
        {
            if named.is_some_and(|(_, unit)| *unit != found) {
                repairs.note(Repair::UnitDisagrees);
            }
            by_code.get_or_insert(found);
        } else if let Some(found) = super::code::hexadecimal(&code).and_then(of_code) {
            // Philips writes partition and term in hex: 0004-0aa0.
            by_code.get_or_insert(found);
        } else if !mdc || named.is_none() {
            let texts = [code.as_str(), name.as_str()];
            let ucum = texts.into_iter().find_map(|text| known(text, metric));
            let text =
                ucum.or_else(|| texts.into_iter().find(|t| !t.is_empty()).map(str::to_owned));
            by_text = by_text.or(text);
        }
    }
    match (by_code, by_text) {
        (Some(code), Some(text)) => {
            if known(&text, metric).is_some_and(|text| text != code) {
                repairs.note(Repair::UnitDisagrees);
            }
            Some(code)
        }
        (Some(code), None) => Some(code),
        (None, Some(text)) if known(&text, metric).is_some() => Some(text),
        (None, text) => by_name.or(text),
    }
    .map(|unit| unit.chars().take(units::MAX_LEN).collect())
}

/// UCUM of a text; with the metric's help where that is ambiguous.
fn known(text: &str, metric: Option<&'static Metric>) -> Option<String> {
    let fits =
        |unit: &str| metric.is_none_or(|metric| metric.convert(1.0, unit, metric.unit).is_some());
    if let Unit::Ucum(unit) = units::canonical(text)
        && fits(unit)
    {
        return Some(unit.to_owned());
    }
    let (_, meant) = MEANT.iter().find(|(written, _)| *written == text)?;
    let doubtless = metric.is_some() || text.len() > 1;
    (doubtless && fits(meant)).then(|| (*meant).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bases_with_factors() {
        for (code, unit) in [
            (262_688, "%"),
            (264_864, "/min"),
            (264_928, "/min"),
            (266_016, "mm[Hg]"),
            (268_192, "Cel"),
            (266_560, "[degF]"),
            (266_866, "mmol/L"),
            (264_274, "mg/dL"),
            (262_656, "1"),
            (263_875, "kg"),
            (263_441, "cm"),
            (266_418, "mV"),
            (264_608, "/s"),
            (264_320, "s"),
            (264_640, "Hz"),
            (263_762, "mL"),
            (265_266, "mL/h"),
            (264_306, "mg/mL"),
            (265_619, "ug/kg/min"),
            (2_720, "/min"),
        ] {
            assert_eq!(of_code(code).as_deref(), Some(unit), "{code}");
        }
        assert_eq!(of_code(150_456), None);
        assert_eq!(of_code(0), None);
        assert_eq!(of_code(u32::MAX), None);
        for (_, unit) in BASES.iter().chain(NAMES.iter().map(|_| &(0, "1"))) {
            assert!(units::is_ucum(unit), "{unit}");
        }
        for (_, unit) in NAMES.iter().chain(MEANT) {
            assert!(units::is_ucum(unit), "{unit}");
        }
    }
}
