//! `[[schedule]]` and `[[calendar]]`.

use super::{Book, Named};
use crate::routing::hours::{
    ALWAYS, Calendar, DAY, Every, Override, People, Rotation, Schedule, Shift, Window,
};
use crate::ruleset::fields::{At, Faults, Fields};
use chrono::{NaiveDate, NaiveDateTime};
use wardline_normalize::time::Micros;

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MICROS: Micros = 86_400_000_000;

pub(super) fn schedule(
    (mut fields, id): Named<'_, '_>,
    book: &Book,
    faults: &mut Faults<'_>,
) -> Schedule {
    let start = fields.offset();
    let id = id.map(|id| id.value).unwrap_or_default();
    let shifts: Vec<Shift> = fields
        .tables("shifts", faults)
        .into_iter()
        .filter_map(|table| shift(table, book, faults))
        .collect();
    if !fields.has("shifts") {
        faults.at(start, format!("schedule `{id}` has no `shifts`"));
    }
    let overrides = fields
        .tables("overrides", faults)
        .into_iter()
        .filter_map(|table| stand_in(table, book, faults))
        .collect();
    fields.finish(&format!("schedule `{id}`"), faults);
    Schedule {
        id,
        shifts,
        overrides,
    }
}

fn shift(mut fields: Fields<'_, '_>, book: &Book, faults: &mut Faults<'_>) -> Option<Shift> {
    let start = fields.offset();
    let whole = fields.has("from") || fields.has("until");
    let window = window(&mut fields, faults);
    let named = fields.has("people");
    let people = fields.texts("people", faults);
    let people = book.people("people", &people, faults);
    let rotation = fields
        .table("rotation", faults)
        .map(|table| rotation(table, book, faults));
    fields.finish("a shift", faults);
    let who = match (named, rotation) {
        (true, None) if people.is_empty() => {
            faults.at(start, "`people` of a shift names nobody");
            return None;
        }
        (true, None) => People::All(people),
        (false, Some(rotation)) => People::InTurn(rotation?),
        _ => {
            faults.at(start, "a shift has either `people` or a `rotation`");
            return None;
        }
    };
    Some(Shift {
        window: window?,
        whole,
        who,
    })
}

fn rotation(mut fields: Fields<'_, '_>, book: &Book, faults: &mut Faults<'_>) -> Option<Rotation> {
    let offset = fields.offset();
    let people = fields.texts("people", faults);
    let people = book.people("people", &people, faults);
    let every = fields.duration("every", faults);
    let start = moment(&mut fields, "start", faults);
    for key in ["people", "every", "start"] {
        if !fields.has(key) {
            faults.at(offset, format!("a rotation needs `{key}`"));
        }
    }
    if fields.has("people") && people.is_empty() {
        faults.at(offset, "`people` of a rotation names nobody");
    }
    fields.finish("a rotation", faults);
    let every = match every? {
        At { value: 0, offset } => {
            faults.at(offset, "`every` must be longer than nothing");
            return None;
        }
        At { value, .. } if value % DAY_MICROS == 0 => Every::Days(value / DAY_MICROS),
        At { value, .. } => Every::Micros(value),
    };
    (!people.is_empty()).then_some(Rotation {
        people,
        every,
        start: start?.value,
    })
}

fn stand_in(mut fields: Fields<'_, '_>, book: &Book, faults: &mut Faults<'_>) -> Option<Override> {
    let offset = fields.offset();
    let from = moment(&mut fields, "from", faults);
    let until = moment(&mut fields, "until", faults);
    let people = fields.texts("people", faults);
    for key in ["from", "until", "people"] {
        if !fields.has(key) {
            faults.at(offset, format!("an override needs `{key}`"));
        }
    }
    let people = book.people("people", &people, faults);
    if fields.has("people") && people.is_empty() {
        faults.at(offset, "`people` of an override names nobody");
    }
    fields.finish("an override", faults);
    let (from, until) = (from?, until?);
    if until.value <= from.value {
        faults.at(until.offset, "`until` must be after `from`");
        return None;
    }
    Some(Override {
        from: from.value,
        until: until.value,
        people,
    })
}

pub(super) fn calendar((mut fields, id): Named<'_, '_>, faults: &mut Faults<'_>) -> Calendar {
    let start = fields.offset();
    let id = id.map(|id| id.value).unwrap_or_default();
    let mut open = Vec::new();
    for mut table in fields.tables("open", faults) {
        open.extend(window(&mut table, faults));
        table.finish("a window of `open`", faults);
    }
    if !fields.has("open") {
        faults.at(start, format!("calendar `{id}` has no `open`"));
    }
    let mut closed = Vec::new();
    for date in fields.texts("closed", faults) {
        match NaiveDate::parse_from_str(&date.value, "%Y-%m-%d") {
            Ok(date) => closed.push(date),
            Err(_) => faults.at(
                date.offset,
                format!(
                    "`closed` lists dates like \"2026-12-25\", not \"{}\"",
                    date.value
                ),
            ),
        }
    }
    fields.finish(&format!("calendar `{id}`"), faults);
    Calendar { id, open, closed }
}

/// `days`, `from`, `until`; without any of them every day, all day.
fn window(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Window> {
    let mut window = ALWAYS;
    let words = fields.texts("days", faults);
    if fields.has("days") {
        window.days = 0;
    }
    for word in &words {
        match WEEK.iter().position(|day| *day == word.value) {
            Some(day) => window.days |= 1 << day,
            None => faults.at(
                word.offset,
                format!("`days` lists {}, not \"{}\"", WEEK.join(", "), word.value),
            ),
        }
    }
    if window.days == 0 && words.is_empty() {
        faults.at(fields.offset(), "`days` names no day");
    }
    let from = fields.text("from", faults);
    let until = fields.text("until", faults);
    if let Some(from) = from {
        window.from = minute(&from, "from", DAY - 1, faults)?;
    }
    if let Some(until) = until {
        window.until = minute(&until, "until", DAY, faults)?;
    }
    (window.days != 0).then_some(window)
}

/// `08:00` as a minute of the day.
fn minute(text: &At<String>, key: &str, most: u16, faults: &mut Faults<'_>) -> Option<u16> {
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| digits)
    };
    let parts = text.value.split_once(':');
    let read = parts.and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)));
    let minute = read
        .filter(|(_, minutes)| *minutes < 60)
        .map(|(hours, minutes)| hours * 60 + minutes)
        .filter(|minute| *minute <= most);
    if minute.is_none() {
        faults.at(
            text.offset,
            format!(
                "`{key}` must be a time of day like \"08:00\", not \"{}\"",
                text.value
            ),
        );
    }
    minute
}

/// `2026-12-24T08:00` by the wall clock of the file's time zone.
fn moment(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
) -> Option<At<NaiveDateTime>> {
    let At { value, offset } = fields.text(key, faults)?;
    match NaiveDateTime::parse_from_str(&value, "%Y-%m-%dT%H:%M") {
        Ok(value) => Some(At { value, offset }),
        Err(_) => {
            faults.at(
                offset,
                format!("`{key}` must be a local time like \"2026-12-24T08:00\", not \"{value}\""),
            );
            None
        }
    }
}
