//! Bytes of measurements, put together by hand from the services' layouts (Bluetooth SIG, GATT Specification
//! Supplement) and not by the decoders' own encoders, so that one checks the other.

/// A device's date and time: year, month, day, hour, minute, second.
pub type When = (u16, u8, u8, u8, u8, u8);

/// Date Time (0x2A08).
pub fn date_time(when: When) -> [u8; 7] {
    let [low, high] = when.0.to_le_bytes();
    [low, high, when.1, when.2, when.3, when.4, when.5]
}

/// SFLOAT: mantissa -2048..=2047, exponent -8..=7.
pub fn sfloat(mantissa: i16, exponent: i8) -> [u8; 2] {
    let word = (i16::from(exponent) << 12) | (mantissa & 0x0FFF);
    word.to_le_bytes()
}

/// FLOAT: mantissa of 24 bits, exponent of 8.
pub fn float(mantissa: i32, exponent: i8) -> [u8; 4] {
    let [a, b, c, _] = mantissa.to_le_bytes();
    [a, b, c, exponent.to_le_bytes()[0]]
}

/// SFLOAT's NaN.
pub const NAN: [u8; 2] = [0xFF, 0x07];

/// Heart Rate Measurement, 8 bits, contact detected.
pub fn heart_rate(rate: u8) -> Vec<u8> {
    vec![0x06, rate]
}

/// Heart Rate Measurement with RR intervals in 1/1024 s.
pub fn heart_rate_with_rr(rate: u8, intervals: &[u16]) -> Vec<u8> {
    let mut pdu = vec![0x16, rate];
    pdu.extend(intervals.iter().flat_map(|interval| interval.to_le_bytes()));
    pdu
}

/// PLX Continuous Measurement: SpO2 and pulse rate.
pub fn continuous(spo2: i16, pulse: i16) -> Vec<u8> {
    [&[0][..], &sfloat(spo2, 0), &sfloat(pulse, 0)].concat()
}

/// PLX Spot-check Measurement with its time.
pub fn spot(spo2: i16, pulse: i16, when: When) -> Vec<u8> {
    [
        &[0x01][..],
        &sfloat(spo2, 0),
        &sfloat(pulse, 0),
        &date_time(when),
    ]
    .concat()
}

/// Temperature Measurement in tenths of a degree Celsius, without time, at the ear drum.
pub fn temperature(tenths: i32) -> Vec<u8> {
    [&[0x04][..], &float(tenths, -1), &[9]].concat()
}

/// Blood Pressure Measurement in mmHg with time, pulse and user.
pub fn blood_pressure(
    systolic: i16,
    diastolic: i16,
    mean: i16,
    pulse: i16,
    user: u8,
    when: When,
) -> Vec<u8> {
    [
        &[0x0E][..],
        &sfloat(systolic, 0),
        &sfloat(diastolic, 0),
        &sfloat(mean, 0),
        &date_time(when),
        &sfloat(pulse, 0),
        &[user],
    ]
    .concat()
}

/// Weight Measurement in steps of 5 g with user.
pub fn weight(steps: u16, user: u8) -> Vec<u8> {
    [&[0x04][..], &steps.to_le_bytes(), &[user]].concat()
}

/// Glucose Measurement in mg/dL, capillary whole blood, finger.
pub fn glucose(sequence: u16, when: When, mg_per_dl: i16, context: bool) -> Vec<u8> {
    let flags = if context { 0x12 } else { 0x02 };
    [
        &[flags][..],
        &sequence.to_le_bytes(),
        &date_time(when),
        // kg/L
        &sfloat(mg_per_dl, -5),
        &[0x11],
    ]
    .concat()
}

/// Glucose Measurement Context: a meal.
pub fn glucose_context(sequence: u16, meal: u8) -> Vec<u8> {
    [&[0x02][..], &sequence.to_le_bytes(), &[meal]].concat()
}

/// CGM Measurement: one record without status, trend or CRC.
pub fn cgm(offset: u16, mg_per_dl: i16) -> Vec<u8> {
    [&[6, 0][..], &sfloat(mg_per_dl, 0), &offset.to_le_bytes()].concat()
}

/// Session Start Time (0x2AAA): UTC, standard time.
pub fn session_start(when: When) -> Vec<u8> {
    [&date_time(when)[..], &[0, 0]].concat()
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 719_469
}

/// Seconds since 1970 of a date and time in UTC.
pub fn seconds(when: When) -> i64 {
    let (year, month, day, hour, minute, second) = when;
    let days = days(i64::from(year), i64::from(month), i64::from(day));
    days * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second)
}

/// The date and time in UTC of so many seconds since 1970.
pub fn when(seconds: i64) -> When {
    let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The year, then the month, whose first day is not after that day.
    let last = |range: std::ops::RangeInclusive<i64>, first: &dyn Fn(i64) -> i64| {
        range
            .clone()
            .rev()
            .find(|n| first(*n) <= day)
            .unwrap_or(*range.start())
    };
    let about = 1970 + day.div_euclid(365);
    let year = last(about - 60..=about + 1, &|year| days(year, 1, 1));
    let month = last(1..=12, &|month| days(year, month, 1));
    let byte = |value: i64| u8::try_from(value).unwrap_or(0);
    (
        u16::try_from(year).unwrap_or(0),
        byte(month),
        byte(day - days(year, month, 1) + 1),
        byte(rest / 3_600),
        byte(rest / 60 % 60),
        byte(rest % 60),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Seconds as `date -u +%s` tells them.
        for (when_it_was, since) in [
            ((1970, 1, 1, 0, 0, 0), 0),
            ((2000, 2, 29, 12, 0, 1), 951_825_601),
            ((2026, 11, 22, 19, 30, 0), 1_795_375_800),
            ((2028, 12, 31, 23, 59, 59), 1_861_919_999),
        ] {
            assert_eq!(seconds(when_it_was), since);
            assert_eq!(when(since), when_it_was);
        }
    }

    #[test]
    fn numbers_are_those_of_the_standard() {
        // IEEE 11073-20601 vectors.
        assert_eq!(sfloat(97, 0), [0x61, 0x00]);
        assert_eq!(sfloat(366, -1), [0x6E, 0xF1]);
        assert_eq!(sfloat(-100, 0), [0x9C, 0x0F]);
        assert_eq!(float(367, -1), [0x6F, 0x01, 0x00, 0xFF]);
    }
}
