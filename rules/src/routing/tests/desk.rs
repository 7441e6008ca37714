//! A small language: what happens, by the clock of Berlin in 2026, and what the router says, a line each.
//!
//! ```text
//! 11-23 16:30 raise a p1 medium rule=hf-weight    an alert pages
//! 11-23 16:30 & worsen a                          of the same input as the line before
//! 11-23 18:00 wait
//! ```

pub(super) use super::alerts::Alerts;
use crate::routing::{NotificationKind, Outcome, Router, Routing};
use crate::{AlertEvent, Class, EventKind, PatientAttributes, Priority, Reason, State, Subject};
use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::{Europe::Berlin, Tz};
use std::collections::BTreeSet;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// How often the log clock moves.
const TICK: Micros = 60_000_000;

pub(super) fn routing(text: &str) -> Arc<Routing> {
    match Routing::parse(text) {
        Ok(routing) => Arc::new(routing),
        Err(faults) => panic!(
            "{}",
            faults.iter().map(|f| format!("{f}\n")).collect::<String>()
        ),
    }
}

/// `11-23 16:30`, with seconds where needed.
pub(super) fn time(text: &str) -> Micros {
    let full = if text.len() > "11-23 16:30".len() {
        format!("2026-{text}")
    } else {
        format!("2026-{text}:00")
    };
    let shown = NaiveDateTime::parse_from_str(&full, "%Y-%m-%d %H:%M:%S").expect("a time");
    let found = Berlin
        .from_local_datetime(&shown)
        .latest()
        .expect("a time that was");
    found.timestamp_micros()
}

pub(super) fn shown(at: Micros) -> String {
    let utc = DateTime::from_timestamp_micros(at).expect("a time");
    let local: DateTime<Tz> = utc.with_timezone(&Berlin);
    let seconds = local.format("%S").to_string();
    let minutes = local.format("%m-%d %H:%M").to_string();
    if seconds == "00" {
        minutes
    } else {
        format!("{minutes}:{seconds}")
    }
}

/// A router, restarted from its checkpoint after every line.
struct Desk {
    files: Vec<Arc<Routing>>,
    router: Router,
    alerts: Alerts,
    clock: Micros,
    seq: u64,
    said: Vec<String>,
    ids: BTreeSet<String>,
}

impl Desk {
    fn wait(&mut self, until: Micros) {
        while self.clock + TICK < until {
            self.clock += TICK;
            self.seq = self.alerts.next_input();
            let mut out = Vec::new();
            self.router.advance(self.seq, self.clock, &mut out);
            self.say(&out);
        }
    }

    fn give(&mut self, at: Micros, events: &[AlertEvent]) {
        let mut out = Vec::new();
        self.router.take(events, &mut out);
        self.router.advance(self.seq, at, &mut out);
        self.clock = at;
        self.say(&out);
        let bytes = self.router.checkpoint();
        self.router = Router::restore(&bytes).expect("its own checkpoint");
        assert_eq!(bytes, self.router.checkpoint());
    }

    fn say(&mut self, out: &[Outcome]) {
        for outcome in out {
            if let Outcome::Notify(told) = outcome {
                assert_eq!(told.id.len(), 26);
                assert!(self.ids.insert(told.id.clone()), "told twice: {told:?}");
            }
            self.said.push(line(outcome, self.clock));
        }
    }

