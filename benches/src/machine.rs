//! The machine a figure was measured on: what it is, not whose.

use serde::Serialize;
use std::time::Duration;

/// Read from `/proc`; what is not there is `unknown`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// Of the last minute, when the run began: above 0.5 somebody else was at work.
    pub(crate) load_at_start: f64,
    /// The same when it was written down; our own work is in it.
    pub(crate) load_at_end: f64,
    /// `release`, or `dev`, whose figures mean nothing.
    pub(crate) build: &'static str,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let unknown = || "unknown".to_owned();
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kib.unwrap_or(0) / 1024,
            kernel: if kernel.is_empty() { unknown() } else { kernel },
            load_at_start: load(),
            load_at_end: load(),
            build: if cfg!(debug_assertions) {
                "dev"
            } else {
                "release"
            },
        }
    }

    /// One sentence.
    pub(crate) fn line(&self) -> String {
        let Self {
            cpu,
            cores,
            memory_mib,
            kernel,
            load_at_start,
            load_at_end,
            build,
        } = self;
        let gib = *memory_mib as f64 / 1024.0;
        format!(
            "{cpu}, {cores} cores, {gib:.1} GiB memory, Linux {kernel}; {build} build; load {load_at_start:.2} at the \
             start, {load_at_end:.2} at the end."
        )
    }
}

/// Resident memory of this process in bytes; 0 where the system does not say.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

/// Time that this thread has had of a processor: what others do beside it is not in it.
pub(crate) fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next();
    Duration::from_nanos(first.and_then(|time| time.parse().ok()).unwrap_or(0))
}

/// Average number of runnable threads over the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next();
    first.and_then(|load| load.parse().ok()).unwrap_or(0.0)
}
