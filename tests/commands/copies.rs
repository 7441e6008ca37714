//! `backup`, `restore` and `verify`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{files, two_patients};
use crate::harness::cli::cli;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, heart_rate, now};

/// Everything a data directory holds, as its lists show it.
fn contents(data: &Path) -> Vec<Value> {
    let rows = "SELECT * EXCEPT (date), CAST(date AS VARCHAR) AS day FROM observation ORDER BY id";
    let tables = [
        rows,
        "SELECT id, reason, device_id FROM quarantine ORDER BY id",
        "SELECT * FROM alert ORDER BY seq, ordinal",
    ];
    let tables = tables.map(|query| cli(&["sql", query]).on(data).json());
    let mut lists =
        ["patient", "device", "assign", "token"].map(|list| cli(&[list, "list"]).on(data).json());
    for token in lists[3].as_array_mut().unwrap() {
        // On disk it may be minutes behind what a running server knows.
        token["lastUsed"] = Value::Null;
    }
    tables.into_iter().chain(lists).collect()
}

fn sound(data: &Path) -> Value {
    let findings = cli(&["verify", data.to_str().unwrap()]).json();
    assert!(
        findings
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["ok"] == true),
        "{findings}"
    );
    findings
}

/// Changes one byte in the middle of a file.
fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restored_is_the_same_and_sound() {
    let server = Server::start(&Setup::default());
    two_patients(&server).await;
    let secret = server.gateway_token("g2").await;
    let mut gateway = Publisher::connect(server.mqtt, "g2", &secret)
        .await
        .unwrap();
    gateway
        .deliver(&topic("g2", "d5"), b"this is no pack")
        .await
        .unwrap();
    let dir = server.dir.path().to_owned();
    let (hot, cold, data) = (dir.join("hot"), dir.join("cold"), dir.join("data"));

    // While readings come in, and while nobody serves.
    let backup = cli(&["backup", hot.to_str().unwrap()]).at(&server);
    let backup = tokio::task::spawn_blocking(|| backup.ok());
    let mut meanwhile = 0;
    while meanwhile < 20 || !backup.is_finished() {
        let pack = heart_rate("d2", "99", now());
        gateway
            .deliver(&topic("g2", "d2"), pack.as_bytes())
            .await
            .unwrap();
        meanwhile += 1;
    }
    backup.await.unwrap();
    let (status, _dir, _) = server.stop();
    assert!(status.success());
    let whole = contents(&data);
    cli(&["backup", cold.to_str().unwrap()]).on(&data).ok();
    let talk = cli(&["backup", cold.to_str().unwrap()]).on(&data).fails(2);
    assert!(talk.contains("exists"), "{talk}");

    for (backup, name) in [(&hot, "from-hot"), (&cold, "from-cold")] {
        sound(backup);
        let restored = dir.join(name);
        let words = [
            "restore",
            backup.to_str().unwrap(),
            "--data-dir",
            restored.to_str().unwrap(),
        ];
        cli(&words).ok();
        let talk = cli(&words).fails(2);
        assert!(
            talk.contains("exists"),
            "a restore overwrites nothing: {talk}"
        );
        sound(&restored);
        let found = contents(&restored);
        assert_eq!(found[1].as_array().unwrap().len(), 1, "quarantine");
        assert_eq!(found[3..], whole[3..], "the registry");
        let (copied, all) = (found[0].as_array().unwrap(), whole[0].as_array().unwrap());
        assert_eq!(all.len(), 60 + meanwhile);
        assert!(copied.len() >= 60 && copied.iter().all(|row| all.contains(row)));
        if backup == &cold {
            assert_eq!(found, whole);
        }
    }
    // A restored directory is a data directory: it can be served, and knows its tokens.
    let served = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let there = served.path().join("data");
    cli(&[
        "restore",
        cold.to_str().unwrap(),
        "--data-dir",
        there.to_str().unwrap(),
    ])
    .ok();
    let server = Server::start_in(served, String::new(), &Setup::default());
    let mut gateway = Publisher::connect(server.mqtt, "g2", &secret)
        .await
        .unwrap();
    gateway
        .deliver(&topic("g2", "d2"), heart_rate("d2", "98", now()).as_bytes())
        .await
        .unwrap();
    let (status, _served, _) = server.stop();
    assert!(status.success());
    let count = cli(&["sql", "SELECT count(*) AS n FROM observation"])
        .on(&there)
        .json();
    assert_eq!(count[0]["n"], 61 + meanwhile);
}

/// What `verify` finds wrong: the parts and its exit code.
fn faults(data: &Path) -> Vec<String> {
    let ran = cli(&["verify", data.to_str().unwrap(), "--format", "json"]).run();
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.talk);
    let findings: Value = serde_json::from_str(&ran.out).unwrap();
    let wrong = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["ok"] == false);
    wrong
        .map(|finding| finding["part"].as_str().unwrap().to_owned())
        .collect()
}

/// Damages a file, sees it found alone, and mends it.
fn found_alone(data: &Path, file: &PathBuf, part: &str) {
    let whole = std::fs::read(file).unwrap();
    damage(file);
    let faults = faults(data);
    assert!(
        !faults.is_empty() && faults.iter().all(|fault| fault.contains(part)),
        "{}: {faults:?}",
        file.display()
    );
    std::fs::write(file, whole).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_finds_a_byte_that_changed() {
    let server = Server::start(&Setup::default());
    two_patients(&server).await;
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    // A second run, killed: its readings are in the log alone.
    let server = Server::start_in(
        dir,
        admin,
        &Setup {
            config: "[store]\nflush-every = \"1h\"\n".into(),
            ..Setup::default()
        },
    );
    let secret = server.gateway_token("g3").await;
    let mut gateway = Publisher::connect(server.mqtt, "g3", &secret)
        .await
        .unwrap();
    for second in 0..20 {
        let pack = heart_rate("d2", "90", now() - 60_000_000 + second * 1_000_000);
        gateway
            .deliver(&topic("g3", "d2"), pack.as_bytes())
            .await
            .unwrap();
    }
    let (dir, _) = server.kill();
    let data = dir.path().join("data");
    sound(&data);
    let parquet = files(data.join("tables").join("observation"), ".parquet");
    assert!(!parquet.is_empty());
    for file in &parquet {
        found_alone(&data, file, file.file_name().unwrap().to_str().unwrap());
    }
    let log = files(data.join("log"), "")
        .into_iter()
        .max_by_key(|file| file.metadata().unwrap().len())
        .unwrap();
    found_alone(&data, &log, "/log");
    sound(&data);
    let registry = data.join("registry.sqlite");
    let whole = std::fs::read(&registry).unwrap();
    std::fs::write(&registry, "no database").unwrap();
    assert_eq!(faults(&data), ["registry"]);
    std::fs::remove_file(&registry).unwrap();
    assert_eq!(faults(&data), ["registry"], "and none is made in its place");
    std::fs::write(&registry, whole).unwrap();
    let talk = cli(&["verify", dir.path().to_str().unwrap()]).fails(2);
    assert!(talk.contains("FORMAT"), "{talk}");
}
