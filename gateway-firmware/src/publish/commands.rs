//! Commands from `…/command`: `{id, expires, command, args}`, each id run once, answered on `…/command/reply`.
//!
//! An answer is `{id, state, result}` or `{id, state, error}`; `state` is `done`, `failed`, `expired` (not run),
//! `unknown` (no such command here) or `invalid` (no command at all). An id is written down, synced, before its command
//! runs, and kept until it expires; heard again, it gets the answer it had, or none while it runs. A passkey is taken
//! over TLS only. One that ran when the gateway ended has `failed`, with the error `restarted`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use wardline_normalize::time::{Micros, parse_rfc3339};

use crate::publish::id;
use crate::run::context::Command;
use crate::spool::replace;

/// Ids remembered: more commands than this in their validity are refused.
const REMEMBERED: usize = 1_000;
/// A validity further ahead is no validity.
const LONGEST: Micros = 7 * 86_400 * 1_000_000;
/// The longest that a command may take: pairing waits for a person at the device.
const PATIENCE: Duration = Duration::from_secs(600);
const FILE: &str = "commands.json";
/// Argument that is a secret.
const PASSKEY: &str = "passkey";

/// Commands that were heard.
#[derive(Debug)]
pub(super) struct Commands {
    dir: PathBuf,
    /// Id to expiry and answer.
    heard: BTreeMap<String, (Micros, Option<Value>)>,
    dispatch: mpsc::Sender<Command>,
    replies: mpsc::Sender<Value>,
}

impl Commands {
    pub(super) fn new(
        dir: &Path,
        dispatch: mpsc::Sender<Command>,
        replies: mpsc::Sender<Value>,
    ) -> Self {
        let heard = std::fs::read(dir.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            dir: dir.to_owned(),
            heard,
            dispatch,
            replies,
        }
    }

    /// What was written down, and no answer to it: it ran when the gateway ended, and whether to its end nobody knows.
    /// Once, at the start: each has failed, and these are the answers.
    pub(super) fn restarted(&mut self) -> Vec<Value> {
        let open = self.heard.iter_mut().filter(|(_, heard)| heard.1.is_none());
        let answers: Vec<Value> = open
            .map(|(id, (_, answer))| {
                let failed = json!({"id": id, "state": "failed", "error": "restarted"});
                answer.insert(failed).clone()
            })
            .collect();
        if !answers.is_empty()
            && let Err(error) = self.save()
        {
            tracing::warn!(%error, "cannot write down a command's answer");
        }
        answers
    }

    /// A message on the topic; the answer, if there is one at once.
    pub(super) fn hear(&mut self, payload: &[u8], now: Micros, tls: bool) -> Option<Value> {
        let (name, expires, command, args) = match read(payload) {
            Ok(read) => read,
            Err((name, fault)) => {
                tracing::warn!(fault, "no command");
                // Without an id nobody could tell what is answered.
                return name.map(|id| json!({"id": id, "state": "invalid", "error": fault}));
            }
        };
        self.heard.retain(|_, (expires, _)| *expires > now);
        if let Some((_, answer)) = self.heard.get(&name) {
            return answer.clone();
        }
        let refused = |state: &str, error: &str| {
            tracing::warn!(id = name, state, error, "a command is not run");
            Some(json!({"id": name, "state": state, "error": error}))
        };
        if expires <= now {
            return refused("expired", "it expired before it came");
        }
        if expires > now + LONGEST {
            return refused("invalid", "it expires later than in a week");
        }
        if args.contains_key(PASSKEY) && !tls {
            return refused("failed", "a passkey is taken over TLS only");
        }
        if self.heard.len() >= REMEMBERED {
            return refused("failed", "too many commands");
        }
        self.heard.insert(name.clone(), (expires, None));
        if let Err(error) = self.save() {
            self.heard.remove(&name);
            return refused("failed", &format!("it cannot be written down: {error}"));
        }
        tracing::info!(id = name, command, "a command");
        let (reply, outcome) = oneshot::channel();
        let command = Command {
            name: command,
            args,
            confidential: tls,
            reply,
        };
        if self.dispatch.try_send(command).is_err() {
            return self.answered(json!({"id": name, "state": "failed", "error": "busy"}));
        }
        let replies = self.replies.clone();
        tokio::spawn(async move {
            let answer = match tokio::time::timeout(PATIENCE, outcome).await {
                Ok(Ok(Ok(result))) => json!({"id": name, "state": "done", "result": result}),
                Ok(Ok(Err(error))) if error == UNKNOWN => {
                    json!({"id": name, "state": "unknown", "error": error})
                }
                Ok(Ok(Err(error))) => json!({"id": name, "state": "failed", "error": error}),
                Ok(Err(_)) => {
                    json!({"id": name, "state": "failed", "error": "the source ended meanwhile"})
                }
                Err(_) => json!({"id": name, "state": "failed", "error": "it took too long"}),
            };
            if replies.send(answer).await.is_err() {
                tracing::debug!("the gateway ended before a command's answer");
            }
        });
        None
    }

    /// Remembers an answer that goes out now.
    pub(super) fn answered(&mut self, answer: Value) -> Option<Value> {
        let known = answer["id"].as_str().and_then(|id| self.heard.get_mut(id));
        if let Some((_, kept)) = known {
            *kept = Some(answer.clone());
            if let Err(error) = self.save() {
                tracing::warn!(%error, "cannot write down a command's answer");
            }
        }
        Some(answer)
    }

