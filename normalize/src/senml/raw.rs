//! A record as it stands in the pack, whichever form it came in. Texts borrow from the payload.

use super::{MAX_TEXT, MAX_VALUE_TEXT, structured};
use crate::decimal::Decimal;
use crate::measurement::{AlarmState, Reason, SampledData};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;

/// Whole-pack fault.
pub(super) type Fault = (Reason, String);

/// A number, or what a float can be instead of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Finite(Decimal),
    /// A FHIR data-absent-reason: CBOR floats can be infinite or no number.
    Not(&'static str),
}

impl Number {
    pub(super) fn from_f64(value: f64) -> Option<Self> {
        if value.is_nan() {
            return Some(Self::Not("not-a-number"));
        }
        if value.is_infinite() {
            return Some(Self::Not(if value > 0.0 {
                "positive-infinity"
            } else {
                "negative-infinity"
            }));
        }
        Decimal::shortest(value).map(Self::Finite)
    }

    fn finite(self) -> Option<Decimal> {
        match self {
            Self::Finite(decimal) => Some(decimal),
            Self::Not(_) => None,
        }
    }
}

/// A value of a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Number(Number),
    Text(Cow<'a, str>),
    Bool(bool),
    Bytes(Cow<'a, [u8]>),
    List,
    Map,
    /// The first level of a map whose fields are read: labels `sd` and `al`.
    Fields(Vec<(Cow<'a, str>, Token<'a>)>),
    /// Null, a number out of range, a tag that is not known.
    Other,
}

/// Labels, in the numbering of [`Record::seen`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Label {
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    /// `bs`: base sum as a number (refused), body site as text.
    BaseSumOrBodySite,
    BaseVersion,
    Name,
    Unit,
    Value,
    StringValue,
    BoolValue,
    DataValue,
    Sum,
    Time,
    UpdateTime,
    Channel,
    Method,
    Status,
    Quality,
    Flags,
    DeviceTime,
    Sequence,
    User,
    Raw,
    Patient,
    Bed,
    Encounter,
    Absent,
    Gateway,
    Interpretation,
    /// `ts`: `none` for a device time that cannot be used.
    TimeState,
    Sampled,
    Alarm,
    /// Must be understood and is not.
    Critical,
    /// May be ignored.
    Ignored,
}

impl Label {
    /// The labels of nearly every record, with their names.
    #[inline]
    pub(super) fn of_letter(letter: u8) -> Option<(Self, &'static str)> {
        Some(match letter {
            b'n' => (Self::Name, "n"),
            b'u' => (Self::Unit, "u"),
            b'v' => (Self::Value, "v"),
            b't' => (Self::Time, "t"),
            _ => return None,
        })
    }

    /// Whether the value of a label is a map whose fields are read.
    #[inline]
    pub(super) const fn is_structured(self) -> bool {
        matches!(self, Self::Sampled | Self::Alarm)
    }

    #[inline]
    pub(super) fn of(text: &str) -> Self {
        match text {
            "n" => Self::Name,
            "u" => Self::Unit,
            "v" => Self::Value,
            "t" => Self::Time,
            "bn" => Self::BaseName,
            "bt" => Self::BaseTime,
            "bu" => Self::BaseUnit,
            "bv" => Self::BaseValue,
            "bs" => Self::BaseSumOrBodySite,
            "bver" => Self::BaseVersion,
            "vs" => Self::StringValue,
            "vb" => Self::BoolValue,
            "vd" => Self::DataValue,
            "s" => Self::Sum,
            "ut" => Self::UpdateTime,
            "ch" => Self::Channel,
            "md" => Self::Method,
            "st" => Self::Status,
            "q" => Self::Quality,
            "fl" => Self::Flags,
            "dt" => Self::DeviceTime,
            "sq" => Self::Sequence,
            "us" => Self::User,
            "rw" => Self::Raw,
            "pt" => Self::Patient,
            "bed" => Self::Bed,
            "enc" => Self::Encounter,
            "absent_" => Self::Absent,
            "gw" => Self::Gateway,
            "in" => Self::Interpretation,
            "ts" => Self::TimeState,
            "sd" => Self::Sampled,
            "al" => Self::Alarm,
            _ if text.ends_with('_') => Self::Critical,
            _ => Self::Ignored,
        }
    }
}

/// `dt` as sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stamp<'a> {
    Seconds(Decimal),
    Text(Cow<'a, str>),
}

