//! The programs that are measured: started, asked for their CPU time, stopped.

pub(crate) mod gateway;
pub(crate) mod mosquitto;
pub(crate) mod node_red;
pub(crate) mod subscriber;
pub(crate) mod wardline;

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;

/// Clock ticks a second in `/proc`: fixed at 100 for user space on every Linux.
const TICKS: f64 = 100.0;

/// A child that does not outlive us.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        interrupt::ends(&child);
        Ok(Self { child, name })
    }

    /// Its standard output, once.
    fn lines(&mut self) -> anyhow::Result<Lines<BufReader<ChildStdout>>> {
        let stdout = self.child.stdout.take().context("stdout is not a pipe")?;
        Ok(BufReader::new(stdout).lines())
    }

    /// User and system time so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        cpu_ticks(&stat)
            .map(|ticks| ticks / TICKS)
            .context("an unknown form of /proc/…/stat")
    }

    /// The most memory it has held so far, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.context("no VmHWM in /proc/…/status")? / 1024.0)
    }

    /// SIGTERM, and the end it leads to.
    fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
        interrupt::ended(&self.child);
    }
}

/// utime and stime, counted from behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    Some(times.next()?.parse::<f64>().ok()? + times.next()?.parse::<f64>().ok()?)
}

fn said_line(lines: &mut Lines<BufReader<ChildStdout>>, expected: &str) -> anyhow::Result<()> {
    match lines.next() {
        Some(Ok(line)) if line == expected => Ok(()),
        other => bail!("{other:?} instead of {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(300.0));
        assert_eq!(cpu_ticks("7 (x) S 1"), None);
    }
}
