//! Beds, and who lay in them when: the last resort of attribution, for monitors that know
//! nothing but their bed.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::{Error, Listed, Micros, Overlap, Page, Registry, Result, Touch, id, patient, time};

/// A bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bed {
    /// Opaque id.
    pub id: String,
    /// As monitors name it (`ICU^^5^HOSPITAL`), unique.
    pub label: String,
    /// Opaque id of the site.
    pub site: Option<String>,
}

/// A patient in a bed over `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Row number.
    pub id: i64,
    /// Opaque id of the bed.
    pub bed: String,
    /// Opaque id of the patient.
    pub patient: String,
    /// First instant.
    pub from: Micros,
    /// First instant after it; `None` while it lasts.
    pub until: Option<Micros>,
    /// Who entered it.
    pub author: String,
    /// When it was entered.
    pub created_at: Micros,
    /// Who entered its end, when that came later.
    pub ended_by: Option<String>,
}

/// A bed and who lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupied {
    /// The bed.
    pub bed: Bed,
    /// The stay that lasts; none while it is empty.
    pub stay: Option<Stay>,
}

const SELECT: &str =
    "SELECT id, bed, patient, from_at, until_at, author, created_at, ended_by FROM stay";

fn read_stay(row: &Row<'_>) -> rusqlite::Result<Stay> {
    Ok(Stay {
        id: row.get(0)?,
        bed: row.get(1)?,
        patient: row.get(2)?,
        from: row.get(3)?,
        until: row.get(4)?,
        author: row.get(5)?,
        created_at: row.get(6)?,
        ended_by: row.get(7)?,
    })
}

fn read_bed(row: &Row<'_>) -> rusqlite::Result<Bed> {
    Ok(Bed {
        id: row.get(0)?,
        label: row.get(1)?,
        site: row.get(2)?,
    })
}

/// A bed by opaque id or label.
pub(super) fn find(conn: &Connection, name: &str) -> Result<Option<Bed>> {
    let sql =
        "SELECT id, label, site FROM bed WHERE id = ?1 OR label = ?1 ORDER BY id <> ?1 LIMIT 1";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([name], read_bed)
        .optional()?)
}

pub(super) fn insert(
    conn: &Connection,
    given: Option<&str>,
    label: &str,
    site: Option<&str>,
) -> Result<Bed> {
    let id = given.map_or_else(id::generate, str::to_owned);
    id::check("bed", "id", &id)?;
    id::check_text("bed", "label", label)?;
    id::check_option("bed", "site", site)?;
    // Ids and labels share one name space, so that either names one bed.
    for (field, name) in [("id", id.as_str()), ("label", label)] {
        if let Some(other) = find(conn, name)? {
            return Err(Error::Taken {
                entity: "bed",
                field: field.to_owned(),
                other: other.id,
            });
        }
    }
    conn.prepare_cached("INSERT INTO bed (id, label, site) VALUES (?, ?, ?)")?
        .execute(params![id, label, site])?;
    Ok(Bed {
        id,
        label: label.to_owned(),
        site: site.map(str::to_owned),
    })
}

/// Returns whether anything changed.
pub(super) fn update(conn: &Connection, id: &str, label: &str, site: Option<&str>) -> Result<bool> {
    id::check_text("bed", "label", label)?;
    id::check_option("bed", "site", site)?;
    if let Some(other) = find(conn, label)?.filter(|bed| bed.id != id) {
        return Err(Error::Taken {
            entity: "bed",
            field: "label".to_owned(),
            other: other.id,
        });
    }
    let changed = conn
        .prepare_cached(
            "UPDATE bed SET label = ?2, site = ?3 WHERE id = ?1 AND (label, site) IS NOT (?2, ?3)",
        )?
        .execute(params![id, label, site])?;
    Ok(changed > 0)
}

fn stay(conn: &Connection, id: i64) -> Result<Stay> {
    conn.prepare_cached(&format!("{SELECT} WHERE id = ?"))?
        .query_row([id], read_stay)
        .optional()?
        .ok_or_else(|| Error::not_found("stay", id))
}

