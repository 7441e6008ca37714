//! Alarms of monitors and states of gateways: what becomes of them, in a line per event.

use wardline_rules::{
    Action, ActionKind, AlertEvent, Assignment, Class, Engine, GatewayLimits, GatewayPresence,
    GatewayReport, Input, MonitorAlarm, Presence, Priority, Reattributed,
};

mod ladders;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const START: i64 = 1_800_000_000 * SECOND;

struct Ward {
    engine: Engine,
    seq: u64,
    events: Vec<AlertEvent>,
    told: usize,
    /// After every input the engine is taken from its own checkpoint.
    restart: bool,
}

fn ward() -> Ward {
    Ward {
        engine: Engine::new(),
        seq: 0,
        events: Vec::new(),
        told: 0,
        restart: true,
    }
}

fn alarm(time: i64, presence: Presence, priority: Priority) -> MonitorAlarm {
    MonitorAlarm {
        device: "m1".into(),
        patient: Some("p1".into()),
        event: "MDC_EVT_LO".into(),
        instance: Some("7".into()),
        source: Some("MDC_PULS_OXIM_SAT_O2".into()),
        time: START + time,
        presence,
        priority,
        class: Class::Physiological,
        inactivation: None,
        text: Some("SpO2 low".into()),
        value: Some(84.0),
        unit: Some("%".into()),
        limits: Some("90-100".into()),
        staged: false,
    }
}

impl Ward {
    fn give(&mut self, input: &Input<'_>) {
        self.seq += 1;
        self.engine.apply(self.seq, input, &mut self.events);
        if self.restart {
            self.engine = Engine::restore(&self.engine.checkpoint()).expect("its own checkpoint");
        }
    }

    fn alarm(&mut self, at: i64, alarm: MonitorAlarm) {
        self.give(&Input::Alarms {
            at: START + at,
            alarms: vec![alarm],
        });
    }

    fn wait(&mut self, until: i64) {
        let from = self.engine.clock().max(START);
        for at in (from + 30 * SECOND..START + until)
            .step_by(30_000_000)
            .chain([START + until])
        {
            self.give(&Input::Tick { at });
        }
    }

    /// The events since the last call: second, event, subject, state, priority, page, reason.
    fn said(&mut self) -> Vec<String> {
        let events = &self.events[self.told..];
        let lines = events.iter().map(|event| {
            let mut line = format!(
                "{} {} {} {} {} {}",
                (event.processed_time - START) / SECOND,
                event.event,
                event.rule_id,
                event.subject,
                event.state,
                event.priority
            );
            if event.page {
                line.push_str(" page");
            }
            if let Some(reason) = event.reason {
                line.push_str(&format!(" {reason}"));
            }
            line
        });
        let lines = lines.collect();
        self.told = self.events.len();
        lines
    }

    fn last(&self) -> &AlertEvent {
        self.events.last().expect("an event")
    }
}

#[test]
fn an_alarm_is_one_alert_from_its_start_to_its_end() {
    let mut ward = ward();
    use Presence::{Latched, Over, Present};
    ward.alarm(1, alarm(0, Present, Priority::Medium));
    assert_eq!(
        ward.last().message,
        "Monitor alarm: SpO2 low, Oxygen saturation (pulse oximetry) 84 %, limits 90-100"
    );
    ward.alarm(1, alarm(0, Present, Priority::Medium));
    ward.alarm(11 * SECOND, alarm(10 * SECOND, Present, Priority::Medium));
    ward.alarm(21 * SECOND, alarm(20 * SECOND, Present, Priority::High));
    let mut paused = alarm(25 * SECOND, Present, Priority::High);
    paused.inactivation = Some("audio-paused".into());
    ward.alarm(25 * SECOND, paused);
    assert!(
        ward.last()
            .message
            .ends_with("; on the monitor: audio paused")
    );
    ward.alarm(31 * SECOND, alarm(30 * SECOND, Latched, Priority::High));
    ward.alarm(41 * SECOND, alarm(40 * SECOND, Over, Priority::High));
    ward.alarm(42 * SECOND, alarm(40 * SECOND, Over, Priority::High));
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active medium page",
            "21 worsened monitor:MDC_EVT_LO Patient/p1 active high page",
            "25 corrected monitor:MDC_EVT_LO Patient/p1 active high",
            "31 recovering monitor:MDC_EVT_LO Patient/p1 recovering high",
            "41 resolved monitor:MDC_EVT_LO Patient/p1 resolved high cleared",
        ]
    );
    let ids: std::collections::HashSet<_> =
        ward.events.iter().map(|event| &event.alert_id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ward.last().ended, Some(START + 40 * SECOND));
    assert_eq!(ward.engine.open_alerts(), 0);
    // The same instance begins once more: another episode.
    ward.alarm(61 * SECOND, alarm(60 * SECOND, Present, Priority::High));
    assert_ne!(ward.events[0].alert_id, ward.last().alert_id);
}

