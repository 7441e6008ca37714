//! Limits: the numbers a rule compares with, for one ward or one patient instead of the rule's own.
//!
//! A limit holds for readings with `from <= effective < until`. Of the limits of one rule and one
//! ward, or one patient, one holds at any instant at most: what would make it two is refused. Every
//! limit has an author and a reason, and is never changed: it is ended, and another is set. Ended
//! limits stay, since they say what old readings were judged by.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::{Error, Listed, Micros, Page, Registry, Result, Touch, id, patient, time};

/// Most limits of one rule and one ward or patient that are not over: those in force and to come.
const MAX_AHEAD: i64 = 100;

/// For whom a limit holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// Everybody on this ward (opaque id) without a limit of their own.
    Ward(String),
    /// This patient (opaque id).
    Patient(String),
}

impl LimitScope {
    /// `ward` or `patient`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ward(_) => "ward",
            Self::Patient(_) => "patient",
        }
    }

    /// The opaque id of the ward or patient.
    pub fn id(&self) -> &str {
        match self {
            Self::Ward(id) | Self::Patient(id) => id,
        }
    }

    /// From those two.
    pub fn new(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "ward" => Some(Self::Ward(id.to_owned())),
            "patient" => Some(Self::Patient(id.to_owned())),
            _ => None,
        }
    }
}

/// A limit to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLimit {
    /// For whom.
    pub scope: LimitScope,
    /// Id of the rule.
    pub rule: String,
    /// The rule does not alarm here at all; then there are no values.
    pub off: bool,
    /// Alarm above this.
    pub above: Option<f64>,
    /// Alarm below this.
    pub below: Option<f64>,
    /// Goes with `below`: its alert is over above this; when absent, the rule's distance.
    pub clear_above: Option<f64>,
    /// Goes with `above`: its alert is over below this; when absent, the rule's distance.
    pub clear_below: Option<f64>,
    /// UCUM unit of the values; the rule's when absent.
    pub unit: Option<String>,
    /// First effective time of readings it judges.
    pub from: Micros,
    /// First effective time of readings it does not judge any more.
    pub until: Option<Micros>,
    /// Who sets it.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// A limit as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Opaque id.
    pub id: String,
    /// What was set.
    pub set: NewLimit,
    /// When it was set.
    pub created_at: Micros,
    /// When somebody last looked whether it is still right.
    pub reviewed_at: Option<Micros>,
    /// Who.
    pub reviewed_by: Option<String>,
    /// It was ended early: readings from here on are not judged by it.
    pub ended_at: Option<Micros>,
    /// By whom.
    pub ended_by: Option<String>,
}

impl Limit {
    /// First effective time of readings it does not judge: the earlier of `until` and `ended_at`,
    /// and not before `from`.
    pub fn over(&self) -> Option<Micros> {
        let ended = self.ended_at.map(|at| at.max(self.set.from));
        match (self.set.until, ended) {
            (Some(until), Some(ended)) => Some(until.min(ended)),
            (one, other) => one.or(other),
        }
    }

    /// When it was last set, reviewed or ended.
    pub fn changed_at(&self) -> Micros {
        self.created_at
            .max(self.reviewed_at.unwrap_or(Micros::MIN))
            .max(self.ended_at.unwrap_or(Micros::MIN))
    }
}

/// Which limits to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitFilter {
    /// Of exactly this ward or patient.
    pub scope: Option<LimitScope>,
    /// Of this rule.
    pub rule: Option<String>,
    /// In force for readings of this instant.
    pub at: Option<Micros>,
}

const SELECT: &str = "SELECT id, scope, owner, rule, off, above, below, clear_above, clear_below, unit,
    from_at, until_at, author, reason, created_at, reviewed_at, reviewed_by, ended_at, ended_by FROM rule_limit";

/// First instant at which it does not hold: [`Limit::over`], endless when there is none.
const OVER: &str = "min(coalesce(until_at, 9223372036854775807),
    max(from_at, coalesce(ended_at, 9223372036854775807)))";

