//! The examples of README.md, run as a reader would: line by line in a shell, with what the text says to make first.

use std::path::Path;
use std::process::Command;

use crate::harness::{Server, Setup, WARDLINE};

const README: &str = include_str!("../../README.md");

/// The first block of this kind below a heading.
fn block(heading: &str, fence: &str) -> &'static str {
    let (_, section) = README.split_once(heading).unwrap();
    let (_, block) = section.split_once(&format!("```{fence}\n")).unwrap();
    block.split_once("```").unwrap().0
}

fn shell(line: &str, dir: &Path, env: &[(&str, &str)]) {
    let programs = Path::new(WARDLINE).parent().unwrap().to_str().unwrap();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let ran = Command::new("sh")
        .args(["-ec", line])
        .current_dir(dir)
        .env("PATH", path)
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{line}: {talk}");
}

fn ours(block: &str) -> impl Iterator<Item = &str> {
    block
        .lines()
        .filter(|line| line.starts_with("wardline ") || line.starts_with("SECRET=$(wardline "))
}

#[test]
fn the_first_block_makes_a_configuration_that_a_server_takes() {
    let dir = tempfile::tempdir().unwrap();
    let start = block("## Start it for real", "");
    for line in ours(start).filter(|line| !line.contains("serve") && !line.contains("doctor")) {
        shell(line, dir.path(), &[]);
    }
    // As the section on rules says: the example saved, and named.
    std::fs::write(dir.path().join("rules.toml"), block("### Rules", "toml")).unwrap();
    std::fs::write(
        dir.path().join("routing.toml"),
        block("### Who is told", "toml"),
    )
    .unwrap();
    shell("wardline rules check rules.toml", dir.path(), &[]);
    for line in ours(block("names `routing.toml`", "")) {
        shell(line, dir.path(), &[]);
    }
}

#[test]
fn what_follows_the_start_runs_in_its_order() {
    let server = Server::start(&Setup {
        rules: Some(block("### Rules", "toml").to_owned()),
        ..Setup::default()
    });
    let url = format!("http://{}", server.http);
    let env = [
        ("WARDLINE_URL", url.as_str()),
        ("WARDLINE_TOKEN", server.admin.as_str()),
    ];
    let (_, then) = README
        .split_once("## Start it for real")
        .unwrap()
        .1
        .split_once("export WARDLINE_URL")
        .unwrap();
    let (then, _) = then.split_once("```").unwrap();
    let limits = block("### Limits, silences", "");
    let mut run = 0;
    for line in ours(then).chain(ours(limits)) {
        shell(line, server.dir.path(), &env);
        run += 1;
    }
    assert!(run >= 12, "{run}");
}
