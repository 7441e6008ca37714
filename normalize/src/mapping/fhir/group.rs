//! Which measurements are one Observation (specification 2.2, 2.3).

use super::identity::{self, Segment};
use super::plan::Plan;
use super::{FhirMapping, Input, Options, Problem};
use crate::mapping::Compat;
use crate::mapping::measurement::Measurement;
use crate::mapping::ticks::Ticks;
use crate::time::Micros;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

/// When a measurement was received, and its place in the input: the later wins.
pub(crate) type Stamp = (Micros, u64);

/// The measurements that are one Observation.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    pub(super) plan: &'a Plan,
    pub(super) options: Options,
    pub(super) patient: Option<&'a str>,
    pub(super) device: &'a str,
    pub(super) segment: Segment<'a>,
    pub(super) start: Ticks,
    pub(super) end: Ticks,
    /// The latest receipt.
    pub(super) received: Micros,
    /// Whether a value in it was corrected.
    pub(super) amended: bool,
    /// That of the earliest measurement that names one.
    encounter: Option<(Ticks, Reverse<Stamp>, &'a str)>,
    /// By place of the name, each in order of time, then of receipt.
    pub(super) samples: Vec<Vec<Sample<'a>>>,
    members: Vec<usize>,
    /// Of several values where one may be the latest counts; else they are a problem.
    pub(super) latest: bool,
    /// The latest row whose mapping speaks.
    planned: Stamp,
}

/// A value of a name.
#[derive(Debug, Clone)]
pub(crate) struct Sample<'a> {
    pub(crate) time: Ticks,
    pub(crate) stamp: Stamp,
    /// Index of its measurement.
    pub(crate) member: usize,
    pub(crate) text: Cow<'a, str>,
}

/// Who and when, of a measurement or a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) patient: Option<&'a str>,
    pub(crate) device: &'a str,
    pub(crate) encounter: Option<&'a str>,
    pub(crate) correlation: Option<&'a str>,
    pub(crate) time: Ticks,
    pub(crate) stamp: Stamp,
    pub(crate) amended: bool,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key<'a> {
    patient: Option<&'a str>,
    device: &'a str,
    type_name: &'a str,
    segment: Segment<'a>,
    /// Strict: the concatenation of the names, which then stands for all but the segment.
    joined: Option<String>,
}

/// Groups as they grow, in the order of their first measurements.
#[derive(Debug)]
pub(crate) struct Grouping<'a> {
    groups: Vec<Group<'a>>,
    index: HashMap<Key<'a>, usize>,
    latest: bool,
}

impl<'a> Grouping<'a> {
    /// `latest`: of several values where one may be the latest counts.
    pub(crate) fn new(latest: bool) -> Self {
        Self {
            groups: Vec::new(),
            index: HashMap::new(),
            latest,
        }
    }

    /// Lets the plan of the measurement received last speak for a group. All of a group's are told before the first
    /// is added. Plans of one type name and interval share groups.
    pub(crate) fn prefer(&mut self, plan: &'a Plan, options: Options, frame: Frame<'a>) {
        if let Some(group) = self.open(plan, options, frame, None)
            && frame.stamp > group.planned
        {
            group.planned = frame.stamp;
            group.plan = plan;
            group.options = options;
            group.samples = vec![Vec::new(); plan.names.len()];
        }
    }

    fn open(
        &mut self,
        plan: &'a Plan,
        options: Options,
        frame: Frame<'a>,
        joined: Option<String>,
    ) -> Option<&mut Group<'a>> {
        let time = identity::instant(frame.time, options.compat);
        let segment = identity::segment(plan.template.period, time, frame.correlation)?;
        let named = joined.is_none();
        let key = Key {
            patient: frame.patient.filter(|_| named),
            device: if named { frame.device } else { "" },
            type_name: if named { &plan.template.type_name } else { "" },
            segment,
            joined,
        };
        let index = *self.index.entry(key).or_insert(self.groups.len());
        if index == self.groups.len() {
            let (start, end) = match segment {
                Segment::Window(start, end) => (start, end),
                Segment::Correlation(_) => (time, time),
            };
            self.groups.push(Group {
                plan,
                options,
                patient: frame.patient,
                device: frame.device,
                segment,
                start,
                end,
                received: frame.stamp.0,
                amended: false,
                encounter: None,
                samples: vec![Vec::new(); plan.names.len()],
                members: Vec::new(),
                latest: self.latest,
                planned: frame.stamp,
            });
        }
        self.groups.get_mut(index)
    }

    /// Adds a measurement; `None` when it lacks the correlation id that its template wants. `joined` is the strict
    /// group key.
    pub(crate) fn add(
        &mut self,
        plan: &'a Plan,
        options: Options,
        frame: Frame<'a>,
        member: usize,
        joined: Option<String>,
    ) -> Option<&mut Group<'a>> {
        let group = self.open(plan, options, frame, joined)?;
        let time = identity::instant(frame.time, group.options.compat);
        if matches!(group.segment, Segment::Correlation(_)) {
            group.start = group.start.min(time);
            group.end = group.end.max(time);
        }
        group.received = group.received.max(frame.stamp.0);
        group.amended |= frame.amended;
        if let Some(encounter) = frame.encounter {
            let candidate = (time, Reverse(frame.stamp), encounter);
            group.encounter = Some(match group.encounter {
                Some(known) => known.min(candidate),
                None => candidate,
            });
        }
        group.members.push(member);
        Some(group)
    }

    /// The groups, each with its values in order.
    pub(crate) fn finish(mut self) -> Vec<Group<'a>> {
        for samples in self.groups.iter_mut().flat_map(|group| &mut group.samples) {
            samples.sort_by_key(|sample| (sample.time, sample.stamp));
        }
        self.groups
    }
}

