//! The kinds of rule that judge readings in event time.

use super::condition::{EXPECT_EVERY, Shape, bounded, limit, shape, unit};
use super::fields::{At, Faults, Fields};
use super::parse::{Metrics, Site, named, resolve};
use super::rule::{
    ABSENT, Baseline, Each, Feed, Judge, Limit, Measure, Method, Signal, Take, Words,
};
use crate::Score;
use std::sync::Arc;
use wardline_normalize::senml::is_data_absent_reason;
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::ValueKind;

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;

/// Marks of a reading that rules may ask for. Demonstration and test are not among them: these never count.
const QUALITIES: [&str; 5] = [
    "questionable",
    "calibrating",
    "early-estimate",
    "implausible",
    ABSENT,
];

/// Most days that `each-day` takes the mean of: a month is what people call a course.
const MOST_DAYS: f64 = 31.0;

/// Conditions of `all` and `any`: more than people can keep apart is a mistake.
const MAX_CONDITIONS: usize = 16;

pub(super) fn judge(
    kind: &str,
    fields: &mut Fields<'_, '_>,
    of: &str,
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    match kind {
        "threshold" => threshold(fields, of, site, faults),
        "rate-of-change" => rate(fields, of, site, faults),
        "score" => score(fields, of, &site.scores, faults),
        "baseline" => baseline(fields, of, site, faults),
        _ => count(kind, fields, of, site, faults),
    }
}

fn metrics(fields: &mut Fields<'_, '_>, of: &str, faults: &mut Faults<'_>) -> Option<Metrics> {
    if !fields.has("metric") {
        faults.at(fields.offset(), format!("{of} has no `metric`"));
    }
    named(fields, faults)
}

/// Numbers of one metric, in the unit of the rule.
fn feed(fields: &mut Fields<'_, '_>, of: &str, faults: &mut Faults<'_>) -> Option<Feed> {
    let metrics = metrics(fields, of, faults);
    let unit = unit(fields, metrics.as_ref(), of, faults);
    let metrics = metrics?;
    if metrics
        .kind
        .is_some_and(|kind| !matches!(kind, ValueKind::Quantity))
    {
        faults.at(
            fields.offset(),
            format!(
                "{of}: `{}` has coded values, not numbers; `is` names them",
                metrics.name
            ),
        );
        return None;
    }
    Some(Feed {
        metrics: metrics.keys,
        name: metrics.name,
        unit: unit?,
        words: Words::None,
    })
}

/// Words of one metric: codes, or names of a device's status bits.
fn word_feed(fields: &mut Fields<'_, '_>, of: &str, faults: &mut Faults<'_>) -> Option<Feed> {
    let metrics = metrics(fields, of, faults);
    let words = fields.texts("is", faults);
    let metrics = metrics?;
    match metrics.kind {
        Some(ValueKind::Quantity) => {
            faults.at(
                fields.offset(),
                format!("{of}: `{}` has numbers, no words", metrics.name),
            );
            return None;
        }
        Some(ValueKind::Coded(codes)) => {
            for word in &words {
                if !codes.iter().any(|(code, _)| *code == word.value) {
                    let known: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
                    faults.at(
                        word.offset,
                        format!(
                            "`is`: {} has no code \"{}\"; known: {}",
                            metrics.name,
                            word.value,
                            known.join(", ")
                        ),
                    );
                }
            }
        }
        Some(ValueKind::Boolean | ValueKind::Text) | None => {}
    }
    if words.is_empty() {
        faults.at(fields.offset(), format!("{of}: `is` names no word"));
        return None;
    }
    Some(Feed {
        metrics: metrics.keys,
        name: metrics.name,
        unit: "1".to_owned(),
        words: Words::AnyOf(words.into_iter().map(|word| word.value).collect()),
    })
}

/// Readings of one metric by how good they are.
fn marked_feed(fields: &mut Fields<'_, '_>, of: &str, faults: &mut Faults<'_>) -> Option<Feed> {
    let metrics = metrics(fields, of, faults);
    let words = fields.texts("quality", faults);
    if words.is_empty() {
        faults.at(fields.offset(), format!("{of}: `quality` names no word"));
    }
    let mut known = true;
    for word in &words {
        if !QUALITIES.contains(&&*word.value) && !is_data_absent_reason(&word.value) {
            known = false;
            let names = QUALITIES.join(", ");
            faults.at(
                word.offset,
                format!(
                    "`quality`: \"{}\" is none of {names}, nor a data-absent-reason of FHIR",
                    word.value
                ),
            );
        }
    }
    let metrics = metrics.filter(|_| known && !words.is_empty())?;
    Some(Feed {
        metrics: metrics.keys,
        name: metrics.name,
        unit: "1".to_owned(),
        words: Words::Marked(words.into_iter().map(|word| word.value).collect()),
    })
}

