//! Numbers of IEEE 11073-20601: SFLOAT (16 bits) and FLOAT (32 bits), mantissa and power of ten.

use core::fmt;

/// `mantissa * 10^exponent`: 2.0 is `20 * 10^-1`, 2.00 is `200 * 10^-2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    /// All digits, signed.
    pub mantissa: i64,
    /// Power of ten.
    pub exponent: i8,
}

impl Number {
    /// A whole number.
    #[must_use]
    pub const fn integer(mantissa: i64) -> Self {
        Self {
            mantissa,
            exponent: 0,
        }
    }

    /// A number with decimals: `new(365, -1)` is 36.5.
    #[must_use]
    pub const fn new(mantissa: i64, exponent: i8) -> Self {
        Self { mantissa, exponent }
    }

    /// Times a power of ten, exactly: only the exponent changes.
    #[must_use]
    pub const fn shifted(self, power: i8) -> Self {
        Self {
            mantissa: self.mantissa,
            exponent: self.exponent.saturating_add(power),
        }
    }
}

impl fmt::Display for Number {
    /// As a JSON number with the decimals it was sent with; positive exponents as plain digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        if self.exponent >= 0 {
            write!(f, "{digits}")?;
            if digits != 0 {
                (0..self.exponent).try_for_each(|_| f.write_str("0"))?;
            }
            return Ok(());
        }
        let decimals = usize::from(self.exponent.unsigned_abs());
        let text = alloc::format!("{digits:0width$}", width = decimals + 1);
        let (whole, fraction) = text.split_at(text.len() - decimals);
        write!(f, "{whole}.{fraction}")
    }
}

/// Why there is no number, by FHIR's code system data-absent-reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absence {
    /// NaN.
    NotANumber,
    /// +INFINITY: above what the device can tell.
    PositiveInfinity,
    /// -INFINITY.
    NegativeInfinity,
    /// NRes (not at this resolution), a reserved value, or a measurement that failed.
    Error,
    /// A value that is not there now.
    TemporarilyUnknown,
    /// A value nobody knows.
    Unknown,
}

impl Absence {
    /// The code.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotANumber => "not-a-number",
            Self::PositiveInfinity => "positive-infinity",
            Self::NegativeInfinity => "negative-infinity",
            Self::Error => "error",
            Self::TemporarilyUnknown => "temp-unknown",
            Self::Unknown => "unknown",
        }
    }
}

/// A number, or why there is none.
pub type Reading = Result<Number, Absence>;

/// What a 16-bit SFLOAT says.
///
/// Only the five words with exponent 0 are special. A mantissa of theirs with another exponent is a number by the
/// letter; [`is_doubtful`] tells, as some devices mean the special value.
pub fn sfloat(word: u16) -> Reading {
    match word {
        0x07FF => Err(Absence::NotANumber),
        0x07FE => Err(Absence::PositiveInfinity),
        0x0802 => Err(Absence::NegativeInfinity),
        0x0800 | 0x0801 => Err(Absence::Error),
        _ => Ok(Number {
            mantissa: i64::from(sign_extend_12(word & 0x0FFF)),
            exponent: ((word as i16) >> 12) as i8,
        }),
    }
}

/// Whether the word has a special mantissa with a power of ten.
#[must_use]
pub const fn is_doubtful(word: u16) -> bool {
    word & 0xF000 != 0 && matches!(word & 0x0FFF, 0x07FE..=0x0802)
}

const fn sign_extend_12(word: u16) -> i16 {
    ((word << 4) as i16) >> 4
}

/// What a 32-bit FLOAT says.
pub fn float(word: u32) -> Reading {
    match word {
        0x007F_FFFF => Err(Absence::NotANumber),
        0x007F_FFFE => Err(Absence::PositiveInfinity),
        0x0080_0002 => Err(Absence::NegativeInfinity),
        0x0080_0000 | 0x0080_0001 => Err(Absence::Error),
        _ => Ok(Number {
            mantissa: i64::from(((word << 8) as i32) >> 8),
            exponent: (word >> 24) as u8 as i8,
        }),
    }
}

/// The SFLOAT of a reading; `None` when it does not fit.
#[must_use]
pub fn to_sfloat(reading: Reading) -> Option<u16> {
    let number = match reading {
        Ok(number) => number,
        Err(Absence::NotANumber | Absence::Unknown | Absence::TemporarilyUnknown) => {
            return Some(0x07FF);
        }
        Err(Absence::PositiveInfinity) => return Some(0x07FE),
        Err(Absence::NegativeInfinity) => return Some(0x0802),
        Err(Absence::Error) => return Some(0x0800),
    };
    let fits = (-2048..=2047).contains(&number.mantissa) && (-8..=7).contains(&number.exponent);
    let word = (number.exponent as u16) << 12 | (number.mantissa as u16 & 0x0FFF);
    (fits && sfloat(word) == Ok(number)).then_some(word)
}

/// The FLOAT of a reading; `None` when it does not fit.
#[must_use]
pub fn to_float(reading: Reading) -> Option<u32> {
    let number = match reading {
        Ok(number) => number,
        Err(Absence::NotANumber | Absence::Unknown | Absence::TemporarilyUnknown) => {
            return Some(0x007F_FFFF);
        }
        Err(Absence::PositiveInfinity) => return Some(0x007F_FFFE),
        Err(Absence::NegativeInfinity) => return Some(0x0080_0002),
        Err(Absence::Error) => return Some(0x0080_0000),
    };
    let fits = (-8_388_608..=8_388_607).contains(&number.mantissa);
    let word = u32::from(number.exponent as u8) << 24 | (number.mantissa as u32 & 0x00FF_FFFF);
    (fits && float(word) == Ok(number)).then_some(word)
}
