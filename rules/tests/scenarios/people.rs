//! What people do: acknowledge, silence, change rules, patients and assignments.

use crate::language::{apply, check, check_all, parse, time, timeline};
use wardline_rules::{Action, ActionKind, Engine, Input};

const LOW: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
escalate = [{ after = "5m", to = "charge-nurse" }, { after = "10m", to = "doctor" }]
"#;

#[test]
fn escalates_by_the_log_clock_until_it_is_over() {
    check(
        LOW,
        "00:00 spo2 85
         04:00 spo2 85
         12:00 wait
         12:10 spo2 95
         30:00 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         05:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page
         10:00 escalated low Patient/p1 active onset=00:00 2→doctor page
         12:10 resolved low Patient/p1 resolved onset=00:00 ended=12:10 cleared",
    );
}

#[test]
fn an_acknowledged_alert_does_not_escalate() {
    check(
        LOW,
        "00:00 spo2 85
         02:00 ack
         03:00 ack
         20:00 wait
         20:10 spo2 95",
        "00:00 raised low Patient/p1 active onset=00:00 page
         02:00 acknowledged low Patient/p1 active onset=00:00 by nurse1
         20:10 resolved low Patient/p1 resolved onset=00:00 ended=20:10 cleared",
    );
}

#[test]
fn a_silence_holds_escalation_back_and_ends() {
    check(
        LOW,
        "00:00 spo2 85
         01:00 silence 07:00
         13:30 wait",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 08:00
         08:00 silenced low Patient/p1 active onset=00:00 page
         13:00 escalated low Patient/p1 active onset=00:00 1→charge-nurse page",
    );
}

#[test]
fn a_silence_is_capped_and_can_be_ended() {
    check(
        LOW,
        "00:00 spo2 85
         01:00 silence 5:00:00
         02:00 silence 00:00",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 silenced low Patient/p1 active onset=00:00 until 1:01:00
         02:00 silenced low Patient/p1 active onset=00:00",
    );
}

#[test]
fn rules_that_go_or_change_resolve_and_others_go_on() {
    let both = format!(
        "{LOW}\n{}",
        LOW.replace("\"low\"", "\"lower\"").replace("90", "88")
    );
    let changed = both.replace("below = 88", "below = 87");
    check_all(
        &[&both, &changed, LOW],
        "00:00 spo2 85
         00:30 rules 1
         00:40 spo2 85
         00:50 rules 2
         01:00 spo2 95",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:00 raised lower Patient/p1 active onset=00:00 page
         00:30 resolved lower Patient/p1 resolved onset=00:00 ended=00:30 rule-changed
         00:40 raised lower Patient/p1 active onset=00:40 page
         00:50 resolved lower Patient/p1 resolved onset=00:40 ended=00:50 rule-removed
         01:00 resolved low Patient/p1 resolved onset=00:00 ended=01:00 cleared",
    );
}

#[test]
fn what_a_rule_is_called_and_who_is_told_changes_no_alert() {
    let score = "
[[rule]]
id = \"warning\"
kind = \"score\"
score = \"own\"
at-least = 1
priority = \"low\"
[[score]]
id = \"own\"
title = \"Own\"
source = \"here\"
[[score.input]]
name = \"saturation\"
metric = \"spo2\"
unit = \"%\"
decimals = 0
bands = [{ to = 90, points = 1 }, { points = 0 }]
";
    let before = format!("{LOW}{score}");
    let told = before
        .replace(
            "kind = \"threshold\"",
            "kind = \"threshold\"\ntitle = \"Saturation\"\npage-within = \"5m\"",
        )
        .replace("charge-nurse", "nurse")
        .replace("title = \"Own\"", "title = \"Our own\"");
    let events = check_all(
        &[
            &before,
            &told,
            &told.replace("below = 90", "below = 91"),
            "",
        ],
        "00:00 spo2 70
         01:00 rules 1
         05:00 wait
         05:30 rules 2
         05:40 spo2 70
         05:50 rules 3",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:00 raised warning Patient/p1 active onset=00:00 page
         05:00 escalated low Patient/p1 active onset=00:00 1→nurse page
         05:30 resolved low Patient/p1 resolved onset=00:00 ended=05:30 rule-changed
         05:40 raised low Patient/p1 active onset=05:40 page
         05:50 resolved low Patient/p1 resolved onset=05:40 ended=05:50 rule-removed
         05:50 resolved warning Patient/p1 resolved onset=00:00 ended=05:50 rule-removed",
    );
    assert_eq!(
        events[2].message,
        "Saturation: Oxygen saturation (pulse oximetry) 70 %, limit below 90 %; not acknowledged"
    );
    assert_ne!(events[2].rule_version, events[0].rule_version);
    assert_eq!(
        events[3].message,
        "Saturation: resolved (rule-changed): the rule was changed, which says nothing of the patient; \
         as it is now it judges the readings from here on"
    );
    assert_eq!(
        events[5].message,
        "Saturation: resolved (rule-removed): the rule is no longer in force, which says nothing of the patient"
    );
}

