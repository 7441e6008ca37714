//! Glucose service: measurement context (2A34): food, meal, health, exercise, medication, HbA1c.

use super::number::{Absence, Number, Reading};
use super::reader::{Fault, Put, Reader};
use super::value::{Content, Unit, Value};
use super::{Quirks, metric};
use alloc::vec::Vec;

/// Glucose Measurement Context (2A34). It comes right after the measurement with the same sequence number, and has no
/// time of its own: the measurement's is its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub sequence: u16,
    /// All bits are reserved for future use.
    pub extended: Option<u8>,
    /// Kind of food, and kilograms.
    pub carbohydrate: Option<(u8, Reading)>,
    pub meal: Option<u8>,
    /// Tester in the low nibble, health in the high one.
    pub tester_health: Option<u8>,
    /// Seconds (65535: more than can be told) and intensity in percent.
    pub exercise: Option<(u16, u8)>,
    /// Kind of medication, and kilograms or liters.
    pub medication: Option<(u8, Reading)>,
    pub medication_liters: bool,
    /// Percent.
    pub hba1c: Option<Reading>,
    /// A number had a special mantissa and a power of ten; not encoded.
    pub doubtful: bool,
}

const FOOD: [&str; 7] = [
    "breakfast",
    "lunch",
    "dinner",
    "snack",
    "drink",
    "supper",
    "brunch",
];
const MEDICATION: [&str; 5] = [
    "rapid-acting insulin",
    "short-acting insulin",
    "intermediate-acting insulin",
    "long-acting insulin",
    "pre-mixed insulin",
];
const MEAL: [&str; 5] = [
    "MDC_CTXT_GLU_MEAL_PREPRANDIAL",
    "MDC_CTXT_GLU_MEAL_POSTPRANDIAL",
    "MDC_CTXT_GLU_MEAL_FASTING",
    "MDC_CTXT_GLU_MEAL_CASUAL",
    "MDC_CTXT_GLU_MEAL_BEDTIME",
];
const TESTER: [&str; 3] = [
    "MDC_CTXT_GLU_TESTER_SELF",
    "MDC_CTXT_GLU_TESTER_HCP",
    "MDC_CTXT_GLU_TESTER_LAB",
];
const HEALTH: [&str; 5] = [
    "MDC_CTXT_GLU_HEALTH_MINOR",
    "MDC_CTXT_GLU_HEALTH_MAJOR",
    "MDC_CTXT_GLU_HEALTH_MENSES",
    "MDC_CTXT_GLU_HEALTH_STRESS",
    "MDC_CTXT_GLU_HEALTH_NONE",
];

/// The name of a number that counts from 1.
fn named(table: &[&'static str], number: u8) -> Option<&'static str> {
    usize::from(number)
        .checked_sub(1)
        .and_then(|index| table.get(index))
        .copied()
}

/// A code; one that is reserved is an absence, so that nothing is made up.
fn code(metric: metric::Metric, table: &[&'static str], number: u8) -> Value {
    let content = named(table, number).map_or(Content::Absent(Absence::Unknown), Content::Code);
    let mut value = Value::new(metric, content, Unit::None);
    if named(table, number).is_none() {
        value.flags.push("reserved-code");
    }
    value
}

impl Context {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let sequence = reader.u16("sequence number")?;
        let extended = reader.when(flags & 0x80 != 0, |r| r.u8("extended flags"))?;
        let carbohydrate = reader.when(flags & 1 != 0, |r| {
            Ok((r.u8("carbohydrate id")?, r.sfloat("carbohydrate")?))
        })?;
        let meal = reader.when(flags & 2 != 0, |r| r.u8("meal"))?;
        let tester_health = reader.when(flags & 4 != 0, |r| r.u8("tester and health"))?;
        let exercise = reader.when(flags & 8 != 0, |r| {
            Ok((r.u16("exercise duration")?, r.u8("exercise intensity")?))
        })?;
        let medication = reader.when(flags & 16 != 0, |r| {
            Ok((r.u8("medication id")?, r.sfloat("medication")?))
        })?;
        let hba1c = reader.when(flags & 64 != 0, |r| r.sfloat("HbA1c"))?;
        reader.end(extended.is_some_and(|bits| bits != 0))?;
        Ok(Self {
            sequence,
            extended,
            carbohydrate,
            meal,
            tester_health,
            exercise,
            medication,
            medication_liters: flags & 32 != 0,
            hba1c,
            doubtful: reader.doubtful,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.carbohydrate.is_some())
            | u8::from(self.meal.is_some()) << 1
            | u8::from(self.tester_health.is_some()) << 2
            | u8::from(self.exercise.is_some()) << 3
            | u8::from(self.medication.is_some()) << 4
            | u8::from(self.medication_liters) << 5
            | u8::from(self.hba1c.is_some()) << 6
            | u8::from(self.extended.is_some()) << 7;
        let mut out = alloc::vec![flags];
        out.put_u16(self.sequence);
        out.extend(self.extended);
        if let Some((id, mass)) = self.carbohydrate {
            out.push(id);
            out.put_sfloat(mass);
        }
        out.extend(self.meal);
        out.extend(self.tester_health);
        if let Some((seconds, intensity)) = self.exercise {
            out.put_u16(seconds);
            out.push(intensity);
        }
        if let Some((id, amount)) = self.medication {
            out.push(id);
            out.put_sfloat(amount);
        }
        if let Some(percent) = self.hba1c {
            out.put_sfloat(percent);
        }
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        if let Some((id, mass)) = self.carbohydrate {
            let mut value = Value::reading(metric::CARBOHYDRATE, mass, "kg");
            value.method = named(&FOOD, id);
            values.push(value);
        }
        values.extend(self.meal.map(|meal| code(metric::MEAL, &MEAL, meal)));
        if let Some(both) = self.tester_health {
            // 15: not available.
            if both & 15 != 15 {
                values.push(code(metric::TESTER, &TESTER, both & 15));
            }
            if both >> 4 != 15 {
                values.push(code(metric::HEALTH, &HEALTH, both >> 4));
            }
        }
        if let Some((seconds, intensity)) = self.exercise {
            let duration = match seconds {
                u16::MAX => Err(Absence::PositiveInfinity),
                seconds => Ok(Number::integer(i64::from(seconds))),
            };
            values.push(Value::reading(metric::EXERCISE_DURATION, duration, "s"));
            let percent = Ok(Number::integer(i64::from(intensity)));
            values.push(Value::reading(metric::EXERCISE, percent, "%"));
        }
        if let Some((id, amount)) = self.medication {
            let unit = if self.medication_liters { "L" } else { "kg" };
            let mut value = Value::reading(metric::MEDICATION, amount, unit);
            value.method = named(&MEDICATION, id);
            values.push(value);
        }
        values.extend(
            self.hba1c
                .map(|percent| Value::reading(metric::HBA1C, percent, "%")),
        );
        for value in &mut values {
            value.sequence = Some(u32::from(self.sequence));
            if self.extended.is_some_and(|bits| bits != 0) {
                value.flags.push("reserved-flags");
            }
            if self.doubtful {
                value.flags.push("special-mantissa");
            }
        }
        values
    }
}
