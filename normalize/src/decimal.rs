//! Decimals that keep the digits a device sent: `37.20` is not `37.2`.

use std::fmt;

/// `mantissa * 10^exponent`. `37.20` is `3720 * 10^-2`; `1e3` is `1 * 10^3` and prints as `1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits, signed.
    pub mantissa: i64,
    /// Power of ten.
    pub exponent: i8,
}

/// Most digits of a mantissa that surely fit an `i64`.
const MAX_DIGITS: u32 = 18;

/// Exact powers of ten of a double.
const POW10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

impl Decimal {
    /// An integer.
    #[must_use]
    pub const fn integer(value: i64) -> Self {
        Self {
            mantissa: value,
            exponent: 0,
        }
    }

    /// Reads JSON number syntax (also a leading `+`, as devices write it) exactly.
    ///
    /// `None` for anything else, for more than 18 significant digits and for an exponent outside -128 to 127.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, mut at) = match bytes.first()? {
            b'-' => (true, 1),
            b'+' => (false, 1),
            _ => (false, 0),
        };
        let mut mantissa: i64 = 0;
        let mut significant = 0;
        let mut whole = 0;
        let mut fraction: i32 = 0;
        let mut point = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    if mantissa != 0 || byte != b'0' {
                        significant += 1;
                        if significant > MAX_DIGITS {
                            return None;
                        }
                    }
                    mantissa = mantissa * 10 + i64::from(byte - b'0');
                    if point {
                        fraction += 1;
                    } else {
                        whole += 1;
                    }
                }
                b'.' if !point => point = true,
                _ => break,
            }
            at += 1;
        }
        if whole == 0 || (point && fraction == 0) {
            return None;
        }
        let mut exponent = -fraction;
        if at < bytes.len() {
            if !matches!(bytes[at], b'e' | b'E') {
                return None;
            }
            let stated: i32 = text.get(at + 1..)?.parse().ok()?;
            exponent = exponent.checked_add(stated)?;
        }
        Some(Self {
            mantissa: if negative { -mantissa } else { mantissa },
            exponent: i8::try_from(exponent).ok()?,
        })
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        const EXACT: i64 = 1 << 53;
        let exponent = self.exponent;
        let size = usize::from(exponent.unsigned_abs());
        if self.mantissa.abs() <= EXACT && size < POW10.len() {
            // Both operands are exact, so the one rounding is the correct one.
            let mantissa = self.mantissa as f64;
            return if exponent < 0 {
                mantissa / POW10[size]
            } else {
                mantissa * POW10[size]
            };
        }
        format!("{}e{}", self.mantissa, exponent)
            .parse()
            .expect("an integer with an exponent is a float literal")
    }

    /// Number of decimals as sent; 0 when there are none.
    #[must_use]
    pub fn decimals(self) -> i8 {
        // -128 has no positive counterpart in an i8; no double has that many decimals worth keeping.
        if self.exponent >= 0 {
            0
        } else {
            self.exponent.checked_neg().unwrap_or(i8::MAX)
        }
    }

    /// `value` rounded to `decimals` (0 to 18) decimals; `None` when it is not finite or too large.
    #[must_use]
    pub fn from_f64_decimals(value: f64, decimals: i8) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let decimals = usize::from(decimals.max(0).unsigned_abs()).min(MAX_DIGITS as usize);
        Self::parse(&format!("{value:.decimals$}"))
    }

    /// The shortest decimal that reads back as `value`; `None` when it is not finite or too large.
    #[must_use]
    pub fn shortest(value: f64) -> Option<Self> {
        Self::parse(&format!("{value:e}"))
    }

    /// The exact product; its decimals are those of both operands together. `None` on overflow.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        Some(Self {
            mantissa: self.mantissa.checked_mul(other.mantissa)?,
            exponent: self.exponent.checked_add(other.exponent)?,
        })
    }

    /// The exact sum; the result has the decimals of the more precise operand. `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let align = |d: Self| {
            let shift = u32::try_from(i32::from(d.exponent) - i32::from(exponent)).ok()?;
            d.mantissa.checked_mul(10_i64.checked_pow(shift)?)
        };
        Some(Self {
            mantissa: align(self)?.checked_add(align(other)?)?,
            exponent,
        })
    }
}

impl fmt::Display for Decimal {
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
        let text = format!("{digits:0width$}", width = decimals + 1);
        let (whole, fraction) = text.split_at(text.len() - decimals);
        write!(f, "{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests;