/// Labels most packs do without.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rare<'a> {
    pub(super) body_site: Option<Cow<'a, str>>,
    pub(super) method: Option<Cow<'a, str>>,
    pub(super) raw: Option<Cow<'a, [u8]>>,
    pub(super) patient: Option<Cow<'a, str>>,
    pub(super) bed: Option<Cow<'a, str>>,
    pub(super) encounter: Option<Cow<'a, str>>,
    pub(super) absent: bool,
    pub(super) base_time: Option<Decimal>,
    pub(super) base_unit: Option<Cow<'a, str>>,
    pub(super) base_value: Option<Decimal>,
    pub(super) status: Option<Cow<'a, str>>,
    pub(super) base_name: Option<Cow<'a, str>>,
    pub(super) base_version: Option<Decimal>,
    pub(super) gateway: bool,
    pub(super) interpretation: Option<Cow<'a, str>>,
    /// Label `ts` says that `dt` cannot be used.
    pub(super) undated: bool,
    pub(super) sampled: Option<SampledData>,
    pub(super) alarm: Option<Box<AlarmState>>,
    /// The first thing wrong with the record.
    pub(super) fault: Option<Fault>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record<'a> {
    /// Labels present, one bit each.
    seen: u64,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
    pub(super) value: Option<Number>,
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) truth: Option<bool>,
    pub(super) time: Option<Decimal>,
    pub(super) channel: Option<Cow<'a, str>>,
    pub(super) quality: Option<Cow<'a, str>>,
    pub(super) device_time: Option<Stamp<'a>>,
    pub(super) sequence: Option<i64>,
    pub(super) user: Option<Cow<'a, str>>,
    rare: Option<Box<Rare<'a>>>,
}

/// The labels and values of one level of a map whose fields are read.
pub(super) const MAX_FIELDS: usize = 32;