fn threshold(
    fields: &mut Fields<'_, '_>,
    of: &str,
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    if fields.has("is") || fields.has("quality") {
        let feed = match fields.has("is") {
            true => word_feed(fields, of, faults),
            false => marked_feed(fields, of, faults),
        };
        let limit = Limit::AtLeast(1.0);
        let shape = shape(fields, Some(limit), 2 * EXPECT_EVERY, faults);
        return Some(made(vec![feed?], None, Signal::Value, limit, None, shape?));
    }
    let limit = limit(fields, of, faults).map(|at| at.value);
    let feed = feed(fields, of, faults);
    let each = each(fields, site, faults);
    let gap = if each.is_some() {
        2 * DAY
    } else {
        2 * EXPECT_EVERY
    };
    let shape = shape(fields, limit, gap, faults);
    Some(made(vec![feed?], each, Signal::Value, limit?, None, shape?))
}

fn rate(
    fields: &mut Fields<'_, '_>,
    of: &str,
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    let limit = limit(fields, of, faults).map(|at| at.value);
    let feed = feed(fields, of, faults);
    let each = each(fields, site, faults);
    let per = needed(fields, "per", of, faults);
    let window = bounded(fields, "window", faults).filter(|at| {
        if at.value == 0 {
            faults.at(at.offset, "`window` must be longer than nothing");
        }
        at.value > 0
    });
    let window = window.map(|at| at.value).or(per);
    let shape = shape(
        fields,
        limit,
        window.unwrap_or(0).max(2 * EXPECT_EVERY),
        faults,
    );
    let signal = Signal::Rate {
        per: per?,
        window: window?,
    };
    Some(made(vec![feed?], each, signal, limit?, None, shape?))
}

fn score(
    fields: &mut Fields<'_, '_>,
    of: &str,
    tables: &[Arc<Score>],
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    if !fields.has("score") {
        faults.at(fields.offset(), format!("{of} has no `score`"));
    }
    let name = fields.text("score", faults);
    let total = fields.number("at-least", faults);
    let part = fields.number("any-part-at-least", faults);
    let (measure, limit) = match (&total, &part) {
        (Some(total), None) => (Measure::Total, Some(Limit::AtLeast(total.value))),
        (None, Some(part)) => (Measure::Part, Some(Limit::AtLeast(part.value))),
        _ => {
            faults.at(
                fields.offset(),
                format!("{of} needs exactly one of `at-least` and `any-part-at-least`"),
            );
            (Measure::Total, None)
        }
    };
    let readings = bounded(fields, "max-age", faults).map_or(HOUR, |at| at.value);
    let stated = bounded(fields, "observation-max-age", faults).map_or(12 * HOUR, |at| at.value);
    let own_ages = fields.durations("max-ages", faults);
    let assume = fields.words("assume", faults);
    let shape = shape(fields, limit, readings.max(2 * EXPECT_EVERY), faults);
    let name = name?;
    let own = tables.iter().find(|table| table.id == name.value).cloned();
    let Some(mut table) = own.or_else(|| Score::shipped(&name.value).map(Arc::new)) else {
        let known: Vec<&str> = Score::shipped_ids().collect();
        faults.at(
            name.offset,
            format!(
                "`score`: \"{}\" is no [[score]] of this file and none of {}",
                name.value,
                known.join(", ")
            ),
        );
        return None;
    };
    for (name, word) in &assume {
        match table.assuming(name, &word.value) {
            Ok(assuming) => table = Arc::new(assuming),
            Err(fault) => faults.at(word.offset, format!("`assume`: {fault}")),
        }
    }
    let mut feeds = Vec::new();
    let mut max_age = Vec::new();
    for (place, input) in table.names().enumerate() {
        let found = score_feed(&table, input, name.offset, faults);
        let words = found.as_ref().is_some_and(|feed| feed.words != Words::None);
        let own = own_ages.iter().find(|(name, _)| name == input);
        let own = own.map(|(_, own)| own.value);
        max_age.push(
            match (
                own.or_else(|| table.max_age(input)),
                table.is_setting(place),
                words,
            ) {
                (Some(own), ..) => own.min(366 * DAY),
                // A decision stands until another is recorded.
                (None, true, _) => 366 * DAY,
                (None, false, true) => stated,
                (None, false, false) => readings,
            },
        );
        feeds.push(found?);
    }
    for (name, at) in &own_ages {
        if !table.names().any(|known| known == name) {
            let fault = format!("`max-ages`: score {} has no input `{name}`", table.id);
            faults.at(at.offset, fault);
        }
    }
    let signal = Signal::Score {
        table,
        measure,
        max_age,
    };
    Some(made(feeds, None, signal, limit?, Some("{score}"), shape?))
}

