//! What is encoded is decoded again, over every combination of flags and every special value.

use super::super::blood_pressure::{
    Form, Measurement as Pressure, Pressures, Record, Records, Times,
};
use super::super::cgm_control::{Calibration, Level, Operation};
use super::super::cgm_session::{Features as CgmFeatures, RunTime, SessionStart, Status};
use super::super::current_time::{CurrentTime, LocalTime, date_time, encode_date_time};
use super::super::device_information::{PnpId, Udi, encode_system_id, system_id};
use super::super::elapsed_time::{Clock, ElapsedTime};
use super::super::features::Of;
use super::super::ghs::{
    Component, Features, Item, Live, Observation, Reals, Samples, Schedule, Stored,
};
use super::super::pulse_oximeter::{
    Continuous, Features as PlxFeatures, Pair, Spot, Status as PlxStatus,
};
use super::super::racp::{Bound, Outcome, Request, Response, Which};
use super::super::{
    body_composition, cgm, glucose, glucose_context, heart_rate, number, thermometer, weight,
};
use super::*;
use proptest::prelude::*;

const PLAIN: Quirks = Quirks {
    crc: Crc::Auto,
    cgm_octets_reversed: false,
    special_any_exponent: false,
    trailing_bytes: false,
    sensor_location: None,
    temperature_type: None,
    cgm_type: None,
};

fn special() -> impl Strategy<Value = Reading> {
    prop::sample::select(
        [
            Absence::NotANumber,
            Absence::PositiveInfinity,
            Absence::NegativeInfinity,
            Absence::Error,
        ]
        .to_vec(),
    )
    .prop_map(Err)
}

/// Readings whose words are no special mantissa with a power of ten: that is a flag of its own.
fn sfloat() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (-2_045_i64..=2_045, -8_i8..=7).prop_map(|(mantissa, exponent)| Ok(Number { mantissa, exponent })),
        1 => special(),
    ]
}

fn float() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (-8_388_605_i64..=8_388_605, any::<i8>()).prop_map(|(mantissa, exponent)| Ok(Number { mantissa, exponent })),
        1 => special(),
    ]
}

fn date() -> impl Strategy<Value = DateTime> {
    (
        prop_oneof![Just(0_u16), 1582_u16..=9999],
        0_u8..=12,
        0_u8..=28,
        0_u8..=23,
        0_u8..=59,
        0_u8..=59,
    )
        .prop_map(|(year, month, day, hours, minutes, seconds)| DateTime {
            year,
            month,
            day,
            hours,
            minutes,
            seconds,
        })
}

fn maybe<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::of(strategy)
}

fn elapsed() -> impl Strategy<Value = ElapsedTime> {
    (0_u8..64, 0_u64..1 << 48, any::<u8>(), any::<i8>()).prop_map(
        |(flags, value, source, offset)| ElapsedTime {
            flags,
            value,
            source,
            offset,
        },
    )
}

fn pair() -> impl Strategy<Value = Pair> {
    (sfloat(), sfloat()).prop_map(|(spo2, pulse)| Pair { spo2, pulse })
}

fn plx_status() -> impl Strategy<Value = PlxStatus> {
    (
        maybe(any::<u16>()),
        maybe(0_u32..1 << 24),
        maybe(sfloat()),
        0_u8..8,
    )
        .prop_map(|(measurement, sensor, amplitude, reserved)| PlxStatus {
            measurement,
            sensor,
            amplitude,
            reserved: reserved << 5,
            doubtful: false,
        })
}

