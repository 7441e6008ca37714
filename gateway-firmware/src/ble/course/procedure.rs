//! Fetching stored records by the Record Access Control Point (2A52): a state machine without I/O.
//!
//! ```text
//! nothing known ──> all ─┐
//! last record known ──> from the next on ─┬─ records ──> done
//!                                         └─ none ──> the device's last record ─┬─ ours: done
//!                                                                               └─ before ours: numbers began anew: all
//! ```
//!
//! * A device that is busy (response 10 or ATT 0xFE) is asked again; one that says nothing for the procedure timeout is
//!   told to abort, and the procedure has failed: the next connection goes on after the last stored record.
//! * Deletion is asked for only where configured, up to the last record that is safe on disk, after the download.

use std::time::{Duration, Instant};

/// A device that is busy is asked again after this long, so often.
const BUSY_WAIT: Duration = Duration::from_secs(2);
const BUSY_RETRIES: u32 = 10;

const REPORT: u8 = 1;
const DELETE: u8 = 2;
const ABORT: u8 = 3;
const RESPONSE: u8 = 6;
const COMBINED_REPORT: u8 = 7;
const COMBINED_RESPONSE: u8 = 8;
const NULL: u8 = 0;
const ALL: u8 = 1;
const AT_MOST: u8 = 2;
const AT_LEAST: u8 = 3;
const LAST: u8 = 6;

