//! SampledData (specification 2.5): values in slots of one period.

use crate::mapping::document::fhir::{CodeValueFhir, PeriodInterval, ValueTemplate, ValueType};
use crate::mapping::document::{Document, Fault, Severity};
use crate::mapping::ticks::Ticks;

/// Slots of one SampledData: a day at 100 Hz. It keeps one Observation to some tens of megabytes whatever times a
/// device states.
pub(super) const MAX_SLOTS: i64 = 8_640_000;

/// A document's period, which is in milliseconds, in ticks; 0 when it is none.
pub(super) fn period(milliseconds: f64) -> i64 {
    if milliseconds.is_finite() {
        (milliseconds * 10_000.0).round() as i64
    } else {
        0
    }
}

/// The SampledData of a template that no Observation could hold.
pub(super) fn faults(template: &CodeValueFhir) -> Vec<Fault> {
    let window = match template.period {
        PeriodInterval::Hourly => Ticks::HOUR,
        PeriodInterval::Daily => Ticks::DAY,
        PeriodInterval::Single | PeriodInterval::CorrelationId => 1,
    };
    let path = format!("template[{}].template", template.index);
    let fault = |value: &ValueTemplate, path: String| {
        let ValueType::SampledData { period_ms, .. } = value.kind else {
            return None;
        };
        let period = period(period_ms);
        let message = if period < 1 {
            "defaultPeriod must be at least 0.0001 milliseconds".to_owned()
        } else if (window - 1) / period >= MAX_SLOTS {
            format!("defaultPeriod is too short: the window has more than {MAX_SLOTS} of them")
        } else {
            return None;
        };
        Some(Fault {
            severity: Severity::Error,
            document: Document::Fhir,
            line: value.at.line,
            column: value.at.column,
            path,
            message,
        })
    };
    let own = template.value.iter();
    let own = own.filter_map(|value| fault(value, format!("{path}.value")));
    let parts = template.components.iter().enumerate();
    let parts = parts.filter_map(|(index, component)| {
        fault(
            &component.value,
            format!("{path}.components[{index}].value"),
        )
    });
    own.chain(parts).collect()
}

/// A value at its time.
pub(super) type At<'a> = (Ticks, &'a str);

/// The `data` of `values`, sorted by time, over the window `start` to `end`, both included: for each half-open slot
/// the last value in it, or `E`. A value before `start` keeps all that follow out, one after the last slot is
/// dropped, as the original has it. `None` when there are more slots than [`MAX_SLOTS`] or `period` is not positive.
pub(super) fn data(start: Ticks, end: Ticks, period: i64, values: &[At<'_>]) -> Option<String> {
    let span = end.0.checked_sub(start.0)?;
    if period < 1 || span / period >= MAX_SLOTS {
        return None;
    }
    let mut out = String::new();
    let mut values = values.iter().peekable();
    let mut slot = start.0;
    while slot <= end.0 {
        let next = slot.saturating_add(period);
        let mut last = "E";
        while let Some((_, text)) = values.next_if(|(time, _)| (slot..next).contains(&time.0)) {
            last = text;
        }
        if slot != start.0 {
            out.push(' ');
        }
        out.push_str(last);
        if next == slot {
            break;
        }
        slot = next;
    }
    Some(out)
}

/// The values that `data` holds, each at the start of its slot.
pub(super) fn values(data: &str, start: Ticks, period: i64) -> Vec<At<'_>> {
    data.split_ascii_whitespace()
        .zip(0_i64..)
        .filter(|(text, _)| *text != "E")
        .map(|(text, slot)| {
            let time = start.0.saturating_add(period.saturating_mul(slot));
            (Ticks(time), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(values: &[(i64, &'static str)]) -> Vec<At<'static>> {
        values
            .iter()
            .map(|&(time, text)| (Ticks(time), text))
            .collect()
    }

    #[test]
    fn slots() {
        for (start, end, period, values, expected) in [
            (0, 0, 10, vec![(0, "1")], Some("1")),
            (0, 0, 10, vec![], Some("E")),
            (
                0,
                29,
                10,
                vec![(0, "1"), (9, "2"), (20, "3")],
                Some("2 E 3"),
            ),
            (0, 30, 10, vec![(30, "4")], Some("E E E 4")),
            (5, 24, 10, vec![(14, "a"), (15, "b")], Some("a b")),
            // After the last slot: dropped. Before the start: blocks.
            (0, 9, 10, vec![(3, "1"), (10, "2")], Some("1")),
            (0, 29, 10, vec![(-1, "0"), (3, "1")], Some("E E E")),
            (0, 29, 0, vec![], None),
            (0, MAX_SLOTS, 1, vec![], None),
            (i64::MIN, i64::MAX, 1, vec![], None),
        ] {
            let made = data(Ticks(start), Ticks(end), period, &at(&values));
            assert_eq!(
                made.as_deref(),
                expected,
                "{start} {end} {period} {values:?}"
            );
        }
    }

    #[test]
    fn token_counts_of_the_specification() {
        let hour = 3_600 * 10_000_000;
        for (end, period_ms, tokens) in [
            (hour - 1, 5_000, 720),
            (hour - 1, 1_000, 3_600),
            (24 * hour - 1, 1_000, 86_400),
            (0, 1_000, 1),
        ] {
            let text = data(Ticks(0), Ticks(end), period_ms * 10_000, &[]).unwrap();
            assert_eq!(text.split(' ').count(), tokens);
        }
    }

    /// The algorithm of the specification, slot by slot, over all values each time.
    fn naive(start: i64, end: i64, period: i64, values: &[(i64, String)]) -> String {
        let blocked = values.iter().map(|v| v.0).find(|time| *time < start);
        let mut tokens = Vec::new();
        for index in 0..=(end - start) / period {
            let slot = start + index * period;
            let mut inside = values
                .iter()
                .filter(|(time, _)| *time >= slot && *time < slot + period);
            let token = inside.next_back().map_or("E", |(_, text)| text);
            tokens.push(if blocked.is_some() { "E" } else { token });
        }
        tokens.join(" ")
    }

    proptest! {
        #[test]
        fn as_the_naive_reference(
            start in -50_i64..50,
            length in 0_i64..300,
            period in 1_i64..40,
            times in proptest::collection::vec(-60_i64..400, 0..30),
        ) {
            let mut times = times;
            times.sort_unstable();
            let values: Vec<(i64, String)> =
                times.iter().enumerate().map(|(i, time)| (*time, format!("v{i}"))).collect();
            let borrowed: Vec<At<'_>> = values.iter().map(|(t, v)| (Ticks(*t), v.as_str())).collect();
            let made = data(Ticks(start), Ticks(start + length), period, &borrowed).unwrap();
            prop_assert_eq!(&made, &naive(start, start + length, period, &values));
            // What is read back gives the same data again.
            let back = values_of(&made, start, period);
            prop_assert_eq!(data(Ticks(start), Ticks(start + length), period, &back).unwrap(), made);
        }
    }

    fn values_of(data: &str, start: i64, period: i64) -> Vec<At<'_>> {
        super::values(data, Ticks(start), period)
    }
}
