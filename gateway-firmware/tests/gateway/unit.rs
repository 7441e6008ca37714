//! The unit file: what it promises, and that systemd reads it.

use std::path::Path;
use std::process::Command;

const UNIT: &str = include_str!("../../packaging/wardline-gateway.service");

fn has(line: &str) -> bool {
    UNIT.lines().any(|known| known == line)
}

#[test]
fn it_is_watched_hardened_and_started_again() {
    for line in [
        "Type=notify-reload",
        "Restart=always",
        "SuccessExitStatus=75",
        "WatchdogSec=60",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "PrivateDevices=yes",
        "MemoryDenyWriteExecute=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "SystemCallFilter=@system-service",
        "StateDirectoryMode=0700",
        "UMask=0077",
    ] {
        assert!(has(line), "{line}");
    }
    assert!(!UNIT.contains("User=root"));
}

#[test]
fn systemd_finds_nothing_wrong_with_it() {
    if !Path::new("/usr/bin/systemd-analyze").is_file() {
        println!("skipped: systemd-analyze is not installed");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let unit = directory.path().join("wardline-gateway.service");
    // systemd looks whether the program is there; older ones know plain notify only.
    let version = Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .expect("it runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number: u32 = version
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a version");
    let kind = if number < 253 {
        "Type=notify\n"
    } else {
        "Type=notify-reload\n"
    };
    let text = UNIT
        .replace(
            "/usr/bin/wardline-gateway",
            env!("CARGO_BIN_EXE_wardline-gateway"),
        )
        .replace("Type=notify-reload\n", kind);
    std::fs::write(&unit, text).expect("a file");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&unit)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("wardline-gateway"))
        .collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}
