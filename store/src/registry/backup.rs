//! Copies and checks of the whole file.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{Error, Registry, Result, db};

fn check(conn: &Connection) -> Result<Vec<String>> {
    let mut findings: Vec<String> = conn
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if findings == ["ok"] {
        findings.clear();
    }
    let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        findings.push(format!(
            "a row of {table} refers to a row of {parent} that does not exist"
        ));
    }
    Ok(findings)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let source = db::open_reader(from)?;
    let mut target = Connection::open(to)?;
    // All pages in one step: one read transaction, so the copy is of one instant, and in WAL mode
    // it stops no writer.
    match Backup::new(&source, &mut target)?.step(-1)? {
        StepResult::Done => {}
        other => {
            return Err(Error::Damaged {
                what: format!("the backup stopped: {other:?}"),
            });
        }
    }
    // One file that needs no companion; the next opening makes it WAL again.
    target.pragma_update(None, "journal_mode", "delete")?;
    let findings = check(&target)?;
    target.close().map_err(|(_, error)| error)?;
    match findings.first() {
        Some(finding) => Err(Error::Damaged {
            what: format!("the copy: {finding}"),
        }),
        None => Ok(()),
    }
}

impl Registry {
    /// Copies the registry to a new file (0600) while it is in use, as of one instant, checks the
    /// copy and syncs it. A copy that failed is removed.
    ///
    /// # Errors
    /// The file exists already; the copy is not sound.
    pub fn backup(&self, path: &Path) -> Result<()> {
        db::create_file(path, true)?;
        if let Err(error) = copy(&self.path, path) {
            std::fs::remove_file(path).map_err(|source| Error::file(path, source))?;
            return Err(error);
        }
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|source| Error::file(path, source))?;
        db::sync_directory(path)
    }

    /// SQLite's own check of every page and index, and of every reference between rows. Empty
    /// when sound. Reads the whole file.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        check(&db::open_reader(&self.path)?)
    }
}
