//! `[[route]]` and `[[target]]`.

use super::{Book, new_id, recipients};
use crate::routing::SubjectKind;
use crate::routing::file::{By, Route, Target, Team};
use crate::routing::matching::Match;
use crate::ruleset::fields::{At, Faults, Fields};
use crate::{Class, Priority};
use std::collections::BTreeSet;
use wardline_normalize::time::Micros;

const MINUTE: Micros = 60_000_000;
/// Once per patient and shift half, unless a ladder asks for more.
const REPEAT: Micros = 4 * 60 * MINUTE;
/// What goes to nobody else.
const FALLBACK: &str = "fallback";

const BY: [(&str, By); 7] = [
    ("patient", By::Patient),
    ("rule", By::Rule),
    ("device", By::Device),
    ("ward", By::Ward),
    ("team", By::Team),
    ("class", By::Class),
    ("priority", By::Priority),
];

impl Route {
    /// Takes what no other route takes, and what finds nobody on call.
    pub(super) fn fallback(to: Vec<crate::routing::file::To>) -> Self {
        Self {
            id: FALLBACK.to_owned(),
            when: Match::default(),
            to,
            hours: None,
            outside: Vec::new(),
            always: Vec::new(),
            goes_on: false,
            group_by: vec![By::Patient],
            wait: 0,
            interval: MINUTE,
            repeat: REPEAT,
            send_resolved: true,
        }
    }
}

pub(super) fn routes(
    tables: Vec<Fields<'_, '_>>,
    teams: &[Team],
    book: &mut Book,
    faults: &mut Faults<'_>,
) -> Vec<Route> {
    let mut ids = BTreeSet::from([FALLBACK.to_owned()]);
    let mut routes = Vec::new();
    for (index, mut fields) in tables.into_iter().enumerate() {
        let id = fields.text("id", faults);
        if let Some(id) = &id {
            new_id(id, "route", faults);
        }
        let name = id
            .as_ref()
            .map_or_else(|| format!("route-{}", index + 1), |id| id.value.clone());
        if !ids.insert(name.clone()) {
            let offset = id.map_or(fields.offset(), |id| id.offset);
            faults.at(offset, format!("a second route `{name}`"));
        }
        routes.push(route(fields, name, teams, book, faults));
    }
    routes
}

fn route(
    mut fields: Fields<'_, '_>,
    id: String,
    teams: &[Team],
    book: &mut Book,
    faults: &mut Faults<'_>,
) -> Route {
    let start = fields.offset();
    let of = format!("route `{id}`");
    let when = match fields.table("match", faults) {
        Some(table) => matching(table, book, faults),
        None => Match::default(),
    };
    let to = fields.texts("to", faults);
    if to.is_empty() {
        faults.at(start, format!("{of} has no `to`: it would tell nobody"));
    }
    roles_of_teams(&to, &when, teams, faults);
    let to = recipients("to", &to, book, faults);
    let hours = fields.text("hours", faults);
    for key in ["outside", "always"] {
        if fields.has(key) && hours.is_none() {
            faults.at(
                start,
                format!("{of}: `{key}` says what happens outside `hours`"),
            );
        }
    }
    let hours = hours.and_then(|hours| {
        let found = book.calendars.get(&hours.value).copied();
        if found.is_none() {
            faults.at(
                hours.offset,
                format!("`hours`: there is no calendar `{}`", hours.value),
            );
        }
        found
    });
    let outside = fields.texts("outside", faults);
    roles_of_teams(&outside, &when, teams, faults);
    let outside = recipients("outside", &outside, book, faults);
    let always = words(
        &mut fields,
        "always",
        faults,
        Priority::from_word,
        "priorities",
    );
    let goes_on = fields.flag("continue", faults).unwrap_or(false);
    let group_by = group_by(&mut fields, faults);
    let mut duration = |key, default: Micros| {
        let read = fields.duration(key, faults);
        read.unwrap_or(At {
            value: default,
            offset: start,
        })
    };
    let wait = duration("group-wait", 0).value;
    let interval = duration("group-interval", MINUTE).value;
    let repeat = duration("repeat-interval", REPEAT);
    if repeat.value < MINUTE {
        faults.at(
            repeat.offset,
            "`repeat-interval` must be a minute or longer",
        );
    }
    let send_resolved = fields.flag("send-resolved", faults).unwrap_or(true);
    fields.finish(&of, faults);
    Route {
        id,
        when,
        to,
        hours,
        outside,
        always,
        goes_on,
        group_by,
        wait,
        interval,
        repeat: repeat.value,
        send_resolved,
    }
}

