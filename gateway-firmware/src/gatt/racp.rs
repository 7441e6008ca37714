//! Record Access Control Point (2A52): requests for stored records, and their answers.

use super::number::Number;
use super::reader::{Fault, Put, Reader};
use super::value::{Content, Value};
use super::{Quirks, metric};
use alloc::vec::Vec;

/// What a request filters records by. Its numbers are those of the service it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Filter type 1 with 16 bits: sequence number (glucose, pressure), time offset in minutes (CGM).
    Sequence(u16),
    /// Filter type 1 with 32 bits: record number (Generic Health Sensor).
    Record(u32),
    /// Filter type 2: Date Time as seven bytes (glucose), or another service's time stamp.
    Time([u8; 7]),
}

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    All,
    /// At most this.
    UpTo(Bound),
    /// At least this: how a download is resumed.
    From(Bound),
    /// Both ends included.
    Between(Bound, Bound),
    First,
    Last,
}

/// What a collector writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// 1: send them.
    Report(Which),
    /// 2: never written unless configured.
    Delete(Which),
    /// 3.
    Abort,
    /// 4: how many.
    Count(Which),
    /// 7: send them with all that belongs to them.
    CombinedReport(Which),
}

/// What the device indicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Response {
    /// 5.
    Count(u32),
    /// 8: how many a combined report has sent.
    Combined(u32),
    /// 6: how the request with op code `request` ended.
    Done { request: u8, outcome: Outcome },
}

/// Response code value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Success,
    OpCodeNotSupported,
    InvalidOperator,
    OperatorNotSupported,
    InvalidOperand,
    NoRecords,
    AbortFailed,
    NotCompleted,
    OperandNotSupported,
    ServerBusy,
    Reserved(u8),
}

const OUTCOMES: [(Outcome, &str); 10] = [
    (Outcome::Success, "success"),
    (Outcome::OpCodeNotSupported, "op-code-not-supported"),
    (Outcome::InvalidOperator, "invalid-operator"),
    (Outcome::OperatorNotSupported, "operator-not-supported"),
    (Outcome::InvalidOperand, "invalid-operand"),
    (Outcome::NoRecords, "no-records-found"),
    (Outcome::AbortFailed, "abort-unsuccessful"),
    (Outcome::NotCompleted, "procedure-not-completed"),
    (Outcome::OperandNotSupported, "operand-not-supported"),
    (Outcome::ServerBusy, "server-busy"),
];

impl Outcome {
    #[must_use]
    pub fn of(code: u8) -> Self {
        usize::from(code)
            .checked_sub(1)
            .and_then(|index| OUTCOMES.get(index))
            .map_or(Self::Reserved(code), |(outcome, _)| *outcome)
    }

    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Reserved(code) => code,
            known => OUTCOMES
                .iter()
                .zip(1..)
                .find(|((outcome, _), _)| *outcome == known)
                .map_or(0, |(_, code)| code),
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        OUTCOMES
            .iter()
            .find(|(outcome, _)| *outcome == self)
            .map_or("reserved", |(_, name)| name)
    }
}

impl Bound {
    fn read(kind: u8, size: usize, reader: &mut Reader<'_>) -> Result<Self, Fault> {
        match (kind, size) {
            (2, _) => {
                let bytes = reader.take(7, "time of the filter")?;
                let mut time = [0; 7];
                time.copy_from_slice(bytes);
                Ok(Self::Time(time))
            }
            (_, 4) => Ok(Self::Record(reader.u32("record number of the filter")?)),
            _ => Ok(Self::Sequence(reader.u16("sequence number of the filter")?)),
        }
    }

    const fn kind(self) -> u8 {
        match self {
            Self::Sequence(_) | Self::Record(_) => 1,
            Self::Time(_) => 2,
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Sequence(number) => out.put_u16(number),
            Self::Record(number) => out.put_u32(number),
            Self::Time(time) => out.extend(time),
        }
    }
}

const OPERATORS: [&str; 7] = ["null", "all", "up-to", "from", "between", "first", "last"];