proptest! {
    #[test]
    fn heart_rates(
        (rate, wide) in prop_oneof![(0_u16..256, Just(false)), (any::<u16>(), Just(true))],
        (contact_detected, contact_supported) in any::<(bool, bool)>(),
        energy in maybe(any::<u16>()),
        rr in maybe(prop::collection::vec(any::<u16>(), 0..10)),
        reserved in 0_u8..8,
    ) {
        let stated = heart_rate::Measurement {
            rate, wide, contact_detected, contact_supported, energy, rr, reserved: reserved << 5,
        };
        prop_assert_eq!(heart_rate::Measurement::decode(&stated.encode(), &PLAIN), Ok(stated.clone()));
        let values = decode(0x2A37, &stated.encode(), &PLAIN).unwrap();
        prop_assert_eq!(values[0].content.clone(), Content::Number(Number::integer(i64::from(stated.rate))));
        prop_assert_eq!(values.len(), 1 + usize::from(stated.energy.is_some()) + stated.rr.map_or(0, |rr| rr.len()));
    }

    #[test]
    fn r_r_intervals_are_exact(ticks in any::<u16>()) {
        let text = heart_rate::milliseconds(ticks).to_string();
        // 1024ths of a second have at most 7 decimals of a millisecond: a double holds them exactly.
        prop_assert_eq!(text.parse::<f64>().unwrap() * 1024.0 / 1000.0, f64::from(ticks));
    }

    #[test]
    fn temperatures(
        temperature in float(), fahrenheit in any::<bool>(), time in maybe(date()),
        kind in maybe(any::<u8>()), reserved in 0_u8..32,
    ) {
        let stated = thermometer::Measurement { temperature, fahrenheit, time, kind, reserved: reserved << 3 };
        prop_assert_eq!(thermometer::Measurement::decode(&stated.encode(), &PLAIN), Ok(stated));
        for characteristic in [0x2A1C, 0x2A1E] {
            let values = decode(characteristic, &stated.encode(), &PLAIN).unwrap();
            prop_assert_eq!(values[0].content.clone(), Content::from(temperature));
            prop_assert_eq!(values[0].purpose == Purpose::Telemetry, characteristic == 0x2A1E);
        }
    }

    #[test]
    fn oximeters(
        normal in pair(), fast in maybe(pair()), slow in maybe(pair()), time in maybe(date()),
        clock_not_set in any::<bool>(), status in plx_status(),
    ) {
        let spot = Spot { normal, time, clock_not_set, status };
        prop_assert_eq!(Spot::decode(&spot.encode(), &PLAIN), Ok(spot));
        let continuous = Continuous { normal, fast, slow, status };
        prop_assert_eq!(Continuous::decode(&continuous.encode(), &PLAIN), Ok(continuous));
        let word = status.measurement.unwrap_or(0);
        for value in decode(0x2A5E, &spot.encode(), &PLAIN).unwrap() {
            let expected = if word & 1 << 10 != 0 {
                Purpose::Demo
            } else if word & 1 << 11 != 0 {
                Purpose::Test
            } else {
                Purpose::Result
            };
            prop_assert_eq!(value.purpose, expected);
        }
    }

    #[test]
    fn oximeter_features(supported in any::<u16>(), measurement in maybe(any::<u16>()), sensor in maybe(0_u32..1 << 24)) {
        let supported = supported & !3 | u16::from(measurement.is_some()) | u16::from(sensor.is_some()) << 1;
        let stated = PlxFeatures { supported, measurement, sensor };
        prop_assert_eq!(PlxFeatures::decode(&stated.encode(), &PLAIN), Ok(stated));
    }

    #[test]
    fn pressures(
        kilopascal in any::<bool>(), three in [sfloat(), sfloat(), sfloat()],
        time in maybe(date()), since in prop::sample::select([1900_u16, 2000].to_vec()),
        (base, user_facing) in any::<(Option<u32>, Option<u32>)>(),
        pulse in maybe(sfloat()), user in maybe(any::<u8>()), status in maybe(any::<u16>()), reserved in any::<u8>(),
    ) {
        for (form, number) in [
            (Form::Measurement, 0x2A35), (Form::Cuff, 0x2A36),
            (Form::EnhancedMeasurement, 0x2B34), (Form::EnhancedCuff, 0x2B35),
        ] {
            let enhanced = number > 0x2B00;
            let stated = Pressure {
                kilopascal,
                pressures: if form == Form::EnhancedCuff { Pressures::One(three[0]) } else { Pressures::Three(three) },
                times: if enhanced { Times::Seconds { since, base, user_facing } } else { Times::Date(time) },
                pulse, user, status,
                reserved: reserved & if enhanced { 0x80 } else { 0xE0 },
                doubtful: false,
            };
            prop_assert_eq!(Pressure::decode(form, &stated.encode(), &PLAIN), Ok(stated));
            let values = decode(number, &stated.encode(), &PLAIN).unwrap();
            prop_assert_eq!(values[0].content.clone(), Content::from(three[0]));
            prop_assert!(values.iter().all(|v| (v.purpose == Purpose::Telemetry) == form.intermediate()));
            prop_assert!(values.iter().all(|v| v.user == user.filter(|user| *user != 0xFF)));
        }
    }

    #[test]
    fn records_in_segments(
        sequence in any::<u16>(), value in prop::collection::vec(any::<u8>(), 0..200),
        size in 1_usize..60, counter in 0_u8..64, crc in any::<bool>(),
    ) {
        let stated = Record { sequence, characteristic: 0x2A35, value };
        let quirks = Quirks { crc: if crc { Crc::Present } else { Crc::Absent }, ..PLAIN };
        let mut records = Records::default();
        let parts = stated.encode(size.max(8), counter, crc);
        let (last, before) = parts.split_last().unwrap();
        for part in before {
            prop_assert_eq!(records.push(part, &quirks), Ok(None));
        }
        prop_assert_eq!(records.push(last, &quirks), Ok(Some(stated)));
        prop_assert!(!records.is_open());
    }

    #[test]
    fn glucoses(
        sequence in any::<u16>(), base in date(), offset in maybe(any::<i16>()), molar in any::<bool>(),
        concentration in maybe((sfloat(), 0_u8..16, 0_u8..16)), status in maybe(any::<u16>()),
        context_follows in any::<bool>(), reserved in 0_u8..8,
    ) {
        let stated = glucose::Measurement {
            sequence, base, offset, molar, status, context_follows, reserved: reserved << 5, doubtful: false,
            concentration: concentration.map(|(value, kind, location)| glucose::Concentration { value, kind, location }),
        };
        prop_assert_eq!(glucose::Measurement::decode(&stated.encode(), &PLAIN), Ok(stated));
        let values = decode(0x2A18, &stated.encode(), &PLAIN).unwrap();
        prop_assert_eq!(values.len(), 1);
        prop_assert_eq!(values[0].sequence, Some(u32::from(sequence)));
        if let Some((value, kind, location)) = concentration {
            let power = if molar { 3 } else { 5 };
            prop_assert_eq!(values[0].content.clone(), Content::from(value.map(|number| number.shifted(power))));
            let control = kind == 10 || location == 4;
            prop_assert_eq!(values[0].purpose == Purpose::Control, control);
            prop_assert_eq!(values[0].metric == metric::GLUCOSE_CONTROL, control);
        }
    }

    #[test]
    fn glucose_contexts(
        sequence in any::<u16>(), extended in maybe(any::<u8>()), carbohydrate in maybe((any::<u8>(), sfloat())),
        meal in maybe(any::<u8>()), tester_health in maybe(any::<u8>()), exercise in maybe(any::<(u16, u8)>()),
        medication in maybe((any::<u8>(), sfloat())), medication_liters in any::<bool>(), hba1c in maybe(sfloat()),
    ) {
        let stated = glucose_context::Context {
            sequence, extended, carbohydrate, meal, tester_health, exercise, medication, medication_liters, hba1c,
            doubtful: false,
        };
        prop_assert_eq!(glucose_context::Context::decode(&stated.encode(), &PLAIN), Ok(stated));
    }

    #[test]
    fn record_access(low in any::<u32>(), high in any::<u32>(), time in any::<[u8; 7]>(), code in any::<u8>()) {
        let bounds = [
            (Bound::Sequence(low as u16), Bound::Sequence(high as u16)),
            (Bound::Record(low), Bound::Record(high)),
            (Bound::Time(time), Bound::Time(time)),
        ];
        for (from, to) in bounds {
            for which in [Which::All, Which::UpTo(from), Which::From(from), Which::Between(from, to), Which::First, Which::Last] {
                for request in [Request::Report(which), Request::Delete(which), Request::Count(which), Request::CombinedReport(which), Request::Abort] {
                    prop_assert_eq!(Request::decode(&request.encode(), &PLAIN), Ok(request));
                }
            }
        }
        for response in [Response::Count(low), Response::Combined(high), Response::Done { request: code, outcome: Outcome::of(code) }] {
            prop_assert_eq!(Response::decode(&response.encode(), &PLAIN), Ok(response));
        }
        prop_assert_eq!(Outcome::of(code).code(), code);
    }

    #[test]
    fn continuous_glucose(
        records in prop::collection::vec((sfloat(), any::<u16>(), any::<[Option<u8>; 3]>(), maybe(sfloat()), maybe(sfloat()), 0_u8..8), 1..4),
        crc in any::<bool>(), reversed in any::<bool>(),
    ) {
        let quirks = Quirks { cgm_octets_reversed: reversed, ..PLAIN };
        let stated: Vec<_> = records
            .into_iter()
            .map(|(glucose, offset, [status, calibration, warning], trend, quality, reserved)| cgm::Record {
                glucose, offset, status, calibration, warning, trend, quality, crc, reserved: reserved << 2, doubtful: false,
            })
            .collect();
        let bytes: Vec<u8> = stated.iter().flat_map(|record| record.encode(&quirks)).collect();
        prop_assert_eq!(cgm::Record::decode(&bytes, &quirks), Ok(stated.clone()));
        let told = Quirks { crc: if crc { Crc::Present } else { Crc::Absent }, ..quirks };
        prop_assert_eq!(cgm::Record::decode(&bytes, &told), Ok(stated));
        if crc {
            let mut damaged = bytes.clone();
            let last = damaged.len() - 1;
            damaged[last] ^= 0x10;
            prop_assert!(cgm::Record::decode(&damaged, &told).unwrap_err().is_crc());
        }
    }

    #[test]
    fn cgm_sessions(
        supported in 0_u32..1 << 24, both in any::<(u8, u8)>(), offset in any::<u16>(), annunciation in 0_u32..1 << 24,
        time in date(), zone in prop_oneof![Just(-128_i8), -48_i8..=56], dst in prop::sample::select([0_u8, 2, 4, 8, 255].to_vec()),
        crc in any::<bool>(),
    ) {
        let features = CgmFeatures { supported, kind: both.0 & 15, location: both.1 & 15 };
        prop_assert_eq!(CgmFeatures::decode(&features.encode(), &PLAIN), Ok(features));
        let status = Status { offset, annunciation };
        prop_assert_eq!(Status::decode(&status.encode(crc), &PLAIN), Ok(status));
        let start = SessionStart { time, zone, dst };
        prop_assert_eq!(SessionStart::decode(&start.encode(crc), &PLAIN), Ok(start));
        prop_assert_eq!(RunTime::decode(&RunTime(offset).encode(crc), &PLAIN), Ok(RunTime(offset)));
    }

    #[test]
    fn cgm_operations(
        reading in sfloat(), numbers in any::<(u16, u16, u16)>(), bytes in any::<(u8, u8)>(), crc in any::<bool>(),
    ) {
        let calibration = Calibration {
            glucose: reading, time: numbers.0, sample: bytes.0, next: numbers.1, record: numbers.2, status: bytes.1,
        };
        let mut operations = [
            Operation::SetInterval(bytes.0), Operation::GetInterval, Operation::Interval(u16::from(bytes.0)),
            Operation::SetCalibration(calibration), Operation::GetCalibration(numbers.0),
            Operation::Calibration(calibration), Operation::ResetAlert, Operation::StartSession,
            Operation::StopSession, Operation::Done { request: bytes.0, outcome: bytes.1 },
        ]
        .to_vec();
        for level in [Level::PatientHigh, Level::PatientLow, Level::Hypo, Level::Hyper, Level::RateOfDecrease, Level::RateOfIncrease] {
            operations.extend([Operation::SetLevel(level, reading), Operation::GetLevel(level), Operation::Level(level, reading)]);
        }
        let told = Quirks { crc: if crc { Crc::Present } else { Crc::Absent }, ..PLAIN };
        for operation in operations {
            prop_assert_eq!(Operation::decode(&operation.encode(crc), &told), Ok(operation));
        }
    }

    #[test]
    fn weights(
        imperial in any::<bool>(), weight in any::<u16>(), time in maybe(date()), user in maybe(any::<u8>()),
        bmi_height in maybe(any::<(u16, u16)>()), reserved in 0_u8..16,
    ) {
        let stated = weight::Measurement { imperial, weight, time, user, bmi_height, reserved: reserved << 4 };
        prop_assert_eq!(weight::Measurement::decode(&stated.encode(), &PLAIN), Ok(stated));
    }

    #[test]
    fn body_compositions(
        (imperial, part) in any::<(bool, bool)>(), fat in any::<u16>(), time in maybe(date()), user in maybe(any::<u8>()),
        fields in any::<[Option<u16>; 5]>(), masses in any::<[Option<u16>; 4]>(), reserved in 0_u16..8,
    ) {
        let [basal, muscle_percentage, impedance, weight, height] = fields;
        let stated = body_composition::Measurement {
            imperial, fat, time, user, basal, muscle_percentage, masses, impedance, weight, height, part,
            reserved: reserved << 13,
        };
        prop_assert_eq!(body_composition::Measurement::decode(&stated.encode(), &PLAIN), Ok(stated));
    }

    #[test]
    fn identities(
        id in any::<[u8; 8]>(), pnp in any::<(u8, u16, u16, u16)>(),
        texts in prop::array::uniform4(maybe("[^\\x00]{0,20}")),
    ) {
        prop_assert_eq!(system_id(&encode_system_id(id), &PLAIN), Ok(id));
        let pnp = PnpId { source: pnp.0, vendor: pnp.1, product: pnp.2, version: pnp.3 };
        prop_assert_eq!(PnpId::decode(&pnp.encode(), &PLAIN), Ok(pnp));
        let [label, device, issuer, authority] = texts;
        let udi = Udi { label, device, issuer, authority };
        prop_assert_eq!(Udi::decode(&udi.encode(), &PLAIN), Ok(udi));
    }

    #[test]
    fn times(
        time in date(), day_of_week in 0_u8..8, fractions in any::<u8>(), reason in any::<u8>(),
        zone in prop_oneof![Just(-128_i8), -48_i8..=56], dst in prop::sample::select([0_u8, 2, 4, 8, 255].to_vec()),
        elapsed in elapsed(), (status, capabilities) in any::<(u8, u8)>(),
        us in -12_000_000_000_000_000_i64..200_000_000_000_000_000,
    ) {
        let current = CurrentTime { time, day_of_week, fractions, reason };
        prop_assert_eq!(CurrentTime::decode(&current.encode(), &PLAIN), Ok(current));
        let local = LocalTime { zone, dst };
        prop_assert_eq!(LocalTime::decode(&local.encode(), &PLAIN), Ok(local));
        prop_assert_eq!(date_time(&encode_date_time(time), &PLAIN), Ok(time));
        let clock = Clock { time: elapsed, status, capabilities };
        prop_assert_eq!(Clock::decode(&clock.encode(), &PLAIN), Ok(clock));
        let whole = us - us.rem_euclid(1_000_000);
        prop_assert_eq!(DateTime::from_us(us).unwrap().as_us(), Some(whole));
    }

    #[test]
    fn feature_words(word in any::<u32>()) {
        for (of, size) in [(Of::Pressure, 16), (Of::Glucose, 16), (Of::Scale, 32), (Of::Composition, 32)] {
            let word = if size == 16 { word & 0xFFFF } else { word };
            prop_assert_eq!(of.decode(&of.encode(word), &PLAIN), Ok(word));
        }
    }
}