const LENIENT_BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'a> Record<'a> {
    pub(super) fn rare(&self) -> Option<&Rare<'a>> {
        self.rare.as_deref()
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_default()
    }

    /// Whether the record states nothing but base fields.
    pub(super) fn is_base_only(&self) -> bool {
        const BASE: u64 = 1 << Label::BaseName as u8
            | 1 << Label::BaseTime as u8
            | 1 << Label::BaseUnit as u8
            | 1 << Label::BaseValue as u8
            | 1 << Label::BaseVersion as u8
            | 1 << Label::Gateway as u8
            | 1 << Label::Ignored as u8;
        self.seen & !BASE == 0 && self.seen & !(1 << Label::Ignored as u8) != 0
    }

    #[cold]
    fn fault(&mut self, reason: Reason, detail: String) {
        self.rare_mut().fault.get_or_insert((reason, detail));
    }

    /// Notes name or unit; false, and nothing noted, when there is something to report.
    #[inline]
    pub(super) fn set_plain(&mut self, label: Label, text: &'a str) -> bool {
        let field = match label {
            Label::Name => &mut self.name,
            Label::Unit => &mut self.unit,
            _ => return false,
        };
        let fits = self.seen & (1 << label as u8) == 0 && text.len() <= MAX_TEXT;
        if fits {
            *field = Some(Cow::Borrowed(text));
            self.seen |= 1 << label as u8;
        }
        fits
    }

    /// Names a record that was built here; marks it as one that holds a reading.
    pub(super) fn set_name(&mut self, name: &'a str) {
        self.seen |= 1 << Label::Name as u8;
        self.name = Some(Cow::Borrowed(name));
    }

    /// Notes value or time; false, and nothing noted, when there is something to report.
    #[inline]
    pub(super) fn set_number(&mut self, label: Label, number: Decimal) -> bool {
        if self.seen & (1 << label as u8) != 0 {
            return false;
        }
        match label {
            Label::Value => self.value = Some(Number::Finite(number)),
            Label::Time => self.time = Some(number),
            _ => return false,
        }
        self.seen |= 1 << label as u8;
        true
    }

    /// Notes a label and its value; `name` is for the report.
    #[inline]
    pub(super) fn set(&mut self, label: Label, name: &str, token: Token<'a>) {
        let bit = 1_u64 << label as u8;
        if self.seen & bit != 0 && !matches!(label, Label::Ignored | Label::Critical) {
            self.fault(Reason::Undecodable, format!("label {} twice", short(name)));
            return;
        }
        self.seen |= bit;
        match (label, token) {
            (Label::Name, Token::Text(text)) => self.name = self.checked(name, text),
            (Label::Unit, Token::Text(text)) => self.unit = self.checked(name, text),
            (Label::Value, Token::Number(number)) => self.value = Some(number),
            (Label::Time, Token::Number(Number::Finite(seconds))) => self.time = Some(seconds),
            (Label::BaseTime, Token::Number(Number::Finite(seconds))) => {
                self.rare_mut().base_time = Some(seconds)
            }
            (Label::Ignored | Label::UpdateTime, _) => {}
            (label, token) => self.set_more(label, name, token),
        }
    }

    fn set_more(&mut self, label: Label, name: &str, token: Token<'a>) {
        match (label, token) {
            (Label::BaseName, Token::Text(text)) => self.rare_mut().base_name = Some(text),
            (Label::BaseUnit, Token::Text(text)) => {
                self.rare_mut().base_unit = self.checked(name, text)
            }
            (Label::BaseValue, Token::Number(Number::Finite(value))) => {
                self.rare_mut().base_value = Some(value)
            }
            (Label::BaseVersion, Token::Number(number)) => {
                self.rare_mut().base_version = Some(number.finite().unwrap_or(Decimal::integer(0)));
            }
            (Label::StringValue, Token::Text(text)) if text.len() <= MAX_VALUE_TEXT => {
                self.text = Some(text)
            }
            (Label::BoolValue, Token::Bool(truth)) => self.truth = Some(truth),
            (Label::Channel, Token::Text(text)) => self.channel = self.checked(name, text),
            (Label::Status, Token::Text(text)) => self.rare_mut().status = self.checked(name, text),
            (Label::Quality, Token::Text(text)) => self.quality = self.checked(name, text),
            (Label::User, Token::Text(text)) => self.user = self.checked(name, text),
            (Label::BaseSumOrBodySite, Token::Text(text)) => {
                self.rare_mut().body_site = self.checked(name, text)
            }
            (Label::Method, Token::Text(text)) => self.rare_mut().method = self.checked(name, text),
            (Label::Patient, Token::Text(text)) => {
                self.rare_mut().patient = self.checked(name, text)
            }
            (Label::Bed, Token::Text(text)) => self.rare_mut().bed = self.checked(name, text),
            (Label::Encounter, Token::Text(text)) => {
                self.rare_mut().encounter = self.checked(name, text)
            }
            (Label::DeviceTime, Token::Number(Number::Finite(seconds))) => {
                self.device_time = Some(Stamp::Seconds(seconds));
            }
            (Label::DeviceTime, Token::Text(text)) => {
                self.device_time = self.checked(name, text).map(Stamp::Text)
            }
            (
                Label::Sequence,
                Token::Number(Number::Finite(Decimal {
                    mantissa,
                    exponent: 0,
                })),
            ) => {
                self.sequence = Some(mantissa);
            }
            (Label::Raw, Token::Bytes(bytes)) => self.rare_mut().raw = Some(bytes),
            (Label::Raw, Token::Text(text)) => match LENIENT_BASE64URL.decode(text.as_bytes()) {
                Ok(bytes) => self.rare_mut().raw = Some(Cow::Owned(bytes)),
                Err(_) => self.fault(Reason::BadValue, "label rw is not base64url".to_owned()),
            },
            (Label::Absent, Token::Bool(absent)) => self.rare_mut().absent = absent,
            (Label::Gateway, Token::Map) => self.rare_mut().gateway = true,
            (Label::Interpretation, Token::Text(text)) => {
                self.rare_mut().interpretation = self.checked(name, text)
            }
            (Label::TimeState, Token::Text(text)) if text == "none" => {
                self.rare_mut().undated = true
            }
            (Label::Sampled, Token::Fields(fields)) => match structured::sampled(fields) {
                Ok(data) => self.rare_mut().sampled = Some(data),
                Err(detail) => self.fault(Reason::BadValue, detail),
            },
            (Label::Alarm, Token::Fields(fields)) => match structured::alarm(fields) {
                Ok(state) => self.rare_mut().alarm = Some(Box::new(state)),
                Err(detail) => self.fault(Reason::BadValue, detail),
            },
            (Label::Flags, Token::List | Token::Text(_)) => {}
            (Label::Critical, _) => {
                self.fault(
                    Reason::UnsupportedField,
                    format!("label {} must be understood and is not", short(name)),
                );
            }
            (Label::Sum | Label::DataValue, _) | (Label::BaseSumOrBodySite, Token::Number(_)) => {
                self.fault(
                    Reason::UnsupportedField,
                    format!("label {} is not taken", short(name)),
                );
            }
            (_, token) => {
                let what = match token {
                    Token::Text(_) => "a text that does not fit",
                    Token::Number(_) => "a number that does not fit",
                    _ => "a value of the wrong type",
                };
                self.fault(
                    Reason::BadValue,
                    format!("label {} has {what}", short(name)),
                );
            }
        }
    }

    /// A text short enough to keep; else notes the fault.
    #[inline]
    fn checked(&mut self, name: &str, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
        if text.len() <= MAX_TEXT {
            return Some(text);
        }
        self.fault(
            Reason::BadValue,
            format!("label {} has more than {MAX_TEXT} bytes", short(name)),
        );
        None
    }
}

/// A name of the sender's choosing, cut to what a report can bear.
pub(super) fn short(name: &str) -> String {
    name.chars().take(64).filter(|c| !c.is_control()).collect()
}