impl Which {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = reader.at();
        match reader.u8("operator")? {
            1 => Ok(Self::All),
            operator @ 2..=4 => {
                let at = reader.at();
                let kind = reader.u8("filter type")?;
                if !matches!(kind, 1 | 2) {
                    return Err(Fault::impossible(
                        at,
                        "filter type",
                        u32::from(kind),
                        "1 or 2",
                    ));
                }
                let bounds = if operator == 4 { 2 } else { 1 };
                let size = if kind == 1 && reader.left() == 4 * bounds {
                    4
                } else {
                    2
                };
                let first = Bound::read(kind, size, reader)?;
                Ok(match operator {
                    2 => Self::UpTo(first),
                    3 => Self::From(first),
                    _ => Self::Between(first, Bound::read(kind, size, reader)?),
                })
            }
            5 => Ok(Self::First),
            6 => Ok(Self::Last),
            found => Err(Fault::impossible(
                at,
                "operator",
                u32::from(found),
                "1 to 6",
            )),
        }
    }

    const fn operator(self) -> u8 {
        match self {
            Self::All => 1,
            Self::UpTo(_) => 2,
            Self::From(_) => 3,
            Self::Between(..) => 4,
            Self::First => 5,
            Self::Last => 6,
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        out.push(self.operator());
        match self {
            Self::UpTo(bound) | Self::From(bound) => {
                out.push(bound.kind());
                bound.put(out);
            }
            Self::Between(low, high) => {
                out.push(low.kind());
                low.put(out);
                high.put(out);
            }
            Self::All | Self::First | Self::Last => {}
        }
    }
}

impl Request {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let request = match reader.u8("op code")? {
            1 => Self::Report(Which::read(&mut reader)?),
            2 => Self::Delete(Which::read(&mut reader)?),
            3 => {
                operator_null(&mut reader)?;
                Self::Abort
            }
            4 => Self::Count(Which::read(&mut reader)?),
            7 => Self::CombinedReport(Which::read(&mut reader)?),
            found => {
                return Err(Fault::impossible(
                    0,
                    "op code of a request",
                    u32::from(found),
                    "1 to 4 or 7",
                ));
            }
        };
        reader.end(false)?;
        Ok(request)
    }

    /// What is written. For the CGM service with E2E-CRC support, the service's rule is that RACP has none.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let (code, which) = match self {
            Self::Report(which) => (1, Some(which)),
            Self::Delete(which) => (2, Some(which)),
            Self::Abort => (3, None),
            Self::Count(which) => (4, Some(which)),
            Self::CombinedReport(which) => (7, Some(which)),
        };
        let mut out = alloc::vec![code];
        match which {
            Some(which) => which.put(&mut out),
            None => out.push(0),
        }
        out
    }
}

fn operator_null(reader: &mut Reader<'_>) -> Result<(), Fault> {
    let at = reader.at();
    match reader.u8("operator")? {
        0 => Ok(()),
        found => Err(Fault::impossible(at, "operator", u32::from(found), "0")),
    }
}

impl Response {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let code = reader.u8("op code")?;
        if !matches!(code, 5 | 6 | 8) {
            return Err(Fault::impossible(
                0,
                "op code of a response",
                u32::from(code),
                "5, 6 or 8",
            ));
        }
        operator_null(&mut reader)?;
        let response = match code {
            6 => Self::Done {
                request: reader.u8("op code of the request")?,
                outcome: Outcome::of(reader.u8("response code")?),
            },
            code => {
                let count = if reader.left() == 4 {
                    reader.u32("number of records")?
                } else {
                    u32::from(reader.u16("number of records")?)
                };
                if code == 5 {
                    Self::Count(count)
                } else {
                    Self::Combined(count)
                }
            }
        };
        reader.end(false)?;
        Ok(response)
    }

    /// With counts of 16 bits where they fit.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Count(count) | Self::Combined(count) => {
                out.push(if matches!(self, Self::Count(_)) { 5 } else { 8 });
                out.push(0);
                match u16::try_from(count) {
                    Ok(count) => out.put_u16(count),
                    Err(_) => out.put_u32(count),
                }
            }
            Self::Done { request, outcome } => out.extend([6, 0, request, outcome.code()]),
        }
        out
    }
}

fn request_name(code: u8) -> &'static str {
    match code {
        1 => "report-records",
        2 => "delete-records",
        3 => "abort",
        4 => "count-records",
        7 => "combined-report",
        _ => "reserved",
    }
}

/// Either direction, for people.
pub(super) fn values(bytes: &[u8], quirks: &Quirks) -> Result<Vec<Value>, Fault> {
    let code = Reader::new(bytes, quirks).u8("op code")?;
    if matches!(code, 5 | 6 | 8) {
        return Ok(alloc::vec![match Response::decode(bytes, quirks)? {
            Response::Count(count) | Response::Combined(count) => Value::setting(
                metric::RECORD_COUNT,
                Content::Number(Number::integer(i64::from(count))),
            ),
            Response::Done { request, outcome } => {
                let mut value =
                    Value::setting(metric::RECORD_ACCESS, Content::Code(outcome.name()));
                value.method = Some(request_name(request));
                value
            }
        }]);
    }
    Request::decode(bytes, quirks)?;
    let operator = bytes.get(1).copied().unwrap_or(0);
    let mut value = Value::setting(metric::RECORD_ACCESS, Content::Code(request_name(code)));
    value.method = OPERATORS.get(usize::from(operator)).copied();
    Ok(alloc::vec![value])
}
