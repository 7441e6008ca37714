//! A Record Access Control Point (0x2A52): report, count, delete and abort over stored records, in the forms of the
//! glucose service (sequence numbers), CGM (time offsets), pulse oximeter (all or none) and generic health sensor
//! (record numbers of 32 bits). Pure: what is written comes in, what is to be sent comes out.

use std::collections::VecDeque;

/// The filter and widths of one service's control point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Filter type 1 with 16 bits: glucose's sequence number, CGM's time offset.
    Short,
    /// Filter type 1 with 32 bits, counts of 32 bits: generic health sensor.
    Long,
    /// Operator "all" alone: pulse oximeter.
    AllOnly,
}

/// One stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Sequence number, time offset or record number.
    pub key: u32,
    /// What reports it: characteristic and bytes, in order.
    pub pdus: Vec<(u16, Vec<u8>)>,
}

/// What the device does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes on this characteristic.
    Send(u16, Vec<u8>),
    /// Drops the link.
    Drop,
    /// Says nothing more, as if it had hung.
    Silence,
}

/// The records and what is to go wrong with them.
#[derive(Debug, Clone)]
pub struct Records {
    form: Form,
    records: Vec<Record>,
    faults: VecDeque<Trouble>,
    deleted: bool,
}

/// What goes wrong in one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The link drops after this many records.
    DropAfter(usize),
    /// It falls silent after this many records.
    SilentAfter(usize),
    /// It answers with this result code and reports nothing.
    Refuse(u8),
}

const SUCCESS: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const INVALID_OPERATOR: u8 = 3;
const OPERATOR_NOT_SUPPORTED: u8 = 4;
const INVALID_OPERAND: u8 = 5;
const NO_RECORDS: u8 = 6;
const OPERAND_NOT_SUPPORTED: u8 = 9;
const RACP: u16 = 0x2A52;

impl Records {
    /// Over records in the order of their keys.
    pub fn new(form: Form, records: Vec<Record>) -> Self {
        Self {
            form,
            records,
            faults: VecDeque::new(),
            deleted: false,
        }
    }

    /// What goes wrong in the reports to come, one each; after these nothing does.
    #[must_use]
    pub fn troubles(mut self, troubles: &[Trouble]) -> Self {
        self.faults.extend(troubles);
        self
    }

    /// One more record.
    pub fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Others instead, as after a change of battery.
    pub fn replace(&mut self, records: Vec<Record>) {
        self.records = records;
    }

    /// How many are stored.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether anybody asked to delete records.
    pub fn deleted(&self) -> bool {
        self.deleted
    }

    /// What the device does after `request` was written.
    pub fn write(&mut self, request: &[u8]) -> Vec<Step> {
        let [code, operator, operand @ ..] = request else {
            return vec![response(
                request.first().copied().unwrap_or(0),
                INVALID_OPERAND,
            )];
        };
        let code = *code;
        if code == 3 {
            // The reports of an aborted procedure stop because another write came in.
            return vec![response(3, SUCCESS)];
        }
        if !matches!(code, 1 | 2 | 4 | 7) || (code == 7 && self.form != Form::Long) {
            return vec![response(code, NOT_SUPPORTED)];
        }
        let chosen = match self.choose(*operator, operand) {
            Ok(chosen) => chosen,
            Err(fault) => return vec![response(code, fault)],
        };
        match code {
            2 => {
                self.deleted = true;
                self.records.retain(|record| !chosen.contains(record));
                vec![response(
                    2,
                    if chosen.is_empty() {
                        NO_RECORDS
                    } else {
                        SUCCESS
                    },
                )]
            }
            4 => {
                let mut pdu = vec![5, 0];
                let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
                let width = if self.form == Form::Long { 4 } else { 2 };
                pdu.extend(count.to_le_bytes().iter().take(width));
                vec![Step::Send(RACP, pdu)]
            }
            _ => self.report(code, &chosen),
        }
    }

    fn report(&mut self, code: u8, chosen: &[Record]) -> Vec<Step> {
        let trouble = self.faults.pop_front().unwrap_or(Trouble::None);
        if let Trouble::Refuse(result) = trouble {
            return vec![response(code, result)];
        }
        if chosen.is_empty() {
            return vec![response(code, NO_RECORDS)];
        }
        let (most, end) = match trouble {
            Trouble::DropAfter(most) => (most, Some(Step::Drop)),
            Trouble::SilentAfter(most) => (most, Some(Step::Silence)),
            _ => (chosen.len(), None),
        };
        let mut steps: Vec<Step> = chosen
            .iter()
            .take(most)
            .flat_map(|record| &record.pdus)
            .map(|(uuid, bytes)| Step::Send(*uuid, bytes.clone()))
            .collect();
        steps.push(end.unwrap_or_else(|| match code {
            7 => {
                let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
                let mut pdu = vec![8, 0];
                pdu.extend(count.to_le_bytes());
                Step::Send(RACP, pdu)
            }
            _ => response(code, SUCCESS),
        }));
        steps
    }