#[test]
fn whom_a_rule_is_for_may_change_under_its_alerts() {
    let adults = format!("{LOW}[rule.applies-to]\nmin-age = \"18y\"\n");
    check_all(
        &[LOW, &adults],
        "00:00 patient p1 born=2019
         00:00 spo2 85
         00:00 spo2 85 p=p2 d=d2
         00:30 rules 1
         00:40 spo2 85
         00:50 spo2 95 p=p2 d=d2",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:00 raised low Patient/p2 active onset=00:00 page
         00:30 resolved low Patient/p1 resolved onset=00:00 ended=00:30 not-applicable
         00:50 resolved low Patient/p2 resolved onset=00:00 ended=00:50 cleared",
    );
}

#[test]
fn a_pending_condition_survives_a_reload_of_unchanged_rules() {
    let held = LOW.replace("priority", "for = \"2m\"\npriority");
    let more = format!(
        "{}\n{held}",
        held.replace("\"low\"", "\"first\"").replace("90", "50")
    );
    check_all(
        &[&held, &more],
        "00:00..01:00/60 spo2 85
         01:30 rules 1
         02:00 spo2 85",
        "02:00 raised low Patient/p1 active onset=00:00 page",
    );
}

#[test]
fn a_rule_applies_unless_it_is_known_not_to() {
    let adults = format!("{LOW}[rule.applies-to]\nmin-age = \"18y\"\n");
    check(
        &adults,
        "00:00 spo2 85
         00:10 patient p1 born=2019
         00:20 spo2 85
         00:30 patient p2 born=1950
         00:40 spo2 85 p=p2 d=d2",
        "00:00 raised low Patient/p1 active onset=00:00 page
         00:10 resolved low Patient/p1 resolved onset=00:00 ended=00:10 not-applicable
         00:40 raised low Patient/p2 active onset=00:40 page",
    );
}

#[test]
fn corrected_rows_of_another_patient_resolve_on_the_former() {
    check(
        LOW,
        "00:00 spo2 85
         00:30 spo2 84
         01:00 spo2 85 at=00:00 p=p2 v=2
         01:00 spo2 84 at=00:30 p=p2 v=2
         02:00 spo2 95
         02:00 spo2 85 p=p2 d=d2",
        "00:00 raised low Patient/p1 active onset=00:00 page
         01:00 resolved low Patient/p1 resolved onset=00:00 ended=01:00 reattributed
         01:00 raised low Patient/p2 active onset=00:00
         02:00 worsened low Patient/p2 active onset=00:00 page",
    );
}

#[test]
fn a_corrected_assignment_moves_the_whole_interval() {
    check(
        LOW,
        "00:00..04:00/60 spo2 85
         04:30 moved d1 p1 00:00 30:00
         04:40 spo2 85 d=d2",
        "00:00 raised low Patient/p1 active onset=00:00 page
         04:30 resolved low Patient/p1 resolved onset=00:00 ended=04:30 reattributed
         04:40 raised low Patient/p1 active onset=04:40 page",
    );
}

#[test]
fn what_people_say_with_it_is_in_the_message() {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (seq, step) in (1..).zip(&timeline(&[parse(LOW)], "00:00 spo2 85")) {
        apply(&mut engine, seq, step, &mut events);
    }
    let mut act = |kind, at, note: &str| {
        let action = Action {
            alert_id: events[0].alert_id.clone(),
            kind,
            by: "ann".into(),
            at,
            note: Some(note.to_owned()),
        };
        let before = events.len();
        engine.apply(9, &Input::Action(action), &mut events);
        events[before..]
            .iter()
            .map(|event| event.message.clone())
            .collect::<Vec<_>>()
    };
    let until = time("20:00");
    assert_eq!(
        act(
            ActionKind::Silence { until },
            time("00:10"),
            "in the\n bath"
        ),
        ["low: silenced by ann: \"in the bath\""]
    );
    let long = "é".repeat(300);
    assert_eq!(
        act(ActionKind::Silence { until: 0 }, time("00:20"), &long),
        [format!(
            "low: no longer silenced by ann: \"{}…\"",
            "é".repeat(200)
        )]
    );
    assert_eq!(
        act(ActionKind::Acknowledge, time("00:30"), "on oxygen"),
        ["low: acknowledged by ann: \"on oxygen\""]
    );
    assert!(act(ActionKind::Acknowledge, time("00:40"), "again").is_empty());
}

#[test]
fn whom_a_rule_leaves_out() {
    let rules = format!("{LOW}[rule.applies-to]\nnot-tags = [\"pregnant\"]\n");
    check(
        &rules,
        "00:00 patient p1 tags=pregnant,ward
         00:00 patient p2 tags=ward
         00:10 spo2 85
         00:20 spo2 85 p=p2 d=d2
         00:30 spo2 85 p=p3 d=d3
         01:00 patient p2 tags=pregnant
         01:10 patient p1 tags=ward
         01:20 spo2 85",
        "00:20 raised low Patient/p2 active onset=00:20 page
         00:30 raised low Patient/p3 active onset=00:30 page
         01:00 resolved low Patient/p2 resolved onset=00:20 ended=01:00 not-applicable
         01:20 raised low Patient/p1 active onset=01:20 page",
    );
    let both = rules.replace("not-tags", "tags = [\"pregnant\"]\nnot-tags");
    let faults = wardline_rules::RuleSet::parse(&both).expect_err("a fault");
    assert_eq!(
        faults[0].message,
        "\"pregnant\" is in `tags` and in `not-tags`"
    );
}
