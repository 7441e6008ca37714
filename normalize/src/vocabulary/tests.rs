use super::*;
use std::collections::HashSet;

#[test]
fn codes_agree_with_partition_arithmetic() {
    for metric in all() {
        match metric.mdc_id() {
            Some(id) => {
                assert!(id.starts_with("MDC_"), "{id}");
                assert!(matches!(metric.code >> 16, 1 | 2 | 128..=130), "{id}");
                assert!(metric.code & 0xFFFF != 0, "{id}");
            }
            None => assert_eq!(metric.code, 0, "{}", metric.alias),
        }
    }
    assert_eq!(2 * 65_536 + 16_770, 147_842);
    assert_eq!(by_code(16_770), by_mdc("MDC_ECG_HEART_RATE"));
    assert_eq!(by_code(147_842), by_mdc("MDC_ECG_HEART_RATE"));
    assert_eq!(by_code(2_460), by_alias("battery"));
    assert_eq!(by_code(0), None);
}

#[test]
fn names_are_unique() {
    let unique = |names: Vec<String>| {
        let set: HashSet<_> = names.iter().collect();
        assert_eq!(set.len(), names.len(), "{names:?}");
    };
    let with_mdc = || all().iter().filter(|m| m.mdc_id().is_some());
    unique(with_mdc().map(|m| m.mdc.to_owned()).collect());
    unique(with_mdc().map(|m| m.code.to_string()).collect());
    // A term alone means its partition of greatest use: 29188 is the INR, and the medication has its 32 bits.
    let mut terms: Vec<_> = with_mdc().map(|m| m.code & 0xFFFF).collect();
    terms.sort_unstable();
    let twice: Vec<_> = terms.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert_eq!(twice, [[29_188, 29_188]]);
    assert_eq!(by_code(29_188), by_alias("inr"));
    assert_eq!(by_code(8_417_796), by_alias("medication"));
    unique(all().iter().map(|m| m.alias.to_owned()).collect());
    unique(all().iter().map(|m| m.key().to_owned()).collect());
    unique(panels().map(|p| p.code.to_string()).collect());
    assert!(all().len() >= 40);
}

#[test]
fn rows_are_complete() {
    for m in all() {
        assert!(
            !m.source.is_empty() && !m.display.is_empty() && !m.code_text().is_empty(),
            "{}",
            m.alias
        );
        assert!(m.loinc.is_empty() != m.local.is_empty(), "{}", m.alias);
        assert!(m.mdc_id().is_some() || by_alias(m.alias) == Some(m));
        octofhir_ucum::validate(m.unit).unwrap_or_else(|e| panic!("{}: {e}", m.alias));
        if let Some((low, high)) = m.range {
            assert!(low < high, "{}", m.alias);
        }
        assert_eq!(
            m.range.is_some(),
            m.kind == ValueKind::Quantity,
            "{}",
            m.alias
        );
        for code in m
            .also_loinc
            .iter()
            .copied()
            .chain((!m.loinc.is_empty()).then_some(m.loinc))
        {
            // 3150-6 (US Core pulse oximetry) is older than the rule and breaks it.
            assert!(loinc_check_digit(code) || code == "3150-6", "{code}");
        }
    }
}

/// LOINC codes end in a mod 10 (Luhn) check digit: catches slips of the pen.
fn loinc_check_digit(code: &str) -> bool {
    let (number, check) = code.split_once('-').unwrap();
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            if i % 2 == 0 {
                digit * 2 / 10 + digit * 2 % 10
            } else {
                digit
            }
        })
        .sum();
    check == ((10 - sum % 10) % 10).to_string()
}

/// clinical.md 2.1, typed again on purpose.
#[test]
fn vital_signs_have_the_units_and_codes_of_their_profiles() {
    for (profile, loinc, units) in [
        (Profile::HeartRate, "8867-4", &["/min"][..]),
        (Profile::RespiratoryRate, "9279-1", &["/min"]),
        (Profile::OxygenSaturation, "2708-6", &["%"]),
        (Profile::BodyTemperature, "8310-5", &["Cel", "[degF]"]),
        (Profile::BodyWeight, "29463-7", &["kg", "g", "[lb_av]"]),
        (Profile::BodyHeight, "8302-2", &["cm", "[in_i]"]),
        (Profile::HeadCircumference, "9843-4", &["cm", "[in_i]"]),
        (Profile::BodyMassIndex, "39156-5", &["kg/m2"]),
        (Profile::BloodPressure, "85354-9", &["mm[Hg]"]),
    ] {
        assert_eq!(profile.units(), units);
        let metrics: Vec<_> = all()
            .iter()
            .filter(|m| m.profile == Some(profile))
            .collect();
        assert!(!metrics.is_empty());
        for m in metrics {
            assert_eq!(m.unit, units[0], "{}", m.alias);
            assert_eq!(m.category, Category::VitalSigns);
            match m.panel {
                Some(panel) => assert_eq!(panel.loinc, loinc, "{}", m.alias),
                None => assert_eq!(m.loinc, loinc, "{}", m.alias),
            }
        }
    }
}

