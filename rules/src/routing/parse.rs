//! A routing file to a checked [`Routing`]: ids first, so that places in the file do not matter, then everything else.

mod route;
mod time;

use super::file::{Contact, Mention, Person, Route, Routing, Team, To};
use super::holes;
use crate::Fault;
use crate::ruleset::fields::{At, Faults, Fields};
use crate::ruleset::parse::is_id;
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeTable;

/// What can be referred to, by id.
#[derive(Debug, Default)]
struct Book {
    people: BTreeMap<String, usize>,
    teams: BTreeMap<String, usize>,
    schedules: BTreeMap<String, usize>,
    calendars: BTreeMap<String, usize>,
    /// Roles that some team has.
    roles: BTreeSet<String>,
    mentions: Vec<Mention>,
}

/// A table and its id, if it has one.
type Named<'a, 'i> = (Fields<'a, 'i>, Option<At<String>>);

pub(super) fn routing(text: &str) -> Result<Routing, Vec<Fault>> {
    let mut faults = Faults::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        faults.at(error.span().map_or(0, |span| span.start), error.message());
    }
    let mut fields = Fields::new(document.get_ref(), document.span());
    let zone = fields.text("time-zone", &mut faults);
    let fallback = fields.texts("fallback", &mut faults);
    let [people, teams, schedules, calendars, routes, targets] =
        ["person", "team", "schedule", "calendar", "route", "target"]
            .map(|key| fields.tables(key, &mut faults));
    let timed = !schedules.is_empty() || !calendars.is_empty();
    if timed && !fields.has("time-zone") {
        faults.at(
            0,
            "schedules and calendars need `time-zone`, as \"Europe/Berlin\"",
        );
    }
    fields.finish("a routing file", &mut faults);

    let mut book = Book::default();
    let (people, ids) = named(people, "person", &mut faults);
    book.people = ids;
    let (teams, ids) = named(teams, "team", &mut faults);
    book.teams = ids;
    let (schedules, ids) = named(schedules, "schedule", &mut faults);
    book.schedules = ids;
    let (calendars, ids) = named(calendars, "calendar", &mut faults);
    book.calendars = ids;

    let zone = zone.map_or(Tz::UTC, |name| read_zone(&name, &mut faults));
    let people = people
        .into_iter()
        .map(|table| person(table, &mut book, &mut faults))
        .collect();
    let teams: Vec<Team> = teams
        .into_iter()
        .map(|table| team(table, &mut book, &mut faults))
        .collect();
    let schedules = schedules
        .into_iter()
        .map(|table| time::schedule(table, &book, &mut faults))
        .collect();
    let calendars = calendars
        .into_iter()
        .map(|table| time::calendar(table, &mut faults))
        .collect();
    let mut offsets: Vec<usize> = routes.iter().map(Fields::offset).collect();
    let mut routes = route::routes(routes, &teams, &mut book, &mut faults);
    let target_offsets: Vec<usize> = targets.iter().map(Fields::offset).collect();
    let targets = route::targets(targets, &mut book, &mut faults);
    let has_fallback = !fallback.is_empty();
    if let Some(first) = fallback.first() {
        offsets.push(first.offset);
        let to = recipients("fallback", &fallback, &mut book, &mut faults);
        routes.push(Route::fallback(to));
    }

    let faults = faults.into_sorted();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut routing = Routing {
        text: text.to_owned(),
        version: crate::ruleset::version(text),
        zone,
        people,
        teams,
        schedules,
        calendars,
        routes,
        has_fallback,
        targets,
        mentions: book.mentions,
        warnings: Vec::new(),
    };
    let mut warnings = Faults::new(text);
    holes::find(&routing, &offsets, &target_offsets, &mut warnings);
    routing.warnings = warnings.into_sorted();
    Ok(routing)
}

fn read_zone(name: &At<String>, faults: &mut Faults<'_>) -> Tz {
    name.value.parse().unwrap_or_else(|_| {
        faults.at(
            name.offset,
            format!(
                "`time-zone`: there is no time zone \"{}\"; one is \"Europe/Berlin\"",
                name.value
            ),
        );
        Tz::UTC
    })
}