#[test]
fn late_messages_never_page_and_a_current_one_does_once() {
    let mut ward = ward();
    ward.alarm(30 * MINUTE, alarm(0, Presence::Present, Priority::High));
    ward.alarm(
        30 * MINUTE + SECOND,
        alarm(29 * MINUTE, Presence::Present, Priority::High),
    );
    ward.alarm(
        30 * MINUTE + 2 * SECOND,
        alarm(30 * MINUTE, Presence::Present, Priority::High),
    );
    assert_eq!(
        ward.said(),
        [
            "1800 raised monitor:MDC_EVT_LO Patient/p1 active high",
            "1801 worsened monitor:MDC_EVT_LO Patient/p1 active high page",
        ]
    );
}

#[test]
fn an_end_that_overtakes_its_start_leaves_nothing_open() {
    let mut ward = ward();
    ward.alarm(
        20 * SECOND,
        alarm(20 * SECOND, Presence::Over, Priority::High),
    );
    ward.alarm(21 * SECOND, alarm(0, Presence::Present, Priority::High));
    ward.alarm(22 * SECOND, alarm(0, Presence::Present, Priority::High));
    assert_eq!(
        ward.said(),
        [
            "21 raised monitor:MDC_EVT_LO Patient/p1 resolved high",
            "21 resolved monitor:MDC_EVT_LO Patient/p1 resolved high cleared",
        ]
    );
    assert_eq!(ward.last().onset, START);
    assert_eq!(ward.last().ended, Some(START + 20 * SECOND));
}

#[test]
fn a_start_that_was_overtaken_moves_the_onset_back() {
    let mut ward = ward();
    ward.alarm(
        20 * SECOND,
        alarm(20 * SECOND, Presence::Present, Priority::High),
    );
    ward.alarm(21 * SECOND, alarm(0, Presence::Present, Priority::High));
    ward.alarm(22 * SECOND, alarm(0, Presence::Present, Priority::High));
    assert_eq!(
        ward.said(),
        [
            "20 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "21 corrected monitor:MDC_EVT_LO Patient/p1 active high",
        ]
    );
    assert_eq!(ward.last().onset, START);
}

#[test]
fn demonstration_alarms_nobody_and_no_priority_pages_nobody() {
    let mut ward = ward();
    let mut staged = alarm(0, Presence::Present, Priority::High);
    staged.staged = true;
    ward.alarm(0, staged);
    assert!(ward.said().is_empty());
    assert_eq!(ward.engine.stats().staged_alarms, 1);
    ward.alarm(SECOND, alarm(SECOND, Presence::Present, Priority::Info));
    assert_eq!(
        ward.said(),
        ["1 raised monitor:MDC_EVT_LO Patient/p1 active info"]
    );
}

#[test]
fn technical_alarms_and_those_of_nobody_are_the_devices() {
    let mut ward = ward();
    let mut technical = alarm(0, Presence::Present, Priority::Low);
    technical.class = Class::Technical;
    ward.alarm(0, technical);
    let mut nobody = alarm(0, Presence::Moment, Priority::Medium);
    nobody.patient = None;
    nobody.source = None;
    ward.alarm(0, nobody);
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Device/m1 active low page",
            "0 raised monitor:MDC_EVT_LO Device/m1 resolved medium page",
            "0 resolved monitor:MDC_EVT_LO Device/m1 resolved medium cleared",
        ]
    );
    assert_ne!(ward.events[0].alert_id, ward.events[1].alert_id);
}

#[test]
fn the_next_instance_ends_the_one_before() {
    let mut ward = ward();
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    let mut next = alarm(MINUTE, Presence::Present, Priority::High);
    next.instance = Some("8".into());
    ward.alarm(MINUTE, next);
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "60 resolved monitor:MDC_EVT_LO Patient/p1 resolved high cleared",
            "60 raised monitor:MDC_EVT_LO Patient/p1 active high page",
        ]
    );
}

#[test]
fn an_alert_ends_with_the_stay_and_with_attribution() {
    let mut ward = ward();
    let stay = |until| Assignment {
        device: "m1".into(),
        device_user: None,
        patient: "p1".into(),
        from: START - MINUTE,
        until,
        at: START,
    };
    ward.give(&Input::Assignment(stay(None)));
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    ward.give(&Input::Assignment(stay(Some(START + 5 * MINUTE))));
    ward.wait(6 * MINUTE);
    let mut other = alarm(7 * MINUTE, Presence::Present, Priority::High);
    other.patient = None;
    ward.alarm(7 * MINUTE, other);
    ward.alarm(
        8 * MINUTE,
        alarm(8 * MINUTE, Presence::Present, Priority::High),
    );
    ward.give(&Input::Reattributed(Reattributed {
        device: "m1".into(),
        former: "p1".into(),
        from: START,
        until: None,
        at: START + 9 * MINUTE,
    }));
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "300 resolved monitor:MDC_EVT_LO Patient/p1 resolved high unassigned",
            "420 raised monitor:MDC_EVT_LO Device/m1 active high page",
            "480 resolved monitor:MDC_EVT_LO Device/m1 resolved high reattributed",
            "480 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "540 resolved monitor:MDC_EVT_LO Patient/p1 resolved high reattributed",
        ]
    );
}