impl<'a> Group<'a> {
    /// Adds the value of a property, if the template reads it. Of several of one name in one measurement the first
    /// counts.
    pub(crate) fn push(&mut self, name: &str, mut sample: Sample<'a>) {
        let Some(samples) = self
            .plan
            .place(name)
            .and_then(|at| self.samples.get_mut(at))
        else {
            return;
        };
        if samples
            .last()
            .is_none_or(|last| last.member != sample.member)
        {
            sample.time = identity::instant(sample.time, self.options.compat);
            samples.push(sample);
        }
    }

    /// Indices of its measurements in the call.
    #[must_use]
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// The value of the Observation's identifier.
    #[must_use]
    pub fn identifier(&self) -> String {
        identity::identifier(
            self.patient,
            self.device,
            &self.plan.template.type_name,
            self.segment,
            self.options.compat,
        )
    }

    /// The Observation's id: SHA-256 of system and value of the identifier.
    #[must_use]
    pub fn id(&self) -> String {
        identity::id(&self.identifier(), self.options.compat)
    }

    pub(super) fn encounter(&self) -> Option<&'a str> {
        self.encounter.map(|(_, _, encounter)| encounter)
    }
}

/// The groups of these measurements, in the order in which their first measurements appear, and the measurements that
/// are in none. `patient` stands for every measurement's own.
#[must_use]
pub fn groups<'a>(
    inputs: &[Input<'a>],
    mapping: &'a FhirMapping,
    patient: Option<&'a str>,
) -> (Vec<Group<'a>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut fitting: Vec<(usize, &Input<'a>, &'a Plan)> = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        match mapping.fitting(&input.measurement) {
            Ok(plan) => fitting.push((index, input, plan)),
            Err(unfit) => problems.push(Problem {
                measurement: index,
                reason: unfit.reason,
                detail: unfit.detail,
            }),
        }
    }
    let options = mapping.options;
    let strict = options.compat == Compat::Strict;
    if strict {
        replace_equal_times(&mut fitting);
    }
    let mut grouping = Grouping::new(!strict);
    for (index, input, plan) in fitting {
        let m = &input.measurement;
        let stamp = (input.received, input.order);
        let stated = |text: Option<&'a str>| text.filter(|text| !text.is_empty());
        let frame = Frame {
            patient: patient.or(stated(m.patient_id)),
            device: m.device_id,
            encounter: stated(m.encounter_id),
            correlation: m.correlation_id,
            time: m.occurrence,
            stamp,
            amended: false,
        };
        let joined = strict.then(|| joined(m));
        if let Some(group) = grouping.add(plan, options, frame, index, joined) {
            for property in m.properties {
                let sample = Sample {
                    time: m.occurrence,
                    stamp,
                    member: index,
                    text: Cow::Borrowed(property.value),
                };
                group.push(property.name, sample);
            }
        }
    }
    (grouping.finish(), problems)
}

/// The original's group key.
fn joined(m: &Measurement<'_>) -> String {
    format!(
        "{}-{}-{}-{}-{}",
        m.device_id,
        m.type_name,
        m.patient_id.unwrap_or_default(),
        m.encounter_id.unwrap_or_default(),
        m.correlation_id.unwrap_or_default()
    )
}

/// Of measurements of one key and time only the last received stays, of those received together the first.
fn replace_equal_times(fitting: &mut Vec<(usize, &Input<'_>, &Plan)>) {
    let mut kept: HashMap<(String, Ticks), (usize, Micros)> = HashMap::new();
    for (index, input, _) in fitting.iter() {
        let key = (joined(&input.measurement), input.measurement.occurrence);
        let best = kept.entry(key).or_insert((*index, input.received));
        if input.received > best.1 {
            *best = (*index, input.received);
        }
    }
    fitting.retain(|(index, input, _)| {
        let key = (joined(&input.measurement), input.measurement.occurrence);
        kept.get(&key).is_some_and(|(best, _)| best == index)
    });
}