/// What feeds an input of a score; one that nothing feeds stays missing.
fn score_feed(table: &Score, input: &str, offset: usize, faults: &mut Faults<'_>) -> Option<Feed> {
    let words = table.words(input);
    let words = words.map_or(Words::None, |words| {
        Words::Place(words.into_iter().map(str::to_owned).collect())
    });
    let Some((metric, unit)) = table.metric(input) else {
        return Some(Feed {
            metrics: Vec::new(),
            name: input.to_owned(),
            unit: "1".to_owned(),
            words,
        });
    };
    let name = At {
        value: metric.to_owned(),
        offset,
    };
    let metrics = resolve(&name, faults)?;
    Some(Feed {
        metrics: metrics.keys,
        name: metrics.name,
        unit: unit.or(metrics.unit).unwrap_or("1").to_owned(),
        words,
    })
}

fn baseline(
    fields: &mut Fields<'_, '_>,
    of: &str,
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    let limit = limit(fields, of, faults).map(|at| at.value);
    let feed = feed(fields, of, faults);
    let each = each(fields, site, faults);
    let method = method(fields, of, faults);
    let learn = bounded(fields, "learn", faults).map_or(3 * DAY, |at| at.value);
    let least = fields
        .number("least-values", faults)
        .map_or(3.0, |at| at.value);
    let spread = fields
        .number("least-spread", faults)
        .map_or(0.0, |at| at.value);
    let measure = fields.text("as", faults);
    let standardized = match measure.as_ref().map(|measure| measure.value.as_str()) {
        None | Some("difference") => matches!(method, Some(Method::Cusum { .. })),
        Some("deviations") => true,
        Some(_) => {
            let offset = measure.as_ref().map_or(0, |measure| measure.offset);
            faults.at(offset, "`as` must be difference or deviations");
            false
        }
    };
    let gap = if each.is_some() {
        2 * DAY
    } else {
        2 * EXPECT_EVERY
    };
    let shape = shape(fields, limit, gap, faults);
    let signal = Signal::Baseline(Baseline {
        method: method?,
        learn,
        least: least.clamp(1.0, 1e6) as u32,
        standardized,
        least_spread: spread.max(0.0),
    });
    let unit = standardized.then_some("1");
    Some(made(vec![feed?], each, signal, limit?, unit, shape?))
}

fn method(fields: &mut Fields<'_, '_>, of: &str, faults: &mut Faults<'_>) -> Option<Method> {
    if !fields.has("method") {
        faults.at(fields.offset(), format!("{of} has no `method`"));
    }
    let name = fields.text("method", faults);
    let entered = fields.number("baseline", faults);
    let memory = bounded(fields, "memory", faults).map_or(28 * DAY, |at| at.value.max(1));
    let half_life = bounded(fields, "half-life", faults).map_or(7 * DAY, |at| at.value.max(1));
    let slack = fields.number("slack", faults).map_or(0.5, |at| at.value);
    let name = name?;
    match name.value.as_str() {
        "entered" => {
            if entered.is_none() {
                faults.at(
                    name.offset,
                    format!("{of}: method entered needs `baseline`"),
                );
            }
            entered.map(|at| Method::Entered(at.value))
        }
        "median" => Some(Method::Median(memory)),
        "ewma" => Some(Method::Ewma(half_life)),
        "cusum" => Some(Method::Cusum { half_life, slack }),
        other => {
            faults.at(
                name.offset,
                format!("`method` must be entered, median, ewma or cusum, not \"{other}\""),
            );
            None
        }
    }
}