    fn line(&mut self, at: Micros, words: &[&str]) -> Vec<AlertEvent> {
        let (alerts, id) = (&mut self.alerts, words.get(1).copied().unwrap_or_default());
        let event = match words {
            ["raise", _, patient, priority, rest @ ..] => {
                let priority = Priority::from_word(priority).expect("a priority");
                alerts.raise(at, id, patient, priority);
                alerts.ordinal -= 1;
                alerts.next(
                    at,
                    id,
                    EventKind::Raised,
                    !rest.contains(&"quiet"),
                    |event| {
                        for word in rest {
                            match word.split_once('=') {
                                Some(("rule", rule)) => event.rule_id = rule.to_owned(),
                                Some(("device", device)) => {
                                    event.subject = Subject::Device(device.to_owned());
                                    event.class = Class::Technical;
                                }
                                None if *word == "over" => event.state = State::Resolved,
                                _ => assert_eq!(*word, "quiet"),
                            }
                        }
                    },
                )
            }
            ["worsen", _, rest @ ..] => alerts.next(at, id, EventKind::Worsened, true, |event| {
                if let Some(priority) = rest.first() {
                    event.priority = Priority::from_word(priority).expect("a priority");
                }
            }),
            ["correct", _, priority] => alerts.next(at, id, EventKind::Corrected, false, |event| {
                event.priority = Priority::from_word(priority).expect("a priority");
            }),
            ["ack", _] => alerts.next(at, id, EventKind::Acknowledged, false, |event| {
                event.acknowledged_by = Some("somebody".to_owned());
                event.acknowledged_at = Some(at);
            }),
            ["silence", _, date, clock] => {
                let until = time(&format!("{date} {clock}"));
                alerts.next(at, id, EventKind::Silenced, false, |event| {
                    event.silenced_until = Some(until);
                })
            }
            ["unsilence", _, rest @ ..] => {
                let page = !rest.contains(&"quiet");
                alerts.next(at, id, EventKind::Silenced, page, |event| {
                    event.silenced_until = None;
                })
            }
            ["escalate", _, target] => alerts.next(at, id, EventKind::Escalated, true, |event| {
                event.escalate_to = Some((*target).to_owned());
                event.escalation_level += 1;
            }),
            ["resolve", _] => alerts.next(at, id, EventKind::Resolved, false, |_| {}),
            ["moved", _] => alerts.next(at, id, EventKind::Resolved, false, |event| {
                event.reason = Some(Reason::Reattributed);
            }),
            ["routing", file] => {
                let file = file.parse::<usize>().expect("a number");
                self.router.configure(at, Arc::clone(&self.files[file]));
                return Vec::new();
            }
            ["patient", patient, facts @ ..] => {
                let mut known = PatientAttributes {
                    id: (*patient).to_owned(),
                    at,
                    ..PatientAttributes::default()
                };
                for fact in facts {
                    match fact.split_once('=').expect("what=which") {
                        ("team", team) => known.care_team = Some(team.to_owned()),
                        ("ward", ward) => known.ward = Some(ward.to_owned()),
                        (_, tag) => known.tags.get_or_insert_default().push(tag.to_owned()),
                    }
                }
                self.router.patient(&known);
                return Vec::new();
            }
            ["no-routing"] => {
                self.router.release();
                return Vec::new();
            }
            // This version refuses the file in force.
            ["upgrade"] => {
                let state = String::from_utf8(self.router.checkpoint()).expect("JSON");
                let faulty = state.replace("[[route]]", "[[way]]");
                self.router = Router::restore(faulty.as_bytes()).expect("its state");
                let refused = self.router.refused().expect("a reason");
                assert!(refused.contains("way"), "{refused}");
                return Vec::new();
            }
            // A router without state follows an engine that has some.
            ["seed", open @ ..] => {
                self.router = Router::default();
                let open = open.iter().filter_map(|id| alerts.get(id));
                self.router.seed(open.cloned());
                return Vec::new();
            }
            ["anew"] => {
                self.router.begin_anew();
                return Vec::new();
            }
            ["wait"] => return Vec::new(),
            _ => panic!("what is {words:?}?"),
        };
        vec![event]
    }
}

fn line(outcome: &Outcome, at: Micros) -> String {
    match outcome {
        Outcome::Notify(told) => {
            let alerts: Vec<&str> = told
                .alerts
                .iter()
                .map(|event| event.alert_id.as_str())
                .collect();
            let who = told
                .recipient
                .as_ref()
                .map_or(String::new(), |who| format!("{who}/"));
            let over = if told.kind != NotificationKind::Resolved
                && told
                    .alerts
                    .iter()
                    .all(|event| event.state == State::Resolved)
            {
                " over"
            } else {
                ""
            };
            let (kind, channel, route) = (told.kind, &told.channel, &told.route);
            format!(
                "{} {kind} {}{over} to {who}{channel} by {route}",
                shown(told.at),
                alerts.join("+")
            )
        }
        Outcome::NotWatched {
            alert_id,
            calendar,
            until,
        } => {
            let until = until.map_or("ever".to_owned(), shown);
            format!(
                "{} not-watched {alert_id} {calendar} until {until}",
                shown(at)
            )
        }
        Outcome::Unrouted { alert_id } => format!("{} unrouted {alert_id}", shown(at)),
    }
}

/// What the router says of a timeline, the first file being in force from its beginning.
pub(super) fn run(files: &[&str], timeline: &str) -> (Router, Vec<String>) {
    let mut desk = Desk {
        files: files.iter().map(|text| routing(text)).collect(),
        router: Router::default(),
        alerts: Alerts::default(),
        clock: 0,
        seq: 0,
        said: Vec::new(),
        ids: BTreeSet::new(),
    };
    let lines: Vec<&str> = timeline
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut gathered: Vec<AlertEvent> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = time(&words[..2].join(" "));
        let same = words[2] == "&";
        if !same {
            if desk.clock == 0 {
                desk.clock = at;
                if let Some(file) = desk.files.first() {
                    desk.router.configure(at, Arc::clone(file));
                }
            }
            desk.wait(at);
            desk.seq = desk.alerts.next_input();
        }
        gathered.extend(desk.line(at, &words[if same { 3 } else { 2 }..]));
        let more = lines
            .get(index + 1)
            .is_some_and(|next| next.split_whitespace().nth(2) == Some("&"));
        if !more {
            desk.give(at, &std::mem::take(&mut gathered));
        }
    }
    (desk.router, desk.said)
}

/// Checks what the router says of a timeline.
pub(super) fn check(files: &[&str], timeline: &str, expected: &str) {
    let (_, said) = run(files, timeline);
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(said, expected, "\n{}", said.join("\n"));
}