/// How a service numbers its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// 16 bits: sequence number (glucose) or minutes since the start of the session (CGM).
    Short,
    /// 32 bits: record number (generic health sensor).
    Long,
    /// None: all or nothing (pulse oximeter).
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    From(u32),
    Last,
    All,
    Delete(u32),
    DeleteAll,
    Abort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Written, or about to be.
    Asked(Request),
    Busy {
        request: Request,
        until: Instant,
    },
    Done,
    Failed(&'static str),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    Done,
    Failed(&'static str),
}

/// One download.
#[derive(Debug)]
pub(crate) struct Procedure {
    numbering: Numbering,
    /// Last record that is safe here.
    last: Option<u32>,
    delete: bool,
    limit: Duration,
    state: State,
    /// To be written next.
    write: Option<Request>,
    /// `Report` or `Combined Report`.
    report: u8,
    heard: Instant,
    busy: u32,
    /// Records since the last request, and the highest number of all.
    records: u64,
    newest: Option<u32>,
    anew: bool,
}

impl Procedure {
    pub(crate) fn new(
        numbering: Numbering,
        last: Option<u32>,
        delete: bool,
        limit: Duration,
        now: Instant,
    ) -> Self {
        Self {
            numbering,
            last: last.filter(|_| numbering != Numbering::None),
            delete,
            limit,
            state: State::Start,
            write: None,
            report: REPORT,
            heard: now,
            busy: 0,
            records: 0,
            newest: None,
            anew: false,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        match self.state {
            State::Done => Progress::Done,
            State::Failed(why) => Progress::Failed(why),
            _ => Progress::Running,
        }
    }

    /// Bytes to write to the control point, once each.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        match self.state {
            State::Start => {
                let next = self.last.and_then(|last| last.checked_add(1));
                self.ask(next.map_or(Request::All, Request::From), now);
            }
            State::Busy { request, until } if until <= now => self.ask(request, now),
            State::Asked(request) if now >= self.heard + self.limit => {
                if request == Request::Abort {
                    self.state = State::Failed("the device says nothing");
                } else {
                    self.ask(Request::Abort, now);
                }
            }
            _ => {}
        }
        self.write.take().map(|request| self.bytes(request))
    }

    /// When `next` may have something though nothing came.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asked(_) => Some(self.heard + self.limit),
            State::Busy { until, .. } => Some(until),
            _ => None,
        }
    }

    fn ask(&mut self, request: Request, now: Instant) {
        self.state = State::Asked(request);
        self.write = Some(request);
        self.heard = now;
        self.records = 0;
    }

    fn bytes(&self, request: Request) -> Vec<u8> {
        // Filter type 1: sequence number, time offset or record number (ble.md section 1.2).
        let numbered = |op: u8, operator: u8, number: u32| {
            let mut bytes = vec![op, operator, 1];
            match self.numbering {
                Numbering::Long => bytes.extend(number.to_le_bytes()),
                Numbering::Short | Numbering::None => bytes.extend((number as u16).to_le_bytes()),
            }
            bytes
        };
        match request {
            Request::From(number) => numbered(self.report, AT_LEAST, number),
            Request::Last => vec![self.report, LAST],
            Request::All => vec![self.report, ALL],
            Request::Delete(number) => numbered(DELETE, AT_MOST, number),
            Request::DeleteAll => vec![DELETE, ALL],
            Request::Abort => vec![ABORT, NULL],
        }
    }

    /// A record came, with its number if it has one.
    pub(crate) fn record(&mut self, number: Option<u32>, now: Instant) {
        self.heard = now;
        self.records += 1;
        self.newest = self.newest.max(number);
        if self.state == State::Asked(Request::Last)
            && let (Some(number), Some(last)) = (number, self.last)
            && number < last
        {
            // A new battery, or a reset: the numbers began anew.
            self.last = None;
            self.anew = true;
        }
    }

    /// Highest number of the records that came.
    pub(crate) fn newest(&self) -> Option<u32> {
        self.newest
    }

    /// Whether the device's numbers are below those of before.
    pub(crate) fn began_anew(&self) -> bool {
        self.anew
    }

    /// Whether only the device's last record was asked for: others may be missing before it.
    pub(crate) fn is_probing(&self) -> bool {
        self.state == State::Asked(Request::Last)
    }

    /// The control point refused the write: the ATT error code, where bluetoothd told it.
    pub(crate) fn refused(&mut self, code: Option<u8>, now: Instant) {
        let State::Asked(request) = self.state else {
            return;
        };
        match code {
            // Procedure already in progress: ours of before, or another client's.
            Some(0xFE) => self.wait(request, now),
            _ if matches!(request, Request::Delete(_) | Request::DeleteAll) => {
                self.state = State::Done
            }
            Some(0xFD) => self.state = State::Failed("the control point is not subscribed to"),
            _ => self.state = State::Failed("the control point refused"),
        }
    }

    fn wait(&mut self, request: Request, now: Instant) {
        self.busy += 1;
        self.state = if self.busy > BUSY_RETRIES {
            State::Failed("the device stays busy")
        } else {
            State::Busy {
                request,
                until: now + BUSY_WAIT,
            }
        };
    }

    /// The control point indicated something.
    pub(crate) fn indicated(&mut self, bytes: &[u8], now: Instant) {
        let State::Asked(request) = self.state else {
            return;
        };
        self.heard = now;
        match *bytes {
            [RESPONSE, NULL, _, code] => self.responded(request, code, now),
            // How many records a combined report sent; their coming is the proof.
            [COMBINED_RESPONSE, NULL, ..] => self.responded(request, 1, now),
            _ => {}
        }
    }

    fn responded(&mut self, request: Request, code: u8, now: Instant) {
        match (request, code) {
            (Request::Abort, _) => {
                self.state = State::Failed("the device said nothing for too long")
            }
            (_, 10) => self.wait(request, now),
            (Request::Delete(_) | Request::DeleteAll, code) => {
                if code != 1 && code != 6 {
                    tracing::warn!(code, "the device did not delete its records");
                }
                self.state = State::Done;
            }
            (Request::Last, 1) if self.last.is_none() => self.ask(Request::All, now),
            (Request::Last, _) => self.downloaded(now),
            // Nothing from there on: either nothing new, or the numbers began anew.
            (Request::From(_), 6) => self.ask(Request::Last, now),
            // It cannot filter by number.
            (Request::From(_), 3 | 4 | 5 | 9) => self.ask(Request::All, now),
            (_, 2) if self.report == REPORT => {
                self.report = COMBINED_REPORT;
                self.ask(request, now);
            }
            (_, 1 | 6) => self.downloaded(now),
            _ => self.state = State::Failed("the device refused the procedure"),
        }
    }

    fn downloaded(&mut self, now: Instant) {
        let safe = self.newest.max(self.last);
        match (self.delete, self.numbering, safe) {
            (true, Numbering::None, _) if self.records > 0 => self.ask(Request::DeleteAll, now),
            (true, Numbering::Short | Numbering::Long, Some(number)) if self.newest.is_some() => {
                self.ask(Request::Delete(number), now);
            }
            _ => self.state = State::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn procedure(last: Option<u32>, delete: bool) -> (Procedure, Instant) {
        let now = Instant::now();
        (
            Procedure::new(Numbering::Short, last, delete, LIMIT, now),
            now,
        )
    }

    #[test]
    fn the_first_download_asks_for_all_and_never_deletes_unasked() {
        let (mut p, t) = procedure(None, false);
        assert_eq!(p.next(t), Some(vec![1, 1]));
        assert_eq!(p.next(t), None, "once");
        for number in 1..=3 {
            p.record(Some(number), t);
        }
        p.indicated(&[6, 0, 1, 1], t);
        assert_eq!(p.next(t), None);
        assert_eq!(p.progress(), Progress::Done);
    }

    #[test]
    fn the_next_one_goes_on_after_the_last_record() {
        let (mut p, t) = procedure(Some(0x1234), false);
        assert_eq!(p.next(t), Some(vec![1, 3, 1, 0x35, 0x12]));
        p.indicated(&[6, 0, 1, 6], t);
        assert_eq!(
            p.next(t),
            Some(vec![1, 6]),
            "is it that there is nothing new?"
        );
        p.record(Some(0x1234), t);
        p.indicated(&[6, 0, 1, 1], t);
        assert_eq!(p.progress(), Progress::Done);
    }

    #[test]
    fn numbers_that_began_anew_have_everything_fetched() {
        let (mut p, t) = procedure(Some(500), false);
        p.next(t);
        p.indicated(&[6, 0, 1, 6], t);
        assert_eq!(p.next(t), Some(vec![1, 6]));
        p.record(Some(3), t);
        p.indicated(&[6, 0, 1, 1], t);
        assert_eq!(p.next(t), Some(vec![1, 1]));
        p.record(Some(1), t);
        p.indicated(&[6, 0, 1, 1], t);
        assert_eq!(p.progress(), Progress::Done);
    }

    #[test]
    fn a_busy_device_is_asked_again_and_not_for_ever() {
        let (mut p, t) = procedure(None, false);
        let mut now = t;
        for _ in 0..BUSY_RETRIES {
            assert_eq!(p.next(now), Some(vec![1, 1]));
            p.refused(Some(0xFE), now);
            assert_eq!(p.next(now), None);
            now = p.deadline().unwrap();
        }
        assert_eq!(p.next(now), Some(vec![1, 1]));
        p.indicated(&[6, 0, 1, 10], now);
        assert_eq!(p.progress(), Progress::Failed("the device stays busy"));
    }

    #[test]
    fn silence_ends_in_an_abort_and_then_in_failure() {
        let (mut p, t) = procedure(None, false);
        p.next(t);
        p.record(Some(1), t + Duration::from_secs(20));
        assert_eq!(p.next(t + LIMIT), None, "the record was a sign of life");
        let now = t + Duration::from_secs(50);
        assert_eq!(p.deadline(), Some(now));
        assert_eq!(p.next(now), Some(vec![3, 0]));
        p.indicated(&[6, 0, 3, 1], now);
        assert!(matches!(p.progress(), Progress::Failed(_)));

        let (mut p, t) = procedure(None, false);
        p.next(t);
        assert_eq!(p.next(t + LIMIT), Some(vec![3, 0]));
        assert_eq!(p.next(t + LIMIT + LIMIT), None);
        assert!(matches!(p.progress(), Progress::Failed(_)));
    }

    #[test]
    fn deletion_names_the_last_record_that_is_safe() {
        let (mut p, t) = procedure(None, true);
        p.next(t);
        p.record(Some(7), t);
        p.indicated(&[6, 0, 1, 1], t);
        assert_eq!(p.next(t), Some(vec![2, 2, 1, 7, 0]));
        p.indicated(&[6, 0, 2, 1], t);
        assert_eq!(p.progress(), Progress::Done);

        let (mut p, t) = procedure(Some(7), true);
        p.next(t);
        p.indicated(&[6, 0, 1, 6], t);
        p.next(t);
        p.indicated(&[6, 0, 1, 6], t);
        assert_eq!(
            p.progress(),
            Progress::Done,
            "nothing came, nothing is deleted"
        );
    }

    #[test]
    fn a_device_that_cannot_filter_sends_all() {
        let (mut p, t) = procedure(Some(7), false);
        p.next(t);
        p.indicated(&[6, 0, 1, 4], t);
        assert_eq!(p.next(t), Some(vec![1, 1]));
    }

    #[test]
    fn long_numbers_and_the_combined_report() {
        let t = Instant::now();
        let mut p = Procedure::new(Numbering::Long, Some(1), false, LIMIT, t);
        assert_eq!(p.next(t), Some(vec![1, 3, 1, 2, 0, 0, 0]));
        p.indicated(&[6, 0, 1, 2], t);
        assert_eq!(p.next(t), Some(vec![7, 3, 1, 2, 0, 0, 0]));
        p.record(Some(2), t);
        p.indicated(&[8, 0, 1, 0, 0, 0], t);
        assert_eq!(p.progress(), Progress::Done);
    }
}
