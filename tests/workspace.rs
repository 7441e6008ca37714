//! What the workspace promises about itself, read from `cargo metadata`: who may use whom, which crates stay
//! pure, and what may come in from outside (`deny.toml`).

mod licence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Package, and the members it may use. Fewer is fine; a member that is missing here fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    ("wardline-normalize", &[]),
    ("wardline-log", &[]),
    ("wardline-rules", &["wardline-normalize"]),
    ("wardline-store", &["wardline-log", "wardline-normalize"]),
    ("wardline-ingest", &["wardline-normalize"]),
    ("wardline-gateway", &["wardline-log", "wardline-normalize"]),
    ("wardline-fake-bluez", &[]),
    (
        "wardline-dashboard",
        &["wardline-store", "wardline-rules", "wardline-normalize"],
    ),
    ("wardline", EVERYTHING),
    ("wardline-benches", EVERYTHING),
];
const EVERYTHING: &[&str] = &[
    "wardline-normalize",
    "wardline-log",
    "wardline-rules",
    "wardline-store",
    "wardline-ingest",
    "wardline-dashboard",
];

/// Crates that decide what is in a table, on a wire or behind a certificate: there is one of each.
const SINGLE: &[&str] = &[
    "arrow",
    "arrow-array",
    "arrow-schema",
    "datafusion",
    "parquet",
    "object_store",
    "rustls",
];

/// The workspace as cargo resolves it for this machine; nothing is fetched that a build has not fetched.
static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let options = ["--locked", "--filter-platform", host].map(str::to_owned);
    MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .other_options(options.to_vec())
        .exec()
        .unwrap()
});

fn members() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

/// Names of everything that a package uses when it runs, whatever turned the features on.
fn reaches(from: &Package) -> BTreeSet<&'static str> {
    let nodes: BTreeMap<&PackageId, _> = METADATA
        .resolve
        .as_ref()
        .unwrap()
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![&from.id];
    while let Some(id) = open.pop() {
        let normal = nodes[id].deps.iter().filter(|used| {
            used.dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal)
        });
        open.extend(
            normal
                .map(|used| &used.pkg)
                .filter(|used| seen.insert(*used)),
        );
    }
    seen.into_iter()
        .map(|id| METADATA[id].name.as_str())
        .collect()
}

/// `deny.toml`.
pub(crate) fn deny() -> toml::Table {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).unwrap();
    text.parse().unwrap()
}

#[test]
fn members_use_each_other_in_one_direction() {
    let names: BTreeSet<&str> = members()
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known, "say in MAY_USE what a new member may use");
    for member in members() {
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| *name == member.name.as_str())
            .unwrap();
        let normal = member
            .dependencies
            .iter()
            .filter(|used| used.kind == DependencyKind::Normal);
        for used in normal
            .map(|used| used.name.as_str())
            .filter(|used| names.contains(used))
        {
            assert!(
                allowed.contains(&used),
                "{} may not use {used}",
                member.name
            );
        }
    }
}

#[test]
fn the_system_tests_add_no_library_of_ours() {
    let root = members()
        .into_iter()
        .find(|member| member.name.as_str() == "wardline")
        .unwrap();
    let added = root
        .dependencies
        .iter()
        .filter(|used| used.kind == DependencyKind::Development);
    for used in added {
        assert!(
            !used.name.starts_with("wardline"),
            "the system tests drive programs, not {}",
            used.name
        );
    }
}

#[test]
fn pure_crates_reach_neither_a_runtime_nor_a_query_engine() {
    for member in members() {
        let banned: &[&str] = match member.name.as_str() {
            "wardline-normalize" | "wardline-rules" | "wardline-log" => &["tokio", "datafusion"],
            "wardline-gateway" => &["datafusion", "deltalake", "axum"],
            "wardline-ingest" | "wardline-dashboard" => &["datafusion"],
            _ => &[],
        };
        let reached = reaches(member);
        for banned in banned {
            assert!(
                !reached.contains(banned),
                "{} reaches {banned}",
                member.name
            );
        }
    }
}

#[test]
fn every_member_is_under_apache_2() {
    for member in members() {
        assert_eq!(
            member.license.as_deref(),
            Some("Apache-2.0"),
            "{}",
            member.name
        );
    }
    let licence =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("LICENSE")).unwrap();
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
}

#[test]
fn what_crosses_the_process_has_one_version() {
    let lock =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    for name in SINGLE {
        let versions: Vec<&str> = lock["package"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .map(|package| package["version"].as_str().unwrap())
            .collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

#[test]
fn everything_comes_from_one_registry_under_a_licence_we_allow() {
    let deny = deny();
    let registries = deny["sources"]["allow-registry"].as_array().unwrap();
    let sources: Vec<String> = registries
        .iter()
        .map(|url| format!("registry+{}", url.as_str().unwrap()))
        .collect();
    let ours: BTreeSet<&PackageId> = METADATA.workspace_members.iter().collect();
    let allowed = licence::Allowed::read(&deny);
    let mut faults = Vec::new();
    for package in METADATA
        .packages
        .iter()
        .filter(|package| !ours.contains(&package.id))
    {
        let source = package
            .source
            .as_ref()
            .map(|source| source.repr.as_str())
            .unwrap_or("a path");
        if !sources.iter().any(|allowed| allowed == source) {
            faults.push(format!(
                "{} {} comes from {source}",
                package.name, package.version
            ));
        }
        let licence = package.license.as_deref().unwrap_or("");
        if !allowed.satisfies(&package.name, licence) {
            faults.push(format!(
                "{} {}: licence {licence:?} is not allowed",
                package.name, package.version
            ));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn bans_hold_and_every_duplicate_is_known() {
    let deny = deny();
    let bans = &deny["bans"];
    let entries = |list: &str| -> Vec<String> {
        let entries = bans[list].as_array().unwrap().iter();
        entries
            .map(|entry| {
                assert!(
                    entry["reason"]
                        .as_str()
                        .is_some_and(|reason| !reason.is_empty()),
                    "{entry} has no reason"
                );
                entry["crate"].as_str().unwrap().to_owned()
            })
            .collect()
    };
    let (banned, skipped) = (entries("deny"), entries("skip"));
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in &METADATA.packages {
        assert!(
            !banned.iter().any(|name| *name == package.name.as_str()),
            "{} is banned",
            package.name
        );
        versions
            .entry(package.name.as_str())
            .or_default()
            .insert(package.version.to_string());
    }
    for skip in &skipped {
        let (name, version) = skip.split_once('@').unwrap();
        let there = versions
            .get(name)
            .is_some_and(|known| known.contains(version) && known.len() > 1);
        assert!(
            there,
            "{skip} is no duplicate any more: take it out of deny.toml"
        );
        assert!(!SINGLE.contains(&name), "{name} must have one version");
    }
    for (name, known) in versions {
        let rest: Vec<_> = known
            .iter()
            .filter(|version| !skipped.contains(&format!("{name}@{version}")))
            .collect();
        assert!(
            rest.len() < 2,
            "{name} {rest:?}: agree on one version, or say in deny.toml why not"
        );
    }
}