fn reals(depth: u32) -> BoxedStrategy<Reals> {
    let item = prop_oneof![
        (any::<u16>(), float()).prop_map(|(unit, value)| Item::Numeric(unit, value)),
        any::<u32>().prop_map(Item::Discrete),
        ".{0,8}".prop_map(Item::Text),
    ];
    let samples = (
        (any::<u16>(), float(), float(), float(), any::<u8>()),
        prop::sample::select([1_u8, 2, 4].to_vec()),
        prop::collection::vec(any::<u32>(), 0..8),
    )
        .prop_map(
            |((unit, scale, offset, period, per_period), size, samples)| Samples {
                unit,
                scale,
                offset,
                period,
                per_period,
                bytes_per_sample: size,
                samples: samples
                    .into_iter()
                    .map(|sample| sample & (u32::MAX >> (32 - 8 * u32::from(size))))
                    .collect(),
            },
        );
    let flat = prop_oneof![
        (any::<u16>(), float()).prop_map(|(unit, value)| Reals::Numeric(unit, value)),
        any::<u32>().prop_map(Reals::Discrete),
        ".{0,12}".prop_map(Reals::Text),
        samples.prop_map(Reals::Samples),
        prop::collection::vec(any::<u32>(), 0..5).prop_map(Reals::Events),
        (
            prop::collection::vec(any::<(u8, u8)>(), 0..5),
            prop::collection::vec(any::<u32>(), 0..3)
        )
            .prop_map(|(masks, codes)| {
                let (supported, set) = masks.into_iter().unzip();
                Reals::States {
                    supported,
                    set,
                    codes,
                }
            }),
        prop::collection::vec(
            (any::<u32>(), item).prop_map(|(metric, item)| Component { metric, item }),
            0..4
        )
        .prop_map(Reals::Compound),
        prop::collection::vec(
            (
                any::<u32>(),
                any::<u8>(),
                prop::collection::vec(any::<u8>(), 0..6)
            ),
            0..4
        )
        .prop_map(Reals::Tlvs),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        4 => flat,
        1 => prop::collection::vec(observation(depth - 1), 0..4).prop_map(Reals::Bundle),
    ]
    .boxed()
}