#[test]
fn an_alarm_that_goes_on_at_another_patient_is_told_to_those_of_that_patient() {
    let mut ward = ward();
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    let at = |time, presence| {
        let mut other = alarm(time, presence, Priority::High);
        other.patient = Some("p2".into());
        other
    };
    ward.alarm(MINUTE, at(MINUTE, Presence::Present));
    ward.alarm(2 * MINUTE, at(2 * MINUTE, Presence::Present));
    ward.alarm(3 * MINUTE, at(3 * MINUTE, Presence::Over));
    ward.alarm(
        4 * MINUTE,
        alarm(4 * MINUTE, Presence::Present, Priority::High),
    );
    // Long ago: nobody.
    ward.alarm(30 * MINUTE, at(5 * MINUTE, Presence::Present));
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "60 resolved monitor:MDC_EVT_LO Patient/p1 resolved high reattributed",
            "60 raised monitor:MDC_EVT_LO Patient/p2 active high page",
            "180 resolved monitor:MDC_EVT_LO Patient/p2 resolved high cleared",
            "240 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "1800 resolved monitor:MDC_EVT_LO Patient/p1 resolved high reattributed",
            "1800 raised monitor:MDC_EVT_LO Patient/p2 active high",
        ]
    );
}

#[test]
fn people_act_on_a_monitors_alarm_as_on_any_alert() {
    let mut ward = ward();
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    let alert_id = ward.last().alert_id.clone();
    let act = |kind, at| {
        Input::Action(Action {
            alert_id: alert_id.clone(),
            kind,
            by: "nurse".into(),
            at: START + at,
            note: None,
        })
    };
    ward.give(&act(
        ActionKind::Silence {
            until: START + 2 * MINUTE,
        },
        MINUTE,
    ));
    assert_eq!(ward.last().silenced_until, Some(START + 2 * MINUTE));
    ward.wait(3 * MINUTE);
    ward.give(&act(ActionKind::Acknowledge, 4 * MINUTE));
    ward.give(&act(ActionKind::Acknowledge, 5 * MINUTE));
    assert_eq!(
        ward.said(),
        [
            "0 raised monitor:MDC_EVT_LO Patient/p1 active high page",
            "60 silenced monitor:MDC_EVT_LO Patient/p1 active high",
            "120 silenced monitor:MDC_EVT_LO Patient/p1 active high page",
            "240 acknowledged monitor:MDC_EVT_LO Patient/p1 active high",
        ]
    );
    assert_eq!(ward.last().acknowledged_by.as_deref(), Some("nurse"));
}

#[test]
fn a_monitor_that_falls_silent_leaves_no_alert_for_ever() {
    let mut ward = ward();
    ward.restart = false;
    ward.alarm(0, alarm(0, Presence::Present, Priority::High));
    ward.wait(26 * 60 * MINUTE);
    let said = ward.said();
    assert!(said[1].ends_with("resolved high stale"), "{said:?}");
    assert_eq!(ward.engine.open_alerts(), 0);
}

#[test]
fn conditions_of_a_device_are_bounded() {
    let mut ward = ward();
    ward.restart = false;
    for number in 0..1_000 {
        let mut one = alarm(number, Presence::Present, Priority::Low);
        one.event = format!("event-{number}");
        ward.alarm(number, one);
    }
    assert_eq!(ward.engine.open_alerts(), 256);
}

fn health(at: i64) -> GatewayReport {
    GatewayReport {
        gateway: "g1".into(),
        at: START + at,
        synchronized: Some(true),
        clock_offset: Some(1_000),
        spool_percent: Some(1),
        spool_age: Some(0),
        spool_full: Some(false),
        dropped: Some(0),
        boot: Some("b1".into()),
        devices: Some(vec![("d1".into(), "connected".into())]),
        ..GatewayReport::default()
    }
}

fn lost(at: i64) -> GatewayReport {
    GatewayReport {
        gateway: "g1".into(),
        at: START + at,
        presence: GatewayPresence::Offline,
        reason: Some("connection lost".into()),
        ..GatewayReport::default()
    }
}

