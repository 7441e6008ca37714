//! The engine: inputs of the log in, alert events out.

mod absence;
mod actions;
pub(crate) mod alert;
mod asking;
mod attributes;
mod buffer;
mod cells;
mod checkpoint;
mod clock;
mod context;
mod device_clock;
mod exact;
mod fold;
mod gateway;
mod hash;
mod lane;
mod limits;
mod message;
mod monitor;
mod pending;
mod plan;
mod reload;
mod row;
mod rows;
mod signal;
mod silence;
mod slim;
mod standing;
mod state;
mod threshold;
mod units;

use crate::{AlertEvent, Assignment, Input, PatientAttributes, Subject};
use context::{Context, Key, Purpose};
use plan::Kind;
use state::{Groups, Stay};
use std::sync::Arc;
use wardline_normalize::columns::Columns;
use wardline_normalize::time::Micros;

pub(crate) use alert::exact_option;
pub use checkpoint::Error;
pub use context::Stats;
pub use pending::Pending;

/// Key groups: the unit of parallelism in one process, of distribution among several (design section 4.7).
pub const KEY_GROUPS: u8 = 128;

/// The key group of a subject: stable over versions and machines.
#[must_use]
pub fn key_group(subject: &Subject) -> u8 {
    match subject {
        Subject::Patient(id) => key_group_of(Kind::Patient, id),
        Subject::Device(id) | Subject::Gateway(id) => key_group_of(Kind::Device, id),
    }
}

/// xxh3 of the id, seeded by the kind of subject.
fn key_group_of(kind: Kind, id: &str) -> u8 {
    let seed = match kind {
        Kind::Patient => 1,
        Kind::Device => 2,
    };
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), seed);
    (hash % u64::from(KEY_GROUPS)) as u8
}

/// Rules and their state. A deterministic function of its inputs; see the crate's front page.
#[derive(Debug, Default)]
pub struct Engine {
    groups: Groups,
    ctx: Context,
    monitors: monitor::Monitors,
    gateways: gateway::Gateways,
    standing: standing::Standings,
}

impl Engine {
    /// An engine without rules: the first input is usually [`Input::RuleSet`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the record at log position `seq` and appends what follows from it to `out`. Several inputs may share a
    /// position; their events are numbered on.
    pub fn apply(&mut self, seq: u64, input: &Input<'_>, out: &mut Vec<AlertEvent>) {
        self.position_is(seq);
        self.ctx.idle_until = Micros::MIN;
        std::mem::swap(&mut self.ctx.out, out);
        match input {
            Input::Readings(batch) => self.readings(batch),
            Input::Tick { at } => self.advance(*at),
            Input::Assignment(assignment) => {
                self.assignment(assignment);
                self.alarms_assignment(assignment);
            }
            Input::Patient(attributes) => self.patient(attributes),
            Input::RuleSet { at, rules } => {
                self.advance(*at);
                self.activate(Arc::clone(rules));
            }
            Input::Action(action) => self.action(action),
            Input::Reattributed(moved) => {
                self.reattributed(moved);
                self.alarms_reattributed(moved);
            }
            Input::Alarms { at, alarms } => self.alarms(*at, alarms),
            Input::Gateway(report) => self.gateway(report),
            Input::GatewayLimits { at, limits } => self.gateway_limits(*at, limits),
            Input::Silence(silence) => self.silence(silence),
            Input::Limit(change) => self.limit(change),
        }
        std::mem::swap(&mut self.ctx.out, out);
    }

    /// One row as a record of its own.
    pub(crate) fn apply_row(
        &mut self,
        seq: u64,
        columns: &Columns<'_>,
        row: usize,
        out: &mut Vec<AlertEvent>,
    ) {
        self.position_is(seq);
        std::mem::swap(&mut self.ctx.out, out);
        let plan = Arc::clone(&self.ctx.plan);
        self.row(&plan, columns, row);
        std::mem::swap(&mut self.ctx.out, out);
    }

    fn position_is(&mut self, seq: u64) {
        if seq != self.ctx.seq {
            self.ctx.seq = seq;
            self.ctx.ordinal = 0;
        }
    }

    /// Log position of the last input.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.ctx.seq
    }

    /// The log clock.
    #[must_use]
    pub fn clock(&self) -> Micros {
        self.ctx.clock
    }

    /// When the passing of time alone may have an effect next; a replay ticks then.
    #[must_use]
    pub fn next_due(&self) -> Option<Micros> {
        let timer = self.ctx.timers.first().map(|timer| timer.at);
        [timer, self.standing_due()].into_iter().flatten().min()
    }

    /// Version of the rule set in force.
    #[must_use]
    pub fn rule_version(&self) -> &str {
        self.ctx.plan.set.version()
    }

    /// The rule set in force.
    #[must_use]
    pub fn rules(&self) -> &Arc<crate::RuleSet> {
        &self.ctx.plan.set
    }

    /// What could not be used so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.ctx.stats
    }

    /// Patients and devices with state.
    #[must_use]
    pub fn subjects(&self) -> usize {
        self.groups.len()
    }

    /// Alerts that are open.
    #[must_use]
    pub fn open_alerts(&self) -> usize {
        self.ctx.open.len() + self.standing.len()
    }

    fn assignment(&mut self, assignment: &Assignment) {
        self.advance(assignment.at);
        let clock = self.ctx.clock;
        let device = self.groups.entry(Kind::Device, &assignment.device);
        let stay = Stay {
            user: assignment.device_user.clone(),
            patient: assignment.patient.clone(),
            from: assignment.from,
            until: assignment.until,
        };
        let known = device.stays.iter_mut().find(|known| {
            known.user == stay.user && known.patient == stay.patient && known.from == stay.from
        });
        match known {
            Some(known) => known.until = stay.until,
            None => device.stays.push(stay),
        }
        device
            .stays
            .retain(|stay| stay.until.is_none_or(|until| until > clock));
        device.heard = clock;
        let key = Key {
            kind: Kind::Device,
            id: Arc::clone(&device.id),
        };
        for at in [Some(assignment.from), assignment.until]
            .into_iter()
            .flatten()
        {
            if at > clock {
                self.ctx.timer(at, Purpose::Assignment, 0, &key);
            }
        }
        self.ctx.wearer(device);
        absence::assignment_changed(&mut self.ctx, &key, device);
        self.facts_changed();
    }

    fn patient(&mut self, attributes: &PatientAttributes) {
        self.advance(attributes.at);
        let id = attributes.id.clone();
        let known = self.ctx.attributes.insert(id, attributes.clone());
        if let Some(known) = known.filter(|known| known.ward != attributes.ward) {
            let now = self.ctx.clock;
            self.ctx.limits.left(&attributes.id, known.ward, now);
        }
        self.facts_changed();
        let Some(patient) = self.groups.get(Kind::Patient, &attributes.id) else {
            return;
        };
        let key = Key {
            kind: Kind::Patient,
            id: Arc::clone(&patient.id),
        };
        self.ctx.reapply(&key, patient);
        // In another ward, other limits.
        self.hold_limits(&attributes.id, None);
    }
}