    fn save(&self) -> std::io::Result<()> {
        replace(&self.dir, FILE, &serde_json::to_vec(&self.heard)?)
    }
}

/// What a dispatcher says of a command that nobody has.
pub(crate) const UNKNOWN: &str = "there is no such command here";

type Read = (String, Micros, String, Map<String, Value>);

/// Id, expiry, name and arguments; else the id, if there is one, and what is wrong.
fn read(payload: &[u8]) -> Result<Read, (Option<String>, &'static str)> {
    let mut command: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|_| (None, "it is no JSON object"))?;
    let name = command
        .get("id")
        .and_then(Value::as_str)
        .and_then(|text| id(text).ok())
        .ok_or((None, "it has no id"))?;
    let fault = |fault| (Some(name.clone()), fault);
    let expires = command
        .get("expires")
        .and_then(Value::as_str)
        .and_then(parse_rfc3339)
        .ok_or_else(|| fault("expires is no time"))?;
    let word = match command.remove("command") {
        Some(Value::String(word)) if word.len() <= 64 => word,
        _ => return Err(fault("it names no command")),
    };
    let args = match command.remove("args") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(args)) => args,
        Some(_) => return Err(fault("args is no object")),
    };
    Ok((name, expires, word, args))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_795_348_800_000_000; // 2026-11-22T12:00:00Z

    fn payload(id: &str, expires: &str, args: &str) -> Vec<u8> {
        format!(
            r#"{{"id":"{id}","expires":"2026-11-22T{expires}Z","command":"rescan","args":{args}}}"#
        )
        .into_bytes()
    }

    #[tokio::test]
    async fn an_id_is_run_once_also_after_a_restart_and_answered_alike() {
        let dir = tempfile::tempdir().unwrap();
        let (dispatch, mut queue) = mpsc::channel(4);
        let (replies, mut answers) = mpsc::channel(4);
        let mut commands = Commands::new(dir.path(), dispatch.clone(), replies.clone());
        let hello = payload("c1", "12:10:00", "{}");
        assert_eq!(commands.hear(&hello, NOW, false), None);
        let command = queue.recv().await.unwrap();
        assert_eq!(command.name, "rescan");
        assert_eq!(commands.hear(&hello, NOW, false), None, "it runs");
        command.reply.send(Ok(json!({"found": 2}))).unwrap();
        let answer = answers.recv().await.unwrap();
        assert_eq!(
            answer,
            json!({"id": "c1", "state": "done", "result": {"found": 2}})
        );
        assert_eq!(commands.answered(answer.clone()), Some(answer.clone()));
        let mut again = Commands::new(dir.path(), dispatch, replies);
        assert_eq!(again.hear(&hello, NOW, false), Some(answer));
        assert!(queue.try_recv().is_err());
        // After its validity the id is forgotten, and refused for that.
        let late = again.hear(&hello, NOW + 600_000_000, false).unwrap();
        assert_eq!(late["state"], "expired");
    }

    #[tokio::test]
    async fn what_ran_when_it_ended_has_failed() {
        let dir = tempfile::tempdir().unwrap();
        let (dispatch, mut queue) = mpsc::channel(4);
        let (replies, _answers) = mpsc::channel(4);
        let mut commands = Commands::new(dir.path(), dispatch.clone(), replies.clone());
        let hello = payload("c1", "12:10:00", "{}");
        assert_eq!(commands.hear(&hello, NOW, false), None);
        queue.recv().await.unwrap();
        let mut again = Commands::new(dir.path(), dispatch.clone(), replies.clone());
        let failed = json!({"id": "c1", "state": "failed", "error": "restarted"});
        assert_eq!(again.restarted(), std::slice::from_ref(&failed));
        assert_eq!(again.hear(&hello, NOW, false), Some(failed.clone()));
        assert!(queue.try_recv().is_err(), "not run a second time");
        let mut later = Commands::new(dir.path(), dispatch, replies);
        assert!(later.restarted().is_empty());
        assert_eq!(later.hear(&hello, NOW, false), Some(failed));
    }

    #[tokio::test]
    async fn what_cannot_be_run_is_answered_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let (dispatch, mut queue) = mpsc::channel(4);
        let (replies, mut answers) = mpsc::channel(4);
        let mut commands = Commands::new(dir.path(), dispatch, replies);
        let mut state = |payload: &[u8], tls| {
            let answer = commands.hear(payload, NOW, tls);
            answer.map(|answer| answer["state"].as_str().unwrap().to_owned())
        };
        assert_eq!(state(b"[]", false), None);
        assert_eq!(state(br#"{"id":"a/b"}"#, false), None);
        let invalid = Some("invalid".to_owned());
        assert_eq!(state(br#"{"id":"a"}"#, false), invalid);
        assert_eq!(state(&payload("a", "12:10:00", "[]"), false), invalid);
        let expired = state(&payload("b", "11:59:59", "{}"), false);
        assert_eq!(expired.as_deref(), Some("expired"));
        let secret = payload("c", "12:10:00", r#"{"passkey":"123456"}"#);
        assert_eq!(state(&secret, false).as_deref(), Some("failed"));
        assert_eq!(state(&secret, true), None);
        let command = queue.recv().await.unwrap();
        assert!(command.confidential);
        command.reply.send(Err(UNKNOWN.to_owned())).unwrap();
        assert_eq!(answers.recv().await.unwrap()["state"], "unknown");
        let kept = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!kept.contains("123456"));
    }
}
