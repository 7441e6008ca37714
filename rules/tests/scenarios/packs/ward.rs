//! Wards that monitor continuously.

use super::{PACK, pages};

/// What nurses said at the beginning.
const SAID: &str =
    "00:00 spo2-scale '1'\n00:00 supplemental-oxygen 'false'\n00:00 consciousness 'A'\n";

#[test]
fn a_night_of_a_patient_who_is_well() {
    let text = format!(
        "{SAID}00:00..8:00:00/60 hr 72\n00:05..8:00:00/60 rr 15\n00:10..8:00:00/60 spo2 95\n\
         00:30..8:00:00/3600 nibp-systolic 112\n00:40..8:00:00/14400 temp 37.2"
    );
    assert_eq!(pages(PACK, &text), [""; 0]);
}

/// Pressure and temperature of a round count for six hours, a pulse that is gone does not.
#[test]
fn pressure_counts_until_the_next_round() {
    let text = format!(
        "{SAID}00:00 nibp-systolic 95\n00:00 temp 39\n\
         00:00..3:00:00/60 hr 85\n00:05..3:00:00/60 spo2 95\n00:10..2:00:00/60 rr 16\n2:00:10..3:00:00/60 rr 26"
    );
    // 2 of pressure, 1 each of temperature and saturation, 3 of respiration.
    assert!(
        pages(PACK, &text).contains(&"2:02:10 news2-high high".to_owned()),
        "{:#?}",
        pages(PACK, &text)
    );
    // Without the pressure it would be 5.
    let later = text.replace("00:00 nibp-systolic 95\n", "");
    assert!(
        !pages(PACK, &later)
            .iter()
            .any(|page| page.contains("news2-high"))
    );
}

#[test]
fn consciousness_alone_is_told() {
    let text = "00:00 spo2-scale '1'\n00:00 supplemental-oxygen 'false'\n00:00..1:45:00/900 consciousness 'A'\n\
                2:00:00..4:00:00/900 consciousness 'U'\n00:00..4:00:00/60 hr 80\n00:05..4:00:00/60 rr 16\n\
                00:10..4:00:00/60 spo2 97\n00:15..4:00:00/900 nibp-systolic 125\n00:15..4:00:00/900 temp 37";
    assert_eq!(pages(PACK, text), ["2:00:00 consciousness-changed medium"]);
}

/// Three points of what has no rule of its own before a second cuff confirms it.
#[test]
fn three_points_in_one_input_are_told() {
    let text = |systolic: u32| {
        format!(
            "{SAID}00:00 nibp-systolic {systolic}\n00:05..30:00/60 hr 80\n00:10..30:00/60 rr 16\n\
             00:15..30:00/60 spo2 97\n00:20 temp 37"
        )
    };
    assert_eq!(pages(PACK, &text(225)), ["05:05 news2-single medium"]);
    assert_eq!(pages(PACK, &text(215)), [""; 0]);
}

/// Its own rule tells of an input of three points; the score says nothing on top.
#[test]
fn a_fast_heart_is_told_once() {
    assert_eq!(
        pages(PACK, "00:00..30:00/10 hr 145"),
        ["01:00 tachycardia-severe high"]
    );
}

#[test]
fn every_cuff_counts_and_an_arterial_line_has_a_rule_of_its_own() {
    for metric in ["nibp-systolic", "MDC_PRESS_CUFF_SYS", "MDC_PRESS_BLD_SYS"] {
        let low = format!("00:00..4:00:00/3600 {metric} 60");
        assert_eq!(pages(PACK, &low), ["00:00 systolic-low high"], "{metric}");
    }
    for metric in ["arterial-systolic", "abp-systolic"] {
        let low = format!("00:00..10:00/10 {metric} 80");
        assert_eq!(
            pages(PACK, &low),
            ["01:00 systolic-low-arterial high"],
            "{metric}"
        );
        assert_eq!(
            pages(
                PACK,
                &format!("00:00..00:50/10 {metric} 80\n01:00 {metric} 120")
            ),
            [""; 0]
        );
    }
}

/// Between two cuffs the score has the same low pressure, and nothing new to say of it.
#[test]
fn a_low_cuff_every_four_hours_is_told_once() {
    let text = format!(
        "{SAID}00:00..9:00:00/14400 nibp-systolic 88\n00:00..9:00:00/14400 nibp-mean 70\n00:05..9:00:00/60 hr 80\n\
         00:10..9:00:00/60 rr 16\n00:15..9:00:00/60 spo2 97\n00:20..9:00:00/14400 temp 37"
    );
    assert_eq!(pages(PACK, &text), ["00:00 systolic-low high"]);
}

