//! Ladders by priority and silences of alerts that no rule decides.

use super::{MINUTE, SECOND, START, alarm, lost, ward};
use crate::upgrade::without;
use wardline_rules::{Action, ActionKind, Engine, Input, Presence, Priority, Silence};

fn ladder() -> Input<'static> {
    let text = "[escalation]\nhigh = [{ after = \"2m\", to = \"nurse\" }, { after = \"4m\", to = \"doctor\" }]\n\
                medium = [{ after = \"3m\", to = \"technician\" }]\n";
    Input::RuleSet {
        at: START,
        rules: std::sync::Arc::new(wardline_rules::RuleSet::parse(text).expect("a ladder")),
    }
}

fn quiet(until: i64, at: i64) -> Silence {
    Silence {
        id: "s1".into(),
        patient: Some("p1".into()),
        rule: None,
        device: None,
        ward: None,
        class: None,
        from: START + at,
        until: START + until,
        author: "nurse".into(),
        ended: false,
        at: START + at,
    }
}

#[test]
fn they_go_up_the_ladder_of_their_priority() {
    let mut ward = ward();
    ward.give(&ladder());
    ward.alarm(0, alarm(0, Presence::Present, Priority::Medium));
    ward.give(&Input::Gateway(lost(0)));
    ward.wait(MINUTE);
    // Worse: another ladder, from its foot.
    ward.alarm(MINUTE, alarm(MINUTE, Presence::Present, Priority::High));
    ward.wait(4 * MINUTE);
    let alert_id = ward.events[0].alert_id.clone();
    ward.give(&Input::Action(Action {
        alert_id,
        kind: ActionKind::Acknowledge,
        by: "nurse".into(),
        at: START + 4 * MINUTE,
        note: None,
    }));
    ward.wait(10 * MINUTE);
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active medium page",
            "30 raised gateway:silent Gateway/g1 active medium page",
            "60 worsened monitor:MDC_EVT_LO Patient/p1 active high page",
            "180 escalated monitor:MDC_EVT_LO Patient/p1 active high page",
            "210 escalated gateway:silent Gateway/g1 active medium page",
            "240 acknowledged monitor:MDC_EVT_LO Patient/p1 active high",
        ]
    );
    let told: Vec<&str> = ward
        .events
        .iter()
        .filter_map(|event| event.escalate_to.as_deref())
        .collect();
    assert_eq!(told, ["nurse", "technician"]);
}

#[test]
fn silences_hold_them_back_an_hour_at_most_for_a_high_one() {
    let mut ward = ward();
    ward.give(&ladder());
    ward.give(&Input::Silence(quiet(3 * 60 * MINUTE, 0)));
    ward.alarm(MINUTE, alarm(MINUTE, Presence::Present, Priority::High));
    assert_eq!(ward.last().silenced_until, Some(START + 60 * MINUTE));
    assert_eq!(ward.last().silenced_by.as_deref(), Some("nurse"));
    let mut worse = alarm(2 * MINUTE, Presence::Present, Priority::Medium);
    worse.event = "MDC_EVT_HI".into();
    ward.alarm(2 * MINUTE, worse.clone());
    (worse.priority, worse.time) = (Priority::High, START + 3 * MINUTE);
    ward.alarm(3 * MINUTE, worse);
    let mut ended = quiet(3 * 60 * MINUTE, 0);
    (ended.ended, ended.at) = (true, START + 5 * MINUTE);
    ward.give(&Input::Silence(ended));
    ward.wait(8 * MINUTE);
    let mut said = ward.said();
    said.sort();
    assert_eq!(
        said,
        [
            "120 raised monitor:MDC_EVT_HI Patient/p1 active medium",
            "180 worsened monitor:MDC_EVT_HI Patient/p1 active high",
            "300 silenced monitor:MDC_EVT_HI Patient/p1 active high page",
            "300 silenced monitor:MDC_EVT_LO Patient/p1 active high page",
            "420 escalated monitor:MDC_EVT_HI Patient/p1 active high page",
            "420 escalated monitor:MDC_EVT_LO Patient/p1 active high page",
            "60 raised monitor:MDC_EVT_LO Patient/p1 active high",
        ]
    );
    assert_eq!(ward.engine.stats().held_by_silence, 3);
}

#[test]
fn what_an_earlier_version_wrote_of_them_keeps_its_silence_and_has_a_ladder() {
    let mut ward = ward();
    ward.give(&ladder());
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    ward.give(&Input::Gateway(lost(0)));
    ward.wait(MINUTE);
    let alert_id = ward.events[0].alert_id.clone();
    ward.give(&Input::Action(Action {
        alert_id,
        kind: ActionKind::Silence {
            until: START + 4 * MINUTE,
        },
        by: "nurse".into(),
        at: START + MINUTE,
        note: None,
    }));
    ward.said();
    // Neither silences nor ladders were known: no timers either.
    let keys = ["hush", "silences", "level", "timers"];
    let text = String::from_utf8(without(&ward.engine.checkpoint(), &keys)).expect("JSON");
    let text = text.replacen('{', "{\"timers\":[],", 1);
    ward.engine = Engine::restore(text.as_bytes()).expect("an upgrade");
    // Another's silence begins and is looked at for all.
    let mut other = quiet(10 * MINUTE, 2 * MINUTE);
    other.patient = Some("p2".into());
    ward.give(&Input::Silence(other));
    ward.wait(7 * MINUTE);
    assert_eq!(
        ward.said(),
        [
            "210 escalated gateway:silent Gateway/g1 active medium page",
            "240 silenced monitor:MDC_EVT_LO Patient/p1 active high page",
            "360 escalated monitor:MDC_EVT_LO Patient/p1 active high page",
        ]
    );
}

#[test]
fn what_a_silence_holds_back_is_said_once() {
    let mut ward = ward();
    ward.give(&Input::Silence(quiet(10 * MINUTE, 0)));
    for at in 1..4 {
        let time = at * 30 * SECOND;
        ward.alarm(time, alarm(time, Presence::Present, Priority::High));
    }
    ward.wait(11 * MINUTE);
    assert_eq!(
        ward.said(),
        [
            "30 raised monitor:MDC_EVT_LO Patient/p1 active high",
            "600 silenced monitor:MDC_EVT_LO Patient/p1 active high page",
        ]
    );
}
