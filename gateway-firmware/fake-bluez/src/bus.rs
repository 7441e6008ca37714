//! A `dbus-daemon` of our own: one Unix socket in a directory of its own, no services, limits as on a system bus.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The daemon's limits are its built-in ones, which are those of a system bus: 512 match rules and 128 open calls
/// per client. A gateway that needs more fails here as it would on a real machine.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  LIMITS
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A private bus; ends with its owner.
#[derive(Debug)]
pub struct Bus {
    daemon: Option<Child>,
    directory: tempfile::TempDir,
}

impl Bus {
    /// Starts a daemon and waits until it accepts clients.
    ///
    /// # Panics
    /// If there is no `dbus-daemon`.
    pub fn start() -> Self {
        Self::with_limits(&[])
    }

    /// With other limits, as `dbus-daemon(1)` names them.
    ///
    /// # Panics
    /// If there is no `dbus-daemon`.
    pub fn with_limits(limits: &[(&str, u32)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the bus");
        let mut bus = Self {
            daemon: None,
            directory,
        };
        let limits: String = limits
            .iter()
            .map(|(name, value)| format!("<limit name=\"{name}\">{value}</limit>"))
            .collect();
        let config = CONFIG
            .replace("SOCKET", &bus.socket().display().to_string())
            .replace("LIMITS", &limits);
        std::fs::write(bus.config(), config).expect("the configuration of the bus");
        bus.restart();
        bus
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("bus.conf")
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    /// Ends the daemon as a crash would; every client loses its connection.
    pub fn kill(&mut self) {
        let Some(mut daemon) = self.daemon.take() else {
            return;
        };
        daemon.kill().expect("the bus daemon ran until now");
        daemon.wait().expect("the end of the bus daemon");
    }

    /// Starts the daemon again at the same address.
    pub fn restart(&mut self) {
        self.kill();
        match std::fs::remove_file(self.socket()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("the old socket: {error}")
            }
            _ => {}
        }
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", self.config().display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is installed");
        // It prints its address when it listens.
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the address of the bus");
        assert!(
            line.starts_with("unix:"),
            "dbus-daemon did not start: {line}"
        );
        self.daemon = Some(daemon);
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.kill();
    }
}
