//! House rules that a compiler does not keep. Words that are looked for are put together here, so that this
//! file does not find itself.

use std::path::{Path, PathBuf};

use crate::harness::cli::cli;

/// Lines of a source file at most: longer ones are split by purpose.
const LONGEST: usize = 600;
/// Files that may be longer: tables of data.
const DATA: &[&str] = &["normalize/src/vocabulary/table.rs"];
/// Lines of the map that opens a crate.
const MAP: std::ops::RangeInclusive<usize> = 15..=60;
/// Test files that may sleep, beside those on a paused clock: the two places that wait for other processes, a moment of
/// death that is drawn by lot, and a server and a line that are slow on purpose.
const SLEEPERS: &[&str] = &[
    "tests/harness/mod.rs",
    "tests/crash.rs",
    "gateway-firmware/tests/gateway/ble/ward.rs",
    "gateway-firmware/tests/gateway/link.rs",
    "benches/src/load/connection/tests.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the source tree: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

/// Every text file of ours: what is built, hidden or fetched is passed over.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                let hidden = name.starts_with('.') && name != ".ci";
                if !hidden && !["target", "node_modules", "data", "dist"].contains(&name) {
                    open.push(path);
                }
            } else if name != "Cargo.lock"
                && name != "LICENSE"
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let path = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 100, "the tree was not found");
    found
}

fn rust() -> impl Iterator<Item = Source> {
    sources()
        .into_iter()
        .filter(|source| source.path.ends_with(".rs"))
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Where one of the words stands, as `path:line`.
fn places(sources: impl Iterator<Item = Source>, words: &[String]) -> Vec<String> {
    sources
        .flat_map(|source| {
            let lines = source.text.lines().enumerate();
            let hits =
                lines.filter(|(_, line)| words.iter().any(|word| line.contains(word.as_str())));
            hits.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn none(what: &str, places: &[String]) {
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = rust()
        .filter(|source| !DATA.contains(&source.path.as_str()))
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none("split by purpose", &long);
}

#[test]
fn every_crate_opens_with_its_map() {
    for source in rust().filter(|source| source.path.ends_with("src/lib.rs")) {
        let lines = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        assert!(
            MAP.contains(&lines),
            "{}: a map of {lines} lines",
            source.path
        );
    }
}

#[test]
fn queues_have_bounds() {
    let words =
        ["unbounded", "unbounded_channel", "flume::unbounded"].map(|word| format!("{word}("));
    none("queues without a bound", &places(rust(), &words));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["HA", "CK:"],
        ["to", "do!("],
        ["unimple", "mented!("],
        ["db", "g!("],
    ];
    let found = places(sources().into_iter(), &marks.map(|parts| parts.concat()));
    none("left for later", &found);
}

#[test]
fn no_test_is_switched_off_or_tried_again() {
    none(
        "switched off",
        &places(rust(), &[["#[", "ignore"].concat()]),
    );
    for source in sources()
        .into_iter()
        .filter(|source| source.path.ends_with("nextest.toml"))
    {
        assert!(
            !source.text.contains("retries") || source.text.contains("retries = 0"),
            "{}",
            source.path
        );
    }
}

#[test]
fn tests_wait_for_what_happens() {
    let sleepy = rust().filter(|source| {
        is_test(&source.path)
            && !SLEEPERS.contains(&source.path.as_str())
            && !source.text.contains("start_paused = true")
    });
    let words = [
        ["sle", "ep("].concat(),
        ["sleep_", "until("].concat(),
        ["sleep_", "ms("].concat(),
    ];
    none("wait for the thing itself", &places(sleepy, &words));
}

#[test]
fn system_tests_use_no_library_of_ours() {
    let crates = ["normalize", "log", "rules", "store", "ingest", "dashboard"];
    let words = crates.map(|name| format!("wardline_{name}::"));
    let tests = rust().filter(|source| source.path.starts_with("tests/"));
    none("drive the programs instead", &places(tests, &words));
}

#[test]
fn no_path_of_one_machine() {
    let parts = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/Us", "ers/"],
    ];
    // As a part of a longer path, such as a topic, the word means nothing.
    let begins = |line: &str, word: &str| {
        let mut found = line.match_indices(word);
        found.any(|(at, _)| {
            !line
                .get(..at)
                .unwrap_or_default()
                .ends_with(|c: char| c.is_alphanumeric() || "_-.}*".contains(c))
        })
    };
    let mut found = Vec::new();
    for source in sources() {
        for line in source.text.lines() {
            if parts.iter().any(|parts| begins(line, &parts.concat())) {
                found.push(format!("{}: {}", source.path, line.trim()));
            }
        }
    }
    none("paths of one machine", &found);
}

#[test]
fn the_readme_names_every_command() {
    let help = cli(&["--help"]).ok();
    let listed = help.split("Commands:\n").nth(1).unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(
        commands.contains(&"serve") && commands.len() > 10,
        "{commands:?}"
    );
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let missing: Vec<_> = commands
        .into_iter()
        .filter(|command| !readme.contains(&format!("wardline {command}")))
        .collect();
    assert!(missing.is_empty(), "README.md does not show: {missing:?}");
}