fn read_row(row: &Row<'_>) -> rusqlite::Result<Limit> {
    let owner: String = row.get(2)?;
    Ok(Limit {
        id: row.get(0)?,
        set: NewLimit {
            scope: db::word(row, 1, |kind| LimitScope::new(kind, &owner))?,
            rule: row.get(3)?,
            off: row.get(4)?,
            above: row.get(5)?,
            below: row.get(6)?,
            clear_above: row.get(7)?,
            clear_below: row.get(8)?,
            unit: row.get(9)?,
            from: row.get(10)?,
            until: row.get(11)?,
            author: row.get(12)?,
            reason: row.get(13)?,
        },
        created_at: row.get(14)?,
        reviewed_at: row.get(15)?,
        reviewed_by: row.get(16)?,
        ended_at: row.get(17)?,
        ended_by: row.get(18)?,
    })
}

fn get(conn: &Connection, id: &str) -> Result<Option<Limit>> {
    Ok(conn
        .prepare_cached(&format!("{SELECT} WHERE id = ?"))?
        .query_row([id], read_row)
        .optional()?)
}

fn need(conn: &Connection, id: &str) -> Result<Limit> {
    get(conn, id)?.ok_or_else(|| Error::not_found("limit", id))
}

fn refuse<T>(field: &'static str, problem: &str) -> Result<T> {
    Err(Error::invalid("limit", field, problem))
}

fn check(new: &NewLimit) -> Result<()> {
    id::check("limit", new.scope.kind(), new.scope.id())?;
    id::check_text("limit", "rule", &new.rule)?;
    id::check_text("limit", "author", &new.author)?;
    id::check_text("limit", "reason", &new.reason)?;
    id::check_text_option("limit", "unit", new.unit.as_deref())?;
    time::check_interval("limit", new.from, new.until)?;
    let values = [new.above, new.below, new.clear_above, new.clear_below];
    if values.iter().flatten().any(|value| !value.is_finite()) {
        return refuse("above", "and the other values must be finite numbers");
    }
    if new.off && (values.iter().any(Option::is_some) || new.unit.is_some()) {
        return refuse("off", "leaves no room for values or a unit");
    }
    if !new.off && new.above.is_none() && new.below.is_none() {
        return refuse(
            "above",
            "or below is needed, unless the rule is switched off",
        );
    }
    if let (Some(above), Some(below)) = (new.above, new.below)
        && below >= above
    {
        return refuse("below", "must be less than above");
    }
    match (new.below, new.clear_above) {
        (None, Some(_)) => return refuse("clear_above", "needs below, whose alert it ends"),
        (Some(below), Some(clear)) if clear < below => {
            return refuse("clear_above", "must not be less than below");
        }
        _ => {}
    }
    match (new.above, new.clear_below) {
        (None, Some(_)) => return refuse("clear_below", "needs above, whose alert it ends"),
        (Some(above), Some(clear)) if clear > above => {
            return refuse("clear_below", "must not be more than above");
        }
        _ => {}
    }
    Ok(())
}

/// The first limit of the same rule and scope that holds at an instant at which the new one would.
fn in_the_way(conn: &Connection, new: &NewLimit) -> Result<Option<Limit>> {
    let sql = format!(
        "{SELECT} WHERE scope = ?1 AND owner = ?2 AND rule = ?3
           AND from_at < coalesce(?5, {max}) AND {OVER} > ?4 AND {OVER} > from_at
         ORDER BY from_at, id LIMIT 1",
        max = Micros::MAX
    );
    let (kind, owner) = (new.scope.kind(), new.scope.id());
    Ok(conn
        .prepare_cached(&sql)?
        .query_row(
            params![kind, owner, new.rule, new.from, new.until],
            read_row,
        )
        .optional()?)
}

fn overlap(other: &Limit) -> Error {
    let until = other
        .over()
        .map_or_else(|| "further notice".to_owned(), time::show);
    Error::State {
        entity: "limit",
        id: other.id.clone(),
        problem: format!(
            "of rule {} holds for {} {} from {} until {until}; end it first",
            other.set.rule,
            other.set.scope.kind(),
            other.set.scope.id(),
            time::show(other.set.from),
        ),
    }
}

/// The same values for the same readings, whoever says so and why.
fn same(one: &NewLimit, other: &NewLimit) -> bool {
    let bare = |limit: &NewLimit| NewLimit {
        author: String::new(),
        reason: String::new(),
        ..limit.clone()
    };
    bare(one) == bare(other)
}

