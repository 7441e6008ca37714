use proptest::prelude::*;
use wardline_normalize::vocabulary;

use super::super::reading::Outcome;
use super::*;

/// 2026-11-22T12:00:00Z.
const NOON: Micros = 1_795_348_800 * MICROS_PER_SECOND;

fn plan(patients: u32, seed: u64, minutes: i64) -> Plan {
    Plan {
        patients,
        seed,
        start: NOON - 60 * MINUTE,
        live: NOON,
        end: Some(NOON - 60 * MINUTE + minutes * MINUTE),
        interval: 5 * MICROS_PER_SECOND,
        scenarios: Assignments::spread(&beds(patients)),
        speed: 1.0,
    }
}

fn packs(plan: Plan) -> Vec<Pack> {
    let mut fleet = Fleet::new(plan);
    std::iter::from_fn(|| fleet.take()).collect()
}

fn values(packs: &[Pack], device: &str, mdc: &str) -> Vec<(Micros, f64)> {
    let mut found = Vec::new();
    for pack in packs.iter().filter(|pack| &*pack.device == device) {
        for reading in pack.readings.iter().filter(|reading| reading.mdc == mdc) {
            if let Outcome::Value(value) = reading.outcome {
                found.push((pack.at, value.to_f64()));
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn readings_are_known_to_the_vocabulary_and_within_its_plausible_ranges(seed in any::<u64>()) {
        let mut present = 0;
        for pack in packs(plan(8, seed, 70)) {
            prop_assert!(!pack.readings.is_empty());
            for reading in &pack.readings {
                let metric = vocabulary::by_mdc(reading.mdc).expect("a known metric");
                prop_assert_eq!(metric.unit, reading.unit);
                if let Outcome::Value(value) = reading.outcome {
                    present += 1;
                    if let Some((low, high)) = metric.range {
                        prop_assert!((low..=high).contains(&value.to_f64()), "{} {value:?}", reading.mdc);
                    }
                }
            }
        }
        prop_assert!(present > 8 * 70 * 12 * 4);
    }

    #[test]
    fn equal_plans_give_equal_packs_in_the_order_of_time(seed in any::<u64>()) {
        let first = packs(plan(6, seed, 10));
        prop_assert!(first.is_sorted_by_key(|pack| pack.at));
        prop_assert_eq!(first.len(), 6 * 10 * 12);
        prop_assert_eq!(&first, &packs(plan(6, seed, 10)));
        prop_assert_ne!(first, packs(plan(6, seed ^ 1, 10)));
    }
}

#[test]
fn a_metric_has_one_reading_at_one_moment() {
    let mut seen = std::collections::HashSet::new();
    for pack in packs(plan(4, 1, 30)) {
        for reading in &pack.readings {
            assert!(seen.insert((pack.device.clone(), pack.at, reading.mdc)));
        }
    }
}

#[test]
fn slow_metrics_come_at_their_own_pace() {
    let packs = packs(plan(2, 9, 60));
    assert_eq!(values(&packs, "bed-02", "MDC_TEMP_BODY").len(), 12);
    let cuffs = values(&packs, "bed-02", "MDC_PRESS_BLD_NONINV_SYS");
    assert!((4..=14).contains(&cuffs.len()), "{}", cuffs.len());
    let gaps: Vec<i64> = cuffs
        .windows(2)
        .skip(1)
        .map(|w| (w[1].0 - w[0].0) / MINUTE)
        .collect();
    assert!(gaps.iter().all(|gap| (5..=15).contains(gap)), "{gaps:?}");
}

#[test]
fn sensors_come_off_and_go_back() {
    let packs = packs(plan(20, 2, 60));
    let absent = packs
        .iter()
        .flat_map(|pack| &pack.readings)
        .filter(|reading| reading.mdc == "MDC_PULS_OXIM_SAT_O2")
        .filter(|reading| reading.outcome == Outcome::Absent("not-performed"))
        .count();
    // 20 patients, 0.8 times an hour, 40 s of 5 s intervals: 128 expected.
    assert!((40..400).contains(&absent), "{absent}");
}

/// Of a thousand wards, none shows a desaturation that a rule of one minute below 90 % would miss.
#[test]
fn the_first_episode_is_seen_within_two_minutes_of_live_time_whatever_the_seed() {
    for seed in 0..1000 {
        let plan = Plan {
            end: Some(NOON + 2 * MINUTE),
            start: NOON - MINUTE,
            ..plan(1, seed, 0)
        };
        let spo2 = values(&packs(plan), "bed-01", "MDC_PULS_OXIM_SAT_O2");
        let last_well = spo2
            .iter()
            .rev()
            .find(|(_, value)| *value >= 90.0)
            .map_or(0, |(at, _)| *at);
        assert!(
            last_well < NOON + 45 * MICROS_PER_SECOND,
            "seed {seed}: {:?}",
            spo2
        );
    }
}