/// A route for certain teams that names a role must find it in each of them.
fn roles_of_teams(to: &[At<String>], when: &Match, teams: &[Team], faults: &mut Faults<'_>) {
    for word in to {
        let Some(role) = word.value.strip_prefix("role:") else {
            continue;
        };
        let without = teams.iter().filter(|team| {
            when.team.contains(&team.id) && team.roles.get(role).is_none_or(Vec::is_empty)
        });
        for team in without {
            faults.at(
                word.offset,
                format!("team `{}` has nobody as `{role}`", team.id),
            );
        }
    }
}

fn matching(mut fields: Fields<'_, '_>, book: &Book, faults: &mut Faults<'_>) -> Match {
    let class = words(&mut fields, "class", faults, Class::from_word, "classes");
    let priority = words(
        &mut fields,
        "priority",
        faults,
        Priority::from_word,
        "priorities",
    );
    let subject = words(
        &mut fields,
        "subject",
        faults,
        SubjectKind::from_word,
        "kinds of subject",
    );
    let teams = fields.texts("team", faults);
    for team in &teams {
        if !book.teams.contains_key(&team.value) {
            faults.at(
                team.offset,
                format!("`team`: there is no team `{}`", team.value),
            );
        }
    }
    let mut plain = |key| -> Vec<String> {
        let texts = fields.texts(key, faults).into_iter();
        texts.map(|text| text.value).collect()
    };
    let (ward, tags, rule) = (plain("ward"), plain("tags"), plain("rule"));
    fields.finish("`match`", faults);
    Match {
        class,
        priority,
        team: teams.into_iter().map(|team| team.value).collect(),
        ward,
        tags,
        rule,
        subject,
    }
}

fn words<T>(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
    read: fn(&str) -> Option<T>,
    of: &str,
) -> Vec<T> {
    let mut found = Vec::new();
    for word in fields.texts(key, faults) {
        match read(&word.value) {
            Some(value) => found.push(value),
            None => faults.at(
                word.offset,
                format!("`{key}` lists {of}; \"{}\" is none", word.value),
            ),
        }
    }
    found
}

fn group_by(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Vec<By> {
    if !fields.has("group-by") {
        return vec![By::Patient];
    }
    let mut found = Vec::new();
    for word in fields.texts("group-by", faults) {
        match BY.iter().find(|(name, _)| *name == word.value) {
            Some((_, by)) => found.push(*by),
            None => {
                let known = BY.map(|(name, _)| name).join(", ");
                faults.at(
                    word.offset,
                    format!("`group-by` lists {known}, not \"{}\"", word.value),
                );
            }
        }
    }
    found
}

pub(super) fn targets(
    tables: Vec<Fields<'_, '_>>,
    book: &mut Book,
    faults: &mut Faults<'_>,
) -> Vec<Target> {
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for mut fields in tables {
        let start = fields.offset();
        let name = fields.text("name", faults);
        let to = fields.texts("to", faults);
        if !fields.has("name") {
            faults.at(start, "a target without `name`");
        }
        if to.is_empty() {
            faults.at(start, "a target without `to`: it would tell nobody");
        }
        let to = recipients("to", &to, book, faults);
        fields.finish("a target", faults);
        let Some(name) = name else { continue };
        new_id(&name, "target", faults);
        if !names.insert(name.value.clone()) {
            faults.at(name.offset, format!("a second target `{}`", name.value));
        }
        targets.push(Target {
            name: name.value,
            to,
        });
    }
    targets
}