#[test]
fn a_cuff_that_comes_late_is_the_latest_known() {
    assert_eq!(
        pages(
            PACK,
            "00:00 nibp-systolic 118\n16:00 nibp-systolic 70 at=01:00"
        ),
        ["16:00 systolic-low high"]
    );
    // A newer one is not low.
    assert_eq!(
        pages(
            PACK,
            "00:00 nibp-systolic 118\n15:00 nibp-systolic 115\n16:00 nibp-systolic 70 at=14:30"
        ),
        [""; 0]
    );
}

/// Two in a row, however long the round is.
#[test]
fn temperature_and_mean_pressure_of_rounds_are_confirmed_by_the_next() {
    assert_eq!(
        pages(PACK, "00:00..8:00:00/14400 temp 39.6"),
        ["4:00:00 temperature-high medium"]
    );
    assert_eq!(
        pages(PACK, "00:00..8:00:00/14400 nibp-mean 60"),
        ["4:00:00 map-low high"]
    );
}

/// One deterioration: who tells of the whole holds back those of its parts that are less urgent.
#[test]
fn a_deterioration_of_everything_is_not_told_by_all() {
    let said = SAID.replace("'A'", "'V'").replace("'false'", "'true'");
    let text = format!(
        "{said}00:00..09:50/10 hr 80\n00:00..09:50/10 rr 16\n00:00..09:50/10 spo2 97\n\
         10:00..1:00:00/10 hr 125\n10:00..1:00:00/10 rr 32\n10:00..1:00:00/10 spo2 90\n\
         00:00..05:00/300 nibp-systolic 120\n10:00..1:00:00/300 nibp-systolic 82\n10:00..1:00:00/300 temp 40"
    );
    let pages = pages(PACK, &text);
    assert!(
        pages.contains(&"12:00 news2-high high".to_owned()),
        "{pages:#?}"
    );
    for held in ["tachycardia-sustained", "spo2-low", "temperature-high"] {
        assert!(
            !pages.iter().any(|page| page.contains(held)),
            "{held}: {pages:#?}"
        );
    }
}

/// NEWS2 is for sixteen years and more, and so are its limits.
#[test]
fn sixteen_is_old_enough_for_the_limits_of_news2() {
    let fast = "00:10..10:00/10 hr 145\n00:10..10:00/10 nibp-mean 50";
    let at = |born: &str| pages(PACK, &format!("00:00 patient p1 born={born}\n{fast}"));
    assert_eq!(at("2009-06-01"), ["01:10 tachycardia-severe high"]);
    assert_eq!(at("2012-06-01"), [""; 0]);
}

/// What can end a life within minutes is silenced for minutes.
#[test]
fn urgent_rules_are_silenced_for_ten_minutes() {
    let rules = crate::language::parse(PACK);
    for rule in rules.rules() {
        let short = rule.max_silence <= 600 * super::SECOND;
        assert_eq!(
            short,
            rule.priority == wardline_rules::Priority::High,
            "{}",
            rule.id
        );
    }
}

#[test]
fn the_score_leaves_out_who_is_pregnant() {
    let with = |tags: &str| {
        let text = format!(
            "00:00 patient p1 tags={tags}\n{SAID}00:05..20:00/30 hr 112\n00:05..20:00/30 rr 21\n\
             00:05..20:00/30 spo2 95\n00:05..20:00/300 nibp-systolic 100\n00:05..20:00/300 temp 37"
        );
        pages(PACK, &text)
    };
    assert!(with("copd").iter().any(|page| page.contains("news2-high")));
    assert_eq!(with("pregnant"), [""; 0]);
}

/// Nobody has recorded which scale of saturation is the patient's: it is scale 1, until somebody says 2.
#[test]
fn the_scale_of_saturation_is_one_until_two_is_recorded() {
    let text = "00:00 supplemental-oxygen 'false'\n00:00 consciousness 'A'\n00:00..20:00/30 rr 22\n\
                00:05..20:00/30 hr 100\n00:10..20:00/30 spo2 93\n00:15..20:00/300 nibp-systolic 120\n00:15..20:00/300 temp 37";
    let told = pages(PACK, text);
    assert!(
        told.iter().any(|page| page.contains("news2-medium")),
        "{told:?}"
    );
    assert_eq!(
        pages(PACK, &format!("00:00 spo2-scale '2'\n{text}")),
        [""; 0]
    );
}