#[test]
fn panels_name_their_components() {
    for panel in panels() {
        assert_eq!(panel_by_mdc(panel.mdc), Some(panel));
        assert!(loinc_check_digit(panel.loinc));
        for (offset, id) in panel.components.iter().enumerate() {
            let metric = by_mdc(id).unwrap();
            assert_eq!(metric.panel, Some(panel));
            assert_eq!(metric.code, panel.code + 1 + u32::try_from(offset).unwrap());
        }
        assert!(
            panel
                .required
                .iter()
                .all(|id| panel.components.contains(id))
        );
    }
}

#[test]
fn rules_find_metrics_by_any_name() {
    let ids = |name: &str| resolve(name).iter().map(|m| m.key()).collect::<Vec<_>>();
    assert_eq!(
        ids("8867-4")[..2],
        ["MDC_ECG_HEART_RATE", "MDC_PULS_OXIM_PULS_RATE"]
    );
    assert_eq!(ids("59408-5"), ["MDC_PULS_OXIM_SAT_O2"]);
    assert_eq!(ids("MDC_TEMP"), ["MDC_TEMP"]);
    assert_eq!(ids("spo2"), ["MDC_PULS_OXIM_SAT_O2"]);
    assert_eq!(ids("150456"), ["MDC_PULS_OXIM_SAT_O2"]);
    assert_eq!(ids("67775-7"), ["67775-7"]);
    assert_eq!(ids("no-such-thing"), [""; 0]);
}

#[test]
fn unit_codes_and_ucum_agree() {
    // clinical.md 1.1 and ble.md 2, typed again on purpose.
    for (code, ucum) in [
        (262_688, "%"),
        (264_864, "/min"),
        (264_928, "/min"),
        (266_016, "mm[Hg]"),
        (265_987, "kPa"),
        (268_192, "Cel"),
        (266_560, "[degF]"),
        (266_866, "mmol/L"),
        (264_274, "mg/dL"),
        (262_656, "1"),
        (263_875, "kg"),
        (263_904, "[lb_av]"),
        (263_424, "m"),
        (263_441, "cm"),
        (263_520, "[in_i]"),
        (264_096, "kg/m2"),
        (264_338, "ms"),
        (264_320, "s"),
        (264_608, "/s"),
        (266_112, "J"),
        (266_432, "Ohm"),
        (266_418, "mV"),
    ] {
        assert_eq!(unit_by_code(code), Some(ucum), "{code}");
        assert_eq!(unit_by_code(code & 0xFFFF), Some(ucum), "{code}");
        let back = code_of_unit(ucum).unwrap();
        assert_eq!(unit_by_code(back), Some(ucum));
    }
    assert_eq!(code_of_unit("/min"), Some(264_864));
    assert_eq!(unit_by_mdc("MDC_DIM_MMHG"), Some("mm[Hg]"));
    // Of another partition: the code of a metric is no unit.
    assert_eq!(unit_by_code(147_842), None);
    assert_eq!(unit_by_code(0), None);
    for unit in units() {
        assert!(crate::units::is_ucum(unit.ucum), "{}", unit.mdc);
        assert_eq!(unit_by_code(unit.code), Some(unit.ucum));
        assert_eq!(unit_by_mdc(unit.mdc), Some(unit.ucum));
        assert_eq!(unit.code >> 16, 4, "{}", unit.mdc);
    }
}

#[test]
fn what_a_device_shows_while_it_measures_is_no_result() {
    for alias in [
        "cuff-pressure",
        "temperature-intermediate",
        "glucose-control",
    ] {
        let metric = by_alias(alias).unwrap();
        assert!(metric.loinc.is_empty() && metric.profile.is_none());
        assert_eq!(metric.category, Category::Technical);
    }
}

/// What SIRS asks of a laboratory, in the units that laboratories report.
#[test]
fn laboratory_values_convert_from_what_laboratories_report() {
    for (loinc, value, unit, expected) in [
        ("6690-2", 12.0, "10*9/L", 12.0),
        ("6690-2", 12_000.0, "/uL", 12.0),
        ("2019-8", 5.3, "kPa", 39.75),
        ("764-1", 11.0, "%", 11.0),
    ] {
        let [metric] = by_loinc(loinc) else {
            panic!("{loinc}");
        };
        assert_eq!(metric.category, Category::Laboratory);
        let converted = metric.convert(value, unit, metric.unit).unwrap();
        assert!((converted - expected).abs() < 0.01, "{loinc} {converted}");
        let (low, high) = metric.range.unwrap();
        assert!((low..=high).contains(&converted));
    }
}
