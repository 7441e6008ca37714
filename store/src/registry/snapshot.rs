//! The registry as the hot path sees it: immutable, shared, no lock and no database.
//!
//! Four parts, each behind its own [`Arc`]: a change builds only the part it touches anew, from
//! the transaction that makes the change, and shares the rest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;

use super::identifier::{self, DEVICE, Owner, PATIENT};
use super::{Micros, Registry, Result, Touch, shared};

/// Who is whose, at one generation. Take it once per batch ([`Registry::assignments`]) and ask it
/// per row.
#[derive(Debug, Clone, Default)]
pub struct Assignments {
    generation: u64,
    patients: Arc<Names>,
    devices: Arc<Names>,
    /// By device.
    worn: Arc<HashMap<String, Worn>>,
    beds: Arc<Beds>,
}

/// Ids, and the identifiers that stand for them.
#[derive(Debug, Default)]
struct Names {
    ids: HashSet<Arc<str>>,
    /// By value: system and holder.
    identifiers: HashMap<String, Vec<(String, Arc<str>)>>,
}

/// Intervals of one device.
#[derive(Debug, Default)]
struct Worn {
    whole: Timeline,
    /// By user or channel.
    users: HashMap<String, Timeline>,
}

#[derive(Debug, Default)]
struct Beds {
    /// Label to opaque id.
    labels: HashMap<String, String>,
    /// By opaque id.
    stays: HashMap<String, Timeline>,
}

/// Intervals that do not overlap, by start.
#[derive(Debug, Default)]
struct Timeline(Vec<Span>);

#[derive(Debug)]
struct Span {
    from: Micros,
    /// Exclusive; the greatest number while it is open.
    until: Micros,
    patient: Arc<str>,
}

impl Timeline {
    fn at(&self, at: Micros) -> Option<&str> {
        let before = self.0.partition_point(|span| span.from <= at);
        let span = self.0.get(before.checked_sub(1)?)?;
        (at < span.until).then_some(&*span.patient)
    }
}

impl Names {
    fn load(conn: &Connection, owner: Owner) -> Result<Self> {
        let mut names = Self::default();
        let mut statement = conn.prepare_cached(&format!("SELECT id FROM {}", owner.entity))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            names.ids.insert(row.get::<_, String>(0)?.into());
        }
        let ids = &names.ids;
        let identifiers = &mut names.identifiers;
        identifier::each(conn, owner, |system, value, holder| {
            if let Some(id) = ids.get(holder.as_str()) {
                identifiers
                    .entry(value)
                    .or_default()
                    .push((system, Arc::clone(id)));
            }
        })?;
        Ok(names)
    }

    fn by_identifier(&self, system: Option<&str>, value: &str) -> Option<&str> {
        let holders = self.identifiers.get(value)?;
        match system {
            Some(system) => holders
                .iter()
                .find(|(s, _)| s == system)
                .map(|(_, id)| &**id),
            None => {
                let (_, first) = holders.first()?;
                holders
                    .iter()
                    .all(|(_, id)| id == first)
                    .then_some(&**first)
            }
        }
    }
}

/// One row of a table of intervals, `key, from, until, patient`.
fn each_span(
    conn: &Connection,
    sql: &str,
    mut f: impl FnMut(String, Option<String>, Span),
) -> Result<()> {
    // One allocation per patient, not per interval.
    let mut patients: HashSet<Arc<str>> = HashSet::new();
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(4)?;
        let patient = match patients.get(name.as_str()) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = name.into();
                patients.insert(Arc::clone(&new));
                new
            }
        };
        let until: Option<Micros> = row.get(3)?;
        let span = Span {
            from: row.get(2)?,
            until: until.unwrap_or(Micros::MAX),
            patient,
        };
        f(row.get(0)?, row.get(1)?, span);
    }
    Ok(())
}

fn load_worn(conn: &Connection) -> Result<HashMap<String, Worn>> {
    let mut worn: HashMap<String, Worn> = HashMap::new();
    let sql = "SELECT device, device_user, from_at, until_at, patient FROM assignment
               WHERE cancelled = 0 ORDER BY from_at";
    each_span(conn, sql, |device, user, span| {
        let device = worn.entry(device).or_default();
        match user {
            Some(user) => device.users.entry(user).or_default().0.push(span),
            None => device.whole.0.push(span),
        }
    })?;
    Ok(worn)
}

fn load_beds(conn: &Connection) -> Result<Beds> {
    let mut beds = Beds::default();
    let mut statement = conn.prepare_cached("SELECT label, id FROM bed")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        beds.labels.insert(row.get(0)?, row.get(1)?);
    }
    let sql = "SELECT bed, NULL, from_at, until_at, patient FROM stay ORDER BY from_at";
    each_span(conn, sql, |bed, _, span| {
        beds.stays.entry(bed).or_default().0.push(span)
    })?;
    Ok(beds)
}

impl Assignments {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        Ok(Self {
            generation: 0,
            patients: Arc::new(Names::load(conn, PATIENT)?),
            devices: Arc::new(Names::load(conn, DEVICE)?),
            worn: Arc::new(load_worn(conn)?),
            beds: Arc::new(load_beds(conn)?),
        })
    }

    /// The next generation, or `None` when nothing here was touched.
    pub(super) fn reload(&self, conn: &Connection, touch: Touch) -> Result<Option<Self>> {
        if touch
            == (Touch {
                tokens: touch.tokens,
                ..Touch::NOTHING
            })
        {
            return Ok(None);
        }
        let mut next = self.clone();
        next.generation += 1;
        if touch.patients {
            next.patients = Arc::new(Names::load(conn, PATIENT)?);
        }
        if touch.devices {
            next.devices = Arc::new(Names::load(conn, DEVICE)?);
        }
        if touch.assignments {
            next.worn = Arc::new(load_worn(conn)?);
        }
        if touch.beds {
            next.beds = Arc::new(load_beds(conn)?);
        }
        Ok(Some(next))
    }

    /// Counts changes since the registry was opened: a new number, a new content.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The patient of a device (and user, or channel, of it) at the effective time of a reading.
    /// An assignment of the whole device covers every user. O(log n) in the device's intervals.
    pub fn resolve(&self, device: &str, device_user: Option<&str>, at: Micros) -> Option<&str> {
        let worn = self.worn.get(device)?;
        let of_user = device_user.and_then(|user| worn.users.get(user)?.at(at));
        of_user.or_else(|| worn.whole.at(at))
    }

    /// The patient with this identifier. Without a system, only if one patient alone has it.
    pub fn by_identifier(&self, system: Option<&str>, value: &str) -> Option<&str> {
        self.patients.by_identifier(system, value)
    }

    /// The patient in a bed (by opaque id or label) at a time.
    pub fn by_bed(&self, bed: &str, at: Micros) -> Option<&str> {
        let id = self.beds.labels.get(bed).map_or(bed, String::as_str);
        self.beds.stays.get(id)?.at(at)
    }

    /// The device with this identifier. Without a system, only if one device alone has it.
    pub fn device_by_identifier(&self, system: Option<&str>, value: &str) -> Option<&str> {
        self.devices.by_identifier(system, value)
    }

    /// Whether this is the opaque id of a patient.
    pub fn knows_patient(&self, id: &str) -> bool {
        self.patients.ids.contains(id)
    }

    /// Whether this is the opaque id of a device.
    pub fn knows_device(&self, id: &str) -> bool {
        self.devices.ids.contains(id)
    }
}

impl Registry {
    /// The present snapshot; a change is in it before the method that made the change returns.
    pub fn assignments(&self) -> Arc<Assignments> {
        shared(&self.assignments)
    }
}
