//! Rules over recorded readings: the same engine, with the clock that the record carries.

use crate::{AlertEvent, Assignment, Engine, Input, RuleSet};
use arrow_array::{Array, RecordBatch};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wardline_normalize::columns::{Columns, MissingColumn, text};
use wardline_normalize::time::Micros;

/// The clock of a replay moves in steps of at most a minute, as a server's does: silence of the whole record counts
/// as silence of the devices.
const TICK: Micros = 60_000_000;

/// A recording and the rules to try on it.
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    pub rules: Arc<RuleSet>,
    /// Rows with the columns of `wardline_normalize::columns::schema`, in any order: they are taken in order of
    /// `received`, those of one instant in the order given. A record without times of receipt puts `effective` there.
    pub rows: &'a [RecordBatch],
    /// Assignments, patients and other inputs with a time of their own. Without any assignment, a device counts as
    /// assigned to the patient of its rows from its first row on.
    pub inputs: &'a [Input<'a>],
    /// How far the clock goes on after the last row.
    pub until: Option<Micros>,
}

impl Replay<'_> {
    /// Plays the recording and hands each event to `sink`. Positions count from 1.
    ///
    /// # Errors
    /// A batch that lacks a column.
    pub fn run(&self, mut sink: impl FnMut(AlertEvent)) -> Result<(), MissingColumn> {
        let columns: Vec<Columns<'_>> = self
            .rows
            .iter()
            .map(Columns::new)
            .collect::<Result<_, _>>()?;
        let mut order: Vec<(Micros, usize, usize)> = Vec::new();
        for (batch, columns) in columns.iter().enumerate() {
            order.extend((0..columns.len()).map(|row| (columns.received.value(row), batch, row)));
        }
        order.sort_unstable();

        let mut inputs: Vec<&Input<'_>> = self.inputs.iter().collect();
        inputs.sort_by_key(|input| input.at());
        let mut inputs = inputs.into_iter().peekable();
        let told = self
            .inputs
            .iter()
            .any(|input| matches!(input, Input::Assignment(_)));

        let start = order.first().map_or(0, |first| first.0);
        let start = inputs
            .peek()
            .and_then(|input| input.at())
            .map_or(start, |at| at.min(start));
        let mut player = Player {
            engine: Engine::new(),
            seq: 0,
            out: Vec::new(),
            patients: HashMap::new(),
        };
        player.apply(&Input::RuleSet {
            at: start,
            rules: Arc::clone(&self.rules),
        });
        for (received, batch, row) in order {
            while let Some(input) =
                inputs.next_if(|input| input.at().is_none_or(|at| at <= received))
            {
                player.pass(input.at().unwrap_or(start));
                player.apply(input);
            }
            player.pass(received);
            if !told {
                player.assign(&columns[batch], row, received);
            }
            player.seq += 1;
            player
                .engine
                .apply_row(player.seq, &columns[batch], row, &mut player.out);
            player.out.drain(..).for_each(&mut sink);
        }
        for input in inputs {
            player.pass(input.at().unwrap_or(start));
            player.apply(input);
        }
        if let Some(until) = self.until {
            player.pass(until);
            player.apply(&Input::Tick { at: until });
        }
        player.out.drain(..).for_each(&mut sink);
        Ok(())
    }
}

struct Player {
    engine: Engine,
    seq: u64,
    out: Vec<AlertEvent>,
    /// Patient of each device's last row.
    patients: HashMap<String, (String, Micros)>,
}

impl Player {
    fn apply(&mut self, input: &Input<'_>) {
        self.seq += 1;
        self.engine.apply(self.seq, input, &mut self.out);
    }

    /// Moves the clock up to, not onto, the given time; stops wherever something is due.
    fn pass(&mut self, to: Micros) {
        loop {
            let clock = self.engine.clock();
            let due = self
                .engine
                .next_due()
                .filter(|due| *due > clock)
                .unwrap_or(Micros::MAX);
            let next = due.min(clock.saturating_add(TICK));
            if next >= to {
                return;
            }
            self.apply(&Input::Tick { at: next });
        }
    }

    fn assign(&mut self, columns: &Columns<'_>, row: usize, at: Micros) {
        let device = columns.device_id.value(row);
        let Some(patient) = text(columns.patient_id, row) else {
            return;
        };
        let known = self.patients.get(device).cloned();
        if known.as_ref().is_some_and(|(known, _)| known == patient) {
            return;
        }
        let stay = |patient: &str, from: Micros, until: Option<Micros>| {
            let (device, patient) = (device.to_owned(), patient.to_owned());
            Input::Assignment(Assignment {
                device,
                device_user: None,
                patient,
                from,
                until,
                at,
            })
        };
        self.apply(&stay(patient, at, None));
        if let Some((former, from)) = known {
            self.apply(&stay(&former, from, Some(at)));
        }
        self.patients
            .insert(device.to_owned(), (patient.to_owned(), at));
    }
}

/// Days of observation, over all patients: hours with at least one reading, divided by 24.
#[derive(Debug, Clone, Default)]
pub struct Observed(HashSet<(String, Micros)>);

impl Observed {
    /// Takes note of the rows.
    ///
    /// # Errors
    /// A batch that lacks a column.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), MissingColumn> {
        const HOUR: Micros = 3_600_000_000;
        let columns = Columns::new(rows)?;
        let mut last: Option<(&str, Micros)> = None;
        for row in (0..columns.len()).filter(|row| columns.patient_id.is_valid(*row)) {
            let hour = columns.effective.value(row).div_euclid(HOUR);
            let seen = (columns.patient_id.value(row), hour);
            if last != Some(seen) {
                self.0.insert((seen.0.to_owned(), hour));
                last = Some(seen);
            }
        }
        Ok(())
    }

    /// The days so far.
    #[must_use]
    pub fn patient_days(&self) -> f64 {
        self.0.len() as f64 / 24.0
    }
}
