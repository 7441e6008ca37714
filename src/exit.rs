//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing wrong was found.
    Done,
    /// The command ran and found problems (a failed check, rejected input).
    Problems,
    /// The command could not do its work.
    Failed,
    /// Bad usage or configuration (`EX_USAGE` of sysexits.h).
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Problems => 1,
            Exit::Failed => 2,
            Exit::Usage => 64,
        })
    }
}

/// An error that is the caller's: wrong flags or configuration. Ends with exit code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);
