//! The program under test.

use std::ffi::OsString;
use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

use crate::broker::PATIENCE;

/// `wardline-gateway simulate` with arguments separated by blanks.
pub(crate) fn simulate(arguments: &str) -> Command {
    let mut command = gateway();
    command.arg("simulate").args(arguments.split_whitespace());
    command
}

/// The program: of this build, or the one that `WARDLINE_GATEWAY` names.
pub(crate) fn gateway() -> Command {
    let mut command = Command::new(path());
    command
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WARDLINE_MQTT_PASSWORD")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) fn path() -> OsString {
    std::env::var_os("WARDLINE_GATEWAY")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_wardline-gateway").into())
}

pub(crate) async fn run(arguments: &str) -> Output {
    let output = tokio::time::timeout(PATIENCE, simulate(arguments).output()).await;
    output.expect("it ends").expect("it runs")
}

pub(crate) fn send(child: &Child, signal: &str) {
    let id = child.id().expect("it still runs").to_string();
    let killed = std::process::Command::new("kill")
        .args(["-s", signal, &id])
        .status();
    assert!(killed.expect("kill").success());
}

pub(crate) async fn end(child: Child) -> Output {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    output.expect("it ends").expect("its output")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
