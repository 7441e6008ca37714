//! One `[[rule]]` table to a checked [`Rule`].

use super::condition::{absence, bounded};
use super::fields::{At, Faults, Fields};
use super::judge::judge;
use super::life;
use super::rule::{AppliesTo, Condition, Judge, Ladders, Rule};
use crate::{Class, Priority, Score};
use std::collections::HashSet;
use std::sync::Arc;
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary::{self, Metric, ValueKind};

/// Late data older than this page nobody, unless the rule says otherwise.
const PAGE_WITHIN: Micros = 600_000_000;

/// An inhibiting condition that was not confirmed for longer holds nothing back, unless its readings come more seldom.
const HOLDS_FOR: Micros = 300_000_000;

/// Kinds of design 5.6.
const KINDS: [&str; 7] = [
    "threshold",
    "rate-of-change",
    "absence",
    "score",
    "baseline",
    "all",
    "any",
];

/// A rule, if it has no fault that leaves it undefined, with the places that checks across rules speak of.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) rule: Option<Rule>,
    pub(super) id: Option<At<String>>,
    pub(super) inhibited_by: Vec<At<String>>,
}

/// What the whole file says that its rules need.
#[derive(Debug)]
pub(super) struct Site {
    /// Its own score tables.
    pub(super) scores: Vec<Arc<Score>>,
    /// Whose days `each-day` goes by, where a rule does not say.
    pub(super) zone: chrono_tz::Tz,
    pub(super) ladders: Ladders,
}

/// What `metric` names.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) keys: Vec<String>,
    pub(super) name: String,
    /// The vocabulary's unit; `None` for a code outside it.
    pub(super) unit: Option<&'static str>,
    /// g/mol, where mass and substance concentration both are in use.
    pub(super) molar_mass: Option<f64>,
    /// Kind of its values; `None` for a code outside the vocabulary.
    pub(super) kind: Option<ValueKind>,
}

pub(super) fn rule(mut fields: Fields<'_, '_>, site: &Site, faults: &mut Faults<'_>) -> Parsed {
    let id = fields.text("id", faults);
    let inhibited_by = fields.texts("inhibited-by", faults);
    let rule = body(fields, id.as_ref(), &inhibited_by, site, faults);
    Parsed {
        rule,
        id,
        inhibited_by,
    }
}

fn body(
    mut fields: Fields<'_, '_>,
    id: Option<&At<String>>,
    inhibited_by: &[At<String>],
    site: &Site,
    faults: &mut Faults<'_>,
) -> Option<Rule> {
    let start = fields.offset();
    let of = id.map_or_else(|| "a rule".to_owned(), |id| format!("rule `{}`", id.value));
    match id {
        None if !fields.has("id") => faults.at(start, "rule without `id`"),
        Some(id) if !is_id(&id.value) => {
            faults.at(
                id.offset,
                "`id` must be 1 to 64 letters, digits, `.`, `_` or `-`",
            );
        }
        _ => {}
    }
    let title = fields.text("title", faults);
    let kind = fields.text("kind", faults);
    let Some(kind) = kind else {
        if !fields.has("kind") {
            faults.at(start, format!("{of} has no `kind`"));
        }
        return None;
    };
    if !KINDS.contains(&kind.value.as_str()) {
        faults.at(
            kind.offset,
            format!("unknown kind `{}`; known: {}", kind.value, KINDS.join(", ")),
        );
        return None;
    }
    let (condition, metrics) = if kind.value == "absence" {
        let metrics = watched(&mut fields, faults);
        (absence(&mut fields, &of, faults), metrics)
    } else {
        let judge = judge(&kind.value, &mut fields, &of, site, faults);
        let metrics = judge.as_ref().map(judged);
        (judge.map(Condition::Judged), metrics)
    };
    let class = word(
        &mut fields,
        "class",
        faults,
        Class::from_word,
        "physiological or technical",
    );
    let priority = word(
        &mut fields,
        "priority",
        faults,
        Priority::from_word,
        "high, medium, low or info",
    );
    if priority.is_none() && !fields.has("priority") {
        faults.at(start, format!("{of} has no `priority`"));
    }
    let page_within = fields
        .duration("page-within", faults)
        .map_or(PAGE_WITHIN, |at| at.value);
    let own_ladder = fields.has("escalate");
    let escalate = life::ladder(&mut fields, "escalate", faults);
    let latch = fields.flag("latch", faults).unwrap_or(false);
    let max_silence = bounded(&mut fields, "max-silence", faults);
    let holds_for = holds_for(&mut fields, condition.as_ref(), faults);
    let worsens = life::worsens(&mut fields, condition.as_ref(), faults);
    let applies_to = applies_to(&mut fields, faults);
    let may_be_off = fields.flag("may-be-off", faults);
    fields.finish(&of, faults);

    let (id, metrics, mut condition, priority) = (id?, metrics?, condition?, priority?);
    let default_class = match &mut condition {
        Condition::Judged(judge) => {
            (judge.latch, judge.worsens) = (latch, worsens);
            Class::Physiological
        }
        Condition::Absence { .. } => Class::Technical,
    };
    let class = class.unwrap_or(default_class);
    Some(Rule {
        title: title.map_or_else(|| id.value.clone(), |title| title.value),
        id: id.value.clone(),
        class,
        priority,
        metrics: metrics.0,
        metric_name: metrics.1,
        condition,
        page_within,
        inhibited_by: inhibited_by.iter().map(|at| at.value.clone()).collect(),
        holds_for,
        escalate: if own_ladder {
            escalate
        } else {
            site.ladders.of(priority).to_vec()
        },
        latch,
        max_silence: max_silence.map_or(class.longest_silence(), |at| at.value),
        applies_to,
        may_be_off: may_be_off.unwrap_or(false),
    })
}

