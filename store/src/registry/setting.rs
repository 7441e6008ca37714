//! Settings of the installation, as key and value.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Error, Registry, Result, Touch, id};

/// Name of the site this installation serves.
pub const SETTING_SITE: &str = "site";
/// Random id of the installation, given when the registry is made; never changes.
pub const SETTING_INSTALLATION: &str = "installation-id";
/// Format of the data directory.
pub const SETTING_DATA_FORMAT: &str = "data-format";

fn get(conn: &Connection, key: &str) -> Result<Option<String>> {
    let mut statement = conn.prepare_cached("SELECT value FROM setting WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Gives the installation its id when it has none.
pub(super) fn ensure_installation(conn: &Connection) -> Result<()> {
    if get(conn, SETTING_INSTALLATION)?.is_none() {
        conn.execute(
            "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [SETTING_INSTALLATION, &id::generate()],
        )?;
    }
    Ok(())
}

pub(super) fn installation(conn: &Connection) -> Result<String> {
    get(conn, SETTING_INSTALLATION)?.ok_or_else(|| Error::Damaged {
        what: "the installation id is missing".to_owned(),
    })
}

impl Registry {
    /// A setting.
    ///
    /// # Errors
    /// The database failed.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        self.read(|conn| get(conn, key))
    }

    /// Sets one.
    ///
    /// # Errors
    /// The installation id, which the audit chain begins with, cannot be changed.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        id::check_text("setting", "key", key)?;
        if key == SETTING_INSTALLATION {
            return Err(Error::invalid(
                "setting",
                "key",
                "installation-id cannot be changed",
            ));
        }
        self.write(Touch::NOTHING, |conn| {
            conn.prepare_cached(
                "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![key, value])?;
            Ok(())
        })
    }

    /// Forgets settings with this prefix whose value is a time before `before`; says how many.
    ///
    /// # Errors
    /// The database failed.
    pub fn prune_times(&self, prefix: &str, before: super::Micros) -> Result<usize> {
        self.write(Touch::NOTHING, |conn| {
            let sql = "DELETE FROM setting
                WHERE substr(key, 1, length(?1)) = ?1 AND CAST(value AS INTEGER) < ?2";
            Ok(conn.prepare_cached(sql)?.execute(params![prefix, before])?)
        })
    }

    /// All of them, by key.
    ///
    /// # Errors
    /// The database failed.
    pub fn settings(&self) -> Result<Vec<(String, String)>> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT key, value FROM setting ORDER BY key")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Random id of this installation.
    ///
    /// # Errors
    /// The database failed.
    pub fn installation_id(&self) -> Result<String> {
        self.read(installation)
    }
}
