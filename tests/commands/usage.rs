//! Help, and what happens to a command line that makes no sense.

use crate::harness::cli::cli;

/// Command lines that have a help of their own.
const COMMANDS: &[&str] = &[
    "",
    "demo",
    "serve",
    "config",
    "sql",
    "normalize",
    "mapping",
    "quarantine",
    "device",
    "patient",
    "assign",
    "bed",
    "token",
    "observe",
    "rules",
    "doctor",
    "verify",
    "backup",
    "restore",
    "export",
    "gateway",
    "alert",
    "limit",
    "silence",
    "outbox",
    "routing",
    "rules score",
    "rules diff",
];

#[test]
fn help_starts_with_worked_examples() {
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = cli(&words).ok();
        assert!(help.starts_with("Examples:\n  "), "{command}: {help}");
        let shown = help
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            shown.contains(&format!("wardline {command}")),
            "{command}: {shown}"
        );
    }
}

#[test]
fn every_command_of_the_help_is_known_here() {
    let help = cli(&["--help"]).ok();
    let listed = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .lines()
        .take_while(|line| !line.is_empty());
    for line in listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        assert!(
            command == "help" || COMMANDS.contains(&command),
            "{command}"
        );
    }
}

#[test]
fn bad_usage_is_64_and_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    for (words, said) in [
        (&["sing"][..], "sing"),
        (&[], "Usage"),
        (&["sql"], "QUERY"),
        (&["sql", "SELECT 1", "--format", "xml"], "xml"),
        (&["sql", "SELECT 1"], "--data-dir"),
        (
            &["sql", "SELECT 1", "--url", "http://127.0.0.1:1"],
            "WARDLINE_TOKEN",
        ),
        (
            &[
                "sql",
                "SELECT 1",
                "--url",
                "http://127.0.0.1:1",
                "--data-dir",
                "d",
            ],
            "--data-dir",
        ),
        (&["token", "add", "g1", "--role", "publish"], "--gateway"),
        (
            &["observe", "--patient", "p1", "--metric", "heart-rate"],
            "--value",
        ),
        (
            &["export", "--from", "yesterday", "--data-dir", "d"],
            "RFC 3339",
        ),
        (
            &["patient", "add", "--identifier", "4711", "--data-dir", "d"],
            "SYSTEM|VALUE",
        ),
        (&["normalize", "--patient", "no id"], "no id"),
        (&["demo", "--patients", "0"], "--patients"),
    ] {
        let talk = cli(words).within(dir.path()).fails(64);
        assert!(talk.contains(said), "{words:?}: {talk}");
    }
    assert!(
        !dir.path().join("d").try_exists().unwrap(),
        "nothing was begun"
    );
    let version = cli(&["--version"]).ok();
    assert!(version.starts_with("wardline "), "{version}");
}

#[test]
fn a_server_that_is_not_there_is_a_failure() {
    let talk = cli(&["patient", "list", "--url", "http://127.0.0.1:1"])
        .env("WARDLINE_TOKEN", "wl_x")
        .fails(2);
    assert!(talk.contains("cannot reach http://127.0.0.1:1"), "{talk}");
}