/// `holds-for`; not given, the rule's longest hole between readings, and no less than [`HOLDS_FOR`].
fn holds_for(
    fields: &mut Fields<'_, '_>,
    condition: Option<&Condition>,
    faults: &mut Faults<'_>,
) -> Micros {
    let stated = bounded(fields, "holds-for", faults);
    let usual = match condition {
        Some(Condition::Judged(judge)) => judge.max_gap.max(HOLDS_FOR),
        _ => HOLDS_FOR,
    };
    let Some(stated) = stated else { return usual };
    match condition {
        Some(Condition::Absence { .. }) => faults.at(
            stated.offset,
            "`holds-for` is for readings: an absence holds until the device is heard",
        ),
        _ if stated.value == 0 => {
            faults.at(stated.offset, "`holds-for` must be longer than nothing");
        }
        _ => {}
    }
    stated.value
}

/// What an absence rule watches: keys and name.
fn watched(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<(Vec<String>, String)> {
    if !fields.has("metric") {
        return Some((Vec::new(), "reading".to_owned()));
    }
    named(fields, faults).map(|metrics| (metrics.keys, metrics.name))
}

/// All metrics of a judge, and the name of the first.
fn judged(judge: &Judge) -> (Vec<String>, String) {
    let keys = judge.feeds.iter().flat_map(|feed| feed.metrics.clone());
    let name = judge.feeds.first().map(|feed| feed.name.clone());
    (keys.collect(), name.unwrap_or_default())
}

pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// `metric`, one name or several in order of preference, without what `except` names.
pub(super) fn named(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Metrics> {
    let names = fields.one_or_more("metric", faults);
    let except = fields.texts("except", faults);
    let mut named: Option<Metrics> = None;
    for name in &names {
        let found = resolve(name, faults)?;
        let Some(named) = &mut named else {
            named = Some(found);
            continue;
        };
        if (found.unit, found.kind) != (named.unit, named.kind) {
            let other = &named.name;
            let fault = format!("`metric`: {} is not measured as {other} is", found.name);
            faults.at(name.offset, fault);
            return None;
        }
        named.keys.extend(found.keys);
    }
    let mut named = named?;
    let mut seen = HashSet::new();
    named.keys.retain(|key| seen.insert(key.clone()));
    for name in &except {
        let gone = resolve(name, faults)?.keys;
        let before = named.keys.len();
        named.keys.retain(|key| !gone.contains(key));
        if named.keys.len() == before {
            let fault = format!("`except`: `metric` does not take in \"{}\"", name.value);
            faults.at(name.offset, fault);
        }
    }
    let Some(first) = named.keys.first() else {
        faults.at(fields.offset(), "`except` leaves nothing of `metric`");
        return None;
    };
    if !except.is_empty()
        && let Some(first) = vocabulary::by_mdc(first)
    {
        first.display.clone_into(&mut named.name);
    }
    Some(named)
}

/// LOINC (its metrics in order of preference, then rows that have the code alone), reference id, alias, or an own
/// code `local:…`.
pub(super) fn resolve(name: &At<String>, faults: &mut Faults<'_>) -> Option<Metrics> {
    let found = vocabulary::resolve(&name.value);
    let Some(first) = found.first() else {
        if name.value.len() > "local:".len() && name.value.starts_with("local:") {
            return Some(Metrics {
                keys: vec![name.value.clone()],
                name: name.value.clone(),
                unit: None,
                molar_mass: None,
                kind: None,
            });
        }
        faults.at(
            name.offset,
            format!("`metric`: \"{}\" is no LOINC code, MDC id or alias of the vocabulary, and no own code local:…", name.value),
        );
        return None;
    };
    let mut keys: Vec<String> = found.iter().map(|metric| metric.key().to_owned()).collect();
    let by_loinc = found
        .iter()
        .any(|m: &&Metric| m.loinc == name.value || m.also_loinc.contains(&name.value.as_str()));
    if by_loinc && !keys.contains(&name.value) {
        keys.push(name.value.clone());
    }
    keys.dedup();
    Some(Metrics {
        keys,
        name: first.display.to_owned(),
        unit: Some(first.unit),
        molar_mass: first.molar_mass,
        kind: Some(first.kind),
    })
}

fn word<T>(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
    parse: fn(&str) -> Option<T>,
    known: &str,
) -> Option<T> {
    let text = fields.text(key, faults)?;
    let parsed = parse(&text.value);
    if parsed.is_none() {
        faults.at(
            text.offset,
            format!("`{key}` must be {known}, not \"{}\"", text.value),
        );
    }
    parsed
}

fn applies_to(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> AppliesTo {
    let Some(mut table) = fields.table("applies-to", faults) else {
        return AppliesTo::default();
    };
    let min_age = table.duration("min-age", faults);
    let max_age = table.duration("max-age", faults);
    let tags = table.texts("tags", faults);
    let not_tags = table.texts("not-tags", faults);
    table.finish("`applies-to`", faults);
    if let (Some(min), Some(max)) = (&min_age, &max_age)
        && min.value > max.value
    {
        faults.at(max.offset, "`max-age` is below `min-age`");
    }
    for tag in &not_tags {
        if tags.iter().any(|known| known.value == tag.value) {
            let message = format!("\"{}\" is in `tags` and in `not-tags`", tag.value);
            faults.at(tag.offset, message);
        }
    }
    AppliesTo {
        min_age: min_age.map(|at| at.value),
        max_age: max_age.map(|at| at.value),
        tags: tags.into_iter().map(|at| at.value).collect(),
        not_tags: not_tags.into_iter().map(|at| at.value).collect(),
    }
}