fn count(
    kind: &str,
    fields: &mut Fields<'_, '_>,
    of: &str,
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Judge> {
    let offset = fields.offset();
    let conditions = fields.tables("conditions", faults);
    if !(1..=MAX_CONDITIONS).contains(&conditions.len()) {
        faults.at(
            offset,
            format!("{of} needs 1 to {MAX_CONDITIONS} `conditions`"),
        );
    }
    let count = conditions.len();
    let mut parts = Vec::new();
    for (number, mut condition) in (1..).zip(conditions) {
        let of = format!("condition {number} of {of}");
        let kind = condition.text("kind", faults);
        let kind = kind
            .as_ref()
            .map_or("threshold", |kind| kind.value.as_str());
        if !["threshold", "rate-of-change", "score", "baseline"].contains(&kind) {
            faults.at(
                condition.offset(),
                format!("{of}: a condition cannot be of kind `{kind}`"),
            );
            continue;
        }
        parts.push(judge(kind, &mut condition, &of, site, faults));
        condition.finish(&of, faults);
    }
    let within = bounded(fields, "within", faults).map_or(0, |at| at.value);
    let least = fields.number("at-least", faults);
    let needed = match (kind, &least) {
        ("all", Some(at)) => {
            faults.at(at.offset, "`at-least` is for any: all means each of them");
            count as f64
        }
        ("all", None) => count as f64,
        (_, Some(at)) => at.value,
        (_, None) => 1.0,
    };
    let limit = Limit::AtLeast(needed);
    let gap = within.max(2 * EXPECT_EVERY);
    let shape = shape(fields, Some(limit), gap, faults);
    let parts: Vec<Judge> = parts.into_iter().collect::<Option<_>>()?;
    let feeds = parts.iter().flat_map(|part| part.feeds.clone()).collect();
    let signal = Signal::Count { parts, within };
    Some(made(feeds, None, signal, limit, Some("1"), shape?))
}

fn each(fields: &mut Fields<'_, '_>, site: &Site, faults: &mut Faults<'_>) -> Option<Each> {
    let mut table = fields.table("each-day", faults)?;
    let offset = table.offset();
    let take = table.text("take", faults);
    let from = minutes(&mut table, "from", faults);
    let to = minutes(&mut table, "to", faults);
    let stated = table.has("zone");
    let zone = zone(&mut table, faults);
    let days = whole(&mut table, "days", MOST_DAYS, faults);
    let least = whole(&mut table, "least", MOST_DAYS, faults);
    table.finish("`each-day`", faults);
    let take = match take.as_ref().map(|take| take.value.as_str()) {
        Some("first") => Take::First,
        Some("mean") => Take::Mean,
        Some("min") => Take::Min,
        Some("max") => Take::Max,
        Some("low") => Take::Low,
        _ => {
            faults.at(
                offset,
                "`each-day` needs `take`: first, mean, min, max or low",
            );
            return None;
        }
    };
    if stated && zone.is_none() {
        return None;
    }
    let days = days.map_or(1, |at| at.value);
    if let Some(least) = least.as_ref().filter(|least| least.value > days) {
        faults.at(least.offset, "`least` is above `days`");
    }
    if from.is_some() != to.is_some() {
        faults.at(offset, "`each-day` needs both `from` and `to`, or neither");
    }
    Some(Each {
        take,
        between: from.zip(to),
        zone: zone.unwrap_or(site.zone),
        days,
        least: least.map_or(1, |at| at.value),
    })
}

/// `zone`, a name of the IANA database.
pub(super) fn zone(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<chrono_tz::Tz> {
    let At { value, offset } = fields.text("zone", faults)?;
    let zone = value.parse().ok();
    if zone.is_none() {
        let fault = format!("`zone`: \"{value}\" is no zone of the IANA database");
        faults.at(offset, fault);
    }
    zone
}

/// A whole number from 1 on.
fn whole(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    most: f64,
    faults: &mut Faults<'_>,
) -> Option<At<u32>> {
    let At { value, offset } = fields.number(key, faults)?;
    if value.fract() != 0.0 || !(1.0..=most).contains(&value) {
        faults.at(
            offset,
            format!("`{key}` must be a whole number from 1 to {most}"),
        );
        return None;
    }
    Some(At {
        value: value as u32,
        offset,
    })
}

/// A time of day, as minutes after midnight.
fn minutes(fields: &mut Fields<'_, '_>, key: &'static str, faults: &mut Faults<'_>) -> Option<u32> {
    let At { value, offset } = fields.text(key, faults)?;
    let parsed = value.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    });
    if parsed.is_none() {
        faults.at(
            offset,
            format!("`{key}` must be a time of day like \"22:00\", not \"{value}\""),
        );
    }
    parsed
}

/// A duration that must be there and longer than nothing.
fn needed(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    of: &str,
    faults: &mut Faults<'_>,
) -> Option<Micros> {
    if !fields.has(key) {
        faults.at(fields.offset(), format!("{of} has no `{key}`"));
    }
    let found = bounded(fields, key, faults)?;
    if found.value == 0 {
        faults.at(found.offset, format!("`{key}` must be longer than nothing"));
        return None;
    }
    Some(found.value)
}

fn made(
    feeds: Vec<Feed>,
    each: Option<Each>,
    signal: Signal,
    limit: Limit,
    unit: Option<&str>,
    shape: Shape,
) -> Judge {
    let own = feeds.first().map_or("1", |feed| feed.unit.as_str());
    Judge {
        unit: unit.unwrap_or(own).to_owned(),
        feeds,
        each,
        signal,
        limit,
        hold: shape.hold,
        max_gap: shape.max_gap,
        clear: shape.clear,
        worsens: None,
        latch: false,
    }
}
