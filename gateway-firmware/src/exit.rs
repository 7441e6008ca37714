//! Exit codes: 0 done, 1 a check found problems, 2 failed, 64 bad usage or configuration, 75 the rest later.

use std::process::ExitCode;

/// `EX_USAGE` of sysexits.
pub(crate) const USAGE: u8 = 64;
pub(crate) const FAILED: u8 = 2;
/// A check found problems.
pub(crate) const FOUND: u8 = 1;
/// `EX_TEMPFAIL` of sysexits: readings wait on disk for the next start.
const LATER: u8 = 75;

/// Why the program ends with something else than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller can mend it: arguments, files named in them.
    Usage(String),
    /// What was checked is not as it should be; why has been said.
    Found,
    /// Something went wrong while doing what was asked.
    Failed(String),
    /// A check found these.
    Problems(String),
    /// Done in good order, but not all that was to be delivered could be.
    Later(String),
}

impl Failure {
    pub(crate) fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Says why on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Self::Usage(text) => (USAGE, text),
            Self::Failed(text) => (FAILED, text),
            Self::Found => return ExitCode::from(FOUND),
            Self::Problems(text) => (FOUND, text),
            Self::Later(text) => (LATER, text),
        };
        crate::talk::talk(&format!("wardline-gateway: {text}"));
        ExitCode::from(code)
    }
}
