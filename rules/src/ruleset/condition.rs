//! The conditions of a rule: threshold and absence.

use super::fields::{At, Faults, Fields};
use super::parse::Metrics;
use super::rule::{Clear, ClearLimit, Condition, Limit};
use wardline_normalize::time::Micros;
use wardline_normalize::units;

/// How often readings are expected where the rule does not say: bedside monitors send numerics every minute or more
/// often.
pub(super) const EXPECT_EVERY: Micros = 60_000_000;

/// Longest `for`, `max-gap`, `expect-every` and `grace`: a year.
const LONGEST: Micros = 366 * 86_400 * 1_000_000;

/// How long it must hold, which hole breaks that, and when it is over.
pub(super) struct Shape {
    pub(super) hold: Micros,
    pub(super) max_gap: Micros,
    pub(super) clear: Clear,
}

/// The keys about time that all kinds share; `max_gap` is the default.
pub(super) fn shape(
    fields: &mut Fields<'_, '_>,
    limit: Option<Limit>,
    default_gap: Micros,
    faults: &mut Faults<'_>,
) -> Option<Shape> {
    let hold = bounded(fields, "for", faults).map_or(0, |at| at.value);
    let expect_every = bounded(fields, "expect-every", faults).map(|at| at.value);
    let max_gap = bounded(fields, "max-gap", faults);
    if let Some(gap) = &max_gap
        && gap.value == 0
    {
        faults.at(gap.offset, "`max-gap` must be longer than nothing");
    }
    let usual = expect_every.map_or(default_gap, |every| 2 * every);
    Some(Shape {
        hold,
        max_gap: max_gap.map_or(usual, |at| at.value),
        clear: clear(fields, limit, faults)?,
    })
}

pub(super) fn absence(
    fields: &mut Fields<'_, '_>,
    of: &str,
    faults: &mut Faults<'_>,
) -> Option<Condition> {
    let expect_every = bounded(fields, "expect-every", faults);
    match &expect_every {
        None if !fields.has("expect-every") => {
            faults.at(fields.offset(), format!("{of} has no `expect-every`"))
        }
        Some(at) if at.value == 0 => {
            faults.at(at.offset, "`expect-every` must be longer than nothing")
        }
        _ => {}
    }
    let grace = bounded(fields, "grace", faults).map_or(0, |at| at.value);
    Some(Condition::Absence {
        expect_every: expect_every?.value,
        grace,
    })
}

pub(super) fn bounded(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
) -> Option<At<Micros>> {
    let found = fields.duration(key, faults)?;
    if found.value > LONGEST {
        faults.at(found.offset, format!("`{key}` is longer than a year"));
        return None;
    }
    Some(found)
}

pub(super) fn limit(
    fields: &mut Fields<'_, '_>,
    of: &str,
    faults: &mut Faults<'_>,
) -> Option<At<Limit>> {
    let above = fields.number("above", faults).map(|at| At {
        value: Limit::Above(at.value),
        offset: at.offset,
    });
    let below = fields.number("below", faults).map(|at| At {
        value: Limit::Below(at.value),
        offset: at.offset,
    });
    let outside = fields.pair("outside", faults).map(|at| At {
        value: Limit::Outside(at.value.0, at.value.1),
        offset: at.offset,
    });
    let stated = ["above", "below", "outside"]
        .iter()
        .filter(|key| fields.has(key))
        .count();
    if stated != 1 {
        faults.at(
            fields.offset(),
            format!("{of} needs exactly one of `above`, `below` and `outside`, not {stated}"),
        );
        return None;
    }
    above.or(below).or(outside)
}

pub(super) fn unit(
    fields: &mut Fields<'_, '_>,
    metrics: Option<&Metrics>,
    of: &str,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let stated = fields.text("unit", faults);
    let metrics = metrics?;
    let Some(stated) = stated else {
        if metrics.unit.is_none() && !fields.has("unit") {
            faults.at(
                fields.offset(),
                format!(
                    "{of} needs `unit`: `{}` is outside the vocabulary",
                    metrics.name
                ),
            );
        }
        return metrics.unit.map(str::to_owned);
    };
    let probe = metrics.unit.unwrap_or(&stated.value);
    let converted = units::convert_substance(1.0, probe, &stated.value, metrics.molar_mass);
    if !units::is_ucum(&stated.value) || converted.is_none() {
        let message = match metrics.unit {
            Some(unit) => format!(
                "`unit`: \"{}\" is no UCUM unit that {unit} of {} converts to",
                stated.value, metrics.name
            ),
            None => format!("`unit`: \"{}\" is no known UCUM unit", stated.value),
        };
        faults.at(stated.offset, message);
        return None;
    }
    Some(stated.value)
}

/// `clear = { below = 110, for = "2m" }`; without a limit of its own, the rule's limit holds.
fn clear(
    fields: &mut Fields<'_, '_>,
    limit: Option<Limit>,
    faults: &mut Faults<'_>,
) -> Option<Clear> {
    if !fields.has("clear") {
        return Some(Clear {
            within: ClearLimit::Limit,
            hold: 0,
        });
    }
    let mut table = fields.table("clear", faults)?;
    let offset = table.offset();
    let below = table.number("below", faults);
    let above = table.number("above", faults);
    let inside = table.pair("inside", faults);
    let hold = bounded(&mut table, "for", faults).map_or(0, |at| at.value);
    let stated = ["below", "above", "inside"]
        .iter()
        .filter(|key| table.has(key))
        .count();
    let stated_but_bad = stated
        > [below.is_some(), above.is_some(), inside.is_some()]
            .iter()
            .filter(|s| **s)
            .count();
    table.finish("`clear`", faults);
    if stated_but_bad {
        return None;
    }
    let limit = limit?;
    let within = match (limit, below, above, inside) {
        (_, None, None, None) => ClearLimit::Limit,
        (Limit::Above(limit) | Limit::AtLeast(limit), Some(at), None, None)
            if at.value <= limit =>
        {
            ClearLimit::Below(at.value)
        }
        (Limit::Below(limit), None, Some(at), None) if at.value >= limit => {
            ClearLimit::Above(at.value)
        }
        (Limit::Outside(low, high), None, None, Some(at))
            if at.value.0 >= low && at.value.1 <= high =>
        {
            ClearLimit::Inside(at.value.0, at.value.1)
        }
        (Limit::Above(limit) | Limit::AtLeast(limit), ..) => {
            faults.at(
                offset,
                format!(
                    "`clear` of a rule with `above` or `at-least` needs `below`, at most {limit}"
                ),
            );
            return None;
        }
        (Limit::Below(limit), ..) => {
            faults.at(
                offset,
                format!("`clear` of a rule with `below` needs `above`, at least {limit}"),
            );
            return None;
        }
        // No file says `Never`.
        (Limit::Never, ..) => ClearLimit::Limit,
        (Limit::Outside(low, high), ..) => {
            faults.at(
                offset,
                format!("`clear` of a rule with `outside` needs `inside`, within [{low}, {high}]"),
            );
            return None;
        }
    };
    Some(Clear { within, hold })
}