fn observation(depth: u32) -> BoxedStrategy<Observation> {
    let ids = || maybe(prop::collection::vec(any::<u32>(), 0..4));
    (
        (maybe(any::<u32>()), maybe(elapsed()), maybe(float())),
        (maybe(any::<u16>()), maybe(any::<u32>()), maybe(any::<u8>())),
        (ids(), ids(), ids()),
        maybe(prop::collection::vec(
            (
                any::<u32>(),
                any::<u8>(),
                prop::collection::vec(any::<u8>(), 0..6),
            ),
            0..3,
        )),
        reals(depth),
    )
        .prop_map(
            |(
                (metric, time, duration),
                (status, id, patient),
                (supplemental, derived_from, member_of),
                extra,
                value,
            )| {
                Observation {
                    metric,
                    time,
                    duration,
                    status: status.map(super::super::ghs::Status),
                    id,
                    patient,
                    supplemental,
                    derived_from,
                    member_of,
                    extra,
                    reserved: 0,
                    value,
                }
            },
        )
        .boxed()
}

proptest! {
    #[test]
    fn observations(stated in observation(1), record in any::<u32>(), size in 1_usize..60, counter in 0_u8..64) {
        prop_assert_eq!(Observation::decode(&stated.encode(), &PLAIN), Ok(stated.clone()));
        let mut live = Live::default();
        let mut whole = None;
        for part in super::super::ghs::segments(&stated, None, size, counter) {
            prop_assert_eq!(&whole, &None);
            whole = live.push(&part, &PLAIN).unwrap();
        }
        prop_assert_eq!(whole, Some(stated.clone()));
        let mut stored = Stored::default();
        let mut whole = None;
        // At least the record number fits the first segment.
        for part in super::super::ghs::segments(&stated, Some(record), size.max(4), counter) {
            whole = stored.push(&part, &PLAIN).unwrap();
        }
        prop_assert_eq!(whole, Some((record, stated.clone())));
        // With the record number in every segment.
        let mut stored = Stored::default();
        let mut whole = None;
        for part in super::super::ghs::segments(&stated, None, size, counter) {
            let mut numbered = [part[0]].to_vec();
            numbered.extend(record.to_le_bytes());
            numbered.extend(&part[1..]);
            whole = stored.push(&numbered, &PLAIN).unwrap();
        }
        prop_assert_eq!(whole, Some((record, stated)));
    }

    #[test]
    fn health_sensor_features(
        types in prop::collection::vec(any::<u32>(), 0..5),
        specializations in maybe(prop::collection::vec(any::<(u16, u8)>(), 0..4)),
        (metric, period, interval) in (any::<u32>(), float(), float()), reserved in 0_u8..128,
    ) {
        let features = Features { types, specializations, reserved: reserved << 1 };
        prop_assert_eq!(Features::decode(&features.encode(), &PLAIN), Ok(features));
        let schedule = Schedule { metric, period, interval };
        prop_assert_eq!(Schedule::decode(&schedule.encode(), &PLAIN), Ok(schedule));
    }
}

#[test]
fn every_special_word_in_every_place() {
    // SpO2 and pulse of a spot check, each with each special word.
    for first in [0x07FF_u16, 0x0800, 0x07FE, 0x0802, 0x0801] {
        for second in [0x07FF_u16, 0x0800, 0x07FE, 0x0802, 0x0801, 0x0048] {
            let bytes = [&[0][..], &first.to_le_bytes(), &second.to_le_bytes()].concat();
            let values = decode(0x2A5E, &bytes, &PLAIN).unwrap();
            assert_eq!(values[0].content, Content::from(number::sfloat(first)));
            assert_eq!(values[1].content, Content::from(number::sfloat(second)));
        }
    }
}