fn occupy(
    conn: &Connection,
    bed: &str,
    patient: &str,
    (from, until): (Micros, Option<Micros>),
    author: &str,
    clock: Micros,
) -> Result<Stay> {
    id::check_text("stay", "author", author)?;
    time::check_interval("stay", from, until)?;
    let Bed { id: bed, label, .. } =
        find(conn, bed)?.ok_or_else(|| Error::not_found("bed", bed))?;
    if !patient::exists(conn, patient)? {
        return Err(Error::not_found("patient", patient));
    }
    let sql = format!(
        "{SELECT} WHERE bed = ?1 AND from_at < coalesce(?3, {max}) AND coalesce(until_at, {max}) > ?2
         ORDER BY from_at LIMIT 1",
        max = Micros::MAX
    );
    if let Some(other) = conn
        .prepare_cached(&sql)?
        .query_row(params![bed, from, until], read_stay)
        .optional()?
    {
        return Err(Error::Overlap(Box::new(Overlap {
            entity: "stay",
            other: other.id,
            subject: format!("bed {label}"),
            patient: other.patient,
            from: other.from,
            until: other.until,
        })));
    }
    conn.prepare_cached(
        "INSERT INTO stay (bed, patient, from_at, until_at, author, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![bed, patient, from, until, author, clock])?;
    stay(conn, conn.last_insert_rowid())
}

fn end(conn: &Connection, open: &Stay, at: Micros, author: &str) -> Result<Stay> {
    id::check_text("stay", "author", author)?;
    if at <= open.from {
        let problem = format!("begins at {}, its end must be later", time::show(open.from));
        return Err(Error::State {
            entity: "stay",
            id: open.id.to_string(),
            problem,
        });
    }
    conn.prepare_cached("UPDATE stay SET until_at = ?, ended_by = ? WHERE id = ?")?
        .execute(params![at, author, open.id])?;
    stay(conn, open.id)
}

impl Registry {
    /// Adds a bed; without an id a random one is given.
    ///
    /// # Errors
    /// Id or label names another bed already.
    pub fn create_bed(&self, id: Option<&str>, label: &str, site: Option<&str>) -> Result<Bed> {
        self.write(Touch::BEDS, |conn| insert(conn, id, label, site))
    }

    /// Beds by id; the cursor is the last id.
    ///
    /// # Errors
    /// The database failed.
    pub fn beds(&self, page: &Page) -> Result<Listed<Bed>> {
        let mut with = Where::default();
        if let Some(after) = &page.after {
            with.and("id > ?", [Value::from(after.clone())]);
        }
        self.read(|conn| {
            let select = "SELECT id, label, site FROM bed";
            let found = with.list(conn, select, "ORDER BY id", page.limit(), read_bed)?;
            Ok(Listed::cut(found, page, |bed| bed.id.clone()))
        })
    }

    /// Beds by id with the stays that last; the cursor is the last id.
    ///
    /// # Errors
    /// The database failed.
    pub fn occupied_beds(&self, page: &Page) -> Result<Listed<Occupied>> {
        let beds = self.beds(page)?;
        self.read(|conn| {
            let mut lasting =
                conn.prepare_cached(&format!("{SELECT} WHERE bed = ? AND until_at IS NULL"))?;
            let mut items = Vec::with_capacity(beds.items.len());
            for bed in beds.items {
                let stay = lasting.query_row([&bed.id], read_stay).optional()?;
                items.push(Occupied { bed, stay });
            }
            Ok(Listed {
                items,
                next: beds.next,
            })
        })
    }

    /// Ends a stay that lasts.
    ///
    /// # Errors
    /// It has ended already, or would end before it began.
    pub fn end_stay(&self, id: i64, at: Micros, author: &str) -> Result<Stay> {
        self.write(Touch::BEDS, |conn| {
            let held = stay(conn, id)?;
            if let Some(until) = held.until {
                return Err(Error::State {
                    entity: "stay",
                    id: id.to_string(),
                    problem: format!("ended at {}", time::show(until)),
                });
            }
            end(conn, &held, at, author)
        })
    }

    /// Puts a patient into a bed (opaque id or label) over `[from, until)`.
    ///
    /// # Errors
    /// [`Error::Overlap`] where another stay in that bed stands in the way.
    pub fn occupy_bed(
        &self,
        bed: &str,
        patient: &str,
        from: Micros,
        until: Option<Micros>,
        author: &str,
        clock: Micros,
    ) -> Result<Stay> {
        self.write(Touch::BEDS, |conn| {
            occupy(conn, bed, patient, (from, until), author, clock)
        })
    }

    /// Ends at `at` the stay that holds the bed (opaque id or label) then.
    ///
    /// # Errors
    /// The bed is empty at that time.
    pub fn leave_bed(&self, bed: &str, at: Micros, author: &str) -> Result<Stay> {
        self.write(Touch::BEDS, |conn| {
            let bed = find(conn, bed)?
                .ok_or_else(|| Error::not_found("bed", bed))?
                .id;
            let sql = format!(
                "{SELECT} WHERE bed = ? AND from_at <= ? AND (until_at IS NULL OR until_at > ?)"
            );
            let held = conn
                .prepare_cached(&sql)?
                .query_row(params![bed, at, at], read_stay)
                .optional()?;
            let held = held.ok_or_else(|| {
                Error::not_found("stay", format!("in bed {bed} at {}", time::show(at)))
            })?;
            end(conn, &held, at, author)
        })
    }

    /// Moves a patient at `at`: open stays end there, and one in `bed` (opaque id or label)
    /// begins; an unknown label is added as a bed. Where the patient lies already, nothing
    /// changes. `None` leaves every bed.
    ///
    /// # Errors
    /// [`Error::Overlap`] when somebody else lies there.
    pub fn place_patient(
        &self,
        patient: &str,
        bed: Option<&str>,
        at: Micros,
        author: &str,
        clock: Micros,
    ) -> Result<Option<Stay>> {
        self.write(Touch::BEDS, |conn| {
            let bed = match bed {
                Some(name) => Some(match find(conn, name)? {
                    Some(known) => known.id,
                    None => insert(conn, None, name, None)?.id,
                }),
                None => None,
            };
            let open: Vec<Stay> = conn
                .prepare_cached(&format!("{SELECT} WHERE patient = ? AND until_at IS NULL"))?
                .query_map([patient], read_stay)?
                .collect::<rusqlite::Result<_>>()?;
            let mut present = None;
            for stay in open {
                if Some(&stay.bed) == bed.as_ref() {
                    present = Some(stay);
                } else {
                    end(conn, &stay, at, author)?;
                }
            }
            match bed {
                Some(bed) if present.is_none() => {
                    occupy(conn, &bed, patient, (at, None), author, clock).map(Some)
                }
                _ => Ok(present),
            }
        })
    }

    /// Stays in the order they were entered; the cursor is the row number.
    ///
    /// # Errors
    /// The database failed.
    pub fn stays(
        &self,
        bed: Option<&str>,
        patient: Option<&str>,
        page: &Page,
    ) -> Result<Listed<Stay>> {
        let mut with = Where::default();
        if let Some(after) = page.after_row()? {
            with.and("id > ?", [Value::from(after)]);
        }
        with.equal("bed", bed.map(str::to_owned));
        with.equal("patient", patient.map(str::to_owned));
        self.read(|conn| {
            let found = with.list(conn, SELECT, "ORDER BY id", page.limit(), read_stay)?;
            Ok(Listed::cut(found, page, |stay| stay.id.to_string()))
        })
    }

    /// One bed, by opaque id or label.
    ///
    /// # Errors
    /// The database failed.
    pub fn bed(&self, name: &str) -> Result<Option<Bed>> {
        self.read(|conn| find(conn, name))
    }
}

/// Whether a bed with this opaque id exists.
pub(super) fn exists(conn: &Connection, id: &str) -> Result<bool> {
    db::exists(conn, "SELECT 1 FROM bed WHERE id = ?", [id])
}
