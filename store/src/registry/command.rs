//! Commands to gateways and their answers.

use rusqlite::{OptionalExtension, Row, params};

use super::{Error, Micros, Registry, Result, Touch, id};

/// A command to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// The gateway.
    pub gateway: String,
    /// Which, as `rescan`.
    pub command: String,
    /// Arguments as JSON; secrets must be left out.
    pub args: String,
    /// Who sends it.
    pub author: String,
    /// After this time no gateway runs it any more.
    pub expires_at: Micros,
}

/// A command as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCommand {
    /// Opaque id; a gateway runs each once.
    pub id: String,
    /// The command.
    pub new: NewCommand,
    /// When it was sent.
    pub sent_at: Micros,
    /// When the answer came, and the answer as JSON.
    pub reply: Option<(Micros, String)>,
}

/// How long a command is remembered; what happened stays in the audit.
const REMEMBERED: Micros = 30 * 24 * 3_600_000_000;
/// Longest arguments.
const MAX_ARGS: usize = 16 << 10;

const COLUMNS: &str = "id, gateway, command, args, author, expires_at, sent_at, replied_at, reply";

fn read_row(row: &Row<'_>) -> rusqlite::Result<SentCommand> {
    let replied_at: Option<Micros> = row.get(7)?;
    let reply: Option<String> = row.get(8)?;
    Ok(SentCommand {
        id: row.get(0)?,
        new: NewCommand {
            gateway: row.get(1)?,
            command: row.get(2)?,
            args: row.get(3)?,
            author: row.get(4)?,
            expires_at: row.get(5)?,
        },
        sent_at: row.get(6)?,
        reply: replied_at.zip(reply),
    })
}

impl Registry {
    /// Keeps a command before it is sent, so that no answer comes to one that is not known.
    ///
    /// # Errors
    /// Gateway or command is no id, or the arguments are too long.
    pub fn keep_command(&self, new: &NewCommand, clock: Micros) -> Result<SentCommand> {
        id::check("command", "gateway", &new.gateway)?;
        id::check("command", "command", &new.command)?;
        if new.args.len() > MAX_ARGS {
            let problem = format!("are longer than {MAX_ARGS} bytes");
            return Err(Error::invalid("command", "args", problem));
        }
        let sent = SentCommand {
            id: id::generate(),
            new: new.clone(),
            sent_at: clock,
            reply: None,
        };
        self.write(Touch::NOTHING, |conn| {
            conn.prepare_cached("DELETE FROM gateway_command WHERE sent_at < ?")?
                .execute([clock - REMEMBERED])?;
            conn.prepare_cached(
                "INSERT INTO gateway_command (id, gateway, command, args, author, expires_at, sent_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sent.id,
                new.gateway,
                new.command,
                new.args,
                new.author,
                new.expires_at,
                clock
            ])?;
            Ok(())
        })?;
        Ok(sent)
    }

    /// Keeps a gateway's answer, JSON text. The first counts; one to a command that is not known, or
    /// of another gateway, changes nothing. Says whether it was kept.
    ///
    /// # Errors
    /// The database failed.
    pub fn keep_reply(&self, gateway: &str, id: &str, reply: &str, clock: Micros) -> Result<bool> {
        self.write(Touch::NOTHING, |conn| {
            let kept = conn
                .prepare_cached(
                    "UPDATE gateway_command SET reply = ?, replied_at = ?
                     WHERE id = ? AND gateway = ? AND replied_at IS NULL",
                )?
                .execute(params![reply, clock, id, gateway])?;
            Ok(kept == 1)
        })
    }

    /// A command of a gateway.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn command(&self, gateway: &str, id: &str) -> Result<SentCommand> {
        self.read(|conn| {
            conn.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM gateway_command WHERE id = ? AND gateway = ?"
            ))?
            .query_row([id, gateway], read_row)
            .optional()?
            .ok_or_else(|| Error::not_found("command", id))
        })
    }
}
