use proptest::prelude::*;

use super::super::scenario::Scenario;
use super::*;

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: Micros = 1_795_305_600 * MICROS_PER_SECOND;

fn scenario() -> impl Strategy<Value = Option<Scenario>> {
    prop::option::of(prop::sample::select(&Scenario::ALL[..]))
}

proptest! {
    #[test]
    fn vital_signs_stay_plausible_and_in_their_relations(
        seed in any::<u64>(), index in 0u32..10_000, scenario in scenario(), severity in 0.0..=1.0f64,
        step in 1i64..600, start in 0i64..86_400,
    ) {
        let effect = scenario.map(|s| s.effect(severity)).unwrap_or_default();
        let mut patient = Patient::new(seed, index);
        for n in 0..200 {
            let v = patient.advance(MIDNIGHT + (start + n * step) * MICROS_PER_SECOND, &effect);
            prop_assert!((35.0..=190.0).contains(&v.heart_rate), "{v:?}");
            prop_assert!((30.0..=200.0).contains(&v.pulse), "{v:?}");
            prop_assert!((5.0..=55.0).contains(&v.respiration), "{v:?}");
            prop_assert!((60.0..=100.0).contains(&v.spo2), "{v:?}");
            prop_assert!((0.1..=18.0).contains(&v.perfusion), "{v:?}");
            prop_assert!((33.0..=41.8).contains(&v.temperature), "{v:?}");
            prop_assert!(v.diastolic >= 15.0 && v.diastolic + 3.0 < v.mean, "{v:?}");
            prop_assert!(v.mean + 5.0 < v.systolic && v.systolic < 230.0, "{v:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_patient(seed in any::<u64>(), index in 0u32..100) {
        let run = || {
            let mut patient = Patient::new(seed, index);
            (0..50).map(|n| patient.advance(MIDNIGHT + n * 5 * MICROS_PER_SECOND, &Effect::default())).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}

/// Means of a day at one reading a minute.
fn day(scenario: Option<Scenario>) -> Vec<Vitals> {
    let effect = scenario.map(|s| s.effect(1.0)).unwrap_or_default();
    let mut patient = Patient::new(3, 0);
    (0..1440)
        .map(|n| patient.advance(MIDNIGHT + n * 60 * MICROS_PER_SECOND, &effect))
        .collect()
}

fn mean(values: &[Vitals], of: impl Fn(&Vitals) -> f64) -> f64 {
    values.iter().map(of).sum::<f64>() / values.len() as f64
}

#[test]
fn a_night_is_calmer_than_an_afternoon() {
    let day = day(None);
    let (night, afternoon) = (&day[120..360], &day[840..1140]);
    assert!(mean(night, |v| v.heart_rate) + 4.0 < mean(afternoon, |v| v.heart_rate));
    assert!(mean(night, |v| v.temperature) + 0.2 < mean(afternoon, |v| v.temperature));
}

#[test]
fn vital_signs_of_a_patient_move_together() {
    let day = day(None);
    let (hr, bp) = (mean(&day, |v| v.heart_rate), mean(&day, |v| v.mean));
    let covariance = mean(&day, |v| (v.heart_rate - hr) * (v.mean - bp));
    let spread = (mean(&day, |v| (v.heart_rate - hr).powi(2))
        * mean(&day, |v| (v.mean - bp).powi(2)))
    .sqrt();
    assert!(
        covariance / spread > 0.3,
        "correlation {}",
        covariance / spread
    );
}

#[test]
fn each_deterioration_shows_its_signs() {
    let well = day(None);
    let sepsis = day(Some(Scenario::Sepsis));
    assert!(mean(&sepsis, |v| v.temperature) > mean(&well, |v| v.temperature) + 2.0);
    assert!(mean(&sepsis, |v| v.mean) < mean(&well, |v| v.mean) - 25.0);
    assert!(mean(&day(Some(Scenario::Desaturation)), |v| v.spo2) < 85.0);
    let fibrillation = day(Some(Scenario::AtrialFibrillation));
    assert!(fibrillation.iter().all(|v| v.heart_rate > 120.0));
    let deficit = mean(&fibrillation, |v| v.heart_rate - v.pulse);
    assert!((15.0..25.0).contains(&deficit), "deficit {deficit}");
    assert!(mean(&well, |v| v.heart_rate - v.pulse).abs() < 0.5);
    let bleed = day(Some(Scenario::Bleed));
    assert!(mean(&bleed, |v| v.systolic) < 90.0 && mean(&bleed, |v| v.heart_rate) > 110.0);
}