fn insert(conn: &Connection, new: &NewLimit, now: Micros) -> Result<String> {
    if let LimitScope::Patient(patient) = &new.scope
        && !patient::exists(conn, patient)?
    {
        return Err(Error::not_found("patient", patient));
    }
    if let Some(other) = in_the_way(conn, new)? {
        return if other.ended_at.is_none() && same(&other.set, new) {
            Ok(other.id)
        } else {
            Err(overlap(&other))
        };
    }
    let (kind, owner) = (new.scope.kind(), new.scope.id());
    let ahead: i64 = conn
        .prepare_cached(&format!(
            "SELECT count(*) FROM rule_limit WHERE scope = ? AND owner = ? AND rule = ? AND {OVER} > ?"
        ))?
        .query_row(params![kind, owner, new.rule, now], |row| row.get(0))?;
    if ahead >= MAX_AHEAD {
        return refuse("rule", "has 100 limits in force or to come here already");
    }
    let id = id::generate();
    conn.prepare_cached(
        "INSERT INTO rule_limit (id, scope, owner, rule, off, above, below, clear_above, clear_below, unit, from_at,
           until_at, author, reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id,
        kind,
        owner,
        new.rule,
        new.off,
        new.above,
        new.below,
        new.clear_above,
        new.clear_below,
        new.unit,
        new.from,
        new.until,
        new.author,
        new.reason,
        now
    ])?;
    Ok(id)
}

impl Registry {
    /// Sets a limit. The same values for the same time again change nothing.
    ///
    /// # Errors
    /// [`Error::State`], naming it, where another limit of the rule holds at the same time for this
    /// ward or patient; a value is unacceptable; the patient is not known.
    pub fn set_limit(&self, new: &NewLimit, now: Micros) -> Result<Limit> {
        check(new)?;
        self.write(Touch::NOTHING, |conn| {
            let id = insert(conn, new, now)?;
            need(conn, &id)
        })
    }

    /// Ends a limit: readings from `at` on are not judged by it. One that is over already stays as
    /// it is; ending one before it begins takes it back.
    ///
    /// # Errors
    /// No such limit.
    pub fn end_limit(&self, id: &str, by: &str, at: Micros) -> Result<Limit> {
        id::check_text("limit", "author", by)?;
        self.write(Touch::NOTHING, |conn| {
            let limit = need(conn, id)?;
            if limit.over().is_some_and(|over| over <= at) {
                return Ok(limit);
            }
            conn.prepare_cached("UPDATE rule_limit SET ended_at = ?, ended_by = ? WHERE id = ?")?
                .execute(params![at, by, id])?;
            need(conn, id)
        })
    }

    /// Notes that somebody looked at a limit and found it still right.
    ///
    /// # Errors
    /// No such limit, or it is over.
    pub fn review_limit(&self, id: &str, by: &str, at: Micros) -> Result<Limit> {
        id::check_text("limit", "author", by)?;
        self.write(Touch::NOTHING, |conn| {
            let limit = need(conn, id)?;
            if let Some(over) = limit.over().filter(|over| *over <= at) {
                return Err(Error::State {
                    entity: "limit",
                    id: id.to_owned(),
                    problem: format!("is over since {}", time::show(over)),
                });
            }
            conn.prepare_cached(
                "UPDATE rule_limit SET reviewed_at = ?, reviewed_by = ? WHERE id = ?",
            )?
            .execute(params![at, by, id])?;
            need(conn, id)
        })
    }

    /// One limit.
    ///
    /// # Errors
    /// The database failed.
    pub fn limit(&self, id: &str) -> Result<Option<Limit>> {
        self.read(|conn| get(conn, id))
    }

    /// Limits, the latest start first, ties by id; the cursor is `{from}/{id}`.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn limits(&self, filter: &LimitFilter, page: &Page) -> Result<Listed<Limit>> {
        let mut with = Where::default();
        if let Some((from, id)) = page.after_time()? {
            with.and(
                "(from_at < ? OR (from_at = ? AND id > ?))",
                [from.into(), from.into(), id.to_owned().into()],
            );
        }
        with.equal("scope", filter.scope.as_ref().map(|s| s.kind().to_owned()));
        with.equal("owner", filter.scope.as_ref().map(|s| s.id().to_owned()));
        with.equal("rule", filter.rule.clone());
        if let Some(at) = filter.at {
            let at = Value::from(at);
            with.and(&format!("from_at <= ? AND {OVER} > ?"), [at.clone(), at]);
        }
        self.read(|conn| {
            let tail = "ORDER BY from_at DESC, id";
            let found = with.list(conn, SELECT, tail, page.limit(), read_row)?;
            Ok(Listed::cut(found, page, |limit| {
                format!("{}/{}", limit.set.from, limit.id)
            }))
        })
    }
}
