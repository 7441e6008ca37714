//! The real `wardline-bench`, in small: that it measures and writes, not what the figures are.

use std::path::Path;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardline-bench"));
    let output = command
        .args(arguments)
        .env_remove("WARDLINE_MQTT_PASSWORD")
        .output();
    output.expect("it runs")
}

fn result(directory: &Path, name: &str) -> serde_json::Value {
    let day = std::fs::read_dir(directory)
        .expect("results")
        .next()
        .expect("a day")
        .expect("an entry");
    let text = std::fs::read(day.path().join(name)).expect("a result");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn benchmarks_write_what_they_measure() {
    for (name, comparisons) in [("normalize", 4), ("mapping", 9), ("log", 3)] {
        let directory = tempfile::tempdir().expect("a directory");
        let out = directory.path().join("results");
        let paths = [
            out.to_str().expect("UTF-8"),
            directory.path().to_str().expect("UTF-8"),
        ];
        let output = bench(&[
            name,
            "--runs",
            "1",
            "--scale",
            "0.01",
            "--out",
            paths[0],
            "--scratch",
            paths[1],
        ]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let result = result(&out, &format!("{name}.json"));
        let found = result["comparisons"].as_array().expect("comparisons");
        assert_eq!(found.len(), comparisons);
        assert!(found.iter().all(|c| {
            c["ratio"]["median"]
                .as_f64()
                .is_some_and(|ratio| ratio > 0.0)
        }));
        assert!(
            !result.to_string().contains(paths[1]),
            "a path of this machine is in the result"
        );
    }
}

#[test]
fn wrong_usage_ends_with_64_and_failure_with_2() {
    assert_eq!(bench(&["load", "--records", "21"]).status.code(), Some(64));
    assert_eq!(
        bench(&["serve", "--server", "no-such-program"])
            .status
            .code(),
        Some(2)
    );
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("mqtt://{}", closed.local_addr().expect("an address"));
    drop(closed);
    assert_eq!(bench(&["load", "--url", &url]).status.code(), Some(2));
    let help = bench(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stdout.starts_with(b"Examples:"));
}
