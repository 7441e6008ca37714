//! Runs of the program to their end, as a person or a script would make them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Server, WARDLINE};

/// A command line to be run.
#[derive(Debug, Default)]
pub(crate) struct Cli {
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    input: Vec<u8>,
    dir: Option<PathBuf>,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) talk: String,
}

/// `wardline` with these arguments.
pub(crate) fn cli(arguments: &[&str]) -> Cli {
    Cli {
        arguments: arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect(),
        ..Cli::default()
    }
}

impl Cli {
    pub(crate) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = text.into();
        self
    }

    /// Runs in this directory.
    pub(crate) fn within(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// On a data directory that nobody serves.
    pub(crate) fn on(self, data_dir: &Path) -> Self {
        self.arg("--data-dir").arg(data_dir.to_str().unwrap())
    }

    /// At a running server, as its administrator.
    pub(crate) fn at(self, server: &Server) -> Self {
        let url = format!("http://{}", server.http);
        self.arg("--url")
            .arg(url)
            .env("WARDLINE_TOKEN", &server.admin)
    }

    pub(crate) fn run(self) -> Ran {
        let mut command = Command::new(WARDLINE);
        command.args(&self.arguments).envs(self.env);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input;
        // A program that never reads its input closes the pipe: no matter.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs and must succeed; gives stdout.
    pub(crate) fn ok(self) -> String {
        let said = format!("{:?}", self.arguments);
        let ran = self.run();
        assert_eq!(ran.code, 0, "{said}: {}{}", ran.out, ran.talk);
        ran.out
    }

    /// Runs with `--format json` and must succeed; gives what was printed.
    pub(crate) fn json(self) -> Value {
        let out = self.arg("--format").arg("json").ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Runs and must fail with this code; gives stderr.
    pub(crate) fn fails(self, code: i32) -> String {
        let said = format!("{:?}", self.arguments);
        let ran = self.run();
        assert_eq!(ran.code, code, "{said}: {}{}", ran.out, ran.talk);
        ran.talk
    }
}

/// The JSON documents of an NDJSON text.
pub(crate) fn ndjson(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}
