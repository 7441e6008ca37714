//! `wardline-gateway`, whose logs go where ours go.

use std::process::{Command, Stdio};

use super::Process;

pub(crate) fn start(command: &mut Command) -> anyhow::Result<Process> {
    Process::start(command.stdout(Stdio::null()))
}
