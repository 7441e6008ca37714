//! The SQLite file: how it is opened, read, written and brought to the present schema.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{Error, Result};

/// Marks the file as ours: "WrdL" in SQLite's `application_id`.
const APPLICATION: i64 = 0x5772_644c;

/// Schemas in order; the number of the last is `user_version`. Never edit one that was released:
/// add the next.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/001.sql"),
    include_str!("schema/002.sql"),
    include_str!("schema/003.sql"),
    include_str!("schema/004.sql"),
];

/// How long a connection waits for another one's lock. Within the process the mutex orders
/// writers, so only an outside reader with a long transaction makes anybody wait.
const BUSY: Duration = Duration::from_secs(5);

/// Size the write-ahead file is cut back to after a checkpoint.
const WAL_LIMIT: i64 = 64 << 20;

/// Makes the file with the right mode, so that no moment exists in which others may read it, and
/// syncs its directory entry.
pub(super) fn create_file(path: &Path, must_be_new: bool) -> Result<()> {
    let fail = |source| Error::file(path, source);
    let existed = path.try_exists().map_err(fail)?;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if must_be_new {
        options.create_new(true)
    } else {
        options.create(true).truncate(false)
    };
    let file = options.open(path).map_err(fail)?;
    let mode = file.metadata().map_err(fail)?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(fail)?;
    }
    if !existed {
        sync_directory(path)?;
    }
    Ok(())
}

/// Makes the directory entry of `path` durable.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| Error::file(parent, source))
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

/// The connection that writes, with the schema brought up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    create_file(path, false)?;
    let mut conn = connect(path)?;
    check_origin(&conn, path)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    // FULL: a commit is on disk when it returns, also after a power cut.
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "journal_size_limit", WAL_LIMIT)?;
    migrate(&mut conn)?;
    Ok(conn)
}

/// A connection that can only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let conn = connect(path)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(conn)
}

fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, name, |row| row.get(0))
}

/// Refuses files of other programs and of newer versions before anything is changed in them.
fn check_origin(conn: &Connection, path: &Path) -> Result<()> {
    let foreign = || Error::Foreign {
        path: path.display().to_string(),
    };
    let found = match pragma(conn, "user_version") {
        Ok(found) => found,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(foreign());
        }
        Err(error) => return Err(error.into()),
    };
    let application = pragma(conn, "application_id")?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = application == 0 && found == 0 && tables == 0;
    if !empty && application != APPLICATION {
        return Err(foreign());
    }
    let supported = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > supported {
        return Err(Error::Newer {
            path: path.display().to_string(),
            found,
            supported,
        });
    }
    Ok(())
}

fn migrate(conn: &mut Connection) -> Result<()> {
    let done = usize::try_from(pragma(conn, "user_version")?).unwrap_or(0);
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(
            None,
            "user_version",
            i64::try_from(index + 1).unwrap_or(i64::MAX),
        )?;
        tx.commit()?;
    }
    Ok(())
}

/// Conditions of a query, built up with their parameters.
#[derive(Default)]
pub(super) struct Where {
    sql: String,
    params: Vec<Value>,
}

impl Where {
    /// A condition with one `?` per value.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        self.sql.push_str(condition);
        self.params.extend(values);
    }

    /// `column = value` when there is a value.
    pub(super) fn equal(&mut self, column: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.and(&format!("{column} = ?"), [value.into()]);
        }
    }

    /// `column` is one of the values; none is no condition.
    pub(super) fn one_of(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            let marks = vec!["?"; values.len()].join(", ");
            self.and(
                &format!("{column} IN ({marks})"),
                values.iter().cloned().map(Value::from),
            );
        }
    }

    /// Any of the expressions contains the text, ASCII case aside.
    pub(super) fn contains(&mut self, columns: &[&str], text: Option<&str>) {
        if let Some(text) = text {
            let each: Vec<_> = columns
                .iter()
                .map(|c| format!("instr(lower(coalesce({c}, '')), lower(?)) > 0"))
                .collect();
            self.and(
                &format!("({})", each.join(" OR ")),
                columns.iter().map(|_| Value::from(text.to_owned())),
            );
        }
    }

    /// Runs `select`, these conditions and `tail`, whose last `?` is the limit plus one.
    pub(super) fn list<T>(
        mut self,
        conn: &Connection,
        select: &str,
        tail: &str,
        limit: i64,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.params.push(Value::from(limit + 1));
        let sql = format!("{select}{} {tail} LIMIT ?", self.sql);
        let mut statement = conn.prepare_cached(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(self.params), row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Whether a query finds anything.
pub(super) fn exists(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<bool> {
    Ok(conn
        .prepare_cached(sql)?
        .query_row(params, |_| Ok(()))
        .optional()?
        .is_some())
}

/// SQLite's integers are signed: log positions beyond 2^63 do not occur, and are refused.
pub(super) fn position(entity: &'static str, field: &'static str, value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::invalid(entity, field, "is beyond 2^63"))
}

/// A stored number that is never negative.
pub(super) fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A stored word that must be one this program knows.
pub(super) fn word<T>(
    row: &rusqlite::Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| unknown(column, "unknown word"))
}

/// A stored JSON array of text.
pub(super) fn texts(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| unknown(column, "not a json array of text"))
}

fn unknown(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
}

/// Text as a stored JSON array.
pub(super) fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}