#[test]
fn a_gateway_without_health_is_silent_and_one_that_comes_back_is_not() {
    let mut ward = ward();
    ward.give(&Input::Gateway(health(0)));
    ward.give(&Input::Gateway(health(MINUTE)));
    ward.wait(5 * MINUTE);
    ward.give(&Input::Gateway(health(6 * MINUTE)));
    ward.give(&Input::Gateway(lost(7 * MINUTE)));
    ward.wait(8 * MINUTE);
    ward.give(&Input::Gateway(health(9 * MINUTE)));
    // A restart takes less than the time allowed for it.
    ward.give(&Input::Gateway(lost(10 * MINUTE)));
    ward.give(&Input::Gateway(health(10 * MINUTE + 5 * SECOND)));
    ward.wait(12 * MINUTE);
    assert_eq!(
        ward.said(),
        [
            "240 raised gateway:silent Gateway/g1 active medium page",
            "360 resolved gateway:silent Gateway/g1 resolved medium cleared",
            "450 raised gateway:silent Gateway/g1 active medium page",
            "540 resolved gateway:silent Gateway/g1 resolved medium cleared",
        ]
    );
    assert_eq!(
        ward.events[2].message,
        "Gateway g1 is silent: connection lost"
    );
    assert_eq!(ward.events[2].onset, START + 7 * MINUTE + 15 * SECOND);
}

#[test]
fn a_server_that_was_down_calls_no_gateway_silent() {
    let mut ward = ward();
    ward.give(&Input::Gateway(health(0)));
    ward.wait(2 * MINUTE);
    ward.give(&Input::Tick {
        at: START + 60 * MINUTE,
    });
    ward.wait(62 * MINUTE);
    assert!(ward.said().is_empty());
    ward.wait(64 * MINUTE);
    assert_eq!(
        ward.said(),
        ["3780 raised gateway:silent Gateway/g1 active medium page"]
    );
}

#[test]
fn clock_spool_and_devices_are_told_and_well_again() {
    let mut ward = ward();
    ward.give(&Input::Gateway(GatewayReport {
        clock_offset: Some(-90 * SECOND),
        spool_percent: Some(93),
        devices: Some(vec![("d1".into(), "bond-lost".into())]),
        ..health(0)
    }));
    ward.give(&Input::Gateway(GatewayReport {
        synchronized: Some(false),
        dropped: Some(40),
        devices: Some(vec![("d1".into(), "bond-lost".into())]),
        ..health(MINUTE)
    }));
    ward.give(&Input::Gateway(GatewayReport {
        dropped: Some(40),
        ..health(2 * MINUTE)
    }));
    assert_eq!(
        ward.said(),
        [
            "0 raised gateway:clock Gateway/g1 active low page",
            "0 raised gateway:spool Gateway/g1 active low page",
            "0 raised gateway:device Gateway/g1 active low page",
            "60 worsened gateway:spool Gateway/g1 active medium page",
            "120 resolved gateway:clock Gateway/g1 resolved low cleared",
            "120 resolved gateway:spool Gateway/g1 resolved medium cleared",
            "120 resolved gateway:device Gateway/g1 resolved low cleared",
        ]
    );
    let messages: Vec<&str> = ward.events.iter().map(|event| &*event.message).collect();
    assert_eq!(
        messages[..4],
        [
            "Gateway g1 has its clock 1m 30s behind",
            "Gateway g1 has a spool 93 % full",
            "Gateway g1 says of device d1: bond lost",
            "Gateway g1 has dropped 40 readings; it is worse than before",
        ]
    );
    assert_eq!(ward.events[2].device_id.as_deref(), Some("d1"));
}

#[test]
fn what_is_not_watched_or_retired_resolves() {
    let mut ward = ward();
    ward.give(&Input::Gateway(lost(0)));
    ward.wait(MINUTE);
    let limits = GatewayLimits {
        watch: false,
        ..GatewayLimits::default()
    };
    let off = Input::GatewayLimits {
        at: START + MINUTE,
        limits,
    };
    ward.give(&off);
    ward.wait(2 * MINUTE);
    let on = Input::GatewayLimits {
        at: START + 2 * MINUTE,
        limits: GatewayLimits::default(),
    };
    ward.give(&on);
    ward.give(&Input::Gateway(GatewayReport {
        presence: GatewayPresence::Retired,
        ..health(3 * MINUTE)
    }));
    ward.wait(10 * MINUTE);
    assert_eq!(
        ward.said(),
        [
            "30 raised gateway:silent Gateway/g1 active medium page",
            "60 resolved gateway:silent Gateway/g1 resolved medium rule-removed",
            "120 raised gateway:silent Gateway/g1 active medium page",
            "180 resolved gateway:silent Gateway/g1 resolved medium not-applicable",
        ]
    );
}
