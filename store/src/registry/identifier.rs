//! Foreign identifiers of patients and devices: unique within their system.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Error, Result, id};

/// A name that somebody else gave: a medical record number, a monitor's EUI-64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Namespace, usually a URI; empty when the sender states none.
    pub system: String,
    /// The identifier within it.
    pub value: String,
}

/// Whose identifiers a statement is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) entity: &'static str,
    table: &'static str,
}

pub(super) const PATIENT: Owner = Owner {
    entity: "patient",
    table: "patient_identifier",
};
pub(super) const DEVICE: Owner = Owner {
    entity: "device",
    table: "device_identifier",
};

/// Sorted, each once, and each acceptable.
pub(super) fn clean(owner: Owner, given: &[Identifier]) -> Result<Vec<Identifier>> {
    let mut identifiers = given.to_vec();
    identifiers.sort();
    identifiers.dedup();
    for identifier in &identifiers {
        id::check_text(owner.entity, "identifier value", &identifier.value)?;
        if !identifier.system.is_empty() {
            id::check_text(owner.entity, "identifier system", &identifier.system)?;
        }
    }
    Ok(identifiers)
}

/// The holder of an identifier.
pub(super) fn holder(
    conn: &Connection,
    owner: Owner,
    identifier: &Identifier,
) -> Result<Option<String>> {
    let sql = format!(
        "SELECT owner FROM {} WHERE system = ? AND value = ?",
        owner.table
    );
    let found = conn
        .prepare_cached(&sql)?
        .query_row(params![identifier.system, identifier.value], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(found)
}

/// Replaces all identifiers of one holder.
pub(super) fn replace(
    conn: &Connection,
    owner: Owner,
    id: &str,
    identifiers: &[Identifier],
) -> Result<()> {
    conn.prepare_cached(&format!("DELETE FROM {} WHERE owner = ?", owner.table))?
        .execute([id])?;
    let sql = format!(
        "INSERT INTO {} (system, value, owner) VALUES (?, ?, ?)",
        owner.table
    );
    let mut insert = conn.prepare_cached(&sql)?;
    for identifier in identifiers {
        if let Some(other) = holder(conn, owner, identifier)? {
            // The value is personal data and stays out of the message.
            let field = match identifier.system.as_str() {
                "" => "an identifier without system".to_owned(),
                system => format!("an identifier of system {system}"),
            };
            return Err(Error::Taken {
                entity: owner.entity,
                field,
                other,
            });
        }
        insert.execute(params![identifier.system, identifier.value, id])?;
    }
    Ok(())
}

/// Identifiers of one holder, in order.
pub(super) fn of(conn: &Connection, owner: Owner, id: &str) -> Result<Vec<Identifier>> {
    let sql = format!(
        "SELECT system, value FROM {} WHERE owner = ? ORDER BY system, value",
        owner.table
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map([id], |row| {
        Ok(Identifier {
            system: row.get(0)?,
            value: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Calls back with every (system, value, owner).
pub(super) fn each(
    conn: &Connection,
    owner: Owner,
    mut f: impl FnMut(String, String, String),
) -> Result<()> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT system, value, owner FROM {}", owner.table))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        f(row.get(0)?, row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// Conditions on holders of identifiers, for lists.
pub(super) fn exists_sql(owner: Owner, condition: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM {} AS i WHERE i.owner = t.id AND {condition})",
        owner.table
    )
}