/// Reads the ids of all tables of a kind.
fn named<'a, 'i>(
    tables: Vec<Fields<'a, 'i>>,
    of: &str,
    faults: &mut Faults<'_>,
) -> (Vec<Named<'a, 'i>>, BTreeMap<String, usize>) {
    let mut ids = BTreeMap::new();
    let mut read = Vec::new();
    for (index, mut fields) in tables.into_iter().enumerate() {
        let id = fields.text("id", faults);
        if !fields.has("id") {
            faults.at(fields.offset(), format!("a {of} without `id`"));
        }
        if let Some(id) = &id {
            new_id(id, of, faults);
            if ids.insert(id.value.clone(), index).is_some() {
                faults.at(id.offset, format!("a second {of} `{}`", id.value));
            }
        }
        read.push((fields, id));
    }
    (read, ids)
}

fn new_id(id: &At<String>, of: &str, faults: &mut Faults<'_>) {
    if !is_id(&id.value) {
        faults.at(
            id.offset,
            format!("a {of} is named by 1 to 64 letters, digits, `.`, `_` or `-`"),
        );
    }
}

fn person((mut fields, id): Named<'_, '_>, book: &mut Book, faults: &mut Faults<'_>) -> Person {
    let start = fields.offset();
    let id = id.map(|id| id.value).unwrap_or_default();
    let mut contacts = Vec::new();
    for mut contact in fields.tables("contacts", faults) {
        let offset = contact.offset();
        let channel = contact.text("channel", faults);
        let address = contact.text("address", faults);
        if !contact.has("channel") {
            faults.at(offset, "a contact without `channel`");
        }
        contact.finish("a contact", faults);
        if let Some(channel) = channel {
            let address = address.map(|at| at.value);
            book.mention(&channel, address.clone(), faults);
            contacts.push(Contact {
                channel: channel.value,
                address,
            });
        }
    }
    if contacts.is_empty() {
        faults.at(
            start,
            format!("person `{id}` has no contact: nobody could tell them"),
        );
    }
    fields.finish(&format!("person `{id}`"), faults);
    Person { id, contacts }
}

fn team((mut fields, id): Named<'_, '_>, book: &mut Book, faults: &mut Faults<'_>) -> Team {
    let id = id.map(|id| id.value).unwrap_or_default();
    let mut roles = BTreeMap::new();
    for (role, people) in fields.lists("roles", faults) {
        let people = book.people("roles", &people, faults);
        book.roles.insert(role.clone());
        roles.insert(role, people);
    }
    fields.finish(&format!("team `{id}`"), faults);
    Team { id, roles }
}

/// A list of `schedule:…`, `role:…`, `person:…`, `channel:…`.
fn recipients(
    key: &str,
    words: &[At<String>],
    book: &mut Book,
    faults: &mut Faults<'_>,
) -> Vec<To> {
    let mut to = Vec::new();
    for word in words {
        let (kind, name) = word.value.split_once(':').unwrap_or(("", ""));
        let found = match kind {
            "schedule" => book.schedules.get(name).map(|index| To::Schedule(*index)),
            "person" => book.people.get(name).map(|index| To::Person(*index)),
            "role" => book.roles.contains(name).then(|| To::Role(name.to_owned())),
            "channel" if !name.is_empty() => {
                let channel = At {
                    value: name.to_owned(),
                    offset: word.offset,
                };
                book.mention(&channel, None, faults);
                Some(To::Channel(channel.value))
            }
            _ => {
                let message = format!(
                    "`{key}` names `schedule:…`, `role:…`, `person:…` or `channel:…`, not \"{}\"",
                    word.value
                );
                faults.at(word.offset, message);
                continue;
            }
        };
        if found.is_none() {
            let missing = if kind == "role" {
                "no team has a"
            } else {
                "there is no"
            };
            faults.at(word.offset, format!("`{key}`: {missing} {kind} `{name}`"));
        }
        to.extend(found);
    }
    to
}

impl Book {
    fn mention(&mut self, channel: &At<String>, address: Option<String>, faults: &Faults<'_>) {
        let (line, column) = faults.place(channel.offset);
        self.mentions.push(Mention {
            channel: channel.value.clone(),
            address,
            line,
            column,
        });
    }

    /// Places of people named by id; at least one.
    fn people(&self, key: &str, ids: &[At<String>], faults: &mut Faults<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        for id in ids {
            match self.people.get(&id.value) {
                Some(index) => found.push(*index),
                None => faults.at(
                    id.offset,
                    format!("`{key}`: there is no person `{}`", id.value),
                ),
            }
        }
        found
    }
}