    /// The records that operator and operand name, or the result code that says why not.
    fn choose(&self, operator: u8, operand: &[u8]) -> Result<Vec<Record>, u8> {
        if self.form == Form::AllOnly && operator != 1 {
            return Err(OPERATOR_NOT_SUPPORTED);
        }
        let (from, to) = match operator {
            1 | 5 | 6 if !operand.is_empty() => return Err(INVALID_OPERAND),
            1 | 5 | 6 => (0, u32::MAX),
            2 => (0, self.keys::<1>(operand)?[0]),
            3 => (self.keys::<1>(operand)?[0], u32::MAX),
            4 => {
                let [from, to] = self.keys::<2>(operand)?;
                if from > to {
                    return Err(INVALID_OPERAND);
                }
                (from, to)
            }
            0 => return Err(INVALID_OPERATOR),
            _ => return Err(OPERATOR_NOT_SUPPORTED),
        };
        let mut chosen: Vec<Record> = self
            .records
            .iter()
            .filter(|record| (from..=to).contains(&record.key))
            .cloned()
            .collect();
        match operator {
            5 => chosen.truncate(1),
            6 => chosen = chosen.pop().into_iter().collect(),
            _ => {}
        }
        Ok(chosen)
    }

    fn keys<const N: usize>(&self, operand: &[u8]) -> Result<[u32; N], u8> {
        let (filter, rest) = operand.split_first().ok_or(INVALID_OPERAND)?;
        if *filter != 1 {
            return Err(OPERAND_NOT_SUPPORTED);
        }
        let width = if self.form == Form::Long { 4 } else { 2 };
        if rest.len() != N * width {
            return Err(INVALID_OPERAND);
        }
        let mut keys = [0; N];
        for (key, bytes) in keys.iter_mut().zip(rest.chunks(width)) {
            *key = bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u32::from(*byte));
        }
        Ok(keys)
    }
}

fn response(request: u8, result: u8) -> Step {
    Step::Send(RACP, vec![6, 0, request, result])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Records {
        let record = |key: u32| Record {
            key,
            pdus: vec![(0x2A18, vec![u8::try_from(key).expect("small")])],
        };
        Records::new(Form::Short, (1..=5).map(record).collect())
    }

    fn sent(steps: &[Step]) -> Vec<u8> {
        let last = |step: &Step| match step {
            Step::Send(0x2A18, bytes) => bytes.first().copied(),
            _ => None,
        };
        steps.iter().filter_map(last).collect()
    }

    #[test]
    fn reports_what_is_asked_for() {
        let mut records = five();
        assert_eq!(sent(&records.write(&[1, 1])), [1, 2, 3, 4, 5]);
        assert_eq!(sent(&records.write(&[1, 3, 1, 4, 0])), [4, 5]);
        assert_eq!(sent(&records.write(&[1, 4, 1, 2, 0, 3, 0])), [2, 3]);
        assert_eq!(sent(&records.write(&[1, 5])), [1]);
        assert_eq!(sent(&records.write(&[1, 6])), [5]);
        assert_eq!(records.write(&[4, 1]), [Step::Send(RACP, vec![5, 0, 5, 0])]);
        assert_eq!(records.write(&[1, 3, 1, 9, 0]), [response(1, NO_RECORDS)]);
        assert_eq!(
            records.write(&[1, 3, 2, 9, 0]),
            [response(1, OPERAND_NOT_SUPPORTED)]
        );
        assert_eq!(records.write(&[9, 1]), [response(9, NOT_SUPPORTED)]);
    }

    #[test]
    fn troubles_come_one_a_report() {
        let mut records = five().troubles(&[Trouble::DropAfter(2), Trouble::Refuse(8)]);
        let steps = records.write(&[1, 1]);
        assert_eq!(
            (sent(&steps), steps.last()),
            (vec![1, 2], Some(&Step::Drop))
        );
        assert_eq!(records.write(&[1, 1]), [response(1, 8)]);
        assert_eq!(sent(&records.write(&[1, 1])).len(), 5);
    }
}
