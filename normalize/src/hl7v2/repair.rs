//! What was wrong with a message and read all the same, counted by kind.

/// A fault that the reader mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Repair {
    /// Bytes before MSH were passed over.
    JunkBeforeHeader,
    /// Segments end with LF or CR LF instead of CR.
    LineEnds,
    /// The last segment has no end.
    OpenEnd,
    /// The bytes are not of the character set that MSH-18 names; read as Windows-1252, byte by byte.
    CharacterSet,
    /// MSH-18 names a character set nobody knows.
    UnknownCharacterSet,
    /// MSH-2 does not name the usual encoding characters.
    Delimiters,
    /// A line that is no segment was passed over.
    NoSegment,
    /// A segment of a batch (FHS, BHS, BTS, FTS) inside a message was passed over.
    BatchSegment,
    /// MSH-9 does not say what the message is; its segments did.
    MessageType,
    /// An OBX without an OBR before it.
    MissingOrder,
    /// OBX-1 is missing, repeated or out of order.
    SetId,
    /// An escape sequence that is none, left as it is.
    Escape,
    /// Code and name of OBX-3 disagree; the code decides.
    NameDisagrees,
    /// Code and name of OBX-6 disagree; the code decides.
    UnitDisagrees,
    /// OBX-6 is empty; the metric's own unit was taken.
    MissingUnit,
    /// OBX-2 is missing or wrong; the value shows its type.
    ValueType,
    /// A number with a decimal comma or blanks.
    NumberFormat,
    /// OBX-11 is missing.
    MissingStatus,
    /// OBX-11 stands in OBX-10.
    ShiftedStatus,
    /// A status that is none.
    UnknownStatus,
    /// A status says there is no value, and there is one.
    StatusDisagrees,
    /// OBX-4 is missing, or not made of numbers.
    SubId,
    /// The same metric and sub-id several times with one time and different values.
    RepeatedSubId,
    /// Neither OBX-14 nor OBR-7: the message's own time (MSH-7) was taken.
    TimeOfMessage,
    /// No time at all: stamped when received.
    NoTime,
    /// A time coarser than the minute.
    CoarseTime,
    /// A local time that the zone leaves out (the clock goes forward).
    SkippedTime,
    /// An alarm attribute that is none.
    AlarmAttribute,
    /// A field longer than is kept, cut.
    Cut,
}

impl Repair {
    /// The word in metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JunkBeforeHeader => "junk-before-header",
            Self::LineEnds => "line-ends",
            Self::OpenEnd => "open-end",
            Self::CharacterSet => "character-set",
            Self::UnknownCharacterSet => "unknown-character-set",
            Self::Delimiters => "delimiters",
            Self::NoSegment => "no-segment",
            Self::BatchSegment => "batch-segment",
            Self::MessageType => "message-type",
            Self::MissingOrder => "missing-order",
            Self::SetId => "set-id",
            Self::Escape => "escape",
            Self::NameDisagrees => "name-disagrees",
            Self::UnitDisagrees => "unit-disagrees",
            Self::MissingUnit => "missing-unit",
            Self::ValueType => "value-type",
            Self::NumberFormat => "number-format",
            Self::MissingStatus => "missing-status",
            Self::ShiftedStatus => "shifted-status",
            Self::UnknownStatus => "unknown-status",
            Self::StatusDisagrees => "status-disagrees",
            Self::SubId => "sub-id",
            Self::RepeatedSubId => "repeated-sub-id",
            Self::TimeOfMessage => "time-of-message",
            Self::NoTime => "no-time",
            Self::CoarseTime => "coarse-time",
            Self::SkippedTime => "skipped-time",
            Self::AlarmAttribute => "alarm-attribute",
            Self::Cut => "cut",
        }
    }
}

/// Repairs by kind, in the order first met. There are few kinds, so a list it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs(Vec<(Repair, u32)>);

impl Repairs {
    pub(super) fn note(&mut self, repair: Repair) {
        self.add(repair, 1);
    }

    pub(super) fn add(&mut self, repair: Repair, count: u32) {
        match self.0.iter_mut().find(|(known, _)| *known == repair) {
            Some((_, counted)) => *counted = counted.saturating_add(count),
            None if count > 0 => self.0.push((repair, count)),
            None => {}
        }
    }

    /// The kinds met, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Repair, u32)> + '_ {
        self.0.iter().copied()
    }

    /// How often this one was needed.
    #[must_use]
    pub fn count(&self, repair: Repair) -> u32 {
        self.iter()
            .find(|(known, _)| *known == repair)
            .map_or(0, |(_, count)| count)
    }

    /// Whether nothing had to be mended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
